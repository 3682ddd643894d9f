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

/// What the simulated identity provider does not do, all of level MAY: an edit of the recording, as
/// if it did, and the ids of the checks that pass then.
pub(crate) const NOT_DONE: &[Deviation] = &[
    (
        "a request of yesterday is refused",
        |it| edits::page(it, "stale", 400, "The request is too old."),
        &["SAML-IDP-REQ-24"],
    ),
    (
        "a request of tomorrow is refused",
        |it| edits::page(it, "future", 400, "The request is not valid yet."),
        &["SAML-IDP-REQ-25"],
    ),
    (
        "the metadata may be kept for a day",
        |it| it.metadata.cache_control = Some("max-age=86400".to_owned()),
        &["SAML-IDP-KEY-03"],
    ),
];

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
