//! The errors of the domain.

use serde_json::{Value, json};

use crate::store::StoreError;

/// An error in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    /// PingOne's error code: `INVALID_VALUE`, `REQUIRED_VALUE`, `UNIQUENESS_VIOLATION` …
    pub code: &'static str,
    /// Name of the field, with dots for nested ones.
    pub target: String,
    /// Text: what was expected, and what the request contains.
    pub message: String,
    /// Allowed values, for programs: `{allowedValues}`, `{rangeMinimumValue,
    /// rangeMaximumValue}` …
    pub inner: Option<Value>,
}

/// Why the domain refused or failed.
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

/// Result of a domain operation.
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

    /// Returns the error for a value that is not one of the allowed ones.
    pub(crate) fn none_of(target: &str, allowed: &[&str], got: &Value) -> Self {
        Self::invalid(
            target,
            format!("expected one of {}, got {got}", allowed.join(", ")),
        )
        .with(json!({"allowedValues": allowed}))
    }

    /// Returns the error for a number that is out of range.
    pub(crate) fn out_of_range(target: &str, least: i64, most: i64, got: &Value) -> Self {
        Self::invalid(
            target,
            format!("expected a whole number from {least} to {most}, got {got}"),
        )
        .with(json!({"rangeMinimumValue": least, "rangeMaximumValue": most}))
    }

    pub(crate) fn invalid(target: &str, message: impl Into<String>) -> Self {
        Self::one("INVALID_VALUE", target, message)
    }

    pub(crate) fn required(target: &str) -> Self {
        Self::one("REQUIRED_VALUE", target, "expected a value, got none")
    }

    /// Returns the error for a value that must be unique. `what` names the resource and the
    /// attribute, such as `group named`.
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
