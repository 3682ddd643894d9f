//! Enveloped XML signatures with exclusive canonicalization (saml-core §5.4).
//!
//! [`Signer`] makes them. [`enveloped`] verifies them in the same tree from which the message is
//! then read.

pub(crate) mod enveloped;
mod signer;

pub use enveloped::SignatureError;
pub use signer::{SignError, Signer};
