//! The application as a service provider: its options, and the subject and attributes of the
//! Responses that it gets.

use std::sync::LazyLock;

use regex::Regex;
use saml::metadata::{Endpoint, SpMetadata};
use saml::names;
use url::Url;

use super::token::address;
use crate::check::evidence::Exchange;
use crate::check::profile::Profile;
use crate::check::sp::{Person, PersonAttribute};

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
    start_url: Option<String>,
    probe_url: String,
    expect: String,
    attributes: Vec<PersonAttribute>,
}

/// Error in the options of an application.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The value of an option is not a URL.
    #[error("invalid {option}: {reason}")]
    Url {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The value of `--expect` is not a regular expression.
    #[error("invalid --expect: {0}")]
    Expect(#[from] regex::Error),
}

impl Application {
    /// Creates an application. Responses contain `attributes`: `{user}` is replaced with the
    /// userName, and an attribute with `{group}` is sent only while the person is in the group
    /// of `--group`. If `attributes` is empty, Responses contain the attributes of the profiles
    /// that fit the metadata, without groups.
    ///
    /// # Errors
    /// [`ApplicationError`]: a URL or the expression is invalid.
    pub fn new(
        metadata: SpMetadata,
        start_url: Option<String>,
        probe_url: String,
        expect: String,
        attributes: Vec<PersonAttribute>,
    ) -> Result<Self, ApplicationError> {
        let is_address = |option, template: &str| {
            address(template, "jo@example.com")
                .map_err(|reason| ApplicationError::Url { option, reason })
        };
        is_address("--probe-url", &probe_url)?;
        if let Some(start) = &start_url {
            is_address("--start-url", start)?;
        }
        let attributes = if attributes.is_empty() {
            usual_attributes(&metadata)
        } else {
            attributes
        };
        let application = Self {
            metadata,
            start_url,
            probe_url,
            expect,
            attributes,
        };
        application.expression("jo@example.com")?;
        Ok(application)
    }

    /// The SAML metadata of the service provider.
    pub fn metadata(&self) -> &SpMetadata {
        &self.metadata
    }

    fn expression(&self, user: &str) -> Result<Regex, regex::Error> {
        Regex::new(&self.expect.replace("{user}", &regex::escape(user)))
    }

    /// Returns the probe URL for this person. `new` has verified that the template is a URL.
    pub(super) fn probe_of(&self, user: &str) -> Url {
        address(&self.probe_url, user).unwrap_or_else(|_| nowhere())
    }

    /// Returns the application as a target of `check sp`, for this person.
    pub(in crate::check) fn target_of(&self, user: &str) -> crate::check::sp::Target {
        let start = self.start_url.as_deref();
        crate::check::sp::Target {
            metadata: self.metadata.clone(),
            document: String::new(),
            start_url: start.and_then(|it| address(it, user).ok()),
            probe_url: self.probe_of(user),
            expect: self.expression(user).unwrap_or_else(|_| matches_nothing()),
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

fn nowhere() -> Url {
    Url::parse("about:blank").expect("an address written here is one")
}

fn matches_nothing() -> Regex {
    Regex::new("$^a").expect("a pattern written here compiles")
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
