//! A check as data.

pub(super) use super::outcome::{Judged, Need, Stop, ensure, unjudged};
use super::probe::Probe;
use super::wire::Pending;
use crate::check::{Check, Harm, Level};

/// How a check is carried out.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// By a function of its own.
    Act(Act),
    /// By a filter over the test users: whom it must find, by name. `{u}` stands
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
    pub(super) harm: Harm,
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
            harm: self.harm,
            title: self.title.to_owned(),
            spec: self.spec.to_owned(),
            fix: self.fix.to_owned(),
        }
    }
}

/// A table of checks. It may begin with what a failure means, where that is not
/// that somebody is not served rightly: `harm Style;`. A line reads: id, level, section; title; what is
/// expected; how to correct it; what it needs; how it is carried out.
macro_rules! checks {
    (harm $harm:ident; $($rows:tt)*) => {
        $crate::check::scim::item::checks!(@table $harm $($rows)*);
    };
    (@table $harm:ident $($id:literal, $level:ident, $spec:literal; $title:literal; expects $expected:literal; fix $fix:literal; needs [$($need:expr),*]; $how:ident $args:tt)*) => {
        pub(super) static CHECKS: &[$crate::check::scim::item::Item] = &[$(
            $crate::check::scim::item::Item {
                id: $id,
                level: $crate::check::Level::$level,
                harm: $crate::check::Harm::$harm,
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
    ($($rows:tt)*) => {
        $crate::check::scim::item::checks!(@table Function $($rows)*);
    };
}
pub(super) use checks;
