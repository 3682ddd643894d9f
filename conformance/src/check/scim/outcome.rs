//! What a check needs, and what can come of it.

/// What a check needs of the server; without it the check is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// May make resources of its own.
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
    /// Attributes of users, all of them; `name.givenName` names a sub-attribute.
    Has(&'static [&'static str]),
    /// Attributes that the server was seen to keep as they were sent: one that
    /// it alters or ignores proves nothing about anything else.
    Keeps(&'static [&'static str]),
    /// The enterprise extension of users, seen to be kept.
    KeepsEnterprise,
    /// More than one e-mail a user.
    TwoEmails,
    /// Pages no longer than `count`.
    Count,
}

/// Why a check ended before its end.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// The server is wrong; what came.
    Wrong(String),
    /// It can't be judged; why.
    Unjudged(String),
    /// It can't be judged because of another check's outcome: its id, and why.
    Follows(&'static str, String),
}

/// What a check says.
pub(super) type Judged<T = ()> = Result<T, Stop>;

/// Unless it holds, the server is wrong.
pub(super) fn ensure(holds: bool, came: impl FnOnce() -> String) -> Judged {
    if holds {
        Ok(())
    } else {
        Err(Stop::Wrong(came()))
    }
}

/// It can't be judged.
pub(super) fn unjudged<T>(why: impl Into<String>) -> Judged<T> {
    Err(Stop::Unjudged(why.into()))
}
