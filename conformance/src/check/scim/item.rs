//! Defines a check as data.

use super::client::Part;
pub(super) use super::outcome::{Judged, Need, Stop, ensure, unjudged};
use super::probe::Probe;
use super::wire::Pending;
use crate::check::row::Row;

/// How a check is judged.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// By a function.
    Act(Act),
    /// By a filter, and the names of the test users that it must find. `{u}` stands for the mark
    /// that all values of this run contain.
    Finds(&'static str, &'static [&'static str]),
    /// By a filter that must be refused as `invalidFilter`.
    Refuses(&'static str),
    /// By an act of a client.
    Replays(Part),
}

/// The function of a check.
pub(super) type Act = for<'a> fn(&'a Probe<'a>) -> Pending<'a, Judged>;

/// What a check needs, and how it is judged.
#[derive(Clone, Copy)]
pub(super) struct Method {
    pub(super) needs: &'static [Need],
    pub(super) how: How,
}

/// A check and how it is judged.
pub(super) type Item = Row<Method>;

/// Defines a table of checks. An entry has id, level, section; title; expected result; fix; needs;
/// how it is judged.
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
                by: $crate::check::scim::item::Method {
                    needs: &[$($need),*],
                    how: $crate::check::scim::item::checks!(@$how $args),
                },
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
