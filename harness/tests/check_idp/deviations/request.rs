//! Deviations in how AuthnRequests are answered (judge: `request`).

use super::Deviation;
use super::edits::{answers, delivered, everywhere, page, rewrite, text_after};

#[rustfmt::skip]
pub(super) const REQUEST: &[Deviation] = &[
    (
        "a request without a message is answered with 500",
        |it| it.opened.iter_mut().for_each(|at| at.status = Some(500)),
        &["SAML-IDP-REQ-29"],
    ),
    (
        "signed requests by HTTP-Redirect are refused",
        |it| page(it, "redirect-signed", 403, "no"),
        &["SAML-IDP-REQ-03"],
    ),
    (
        "unsigned requests by HTTP-Redirect are refused",
        |it| page(it, "redirect-unsigned", 403, "no"),
        &["SAML-IDP-REQ-02"],
    ),
    (
        "unsigned requests by HTTP-POST are refused",
        |it| page(it, "post-unsigned", 403, "no"),
        &["SAML-IDP-REQ-04"],
    ),
    (
        "the password is asked for although there is a session",
        |it| it.trials.get_mut("session").unwrap().asked = true,
        &["SAML-IDP-REQ-06"],
    ),
    (
        "ForceAuthn does not ask for the password",
        |it| {
            it.trials.get_mut("force-authn").unwrap().asked = false;
            let later = it.trials["force-authn"].clone();
            it.trials.insert("force-authn-later".to_owned(), later);
            answers(it, "force-authn-later");
        },
        &["SAML-IDP-REQ-07"],
    ),
    (
        "IsPassive asks for the password although there is a session",
        |it| it.trials.get_mut("passive").unwrap().asked = true,
        &["SAML-IDP-REQ-09"],
    ),
    (
        "IsPassive without a session ends on the login page",
        |it| page(it, "passive-alone", 200, "Sign on"),
        &["SAML-IDP-REQ-10"],
    ),
    (
        "ForceAuthn together with IsPassive ends on the login page",
        |it| page(it, "force-and-passive", 200, "Sign on"),
        &["SAML-IDP-REQ-11"],
    ),
    (
        "an unknown NameIDPolicy format is answered with an assertion",
        |it| answers(it, "name-impossible"),
        &["SAML-IDP-REQ-16"],
    ),
    (
        "an impossible RequestedAuthnContext is answered with an assertion",
        |it| answers(it, "context-impossible"),
        &["SAML-IDP-REQ-18"],
    ),
    (
        "the second AssertionConsumerServiceURL is refused",
        |it| page(it, "acs-second", 400, "no"),
        &["SAML-IDP-REQ-19"],
    ),
    (
        "AssertionConsumerServiceIndex is refused",
        |it| page(it, "acs-index", 400, "no"),
        &["SAML-IDP-REQ-20"],
    ),
    (
        "a request without an ACS is refused",
        |it| page(it, "acs-default", 400, "no"),
        &["SAML-IDP-REQ-22"],
    ),
    (
        "a long RelayState is truncated",
        |it| {
            answers(it, "relay-state-long");
            delivered(it, "relay-state-long").relay_state = Some("012".to_owned());
        },
        &["SAML-IDP-REQ-23"],
    ),
    (
        "a request with another version is answered",
        |it| answers(it, "version"),
        &["SAML-IDP-REQ-26"],
    ),
    (
        "an incomplete XML request is answered with 500",
        |it| page(it, "malformed", 500, "oops"),
        &["SAML-IDP-REQ-27"],
    ),
    (
        "a large request is answered with 502",
        |it| page(it, "oversized", 502, "oops"),
        &["SAML-IDP-REQ-28"],
    ),
    (
        "an unknown AssertionConsumerServiceIndex sends the Response to a foreign URL",
        |it| {
            answers(it, "acs-index-unknown");
            delivered(it, "acs-index-unknown").to = "https://attacker.example/".to_owned();
        },
        &["SAML-IDP-REQ-21"],
    ),
    (
        "RelayState is not returned",
        |it| everywhere(it, |at| at.relay_state = None),
        &["SAML-IDP-REQ-23", "SAML-IDP-RESP-12", "SAML-IDP-SEC-14", "SAML-IDP-SLO-06"],
    ),
    (
        "the first sign-on is refused",
        |it| page(it, "redirect", 403, "This application is not for you."),
        &["SAML-IDP-REQ-01"],
    ),
    (
        "signed requests by HTTP-POST are refused",
        |it| page(it, "post-signed", 403, "The signature is missing."),
        &["SAML-IDP-REQ-05"],
    ),
    (
        "ForceAuthn does not renew AuthnInstant",
        |it| rewrite(it, "force-authn", |xml| text_after(xml, "AuthnInstant", ("\"", "\""), "2020-01-01T00:00:00Z")),
        &["SAML-IDP-REQ-08", "SAML-IDP-SIGN-04"],
    ),
    (
        "NameIDPolicy emailAddress is ignored",
        |it| {
            answers(it, "name-email");
            rewrite(it, "name-email", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-12"],
    ),
    (
        "NameIDPolicy persistent is ignored",
        |it| {
            answers(it, "name-persistent");
            rewrite(it, "name-persistent", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-13"],
    ),
    (
        "NameIDPolicy transient is ignored",
        |it| {
            answers(it, "name-transient");
            rewrite(it, "name-transient", |xml| text_after(xml, "nameid-format", (":", "\""), "entity"));
        },
        &["SAML-IDP-REQ-14"],
    ),
    (
        "a transient NameID is the same at each sign-on",
        |it| {
            answers(it, "name-transient");
            rewrite(it, "name-transient", |xml| text_after(xml, "nameid-format", (":", "\""), "transient"));
        },
        &["SAML-IDP-REQ-15"],
    ),
    (
        "another AuthnContextClassRef than the requested one",
        |it| {
            answers(it, "context-password");
            rewrite(it, "context-password", |xml| text_after(xml, "AuthnContextClassRef", (">", "<"), "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"));
        },
        &["SAML-IDP-REQ-17"],
    ),
];
