//! Deviations in the Response and its delivery (judge: `response`).

use super::Deviation;
use super::edits::{delivered, everywhere, message};

#[rustfmt::skip]
pub(super) const RESPONSE: &[Deviation] = &[
    (
        "the Response is sent by HTTP-Redirect",
        |it| delivered(it, "binding-redirect").binding = "HTTP-Redirect".to_owned(),
        &["SAML-IDP-RESP-14"],
    ),
    (
        "the Response arrives four minutes late",
        |it| {
            everywhere(it, |at| {
                at.at = at
                    .at
                    .saturating_add(jiff::SignedDuration::from_secs(240))
                    .unwrap()
            })
        },
        &["SAML-IDP-RESP-11"],
    ),
    (
        "a Response with an error status answers another request",
        |it| message(it, "passive-alone", &[("InResponseTo=\"_", "InResponseTo=\"_x")]),
        &["SAML-IDP-RESP-15"],
    ),
    (
        "a Response with an error status is for another address",
        |it| message(it, "passive-alone", &[("Destination=\"http", "Destination=\"https")]),
        &["SAML-IDP-RESP-15"],
    ),
    (
        "a Response with an error status comes without RelayState",
        |it| delivered(it, "passive-alone").relay_state = None,
        &["SAML-IDP-RESP-15"],
    ),
    (
        "a Response with an error status has another Issuer",
        |it| message(it, "passive-alone", &[("</saml:Issuer>", "/other</saml:Issuer>")]),
        &["SAML-IDP-RESP-15"],
    ),
    (
        "the clock of the identity provider is two hours slow",
        |it| {
            everywhere(it, |at| {
                at.at = at
                    .at
                    .saturating_add(jiff::SignedDuration::from_hours(2))
                    .unwrap()
            })
        },
        &["SAML-IDP-ASSERT-06"],
    ),
    (
        "the clock of the identity provider is two hours fast",
        |it| {
            everywhere(it, |at| {
                at.at = at
                    .at
                    .saturating_sub(jiff::SignedDuration::from_hours(2))
                    .unwrap()
            })
        },
        &["SAML-IDP-ASSERT-09"],
    ),
];
