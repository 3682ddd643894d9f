//! SAML 2.0 for both sides of web browser SSO.
//!
//! - [`message`] — requests, responses and assertions;
//! - [`binding`] — HTTP-Redirect and HTTP-POST;
//! - [`encoding`] — decodes bytes to text;
//! - [`encryption`] — encrypts and decrypts assertions;
//! - [`signature`] — signs documents and verifies signatures;
//! - [`acceptance`] — the service provider's stages from a posted form field to
//!   verified claims;
//! - [`reception`] — the same for requests and logout messages, on either side;
//! - [`metadata`] — the metadata of both sides;
//! - [`keys`] — certificates and signing keys.
//!
//! This crate reads no clock, opens no socket and draws no random number: the caller provides times
//! and IDs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod acceptance;
pub mod binding;
mod elapsed;
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
