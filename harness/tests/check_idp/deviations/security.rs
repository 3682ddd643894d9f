//! Deviations that an attacker can use (judge: `security`).

use rehearsal::check::idp::recording::Ending;

use super::Deviation;
use super::edits::{answers, delivered, page};

#[rustfmt::skip]
pub(super) const SECURITY: &[Deviation] = &[
    (
        "attackers get answers",
        |it| {
            answers(it, "acs-attacker");
            delivered(it, "acs-attacker").to = "https://attacker.example/acs".to_owned();
        },
        &["SAML-IDP-SEC-01"],
    ),
    (
        "attackers get answers to signed requests",
        |it| {
            answers(it, "acs-attacker-signed");
            delivered(it, "acs-attacker-signed").to = "https://attacker.example/acs".to_owned();
        },
        &["SAML-IDP-SEC-02"],
    ),
    (
        "addresses are compared by their beginning",
        |it| {
            answers(it, "acs-begins-alike");
            delivered(it, "acs-begins-alike").to += ".attacker.example";
        },
        &["SAML-IDP-SEC-03"],
    ),
    (
        "addresses are searched",
        |it| {
            answers(it, "acs-user-info");
            delivered(it, "acs-user-info").to = "https://sp@attacker.example/".to_owned();
        },
        &["SAML-IDP-SEC-04"],
    ),
    (
        "addresses are compared by host",
        |it| {
            answers(it, "acs-other-path");
            delivered(it, "acs-other-path").to += "/x";
        },
        &["SAML-IDP-SEC-05"],
    ),
    (
        "strangers get answers",
        |it| answers(it, "issuer-unknown"),
        &["SAML-IDP-SEC-06"],
    ),
    (
        "requests for others are answered",
        |it| answers(it, "destination-wrong"),
        &["SAML-IDP-SEC-07"],
    ),
    (
        "changed requests are answered",
        |it| answers(it, "redirect-tampered"),
        &["SAML-IDP-SEC-08"],
    ),
    (
        "changed requests by POST are answered",
        |it| answers(it, "post-tampered"),
        &["SAML-IDP-SEC-09"],
    ),
    (
        "any key signs requests",
        |it| answers(it, "redirect-foreign-key"),
        &["SAML-IDP-SEC-10"],
    ),
    (
        "any key signs requests by POST",
        |it| answers(it, "post-foreign-key"),
        &["SAML-IDP-SEC-11"],
    ),
    (
        "entities are expanded",
        |it| answers(it, "entity-internal"),
        &["SAML-IDP-SEC-12"],
    ),
    (
        "entities are fetched",
        |it| {
            it.trials.get_mut("entity-external").unwrap().ending = Ending::Failed {
                why: "the address in the DTD was fetched".to_owned(),
            }
        },
        &["SAML-IDP-SEC-13"],
    ),
    (
        "RelayState is markup",
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
        "the issuer is markup",
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
        "users who are switched off sign on",
        |it| answers(it, "disabled-user"),
        &["SAML-IDP-SEC-16"],
    ),
    (
        "unknown users are told",
        |it| page(it, "unknown-user", 404, "Unknown user"),
        &["SAML-IDP-SEC-17"],
    ),
    (
        "users who are switched off are told",
        |it| page(it, "disabled-wrong", 403, "Disabled"),
        &["SAML-IDP-SEC-18"],
    ),
    (
        "answers are cached",
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
        "cookies for scripts",
        |it| {
            it.trials.get_mut("redirect").unwrap().pages[0]
                .cookies
                .push("sid=•••; Path=/".to_owned())
        },
        &["SAML-IDP-SEC-20"],
    ),
    (
        "pages in frames",
        |it| {
            it.trials
                .values_mut()
                .for_each(|at| at.pages.iter_mut().for_each(|page| page.unframed = false))
        },
        &["SAML-IDP-SEC-21"],
    ),
    (
        "any password will do",
        |it| {
            answers(it, "wrong-password");
        },
        &["SAML-IDP-SEC-22"],
    ),
];
