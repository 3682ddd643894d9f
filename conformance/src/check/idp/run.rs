//! One run: the service provider that is played, and who signs on.

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

/// Why nothing could be gathered.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
    /// The metadata names nowhere to send requests.
    #[error(
        "the metadata {0} has no SingleSignOnService with HTTP-Redirect or HTTP-POST: there is nothing to send a request to"
    )]
    NoEndpoint(String),
    /// Nobody can be signed on.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
}

impl CheckError {
    /// The same for the report.
    pub fn to_set_up_error(&self) -> SetUpError {
        match self {
            Self::SetUp(error) => error.clone(),
            Self::NoEndpoint(_) => SetUpError::new(
                "no-endpoint",
                format!("{self}."),
                "Check --metadata: it has to be the metadata of the identity provider, not of a service provider.",
            ),
            Self::Client(error) => SetUpError::new(
                "http-client",
                format!("{self}: {error}."),
                "Check --ca and the certificates of this machine.",
            ),
        }
    }
}

/// Who signs on.
#[derive(Debug, Clone)]
pub enum Person {
    /// The form driver, with these credentials.
    Driven(Credentials),
    /// A person with a browser of their own, who is waited for so long at each
    /// request.
    Present(Duration),
}

/// What is gathered from, and how.
pub struct Gathering<'g> {
    /// The service provider that is played.
    pub party: &'g Party,
    /// Time and randomness.
    pub ambient: &'g Ambient,
    /// Who signs on.
    pub person: Person,
    /// A user who is switched off, for the security checks.
    pub disabled: Option<Credentials>,
    /// Where the identity provider starts a sign-on by itself.
    pub initiated: Option<String>,
    /// The metadata.
    pub metadata: Fetched,
    /// The rules that hold for every check.
    pub runner: &'g Runner,
}

/// Why a trial was not made in a run that a signal or the target ended.
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

    /// A plain request by somebody, in a browser of their own.
    pub(super) async fn plain(
        &self,
        maker: &Maker<'_>,
        announced: &Announced,
        person: &Credentials,
    ) -> Result<Trial, CheckError> {
        let plain = VARIANTS[0];
        let binding = if announced.sso_url(Binding::Redirect).is_some() {
            Binding::Redirect
        } else {
            Binding::Post
        };
        let variant = Variant { binding, ..plain };
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
/// When it doesn't come.
pub async fn fetch(
    client: &reqwest::Client,
    place: &str,
    ambient: &Ambient,
    access: &Access,
) -> Result<Fetched, AnswerError> {
    let fetched = fetch_metadata(client, place, access.timeout).await?;
    Ok(Fetched::of(place, fetched, ambient.now()))
}
