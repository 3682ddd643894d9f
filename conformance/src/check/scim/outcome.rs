//! The result of one SCIM check, and what the server must support for the check to run.

use crate::check::Feature;

/// What a check needs from the server. If something is missing, the check is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Permission to create resources.
    Writes,
    /// `patch.supported`.
    Patch,
    /// `filter.supported`.
    Filter,
    /// `sort.supported`.
    Sort,
    /// `bulk.supported`.
    Bulk,
    /// `etag.supported`.
    ETag,
    /// `pagination.cursor` (RFC 9865).
    Cursor,
    /// Resources of the type Group.
    Groups,
    /// The enterprise extension of users.
    Enterprise,
    /// These attributes of users in the schema; `name.givenName` names a sub-attribute.
    Has(&'static [&'static str]),
    /// These attributes of users, stored unchanged by the server: an attribute that it changes or
    /// ignores proves nothing.
    Keeps(&'static [&'static str]),
    /// One of [`TEXTS`], which the server stores unchanged.
    KeepsText,
    /// The enterprise extension of users, stored unchanged by the server.
    KeepsEnterprise,
    /// The attribute `manager` of the enterprise extension in its schema.
    Manager,
    /// More than one e-mail address for a user.
    TwoEmails,
    /// Pages that respect `count`.
    Count,
}

impl Need {
    /// Returns the optional feature that it stands for.
    pub(super) fn feature(self) -> Option<Feature> {
        match self {
            Self::Patch => Some(Feature::Patch),
            Self::Filter => Some(Feature::Filter),
            Self::Bulk => Some(Feature::Bulk),
            Self::Groups => Some(Feature::Groups),
            _ => None,
        }
    }
}

/// Optional attributes of users with one string. A check that needs any such attribute takes the
/// first one that the server has and keeps, because many servers lack some of them.
pub(super) const TEXTS: [&str; 3] = ["nickName", "title", "userType"];

/// Why a check ended early.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// The server is wrong; contains what was observed.
    Wrong(String),
    /// The check cannot be judged; contains the reason.
    Unjudged(String),
    /// The check cannot be judged because of another check's outcome: its id, and the reason.
    Follows(&'static str, String),
}

/// Result of a check or of one of its steps.
pub(super) type Judged<T = ()> = Result<T, Stop>;

/// Returns [`Stop::Wrong`] unless `holds` is true.
pub(super) fn ensure(holds: bool, got: impl FnOnce() -> String) -> Judged {
    if holds {
        Ok(())
    } else {
        Err(Stop::Wrong(got()))
    }
}

/// Returns [`Stop::Unjudged`] with this reason.
pub(super) fn unjudged<T>(why: impl Into<String>) -> Judged<T> {
    Err(Stop::Unjudged(why.into()))
}
