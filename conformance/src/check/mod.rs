//! Checks of somebody else's endpoint: what was demanded, what came, and how
//! to mend it.
//!
//! - [`model`]: a check, its outcome, a report of them;
//! - [`baseline`]: failures that are known and expected;
//! - `json`, `junit`, `sarif`, `html`, `terminal`: the report's forms;
//! - [`evidence`]: what was said, as the reports show it;
//! - `played_keys`: the keys of the parties that checks play;
//! - `masking`: secrets in evidence;
//! - [`profile`]: what a marketplace, a federation or a deployment demands;
//! - [`runner`]: the rules of evidence that hold for every check;
//! - [`sp`]: the checks of a SAML service provider;
//! - [`idp`]: the checks of a SAML identity provider;
//! - [`scim`]: the checks of a SCIM service provider;
//! - [`leaver`]: whether somebody who leaves is out of an application.
//!
//! To add a check of a SAML service provider: a fault under `fixtures/faults`;
//! of an identity provider: a line in a table under `idp/judge`; of a SCIM
//! server: a line in a table of [`scim`].

pub mod baseline;
mod check_list;
pub mod evidence;
mod github;
mod gitlab;
mod harm;
mod html;
pub mod idp;
mod json;
mod junit;
pub mod leaver;
mod masking;
pub mod model;
mod observed;
mod played;
mod played_keys;
pub mod profile;
pub mod runner;
mod sarif;
pub mod scim;
pub mod sp;
mod summary;
mod terminal;

pub use harm::{Attacker, Harm};
pub use json::FORMAT;
pub use model::{Check, CheckReport, Interruption, Level, Outcome, SetUpError, Signal, Verdict};
pub use played_keys::PlayError;
