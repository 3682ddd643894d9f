//! How a step fails: with what was expected, what came, and where.

use serde_json::Value;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Something else came than was expected.
    #[error("expected {expected}\n  actual {actual}")]
    Mismatch {
        /// What should have been.
        expected: String,
        /// What was.
        actual: String,
    },
    /// A power that the target lacks: the scenario is not run, and says why.
    #[error("not run: {0}")]
    NotRun(String),
    /// The scenario speaks of something that it didn't introduce before.
    #[error("the scenario speaks of {0} before any step made it")]
    Unknown(String),
    /// A database has the demo organization in part only.
    #[error(
        "the demo organization in this database is incomplete: {0}. Its first start was interrupted, or the identity provider's database beside it is gone; delete the database, or choose another one with --database-url"
    )]
    Incomplete(String),
    /// The exchange itself failed.
    #[error("the exchange failed: {0}")]
    Exchange(#[from] reqwest::Error),
    /// A page could not be opened.
    #[error(transparent)]
    Browser(#[from] browser::BrowserError),
    /// An address that isn't one.
    #[error("expected a URL: {0}")]
    Address(#[from] url::ParseError),
    /// An authority that a target names.
    #[error(transparent)]
    Trust(#[from] crate::trust::TrustError),
    /// The parties could not be started.
    #[error(transparent)]
    Start(#[from] crate::StartError),
}

/// What a step or an act comes to.
pub type Outcome<T = ()> = Result<T, Failed>;

impl Failed {
    /// Something else came than was expected.
    pub fn mismatch(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Mismatch {
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

/// Fails unless `actual` is `expected`; `what` says of what.
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

/// Fails unless `held`; `actual` is shown when it doesn't.
///
/// # Errors
/// [`Failed::Mismatch`].
pub fn holds(expected: impl Into<String>, held: bool, actual: impl std::fmt::Display) -> Outcome {
    if held {
        return Ok(());
    }
    Err(Failed::mismatch(expected, actual.to_string()))
}

/// A JSON string that must be there.
///
/// # Errors
/// [`Failed::Mismatch`] when it isn't.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| Failed::mismatch(format!("a string at {pointer}"), value.to_string()))
}

/// A JSON array that must be there.
///
/// # Errors
/// [`Failed::Mismatch`] when it isn't.
pub fn list<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a Vec<Value>> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .ok_or_else(|| Failed::mismatch(format!("a list at {pointer}"), value.to_string()))
}
