//! Why a login could not be judged.

/// Why a login could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The HTTP client could not be set up.
    #[error("expected an HTTP client: {0}")]
    Client(reqwest::Error),
    /// An address doesn't answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The start address doesn't answer, so nothing was delivered.
    #[error("no answer from {url}: {reason}")]
    NotStarted {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Redirects don't end.
    #[error("the redirects do not end, the last one to {0}")]
    Redirects(String),
    /// The start address led elsewhere.
    #[error(
        "the start URL did not lead to {expected} with a SAMLRequest but to {came} (HTTP {status})"
    )]
    NoRequest {
        /// The played provider's address.
        expected: String,
        /// Where it ended.
        came: String,
        /// With what status.
        status: u16,
        /// What the page there says.
        page: String,
    },
    /// The request can't be read.
    #[error("expected an AuthnRequest: {0}")]
    Request(String),
    /// The metadata has no address that responses can be posted to.
    #[error(
        "expected an AssertionConsumerService with the HTTP-POST binding in the metadata, found none"
    )]
    NoAcs,
    /// The service provider limits how often it is asked, and for longer than an
    /// answer is waited for.
    #[error(
        "HTTP {status} at {url}: it limits how often it may be asked, and asks to wait longer than --timeout"
    )]
    Limited {
        /// The address.
        url: String,
        /// Its answer.
        status: u16,
    },
    /// A Response that answers no request can be delivered by any browser.
    #[error("not judged: with --idp-initiated there is no request that a browser could have asked")]
    NoRequestMade,
    /// The response could not be made.
    #[error("{0}")]
    Response(String),
    /// The first of two deliveries, which should have been accepted, was not.
    #[error("the first delivery was not accepted: {0}")]
    FirstRefused(String),
    /// The catalogue can't be read.
    #[error("expected the catalogue of faults: {0}")]
    Catalogue(String),
}
