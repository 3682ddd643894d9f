//! An OAuth 2.0 client that gets access tokens by the client credentials grant (RFC 6749 §4.4), in
//! the ways in which clients authenticate, and that can send what a server must refuse.
//!
//! It writes and reads JWTs with its own code, not with the library that the parties use.

mod access_token;
mod assertion;
mod client;
mod key;
mod metadata;
mod settings;
mod token_answer;
mod token_request;

pub use access_token::{TokenForgery, expiry};
pub use assertion::AssertionFault;
pub use client::{Client, RenewalError};
pub use key::ClientKey;
pub use metadata::Metadata;
pub use settings::{Authentication, Federated, Settings};
pub use token_answer::TokenAnswer;
pub use token_request::TokenRequest;
