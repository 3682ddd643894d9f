//! Deviations: edits of the recording of a correct identity provider, each as if
//! the provider had done one thing wrong, with the checks that have to find it.
//! The files are named as those in `conformance/src/check/idp/judge`.

mod assertion;
mod attribute;
pub(crate) mod edits;
mod logout;
mod metadata;
mod request;
mod response;
mod security;

use rehearsal::check::idp::Recording;

/// A name, the edit, and the ids of the checks that have to find it.
pub(crate) type Deviation = (&'static str, fn(&mut Recording), &'static [&'static str]);

/// Checks that no deviation makes fail: two announced keys that both sign
/// cannot be made by an edit of one recording.
pub(crate) const NOT_SHOWN: &[&str] = &["SAML-IDP-KEY-02"];

/// Returns all deviations.
pub(crate) fn all() -> impl Iterator<Item = &'static Deviation> {
    [
        metadata::METADATA,
        request::REQUEST,
        response::RESPONSE,
        assertion::ASSERTION,
        attribute::ATTRIBUTE,
        security::SECURITY,
        logout::LOGOUT,
    ]
    .into_iter()
    .flatten()
}
