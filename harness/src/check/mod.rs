//! Checks of somebody else's endpoint: what was demanded, what came, and how
//! to mend it.
//!
//! - [`model`]: a check, its outcome, a report of them;
//! - [`baseline`]: failures that are known and expected;
//! - `json`, `junit`, `sarif`, `html`, `terminal`: the report's forms;
//! - [`sp`]: the checks of a SAML service provider.
//!
//! To add a check of a service provider: a fault under `fixtures/faults`.

pub mod baseline;
mod html;
mod json;
mod junit;
pub mod model;
mod sarif;
pub mod sp;
mod terminal;

pub use model::{Check, CheckReport, Level, Outcome, Verdict};
