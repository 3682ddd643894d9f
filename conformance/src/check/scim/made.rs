//! A resource that a check made.

use serde_json::Value;

use super::wire::Told;

/// A resource that a check made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: String,
    /// Its target, such as `/Users/4711`.
    pub(super) place: String,
    /// What was sent to make it.
    pub(super) sent: Value,
    /// What was answered.
    pub(super) told: Told,
}
