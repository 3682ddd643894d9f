//! Deviations that an attacker can use (judge: `security`).

use rehearsal::check::idp::recording::Ending;

use super::Deviation;
use super::edits::{answers, delivered, page};

#[rustfmt::skip]
pub(super) const SECURITY: &[Deviation] = &[
    (
        "the Response is sent to the ACS URL of an attacker",
        |it| {
            answers(it, "acs-attacker");
            delivered(it, "acs-attacker").to = "https://attacker.example/acs".to_owned();
        },
        &["SAML-IDP-SEC-01"],
    ),
    (
        "the Response to a signed request is sent to the ACS URL of an attacker",
        |it| {
            answers(it, "acs-attacker-signed");
            delivered(it, "acs-attacker-signed").to = "https://attacker.example/acs".to_owned();
        },
        &["SAML-IDP-SEC-02"],
    ),
    (
        "only the beginning of the ACS URL is compared",
        |it| {
            answers(it, "acs-begins-alike");
            delivered(it, "acs-begins-alike").to += ".attacker.example";
        },
        &["SAML-IDP-SEC-03"],
    ),
    (
        "the ACS URL is only searched for the registered host",
        |it| {
            answers(it, "acs-user-info");
            delivered(it, "acs-user-info").to = "https://sp@attacker.example/".to_owned();
        },
        &["SAML-IDP-SEC-04"],
    ),
    (
        "only the host of the ACS URL is compared",
        |it| {
            answers(it, "acs-other-path");
            delivered(it, "acs-other-path").to += "/x";
        },
        &["SAML-IDP-SEC-05"],
    ),
    (
        "an unknown Issuer is answered",
        |it| answers(it, "issuer-unknown"),
        &["SAML-IDP-SEC-06"],
    ),
    (
        "a request with another Destination is answered",
        |it| answers(it, "destination-wrong"),
        &["SAML-IDP-SEC-07"],
    ),
    (
        "a signed request that was changed, by HTTP-Redirect, is answered",
        |it| answers(it, "redirect-tampered"),
        &["SAML-IDP-SEC-08"],
    ),
    (
        "a signed request that was changed, by HTTP-POST, is answered",
        |it| answers(it, "post-tampered"),
        &["SAML-IDP-SEC-09"],
    ),
    (
        "a request signed with another key, by HTTP-Redirect, is answered",
        |it| answers(it, "redirect-foreign-key"),
        &["SAML-IDP-SEC-10"],
    ),
    (
        "a request signed with another key, by HTTP-POST, is answered",
        |it| answers(it, "post-foreign-key"),
        &["SAML-IDP-SEC-11"],
    ),
    (
        "an internal entity is expanded",
        |it| answers(it, "entity-internal"),
        &["SAML-IDP-SEC-12"],
    ),
    (
        "an external entity is fetched",
        |it| {
            it.trials.get_mut("entity-external").unwrap().ending = Ending::Failed {
                why: "the address in the DTD was fetched".to_owned(),
            }
        },
        &["SAML-IDP-SEC-13"],
    ),
    (
        "RelayState is written to a page without escaping",
        |it| {
            it.trials
                .get_mut("relay-state-markup")
                .unwrap()
                .pages
                .last_mut()
                .unwrap()
                .body
                .push_str("<script>alert('rehearsal')</script>")
        },
        &["SAML-IDP-SEC-14"],
    ),
    (
        "the Issuer is written to a page without escaping",
        |it| {
            it.trials
                .get_mut("issuer-markup")
                .unwrap()
                .pages
                .last_mut()
                .unwrap()
                .body
                .push_str("<script>alert('rehearsal')</script>")
        },
        &["SAML-IDP-SEC-15"],
    ),
    (
        "a disabled user can sign on",
        |it| answers(it, "disabled-user"),
        &["SAML-IDP-SEC-16"],
    ),
    (
        "the page for an unknown user differs from that for a wrong password",
        |it| page(it, "unknown-user", 404, "Unknown user"),
        &["SAML-IDP-SEC-17"],
    ),
    (
        "the page for a disabled user differs from that for a wrong password",
        |it| page(it, "disabled-wrong", 403, "Disabled"),
        &["SAML-IDP-SEC-18"],
    ),
    (
        "the pages can be cached",
        |it| {
            it.trials.values_mut().for_each(|at| {
                at.pages
                    .iter_mut()
                    .for_each(|page| page.cache_control = "max-age=60".to_owned())
            })
        },
        &["SAML-IDP-SEC-19"],
    ),
    (
        "a cookie without HttpOnly",
        |it| {
            it.trials.get_mut("redirect").unwrap().pages[0]
                .cookies
                .push("sid=•••; Path=/".to_owned())
        },
        &["SAML-IDP-SEC-20"],
    ),
    (
        "the pages can be shown in frames",
        |it| {
            it.trials
                .values_mut()
                .for_each(|at| at.pages.iter_mut().for_each(|page| page.unframed = false))
        },
        &["SAML-IDP-SEC-21"],
    ),
    (
        "a wrong password is accepted",
        |it| {
            answers(it, "wrong-password");
        },
        &["SAML-IDP-SEC-22"],
    ),
    (
        "an attribute contains the password",
        |it| it.password_attributes = Some(["pw".to_owned()].into()),
        &["SAML-IDP-SEC-23"],
    ),
];
