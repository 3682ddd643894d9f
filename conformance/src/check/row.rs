//! A check as a row of a table: its texts and the function that judges it. Each family of checks
//! has its own macro for its tables.

use super::{Check, Harm, Level};

/// A check, and the function that judges it.
#[derive(Clone, Copy)]
pub(super) struct Row<J> {
    pub(super) id: &'static str,
    pub(super) level: Level,
    pub(super) harm: Harm,
    pub(super) spec: &'static str,
    pub(super) title: &'static str,
    pub(super) expected: &'static str,
    pub(super) fix: &'static str,
    pub(super) by: J,
}

impl<J> Row<J> {
    /// Returns the check for reports.
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
