//! A check as data, and what can come of it.

use super::probe::Probe;
use super::wire::Pending;
use crate::check::{Check, Level};

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

/// How a check is carried out.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// By a function of its own.
    Act(Act),
    /// By a filter over the test_users: whom it must find, by name. `{u}` stands
    /// for the mark that all values of this run bear.
    Finds(&'static str, &'static [&'static str]),
    /// By a filter that must be refused as `invalidFilter`.
    Refuses(&'static str),
}

/// A check's function.
pub(super) type Act = for<'a> fn(&'a Probe<'a>) -> Pending<'a, Judged>;

/// A check.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) id: &'static str,
    pub(super) level: Level,
    pub(super) spec: &'static str,
    pub(super) title: &'static str,
    pub(super) expected: &'static str,
    pub(super) fix: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) how: How,
}

impl Item {
    /// The check, as reports have it.
    pub(super) fn check(&self) -> Check {
        Check {
            id: self.id.to_owned(),
            level: self.level,
            title: self.title.to_owned(),
            spec: self.spec.to_owned(),
            fix: self.fix.to_owned(),
        }
    }
}

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

/// A table of checks. A line reads: id, level, section; title; what is
/// expected; how to mend it; what it needs; how it is carried out.
macro_rules! checks {
    ($($id:literal, $level:ident, $spec:literal; $title:literal; expects $expected:literal; fix $fix:literal; needs [$($need:expr),*]; $how:ident $args:tt)*) => {
        pub(super) static CHECKS: &[$crate::check::scim::item::Item] = &[$(
            $crate::check::scim::item::Item {
                id: $id,
                level: $crate::check::Level::$level,
                spec: $spec,
                title: $title,
                expected: $expected,
                fix: $fix,
                needs: &[$($need),*],
                how: $crate::check::scim::item::checks!(@$how $args),
            },
        )*];
    };
    (@act ($function:path)) => {
        $crate::check::scim::item::How::Act(|probe| Box::pin($function(probe)))
    };
    (@finds ($filter:literal, $whom:expr)) => {
        $crate::check::scim::item::How::Finds($filter, &$whom)
    };
    (@refuses ($filter:literal)) => {
        $crate::check::scim::item::How::Refuses($filter)
    };
}
pub(super) use checks;
