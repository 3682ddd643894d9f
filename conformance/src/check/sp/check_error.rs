//! Errors of a login that could not be judged.

use crate::check::runner::AnswerError;

/// The reason why a login could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The HTTP client could not be created.
    #[error("cannot create the HTTP client: {0}")]
    Client(reqwest::Error),
    /// A URL gave no answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// The reason.
        reason: AnswerError,
    },
    /// The start URL gave no answer, so no Response was delivered.
    #[error("the login cannot start: no answer from {url}: {reason}")]
    NotStarted {
        /// The URL.
        url: String,
        /// The reason.
        reason: AnswerError,
    },
    /// There were too many redirects.
    #[error("too many redirects; the last one went to {0}")]
    Redirects(String),
    /// The start URL did not lead to the played identity provider.
    #[error(
        "the start URL did not lead to {expected} with a SAMLRequest but to {got} (HTTP {status})"
    )]
    NoRequest {
        /// The SSO URL of the played identity provider.
        expected: String,
        /// The URL where the browser ended.
        got: String,
        /// The status there.
        status: u16,
        /// An excerpt of the page there.
        page: String,
    },
    /// A page has no form with the fields of `--start-form` or `--logout-form`.
    #[error("no form with the fields {fields} found at {url} (HTTP {status})")]
    NoForm {
        /// The URL of the page.
        url: String,
        /// Its status.
        status: u16,
        /// The names of the fields.
        fields: String,
        /// The names of the fields of each form of the page.
        forms: Vec<String>,
    },
    /// The AuthnRequest cannot be read.
    #[error("cannot read the AuthnRequest: {0}")]
    Request(String),
    /// The metadata has no URL that Responses can be posted to.
    #[error("no AssertionConsumerService with the HTTP-POST binding found in the metadata")]
    NoAcs,
    /// The service provider limits the number of requests, and the time until the next one is
    /// longer than `--timeout`.
    #[error(
        "HTTP {status} at {url}: the number of requests is limited, and the time until the next one is longer than --timeout or --deadline allows"
    )]
    Limited {
        /// The URL.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// With `--idp-initiated` no browser sends a request, so every browser may deliver the
    /// Response.
    #[error("not judged: with --idp-initiated no browser sends an AuthnRequest")]
    NoRequestMade,
    /// The Response could not be created.
    #[error("the Response cannot be created: {0}")]
    Response(String),
    /// The first of two deliveries, which should have been accepted, was not.
    #[error(
        "not judged: the service provider refused the first of two deliveries of one Response, which it had to accept: {0}"
    )]
    FirstRefused(String),
    /// The catalogue of faults cannot be read.
    #[error("cannot read the catalogue of faults: {0}")]
    Catalogue(String),
}
