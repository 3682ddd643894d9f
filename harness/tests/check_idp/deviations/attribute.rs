//! Deviations in the attributes (judge: `attribute`).

use super::Deviation;
use super::edits::{value, written};

#[rustfmt::skip]
pub(super) const ATTRIBUTE: &[Deviation] = &[
    (
        "the attribute name is missing",
        |it| written(it, " Name=\"name\"", " Name=\"login\""),
        &["SAML-IDP-ATTR-01", "SAML-IDP-SIGN-04"],
    ),
    (
        "the attribute displayname is missing",
        |it| written(it, " Name=\"displayname\"", " Name=\"full\""),
        &["SAML-IDP-ATTR-02", "SAML-IDP-SIGN-04"],
    ),
    (
        "the attribute objectidentifier is missing",
        |it| written(it, " Name=\"objectidentifier\"", " Name=\"oid\""),
        &["SAML-IDP-ATTR-03", "SAML-IDP-SIGN-04"],
    ),
    (
        "the attribute groups is missing",
        |it| written(it, " Name=\"groups\"", " Name=\"memberOf\""),
        &["SAML-IDP-ATTR-04", "SAML-IDP-SIGN-04"],
    ),
    (
        "the attribute displayname is written with a capital letter",
        |it| written(it, " Name=\"displayname\"", " Name=\"displayName\""),
        &["SAML-IDP-ATTR-02", "SAML-IDP-ATTR-05", "SAML-IDP-SIGN-04"],
    ),
    (
        "the same attribute occurs twice",
        |it| written(it, " Name=\"objectidentifier\"", " Name=\"displayname\""),
        &["SAML-IDP-ATTR-03", "SAML-IDP-ATTR-06", "SAML-IDP-SIGN-04"],
    ),
    (
        "groups are one value, separated by commas",
        |it| value(it, "groups", "6b9c0a52-1,7d3c1f0e-2"),
        &["SAML-IDP-ATTR-07", "SAML-IDP-SIGN-04"],
    ),
    (
        "groups contains names instead of ids",
        |it| value(it, "groups", "Desktop Users"),
        &["SAML-IDP-ATTR-08", "SAML-IDP-SIGN-04"],
    ),
    (
        "an unknown attribute NameFormat",
        |it| written(it, "attrname-format:", "attrname-format:our-"),
        &["SAML-IDP-ATTR-09", "SAML-IDP-SIGN-04"],
    ),
    (
        "the user name has no domain",
        |it| value(it, "name", "grace"),
        &["SAML-IDP-ATTR-11", "SAML-IDP-ATTR-13", "SAML-IDP-SIGN-04"],
    ),
    (
        "the attribute displayname is empty",
        |it| value(it, "displayname", ""),
        &["SAML-IDP-ATTR-12", "SAML-IDP-SIGN-04"],
    ),
    (
        "the assertion is about another user",
        |it| value(it, "name", "ada@lumen.example"),
        &["SAML-IDP-ATTR-13", "SAML-IDP-SIGN-04"],
    ),
    (
        "more attributes than needed",
        |it| {
            let more: String = (0..9).map(|at| format!("<saml:Attribute Name=\"more{at}\"><saml:AttributeValue>1</saml:AttributeValue></saml:Attribute>")).collect();
            written(it, "</saml:AttributeStatement>", &format!("{more}</saml:AttributeStatement>"));
        },
        &["SAML-IDP-ATTR-14", "SAML-IDP-SIGN-04"],
    ),
];
