//! What is said: requests for authentication, responses and assertions, logout
//! (saml-core), as plain values an issuer fills in and writes.
//!
//! These values carry no trust. A service provider reads what came to it
//! through [`crate::acceptance`] and [`crate::reception`] only.

mod assertion;
mod authn_request;
mod logout;
mod response;

pub use assertion::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Subject,
    SubjectConfirmation,
};
pub use authn_request::{
    AuthnContextComparison, AuthnRequest, NameIdPolicy, RequestedAuthnContext, authn_strength,
};
pub use logout::{LogoutRequest, LogoutResponse, Principal};
pub use response::{Response, Status, StatusCode};
