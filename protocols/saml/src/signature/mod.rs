//! How an issuer vouches for what it says: enveloped XML signatures with
//! exclusive canonicalization (saml-core §5.4).
//!
//! [`Signer`] makes them; [`enveloped`] judges them, in the very tree that the
//! message is then read from.

pub(crate) mod enveloped;
mod signer;

pub use enveloped::SignatureError;
pub use signer::{SignError, Signer};
