//! Checks of somebody else's endpoint: what was demanded, what came, and how
//! to mend it.
//!
//! - [`model`]: a check, its outcome, a report of them;
//! - [`baseline`]: failures that are known and expected;
//! - `json`, `junit`, `sarif`, `html`, `terminal`: the report's forms;
//! - [`sp`]: the checks of a SAML service provider;
//! - [`scim`]: the checks of a SCIM service provider.
//!
//! To add a check of a SAML service provider: a fault under `fixtures/faults`;
//! of a SCIM server: a line in a table of [`scim`].

pub mod baseline;
mod html;
mod json;
mod junit;
pub mod model;
mod sarif;
pub mod scim;
pub mod sp;
mod terminal;

pub use model::{Check, CheckReport, Level, Outcome, Verdict};
