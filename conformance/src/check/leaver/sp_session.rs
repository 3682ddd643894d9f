//! The application as a service provider: its options, and the subject and attributes of the
//! Responses that it gets.

use std::sync::LazyLock;

use regex::Regex;
use saml::metadata::{Endpoint, SpMetadata};
use saml::names;
use url::Url;

use crate::check::evidence::Exchange;
use crate::check::profile::Profile;
use crate::check::sp::{Person, PersonAttribute};
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
    attributes: Vec<PersonAttribute>,
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
            attributes,
        })
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
            probe_url: self.probe_of(user),
            expect: self.expect.of(user),
        }
    }

    /// Returns the subject of a Response. `group` is the group that the person is in.
    pub(in crate::check) fn person(&self, user: &str, group: Option<&str>) -> Person {
        let attributes = self.attributes.iter().filter_map(|attribute| {
            let mut attribute = attribute.clone();
            for value in &mut attribute.values {
                if value.contains("{group}") {
                    *value = value.replace("{group}", group?);
                }
            }
            Some(attribute)
        });
        Person::new(user, attributes.collect())
    }

    /// True if logins start at the application.
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
