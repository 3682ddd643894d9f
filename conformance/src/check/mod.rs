//! Checks of an endpoint: what the specification requires, what the endpoint answered, and how to
//! fix it.
//!
//! - [`model`]: a check, its outcome, and a report of outcomes;
//! - [`baseline`]: known, expected failures;
//! - `json`, `junit`, `sarif`, `html`, `terminal`: formats of the report;
//! - [`evidence`]: the exchanges, as the reports show them;
//! - `played_keys`: keys of the parties that the checks play;
//! - `user_template`: values of options in which `{user}` stands for the user name;
//! - `masking`: masks secrets in evidence;
//! - [`runner`]: the rules of evidence that hold for every check;
//! - [`sp`]: the checks of a SAML service provider;
//! - [`idp`]: the checks of a SAML identity provider;
//! - [`scim`]: the checks of a SCIM service provider;
//! - [`leaver`]: the checks whether a person who leaves loses access to an application;
//! - [`load`]: load for an endpoint, with each answer checked (`rehearsal bench load`).
//!
//! To add a check of a SAML service provider, add a fault under `fixtures/faults`; of an identity
//! provider, a line in a table under `idp/judge`; of a SCIM server, a line in a table of [`scim`].

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
pub mod load;
mod masking;
pub mod model;
pub mod oauth;
mod observed;
mod played;
mod played_keys;
pub mod profile;
mod row;
pub mod runner;
mod sarif;
pub mod scim;
pub mod sp;
mod summary;
mod terminal;
mod user_template;

pub use harm::{Attacker, Harm};
pub use json::{FORMAT, list_to_json};
pub use model::{
    Check, CheckReport, Feature, Interruption, Level, LoginStart, Outcome, SetUpError, Signal,
    Verdict,
};
pub use played_keys::PlayError;
pub use user_template::{UserExpression, UserTemplateError, UserUrl};
