//! Deviations in the assertion (judge: `assertion`).

use std::cell::Cell;

use super::Deviation;
use super::edits::{answers, metadata, rewrite, rewrite_all, text_after};

#[rustfmt::skip]
pub(super) const ASSERTION: &[Deviation] = &[
    (
        "the entity ID is not an absolute URI",
        |it| metadata(it, "entityID=\"http://", "entityID=\""),
        &["SAML-IDP-ASSERT-01", "SAML-IDP-MD-04", "SAML-IDP-RESP-08"],
    ),
    (
        "a NameID of the format emailAddress is not an e-mail address",
        |it| {
            answers(it, "name-email");
            rewrite(it, "name-email", |xml| text_after(&text_after(xml, "<saml:NameID", (">", "<"), "grace"), "nameid-format", (":", "\""), "emailAddress"));
        },
        &["SAML-IDP-ASSERT-18"],
    ),
    (
        "the ID of an assertion is short",
        |it| rewrite(it, "redirect", |xml| {
            let xml = text_after(xml, "<saml:Assertion", (" ID=\"", "\""), "_short");
            text_after(&xml, "<ds:Reference", ("URI=\"#", "\""), "_short")
        }),
        &["SAML-IDP-ID-03", "SAML-IDP-SIGN-04", "SAML-IDP-SIGN-05"],
    ),
    (
        "SessionIndex is empty",
        |it| rewrite_all(it, |xml| text_after(xml, "SessionIndex", ("\"", "\""), "")),
        &["SAML-IDP-ASSERT-15", "SAML-IDP-ID-04", "SAML-IDP-SIGN-04"],
    ),
    (
        "the IDs of the assertions are consecutive numbers",
        |it| {
            let number = Cell::new(0);
            rewrite_all(it, |xml| {
                number.set(number.get() + 1);
                let (_, assertion) = xml.split_once("Assertion ").unwrap();
                let (_, id) = assertion.split_once("ID=\"").unwrap();
                let (id, _) = id.split_once('"').unwrap();
                xml.replace(id, &format!("id-{:08}", number.get()))
            });
        },
        &["SAML-IDP-ID-03", "SAML-IDP-SIGN-04", "SAML-IDP-SIGN-05"],
    ),
    (
        "an unknown AuthnContextClassRef",
        |it| rewrite_all(it, |xml| text_after(xml, "AuthnContextClassRef", (">", "<"), "password")),
        &["SAML-IDP-ASSERT-16", "SAML-IDP-REQ-17", "SAML-IDP-SIGN-04"],
    ),
];
