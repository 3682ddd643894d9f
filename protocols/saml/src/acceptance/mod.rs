//! The stages of a received response: a posted form field becomes [`Posted`], then [`Verified`],
//! then [`Checked`], or a [`Refusal`].
//!
//! Only the stage before can create a stage, and only the last stage gives access to claims.

mod checked;
mod claims;
mod posted;
mod refusal;
mod schema;
mod summary;
mod verified;

pub use checked::{Checked, Expectations, Expected};
pub use posted::Posted;
pub use refusal::{Code, Refusal, Violation};
pub use summary::UnverifiedSummary;
pub use verified::{NoTrustedKeys, SignaturePolicy, TrustedKeys, Verified};
