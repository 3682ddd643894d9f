//! Deviations in how AuthnRequests are answered (judge: `request`).

use super::Deviation;
use super::edits::{answers, delivered, everywhere, page, rewrite, text_after};

#[rustfmt::skip]
pub(super) const REQUEST: &[Deviation] = &[
    (
        "an empty request breaks it",
        |it| it.opened.iter_mut().for_each(|at| at.status = Some(500)),
        &["SAML-IDP-REQ-29"],
    ),
    (
        "signed requests are refused by redirect",
        |it| page(it, "redirect-signed", 403, "no"),
        &["SAML-IDP-REQ-03"],
    ),
    (
        "unsigned requests are refused",
        |it| page(it, "redirect-unsigned", 403, "no"),
        &["SAML-IDP-REQ-02"],
    ),
    (
        "requests by POST are refused",
        |it| page(it, "post-unsigned", 403, "no"),
        &["SAML-IDP-REQ-04"],
    ),
    (
        "every request asks for the password",
        |it| it.trials.get_mut("session").unwrap().asked = true,
        &["SAML-IDP-REQ-06"],
    ),
    (
        "ForceAuthn asks nobody",
        |it| {
            it.trials.get_mut("force-authn").unwrap().asked = false;
            let later = it.trials["force-authn"].clone();
            it.trials.insert("force-authn-later".to_owned(), later);
            answers(it, "force-authn-later");
        },
        &["SAML-IDP-REQ-07"],
    ),
    (
        "IsPassive asks",
        |it| it.trials.get_mut("passive").unwrap().asked = true,
        &["SAML-IDP-REQ-09"],
    ),
    (
        "IsPassive ends on the login page",
        |it| page(it, "passive-alone", 200, "Sign on"),
        &["SAML-IDP-REQ-10"],
    ),
    (
        "ForceAuthn and IsPassive ask",
        |it| page(it, "force-and-passive", 200, "Sign on"),
        &["SAML-IDP-REQ-11"],
    ),
    (
        "a format that nobody has is promised",
        |it| answers(it, "name-impossible"),
        &["SAML-IDP-REQ-16"],
    ),
    (
        "any context will do",
        |it| answers(it, "context-impossible"),
        &["SAML-IDP-REQ-18"],
    ),
    (
        "the second address is not known",
        |it| page(it, "acs-second", 400, "no"),
        &["SAML-IDP-REQ-19"],
    ),
    (
        "no indices",
        |it| page(it, "acs-index", 400, "no"),
        &["SAML-IDP-REQ-20"],
    ),
    (
        "no default",
        |it| page(it, "acs-default", 400, "no"),
        &["SAML-IDP-REQ-22"],
    ),
    (
        "a RelayState is cut",
        |it| {
            answers(it, "relay-state-long");
            delivered(it, "relay-state-long").relay_state = Some("012".to_owned());
        },
        &["SAML-IDP-REQ-23"],
    ),
    (
        "any version",
        |it| answers(it, "version"),
        &["SAML-IDP-REQ-26"],
    ),
    (
        "a broken request breaks it",
        |it| page(it, "malformed", 500, "oops"),
        &["SAML-IDP-REQ-27"],
    ),
    (
        "a large request breaks it",
        |it| page(it, "oversized", 502, "oops"),
        &["SAML-IDP-REQ-28"],
    ),
    (
        "an unknown index leads away",
        |it| {
            answers(it, "acs-index-unknown");
            delivered(it, "acs-index-unknown").to = "https://attacker.example/".to_owned();
        },
        &["SAML-IDP-REQ-21"],
    ),
    (
        "RelayState gets lost",
        |it| everywhere(it, |at| at.relay_state = None),
        &["SAML-IDP-REQ-23", "SAML-IDP-RESP-12", "SAML-IDP-SEC-14"],
    ),
    (
        "nobody is signed on",
        |it| page(it, "redirect", 403, "This application is not for you."),
        &["SAML-IDP-REQ-01"],
    ),
    (
        "signed requests by POST are refused",
        |it| page(it, "post-signed", 403, "The signature is missing."),
        &["SAML-IDP-REQ-05"],
    ),
    (
        "ForceAuthn renews nothing",
        |it| rewrite(it, "force-authn", |xml| text_after(xml, "AuthnInstant", ("\"", "\""), "2020-01-01T00:00:00Z")),
        &["SAML-IDP-REQ-08", "SAML-IDP-SIGN-04"],
    ),
    (
        "the wanted address doesn't come",
        |it| {
            answers(it, "name-email");
            rewrite(it, "name-email", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-12"],
    ),
    (
        "a lasting name doesn't come",
        |it| {
            answers(it, "name-persistent");
            rewrite(it, "name-persistent", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-13"],
    ),
    (
        "a passing name doesn't come",
        |it| {
            answers(it, "name-transient");
            rewrite(it, "name-transient", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-14"],
    ),
    (
        "a passing name that stays",
        |it| {
            answers(it, "name-transient");
            rewrite(it, "name-transient", |xml| text_after(xml, "nameid-format", (":", "\""), "transient"));
        },
        &["SAML-IDP-REQ-15"],
    ),
    (
        "another class than was wanted",
        |it| {
            answers(it, "context-password");
            rewrite(it, "context-password", |xml| text_after(xml, "AuthnContextClassRef", (">", "<"), "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"));
        },
        &["SAML-IDP-REQ-17"],
    ),
];
