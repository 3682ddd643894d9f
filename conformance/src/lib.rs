//! Judges other people's service providers, identity providers and SCIM servers, and explains SAML
//! messages in words.
//!
//! This crate depends on no party of this project. It parses what the parties send with code of its
//! own (a second XML parser, canonicalizer and signature verifier), so that an error of a party
//! cannot hide an error of the judge.
//!
//! - [`check`]: the checks, the rules of evidence that they share, and all formats of their
//!   reports;
//! - [`inspection`]: parsed SAML documents, certificates and signatures;
//! - [`trace`]: explains a SAML message, a recording or a HAR file;
//! - [`page`]: the HTML parts of reports; [`junit`]: the JUnit file.
#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod check;
mod excerpt;
pub mod inspection;
mod json_text;
pub mod junit;
mod key_pair;
pub mod page;
mod shell;
pub mod trace;

/// The version of Rehearsal as reports show it: number, commit and target triple, for example
/// `0.1.0 (9a5fc3a8b1c2, x86_64-unknown-linux-gnu)`.
pub const VERSION: &str = env!("REHEARSAL_VERSION");
