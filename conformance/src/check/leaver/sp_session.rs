//! The application as a service provider: its options, and the subject and attributes of the
//! Responses that it gets.

use std::sync::LazyLock;

use regex::Regex;
use saml::metadata::{Endpoint, SpMetadata};
use saml::names;
use url::Url;

use crate::check::evidence::Exchange;
use crate::check::profile::Profile;
use crate::check::sp::{Person, PersonAttribute, PersonTemplate};
use crate::check::user_template::{UserExpression, UserTemplateError, UserUrl};

/// Returns the externalId for a userName. Responses send it as the attribute
/// `objectidentifier`.
pub(super) fn external_id(user_name: &str) -> String {
    format!("id-of-{user_name}")
}

/// The application as a service provider. In its URLs and its expression, `{user}` is
/// replaced with the userName.
#[derive(Debug, Clone)]
pub struct Application {
    metadata: SpMetadata,
    start_url: Option<UserUrl>,
    probe_url: UserUrl,
    expect: UserExpression,
    /// How Responses describe a person; the user name is empty.
    described: Person,
}

impl Application {
    /// Creates an application. Responses contain `attributes`: `{user}` is replaced with the
    /// userName, and an attribute with `{group}` is sent only while the person is in the group
    /// of `--group`. If `attributes` is empty, Responses contain the attributes of the profiles
    /// that fit the metadata, without groups.
    ///
    /// # Errors
    /// [`UserTemplateError`]: a URL or the expression is invalid.
    pub fn new(
        metadata: SpMetadata,
        start_url: Option<String>,
        probe_url: String,
        expect: String,
        attributes: Vec<PersonAttribute>,
    ) -> Result<Self, UserTemplateError> {
        let attributes = if attributes.is_empty() {
            usual_attributes(&metadata)
        } else {
            attributes
        };
        let start_url = start_url.map(|it| UserUrl::parse("--start-url", &it));
        Ok(Self {
            metadata,
            start_url: start_url.transpose()?,
            probe_url: UserUrl::parse("--probe-url", &probe_url)?,
            expect: UserExpression::parse("--expect", &expect)?,
            described: Person::new("", attributes),
        })
    }

    /// Describes persons by this template. As in [`Self::new`], an attribute with `{group}` is
    /// sent only while the person is in the group.
    #[must_use]
    pub fn with_template(self, template: PersonTemplate) -> Self {
        Self {
            described: self.described.with_template(template),
            ..self
        }
    }

    /// The SAML metadata of the service provider.
    pub fn metadata(&self) -> &SpMetadata {
        &self.metadata
    }

    /// Returns the probe URL for this person.
    pub(super) fn probe_of(&self, user: &str) -> Url {
        self.probe_url.of(user)
    }

    /// Returns the application as a target of `check sp`, for this person.
    pub(in crate::check) fn target_of(&self, user: &str) -> crate::check::sp::Target {
        crate::check::sp::Target {
            metadata: self.metadata.clone(),
            document: String::new(),
            start_url: self.start_url.as_ref().map(|it| it.of(user)),
            start_form: Vec::new(),
            probe_url: self.probe_of(user),
            logout_url: None,
            logout_form: Vec::new(),
            disable: None,
            memory: None,
            expect: self.expect.of(user).into(),
        }
    }

    /// Returns the subject of a Response. `group` is the group that the person is in.
    pub(in crate::check) fn person(&self, user: &str, group: Option<&str>) -> Person {
        let attributes = self.described.attributes.iter().filter_map(|attribute| {
            let mut attribute = attribute.clone();
            for value in &mut attribute.values {
                if value.contains("{group}") {
                    *value = value.replace("{group}", group?);
                }
            }
            Some(attribute)
        });
        Person {
            user: user.to_owned(),
            attributes: attributes.collect(),
            ..self.described.clone()
        }
    }

    /// True if a start URL was given: logins then begin at the application, with an AuthnRequest.
    pub(super) fn has_start_url(&self) -> bool {
        self.start_url.is_some()
    }

    /// Returns the endpoint for a `LogoutRequest`: HTTP-Redirect if there is one, else HTTP-POST.
    pub(super) fn logout_endpoint(&self) -> Option<&Endpoint> {
        let of = |binding: &str| self.metadata.slo.iter().find(|it| it.binding == binding);
        of(names::HTTP_REDIRECT).or_else(|| of(names::HTTP_POST))
    }
}

/// Returns the attributes of the profiles that fit the metadata, without groups: SCIM
/// maintains the groups.
fn usual_attributes(metadata: &SpMetadata) -> Vec<PersonAttribute> {
    let profiles = Profile::of_service_provider(metadata);
    let mut all = Person::of_profiles("{user}", &profiles).attributes;
    all.retain(|it| it.name != "groups");
    all
}

/// Returns every `SessionIndex` of the Responses that were sent.
pub(super) fn session_indexes(log: &[Exchange]) -> Vec<String> {
    static INDEX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("SessionIndex=\"([^\"]+)\"").expect("a pattern written here compiles")
    });
    let sent = log.iter().flat_map(|exchange| &exchange.saml);
    let found = sent.flat_map(|message| INDEX.captures_iter(&message.xml));
    found.map(|it| it[1].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_describes_every_person() {
        let url = "https://app.example/me".to_owned();
        let document = "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
            entityID=\"https://app.example\"><md:SPSSODescriptor \
            protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
            <md:AssertionConsumerService index=\"0\" Location=\"https://app.example/acs\" \
            Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>\
            </md:SPSSODescriptor></md:EntityDescriptor>";
        let metadata = SpMetadata::parse(document).unwrap();
        let template = PersonTemplate::read(
            "[name_id]\nformat = \"persistent\"\nvalue = \"id-of-{user}\"\n\
             [[attribute]]\nname = \"mail\"\nvalues = [\"{user}\"]\n\
             [[attribute]]\nname = \"memberOf\"\nvalues = [\"{group}\"]\n",
        )
        .unwrap();
        let application = Application::new(metadata, None, url, "{user}".to_owned(), Vec::new());
        let application = application.unwrap().with_template(template);
        let names = |group| {
            let person = application.person("jo@corp.example", group);
            let name_id = person.name_id_of("jo@corp.example");
            assert_eq!(name_id.value, "id-of-jo@corp.example");
            assert!(name_id.format.uri().ends_with(":persistent"));
            let all = person.attributes_of("jo@corp.example").into_iter();
            all.map(|it| (it.name, it.values.concat()))
                .collect::<Vec<_>>()
        };
        let mail = ("mail".to_owned(), "jo@corp.example".to_owned());
        let staff = ("memberOf".to_owned(), "Staff".to_owned());
        assert_eq!(names(None).len(), 1);
        assert_eq!(names(Some("Staff")), [mail, staff]);
    }
}
