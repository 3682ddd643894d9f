//! How a step fails: what was expected and what was observed.

use serde_json::Value;
use url::Url;

/// The first words of the error of a step that the target does not permit. A scenario sees only
/// the text of an error, because the macros of `cucumber` turn it into a panic.
pub const NOT_RUN: &str = "not run: ";

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The observation differs from what was expected.
    #[error("expected {expected}\n  actual {actual}")]
    Mismatch {
        /// What was expected.
        expected: String,
        /// What was observed.
        actual: String,
    },
    /// The target lacks a capability that the scenario needs: the scenario is not run. The
    /// text is the reason.
    #[error("{prefix}{0}", prefix = NOT_RUN)]
    NotRun(String),
    /// The scenario uses something that no earlier step created.
    #[error("the scenario uses {0}, but no earlier step created it")]
    Unknown(String),
    /// The database contains only a part of the demo organization.
    #[error(
        "the demo organization in this database is incomplete: {0}. Its first start was interrupted, or the identity provider's database next to it is missing; delete the database, or choose another one with --database-url"
    )]
    Incomplete(String),
    /// An HTTP request failed.
    #[error("the request failed: {0}")]
    Exchange(#[from] reqwest::Error),
    /// The answer to an HTTP request cannot be read.
    #[error("cannot read the answer: {0}")]
    Answer(#[from] ambient::answer_body::BodyError),
    /// A party does not answer.
    #[error("cannot reach {party} at {url}; check that it is running")]
    Unreachable {
        /// The party.
        party: &'static str,
        /// The requested URL.
        url: url::Url,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// A party refuses its part of a snapshot.
    #[error("cannot restore the snapshot: {party} refuses it (HTTP {status}): {reason}")]
    SnapshotRefused {
        /// The party.
        party: &'static str,
        /// HTTP status of the answer.
        status: u16,
        /// The reason, and what to do.
        reason: String,
    },
    /// The ready file has no environment of the identity provider.
    #[error(
        "environment of the identity provider not found in the ready file; `up --empty` starts without one, so only parties that were started without --empty can be exported"
    )]
    NoEnvironment,
    /// A page could not be opened.
    #[error(transparent)]
    Browser(#[from] browser::BrowserError),
    /// An address of a party is not a URL.
    #[error(
        "invalid URL of the portal or the identity provider: expected an absolute URL, got {text}; correct the addresses in the ready file, or the base URL with which the party was started"
    )]
    Address {
        /// The text that is not a URL.
        text: String,
        /// Why it is none.
        source: url::ParseError,
    },
    /// The URL of a request cannot be built.
    #[error("cannot build the URL of a request: {0}")]
    Path(#[from] url::ParseError),
    /// The certificate authority of a target cannot be used.
    #[error(transparent)]
    Trust(#[from] crate::trust::TrustError),
    /// The control port of a target cannot be used.
    #[error(transparent)]
    Control(#[from] crate::ControlPortError),
    /// The parties could not be started.
    #[error(transparent)]
    Start(#[from] crate::StartError),
}

/// The result of a step or an action.
pub type Outcome<T = ()> = Result<T, Failed>;

impl Failed {
    /// Returns a [`Failed::Mismatch`].
    pub fn mismatch(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Mismatch {
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

/// Parses an address of a party.
///
/// # Errors
/// [`Failed::Address`].
pub fn parse_url(text: &str) -> Outcome<Url> {
    Url::parse(text).map_err(|source| Failed::Address {
        text: text.to_owned(),
        source,
    })
}

/// Fails unless `actual` equals `expected`; `what` names the compared value.
///
/// # Errors
/// [`Failed::Mismatch`] with both.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, actual: T) -> Outcome {
    if expected == actual {
        return Ok(());
    }
    Err(Failed::mismatch(
        format!("{what}: {expected:?}"),
        format!("{actual:?}"),
    ))
}

/// Fails unless `held` is true; the error contains `expected` and `actual`.
///
/// # Errors
/// [`Failed::Mismatch`].
pub fn holds(expected: impl Into<String>, held: bool, actual: impl std::fmt::Display) -> Outcome {
    if held {
        return Ok(());
    }
    Err(Failed::mismatch(expected, actual.to_string()))
}

/// Returns the JSON string at `pointer`.
///
/// # Errors
/// [`Failed::Mismatch`] when there is no string.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| Failed::mismatch(format!("a string at {pointer}"), value.to_string()))
}

/// Returns the JSON array at `pointer`.
///
/// # Errors
/// [`Failed::Mismatch`] when there is no array.
pub fn list<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a Vec<Value>> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .ok_or_else(|| Failed::mismatch(format!("a list at {pointer}"), value.to_string()))
}
