//! A resource that a check made.

use serde_json::Value;

use super::wire::ScimAnswer;

/// A resource that a check made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: String,
    /// Its path below the base URL, such as `/Users/4711`.
    pub(super) place: String,
    /// The body that was sent to create it.
    pub(super) sent: Value,
    /// The answer to the request that created it.
    pub(super) answer: ScimAnswer,
}
