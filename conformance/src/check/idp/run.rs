//! The inputs of a run: the service provider that is played, and who signs on.

use std::time::Duration;

use ambient::Ambient;

use super::browser::{Browser, Credentials, Walked};
use super::outgoing::Outgoing;
use super::party::Party;
use super::reading::Announced;
use super::recording::{Fetched, Trial};
use super::request::Maker;
use super::trials::{Binding, VARIANTS, Variant};
use crate::check::SetUpError;
use crate::check::runner::{Access, AnswerError, Runner, fetch_metadata};
use crate::inspection::{is, ns, other_document, parse};

/// Why no trial could be run.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
    /// The metadata contains no endpoint for requests.
    #[error("cannot send a request to the identity provider: {0}")]
    NoEndpoint(String),
    /// No sign-on works.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
}

impl CheckError {
    /// Describes why this metadata has no endpoint: often it is another document.
    pub(super) fn no_endpoint(metadata: &Fetched) -> Self {
        let place = &metadata.place;
        let expected = "expected the metadata of an identity provider";
        let text = &metadata.body;
        Self::NoEndpoint(if let Some(other) = other_document(text) {
            format!("{expected} at {place}, got {other}")
        } else if let Some(other) = other_entity(text) {
            format!("{expected} at {place}, got {other}")
        } else {
            format!(
                "the metadata {place} has no SingleSignOnService with HTTP-Redirect or HTTP-POST"
            )
        })
    }

    /// Converts the error for the report.
    pub fn to_set_up_error(&self) -> SetUpError {
        match self {
            Self::SetUp(error) => error.clone(),
            Self::NoEndpoint(_) => SetUpError::new(
                "no-endpoint",
                format!("{self}."),
                "Check --metadata: it has to be the metadata of the identity provider, with a SingleSignOnService.",
            ),
            Self::Client(error) => SetUpError::new(
                "http-client",
                format!("{self}: {error}."),
                "Check --ca and the certificates of this machine.",
            ),
        }
    }
}

/// Describes an XML document that has no identity provider.
fn other_entity(xml: &str) -> Option<String> {
    let document = parse(xml.trim_start_matches('\u{feff}').trim_start()).ok()?;
    let root = document.root_element();
    let has = |name| root.descendants().any(|it| is(it, ns::METADATA, name));
    let name = root.tag_name().name();
    if has("IDPSSODescriptor") {
        None
    } else if has("SPSSODescriptor") {
        Some("the metadata of a service provider".to_owned())
    } else if is(root, ns::METADATA, "EntitiesDescriptor") {
        Some("an aggregate without an identity provider".to_owned())
    } else if is(root, ns::METADATA, "EntityDescriptor") {
        Some("an entity without an IDPSSODescriptor".to_owned())
    } else {
        Some(format!("a document <{name}> of another kind"))
    }
}

/// Who signs on.
#[derive(Debug, Clone)]
pub enum Person {
    /// The form driver, with these credentials.
    Driven(Credentials),
    /// A user with their own browser. Each request waits for the user this long.
    Present(Duration),
}

/// The inputs of a run.
pub struct Gathering<'g> {
    /// The service provider that is played.
    pub party: &'g Party,
    /// Source of time and randomness.
    pub ambient: &'g Ambient,
    /// Who signs on.
    pub person: Person,
    /// A disabled user, for the security checks.
    pub disabled: Option<Credentials>,
    /// URL at which the identity provider starts a sign-on (IdP-initiated).
    pub initiated: Option<String>,
    /// The metadata.
    pub metadata: Fetched,
    /// The runner with the rules for all checks.
    pub runner: &'g Runner,
}

/// Why a trial was not run, if a signal or the target ended the run.
pub(in crate::check) const ENDED: &str = "the run ended before this was tried";

impl Gathering<'_> {
    pub(super) fn trial(&self, outgoing: Outgoing, binding: Binding, walked: Walked) -> Trial {
        Trial {
            request: outgoing.xml,
            request_id: outgoing.id,
            binding: binding.name().to_owned(),
            signed: outgoing.signed,
            relay_state: Some(outgoing.relay_state),
            at: self.ambient.now(),
            pages: walked.pages,
            asked: walked.asked,
            ending: walked.ending,
            harm: None,
        }
    }

    /// Sends a plain request in a new browser.
    pub(super) async fn send_plain_request(
        &self,
        maker: &Maker<'_>,
        announced: &Announced,
        person: &Credentials,
    ) -> Result<Trial, CheckError> {
        let variant = Variant {
            binding: None,
            ..VARIANTS[0]
        };
        let binding = maker.binding_of(&variant);
        let endpoint = announced.sso_url(binding).unwrap_or_default();
        match maker.make(&variant, endpoint) {
            Ok(outgoing) => {
                let browser = Browser::new(self.ambient, self.runner)?;
                let walked = browser
                    .walk(&outgoing.url, &outgoing.fields, Some(person))
                    .await;
                Ok(self.trial(outgoing, binding, walked))
            }
            Err(why) => Ok(Trial::not_tried(self.ambient.now(), why)),
        }
    }
}

/// Fetches metadata.
///
/// # Errors
/// When it cannot be fetched.
pub async fn fetch(
    client: &reqwest::Client,
    place: &str,
    ambient: &Ambient,
    access: &Access,
) -> Result<Fetched, AnswerError> {
    let fetched = fetch_metadata(client, place, access.timeout).await?;
    Ok(Fetched::of(place, fetched, ambient.now()))
}
