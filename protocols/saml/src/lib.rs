//! SAML 2.0 as both sides of a web browser SSO speak it.
//!
//! - [`message`] — what is said: requests, responses, assertions;
//! - [`binding`] — how it travels: HTTP-Redirect and HTTP-POST;
//! - [`encoding`] — how bytes become text;
//! - [`encryption`] — how an assertion is kept from others' eyes;
//! - [`signature`] — how an issuer vouches for it;
//! - [`acceptance`] — the service provider's one-way path from a posted form
//!   field to claims that may be acted upon;
//! - [`reception`] — the same for requests and for logout, on either side;
//! - [`metadata`] — how the two sides introduce themselves;
//! - [`keys`] — certificates and signing keys.
//!
//! Nothing here reads a clock, opens a socket or draws a random number: the
//! instants and identifiers come from the caller.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod acceptance;
pub mod binding;
pub mod encoding;
pub mod encryption;
pub mod keys;
pub mod message;
pub mod metadata;
pub mod names;
pub mod reception;
pub mod signature;
mod xml;

pub use xml::{Limits, XmlError, check_size as check_xml_size};
