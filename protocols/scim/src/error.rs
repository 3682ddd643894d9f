//! SCIM errors (RFC 7644 §3.12).

use serde_json::{Value, json};

use crate::messages;

/// The `scimType` keywords of RFC 7644 §3.12, table 9, and RFC 9865 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is invalid, or the operator does not fit the attribute.
    InvalidFilter,
    /// There are more results than the server returns.
    TooMany,
    /// Another resource already has the value.
    Uniqueness,
    /// The attribute is read-only or immutable.
    Mutability,
    /// The body cannot be parsed, or does not match the request.
    InvalidSyntax,
    /// The path of a PATCH operation is invalid.
    InvalidPath,
    /// The path of a PATCH operation matches nothing.
    NoTarget,
    /// A required value is missing, or a value has the wrong type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would put sensitive data into a URI.
    Sensitive,
    /// The cursor does not belong to this query (RFC 9865 §2.1).
    InvalidCursor,
    /// The cursor has expired (RFC 9865 §2.1).
    ExpiredCursor,
    /// The count is invalid for cursor pagination (RFC 9865 §2.1).
    InvalidCount,
}

impl ScimType {
    /// Returns the keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// An error with its HTTP status, its keyword, and a detail that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// The keyword, if there is one for this error.
    pub scim_type: Option<ScimType>,
    /// Describes what is wrong, for a reader.
    pub detail: String,
}

/// Longest detail, in characters. It quotes filters and values of the request, which can have any
/// length.
const LONGEST: usize = 1000;

/// Shortens a very long detail in the middle.
fn shorten(detail: String) -> String {
    let length = detail.chars().count();
    if length <= LONGEST {
        return detail;
    }
    let start: String = detail.chars().take(LONGEST * 2 / 3).collect();
    let end: String = detail.chars().skip(length - LONGEST / 3).collect();
    format!("{start} … {end}")
}

impl Error {
    /// Creates an error with this status and without a keyword.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: shorten(detail.into()),
        }
    }

    /// Creates an error with this keyword: 409 for [`ScimType::Uniqueness`], otherwise 400.
    pub fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        let status = if scim_type == ScimType::Uniqueness {
            409
        } else {
            400
        };
        Self {
            status,
            scim_type: Some(scim_type),
            detail: shorten(detail.into()),
        }
    }

    /// Returns the Error message.
    pub fn to_json(&self) -> Value {
        let mut message = json!({
            "schemas": [messages::ERROR],
            "status": self.status.to_string(),
        });
        if let Some(scim_type) = self.scim_type {
            message["scimType"] = scim_type.keyword().into();
        }
        message["detail"] = self.detail.as_str().into();
        message
    }
}
