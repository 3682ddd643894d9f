//! What the domain answers when it can't do what was asked.

use serde_json::{Value, json};

use crate::store::StoreError;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    /// PingOne's code: `INVALID_VALUE`, `REQUIRED_VALUE`, `UNIQUENESS_VIOLATION` …
    pub code: &'static str,
    /// The field, dotted.
    pub target: String,
    /// What was expected, what came.
    pub message: String,
    /// What would do: `{allowedValues}`, `{rangeMinimumValue, rangeMaximumValue}` …
    pub inner: Option<Value>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{what} {id} not found")]
    NotFound { what: &'static str, id: String },
    #[error("{}", .0.iter().map(|d| format!("{}: {}", d.target, d.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Detail>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Internal(String),
}

/// What the domain answers.
pub(crate) type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    pub(crate) fn not_found(what: &'static str, id: &str) -> Self {
        Self::NotFound {
            what,
            id: id.to_owned(),
        }
    }

    fn one(code: &'static str, target: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Detail {
            code,
            target: target.to_owned(),
            message: message.into(),
            inner: None,
        }])
    }

    fn with(mut self, inner: Value) -> Self {
        if let Self::Invalid(details) = &mut self {
            for detail in details {
                detail.inner = Some(inner.clone());
            }
        }
        self
    }

    /// A value that is none of those there are.
    pub(crate) fn none_of(target: &str, allowed: &[&str], came: &Value) -> Self {
        Self::invalid(
            target,
            format!("expected one of {}, got {came}", allowed.join(", ")),
        )
        .with(json!({"allowedValues": allowed}))
    }

    /// A number out of its range.
    pub(crate) fn out_of_range(target: &str, least: i64, most: i64, came: &Value) -> Self {
        Self::invalid(
            target,
            format!("expected a whole number from {least} to {most}, got {came}"),
        )
        .with(json!({"rangeMinimumValue": least, "rangeMaximumValue": most}))
    }

    pub(crate) fn invalid(target: &str, message: impl Into<String>) -> Self {
        Self::one("INVALID_VALUE", target, message)
    }

    pub(crate) fn required(target: &str) -> Self {
        Self::one("REQUIRED_VALUE", target, "expected a value, got none")
    }

    /// `what` is the thing that has the value, such as `group named`.
    pub(crate) fn taken(target: &str, what: &str, value: &str) -> Self {
        let article = if what.starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        Self::one(
            "UNIQUENESS_VIOLATION",
            target,
            format!("{article} {what} {value:?} exists already"),
        )
    }

    pub(crate) fn constraint(target: &str, message: impl Into<String>) -> Self {
        Self::one("CONSTRAINT_VIOLATION", target, message)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
