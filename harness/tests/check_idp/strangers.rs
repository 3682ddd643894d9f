//! Identity providers that behave like real products. Some have habits that look like faults but
//! are not; some have several real faults. Each has the exact list of findings that is true for it.
//! An edit of a message also breaks its signature, which SAML-IDP-SIGN-04 finds.

use rehearsal::check::idp::Recording;
use rehearsal::check::idp::recording::Ending;

use super::deviations::Deviation;
use super::deviations::edits::{
    answers, delivered, message, metadata, page, rewrite, rewrite_all, text_after,
};

/// Makes the trial end at the default ACS URL, also in the message.
fn at_default(recording: &mut Recording, name: &str) {
    let (first, second) = (
        recording.party.acs[0].clone(),
        recording.party.acs[1].clone(),
    );
    message(recording, name, &[(&second, &first)]);
    delivered(recording, name).to = first;
}

/// Makes the trial end at the second ACS URL, also in the message.
fn at_second(recording: &mut Recording, name: &str) {
    let (first, second) = (
        recording.party.acs[0].clone(),
        recording.party.acs[1].clone(),
    );
    let quoted = |url: &str| format!("\"{url}\"");
    message(recording, name, &[(&quoted(&first), &quoted(&second))]);
    delivered(recording, name).to = second;
}

/// Makes the trial end without a question for a password: another way of sign-on, or a
/// stub.
fn asks_nobody(recording: &mut Recording, name: &str) {
    page(recording, name, 200, "Use your security key.");
    recording.trials.get_mut(name).unwrap().asked = false;
}

/// Makes the page that refuses the sign-on contain the name of the user.
fn refuses_by_name(recording: &mut Recording, name: &str) {
    let pages = &recording.trials[name].pages;
    let sent = pages.iter().flat_map(|page| page.sent.lines());
    let user = sent
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| value.to_owned())
        .find(|value| value.contains('@'))
        .unwrap();
    let text = format!(
        "Hello {}, that was not right. Try again.",
        user.to_uppercase()
    );
    page(recording, name, 200, &text);
}

/// Writes this text into every NotOnOrAfter.
fn ends_at(recording: &mut Recording, end: &str) {
    rewrite_all(recording, |xml| {
        let mut parts = xml.split(" NotOnOrAfter=\"");
        let mut out = parts.next().unwrap().to_owned();
        for part in parts {
            let (_, rest) = part.split_once('"').unwrap();
            out.push_str(&format!(" NotOnOrAfter=\"{end}\"{rest}"));
        }
        out
    });
}

