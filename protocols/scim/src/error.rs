//! Errors as SCIM tells them (RFC 7644 §3.12).

use serde_json::{Value, json};

use crate::messages;

/// The detail error keywords of RFC 7644 §3.12, table 9, and RFC 9865 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter cannot be read, or its attribute and operator do not go together.
    InvalidFilter,
    /// More results than the server is willing to calculate.
    TooMany,
    /// Another resource has the value already.
    Uniqueness,
    /// The attribute is read-only or immutable.
    Mutability,
    /// The body cannot be read, or is not what the request demands.
    InvalidSyntax,
    /// The path of a PATCH operation cannot be read.
    InvalidPath,
    /// The path of a PATCH operation leads nowhere.
    NoTarget,
    /// A required value is missing, or a value is not of its type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would reveal what must not stand in a URI.
    Sensitive,
    /// The cursor is none that this query was given (RFC 9865 §2.1).
    InvalidCursor,
    /// The cursor was given too long ago (RFC 9865 §2.1).
    ExpiredCursor,
    /// The count is none that a page by cursor can have (RFC 9865 §2.1).
    InvalidCount,
}

impl ScimType {
    /// The keyword.
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

/// An error: status, keyword, and a detail that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// The keyword, where the table has one.
    pub scim_type: Option<ScimType>,
    /// What is wrong, for a person.
    pub detail: String,
}

/// The longest detail, in characters: a filter or a value that came is repeated
/// in it, however long it is.
const LONGEST: usize = 1000;

/// The detail without its middle, when it is very long.
fn shortened(detail: String) -> String {
    let length = detail.chars().count();
    if length <= LONGEST {
        return detail;
    }
    let start: String = detail.chars().take(LONGEST * 2 / 3).collect();
    let end: String = detail.chars().skip(length - LONGEST / 3).collect();
    format!("{start} … {end}")
}

impl Error {
    /// An error of that status without a keyword.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: shortened(detail.into()),
        }
    }

    /// 400 with a keyword; 409 for [`ScimType::Uniqueness`].
    pub fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        let status = if scim_type == ScimType::Uniqueness {
            409
        } else {
            400
        };
        Self {
            status,
            scim_type: Some(scim_type),
            detail: shortened(detail.into()),
        }
    }

    /// The message.
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
