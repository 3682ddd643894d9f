//! Requests, responses, assertions and logout messages (saml-core) as plain values that an issuer
//! fills in and writes.
//!
//! These values are not trusted. A service provider reads received messages only through
//! [`crate::acceptance`] and [`crate::reception`].

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