#[rustfmt::skip]
pub(crate) const STRANGERS: &[Deviation] = &[
    (
        "answers at the default address, whatever address was asked for",
        |it| {
            at_default(it, "acs-second");
            at_default(it, "acs-index");
        },
        &["SAML-IDP-REQ-19", "SAML-IDP-SIGN-04"],
    ),
    (
        "answers at the last address, whatever address was asked for",
        |it| {
            at_second(it, "redirect");
            at_second(it, "acs-default");
        },
        &["SAML-IDP-REQ-19", "SAML-IDP-SIGN-04"],
    ),
    (
        "refuses a request with a DTD, and every other request by HTTP-POST too",
        |it| {
            for name in ["post-unsigned", "post-signed", "entity-internal"] {
                page(it, name, 400, "The request cannot be read.");
            }
        },
        &["SAML-IDP-REQ-04", "SAML-IDP-REQ-05"],
    ),
    (
        "sets a cookie against forged requests that scripts can read",
        |it| {
            let trial = it.trials.get_mut("redirect").unwrap();
            trial.pages[0].cookies.push("csrftoken=...; Path=/; SameSite=Lax".to_owned());
        },
        &[],
    ),
    (
        "takes a sign-on of some seconds ago for a new one",
        |it| {
            let later = it.trials["force-authn"].clone();
            it.trials.insert("force-authn-later".to_owned(), later);
            answers(it, "force-authn-later");
            rewrite(it, "force-authn-later", |xml| text_after(xml, "AuthnInstant", ("\"", "\""), "2099-01-01T00:00:00Z"));
            it.trials.get_mut("force-authn").unwrap().asked = false;
        },
        &[],
    ),
    (
        "the same, and keeps the time of the first sign-on (AuthnInstant)",
        |it| {
            let later = it.trials["force-authn"].clone();
            it.trials.insert("force-authn-later".to_owned(), later);
            answers(it, "force-authn-later");
            it.trials.get_mut("force-authn").unwrap().asked = false;
        },
        &["SAML-IDP-REQ-08"],
    ),
    (
        "the same, and was not asked again later",
        |it| it.trials.get_mut("force-authn").unwrap().asked = false,
        &[],
    ),
    (
        "asks for a name alone, as a stub does",
        |it| {
            answers(it, "wrong-password");
            answers(it, "unknown-user");
            for name in ["wrong-password", "unknown-user"] {
                let pages = &mut it.trials.get_mut(name).unwrap().pages;
                pages.iter_mut().for_each(|page| page.asks = false);
            }
        },
        &[],
    ),
    (
        "shows its page to every request with a session too, so that no logout can be seen",
        |it| {
            for name in ["passive", "passive-alone", "force-and-passive", "logout-after", "logout-still"] {
                page(it, name, 200, "Continue as Grace?");
                it.trials.get_mut(name).unwrap().asked = true;
            }
        },
        &["SAML-IDP-REQ-09"],
    ),
    (
        "verifies no signature of a request",
        |it| {
            for name in ["redirect-tampered", "redirect-foreign-key", "post-tampered", "post-foreign-key"] {
                answers(it, name);
            }
        },
        &["SAML-IDP-SEC-08"],
    ),
    (
        "verifies signatures by HTTP-POST alone",
        |it| {
            answers(it, "redirect-tampered");
            answers(it, "redirect-foreign-key");
        },
        &["SAML-IDP-SEC-08"],
    ),
    (
        "refuses every signed request: the key is not registered",
        |it| {
            page(it, "redirect-signed", 400, "Invalid signature");
            page(it, "post-signed", 400, "Invalid signature");
        },
        &["SAML-IDP-REQ-03", "SAML-IDP-REQ-05"],
    ),
    (
        "reads no RequestedAuthnContext and no NameIDPolicy",
        |it| {
            for name in ["name-email", "name-persistent", "name-transient", "name-transient-again", "name-impossible", "context-password", "context-impossible"] {
                answers(it, name);
            }
        },
        &["SAML-IDP-REQ-12", "SAML-IDP-REQ-18"],
    ),
    (
        "announces a logout address that is not served",
        |it| {
            let url = it.opened.iter().find(|at| at.what == "SingleLogoutService").unwrap().url.clone();
            for at in it.opened.iter_mut().filter(|at| at.url == url) {
                at.status = Some(404);
            }
            let trial = it.trials.get_mut("logout").unwrap();
            trial.ending = Ending::Page { url: format!("{url}?SAMLRequest=x"), status: 404, text: "Cannot GET".to_owned() };
            answers(it, "logout-after");
        },
        &["SAML-IDP-MD-16"],
    ),
    (
        "froze at a megabyte until it was restarted",
        |it| {
            let trial = it.trials.get_mut("oversized").unwrap();
            trial.ending = Ending::NoAnswer { why: "no answer within 30 s".to_owned() };
            trial.harm = Some("an honest sign-on failed afterwards: no answer within 30 s; it worked again at attempt 2".to_owned());
        },
        &["SAML-IDP-DOS-01"],
    ),
    (
        "answers every issuer for the one service provider that it knows",
        |it| {
            answers(it, "issuer-unknown");
            answers(it, "entity-internal");
        },
        &["SAML-IDP-SEC-06"],
    ),
    (
        "asks for a security key, not for a password",
        |it| {
            asks_nobody(it, "wrong-password");
            asks_nobody(it, "unknown-user");
            asks_nobody(it, "disabled-wrong");
        },
        &[],
    ),
    (
        "names the person in its refusal",
        |it| {
            refuses_by_name(it, "wrong-password");
            refuses_by_name(it, "unknown-user");
            refuses_by_name(it, "disabled-wrong");
        },
        &[],
    ),
    (
        "sends its refusal with other line breaks each time",
        |it| {
            page(it, "wrong-password", 200, "Name or password\nis wrong.");
            page(it, "unknown-user", 200, "Name or  password is\nwrong.");
            page(it, "disabled-wrong", 200, "Name or password is wrong.");
        },
        &[],
    ),
    (
        "has no single logout",
        |it| {
            while it.metadata.body.contains("<md:SingleLogoutService") {
                let body = it.metadata.body.clone();
                let begin = body.find("<md:SingleLogoutService").unwrap();
                let end = body[begin..].find('>').unwrap() + begin + 1;
                let element = body[begin..end].to_owned();
                metadata(it, &format!("{element}</md:SingleLogoutService>"), "");
            }
            for name in ["logout", "logout-after", "logout-still", "logout-unsigned"] {
                it.trials.remove(name);
            }
        },
        &[],
    ),
    (
        "refuses each thing that it does not offer with a page",
        |it| {
            for name in ["name-impossible", "context-impossible", "acs-index-unknown", "version", "malformed"] {
                page(it, name, 400, "This request is not supported.");
            }
        },
        &[],
    ),
    (
        "takes a document type declaration, without its entities",
        |it| page(it, "entity-internal", 200, "Unknown application &who;"),
        &[],
    ),
    (
        "answers stale and future requests as any other",
        |it| {
            answers(it, "stale");
            answers(it, "future");
        },
        &[],
    ),
    (
        "shows the sign-on page although the request is passive",
        |it| {
            for name in ["passive-new", "force-and-passive"] {
                if it.trials.contains_key(name) {
                    page(it, name, 200, "Sign on");
                    it.trials.get_mut(name).unwrap().asked = true;
                }
            }
        },
        &["SAML-IDP-REQ-11"],
    ),
    (
        "ends every session at an unsigned logout",
        |it| page(it, "logout-still", 200, "Sign on"),
        &["SAML-IDP-SLO-03"],
    ),
    (
        "answers a logout with an error of its own",
        |it| page(it, "logout", 500, "NullReferenceException"),
        &["SAML-IDP-SLO-01"],
    ),
    (
        "signs on everybody whose name is right",
        |it| answers(it, "wrong-password"),
        &["SAML-IDP-SEC-22"],
    ),
    (
        "drops the connection at a megabyte and goes on",
        |it| {
            it.trials.get_mut("oversized").unwrap().ending = Ending::NoAnswer {
                why: "the connection was closed".to_owned(),
            };
        },
        &[],
    ),
    (
        "lets users who are switched off, and strangers' requests, in",
        |it| {
            answers(it, "disabled-user");
            answers(it, "issuer-unknown");
        },
        &["SAML-IDP-SEC-06", "SAML-IDP-SEC-16"],
    ),
    (
        "an XML declaration with standalone, as Java writes it",
        |it| rewrite_all(it, |xml| {
            let (_, document) = xml.split_once("<samlp:Response").unwrap_or(("", xml));
            let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
            format!("{declaration}<samlp:Response{document}")
        }),
        &[],
    ),
    (
        "ends that lie in the past, in another zone than UTC",
        |it| ends_at(it, "2020-01-01T01:00:00+01:00"),
        &["SAML-IDP-ASSERT-06", "SAML-IDP-ASSERT-09", "SAML-IDP-RESP-10", "SAML-IDP-SIGN-04"],
    ),
    (
        "ends that are no time",
        |it| ends_at(it, "never"),
        &["SAML-IDP-ASSERT-06", "SAML-IDP-ASSERT-09", "SAML-IDP-RESP-10", "SAML-IDP-SIGN-04"],
    ),
];
