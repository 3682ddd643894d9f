//! The judge: checks of other people's service providers, identity providers
//! and SCIM servers, and readable accounts of SAML messages.
//!
//! It knows no party of this project: what it believes, it read from the wire,
//! with a reader of its own (a second XML parser, canonicalizer and check of
//! signatures).
//!
//! - [`check`]: the checks, the rules of evidence that they share, and every
//!   form that their reports are written in;
//! - [`inspection`]: SAML documents, certificates and signatures, read;
//! - [`trace`]: what is in a message, a recording or a HAR file, in words;
//! - [`page`]: the HTML that reports are made of; [`junit`]: the JUnit file.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod check;
mod excerpt;
pub mod inspection;
pub mod junit;
mod key_pair;
pub mod page;
pub mod trace;

/// The version of Rehearsal, as reports name it: number, commit and target
/// triple, for example `0.1.0 (9a5fc3a8b1c2, x86_64-unknown-linux-gnu)`.
pub const VERSION: &str = env!("REHEARSAL_VERSION");
