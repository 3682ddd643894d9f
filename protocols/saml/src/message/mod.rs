//! What is said: requests for authentication, responses and assertions
//! (saml-core), as plain values an issuer fills in and writes.
//!
//! These values carry no trust. A service provider reads what came to it
//! through [`crate::acceptance`] only.

mod assertion;
mod authn_request;
mod response;

pub use assertion::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Subject,
    SubjectConfirmation,
};
pub use authn_request::{AuthnRequest, NameIdPolicy};
pub use response::{Response, Status, StatusCode};
