//! The service provider's one-way path: a posted form field becomes
//! [`Posted`], then [`Verified`], then [`Checked`] — or a [`Refusal`].
//!
//! Each stage can only be made by the one before it, and claims can be read
//! from the last alone.

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
