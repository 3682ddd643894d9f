//! Amendments of an honest recording: what an identity provider would have done
//! otherwise, and the checks that find it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::idp::Recording;
use rehearsal::check::idp::recording::{Delivered, Ending, Opened};

pub(crate) type Amendment = (&'static str, fn(&mut Recording), &'static [&'static str]);

/// Checks that nothing here shows to find what they are for: two announced keys
/// that both sign are no amendment of one recording.
pub(crate) const NOT_SHOWN: &[&str] = &["SAML-IDP-KEY-02"];

/// What it announces, amended, and so all the while. Nobody signs it then: a
/// signature would be wrong.
pub(crate) fn metadata(recording: &mut Recording, from: &str, to: &str) {
    const END: &str = "</ds:Signature>";
    let body = &mut recording.metadata.body;
    if let Some(begin) = body.find("<ds:Signature ") {
        let end = body.find(END).unwrap() + END.len();
        body.replace_range(begin..end, "");
    }
    assert!(body.contains(from), "{from} isn't in {body}");
    *body = body.replacen(from, to, 1);
    let body = body.clone();
    if let Some(after) = &mut recording.metadata_after {
        after.body = body;
    }
}

fn before(recording: &mut Recording, mark: &str, what: &str) {
    metadata(recording, mark, &format!("{what}{mark}"));
}

/// The trial ends on a page.
pub(crate) fn page(recording: &mut Recording, name: &str, status: u16, text: &str) {
    let trial = recording.trials.get_mut(name).unwrap();
    trial.ending = Ending::Page {
        url: "https://idp.example/page".to_owned(),
        status,
        text: text.to_owned(),
    };
}

pub(crate) fn delivered<'d>(recording: &'d mut Recording, name: &str) -> &'d mut Delivered {
    match &mut recording.trials.get_mut(name).unwrap().ending {
        Ending::Answer(delivered) => delivered,
        other => panic!("{name} ended with {other:?}"),
    }
}

/// The message of a trial, amended.
pub(crate) fn message(recording: &mut Recording, name: &str, edits: &[(&str, &str)]) {
    let delivered = delivered(recording, name);
    let mut xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
    for (from, to) in edits {
        assert!(xml.contains(from), "{from} isn't in {xml}");
        xml = xml.replace(from, to);
    }
    delivered.field = STANDARD.encode(xml);
}

/// The trial is answered with an assertion: that of the plain request, with
/// IDs of its own.
pub(crate) fn answers(recording: &mut Recording, name: &str) {
    let mut ending = recording.trials["session"].ending.clone();
    if let Ending::Answer(delivered) = &mut ending {
        let xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
        let mut out = String::new();
        for (at, part) in xml.split(" ID=\"_").enumerate() {
            if at > 0 {
                // Another first half of the ID.
                out.push_str(" ID=\"_");
                let shifted: String = part[..16].chars().rev().collect();
                // FNV-1a: names that begin or end alike get other IDs.
                let own = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                out.push_str(&format!("{own:016x}"));
                out.push_str(&shifted[16..]);
                out.push_str(&part[16..]);
            } else {
                out.push_str(part);
            }
        }
        delivered.field = STANDARD.encode(out);
    }
    recording.trials.get_mut(name).unwrap().ending = ending;
}

/// Every ordinary answer, amended.
fn everywhere(recording: &mut Recording, edit: impl Fn(&mut Delivered)) {
    for trial in recording.trials.values_mut() {
        if let Ending::Answer(delivered) = &mut trial.ending {
            edit(delivered);
        }
    }
}

/// The message of a trial, rewritten.
fn rewrite(recording: &mut Recording, name: &str, edit: impl Fn(&str) -> String) {
    let delivered = delivered(recording, name);
    let xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
    delivered.field = STANDARD.encode(edit(&xml));
}

/// Every answer that has an assertion, rewritten.
fn rewrite_all(recording: &mut Recording, edit: impl Fn(&str) -> String) {
    everywhere(recording, |at| {
        let Ok(bytes) = STANDARD.decode(&at.field) else {
            return;
        };
        match String::from_utf8(bytes) {
            Ok(xml) if xml.contains("AttributeStatement") => {
                at.field = STANDARD.encode(edit(&xml));
            }
            _ => {}
        }
    });
}

/// The text that stands behind `mark` and the next `open`, up to `close`, is
/// another.
fn text_after(xml: &str, mark: &str, (open, close): (&str, &str), text: &str) -> String {
    let at = xml
        .find(mark)
        .unwrap_or_else(|| panic!("{mark} isn't in {xml}"))
        + mark.len();
    let begin = at + xml[at..].find(open).unwrap() + open.len();
    let end = begin + xml[begin..].find(close).unwrap();
    format!("{}{text}{}", &xml[..begin], &xml[end..])
}

/// The first value of an attribute is another.
fn value(recording: &mut Recording, attribute: &str, text: &str) {
    let mark = format!("Name=\"{attribute}\"");
    rewrite_all(recording, |xml| {
        let at = xml
            .find(&mark)
            .unwrap_or_else(|| panic!("{mark} isn't in {xml}"));
        let rest = text_after(&xml[at..], "AttributeValue", (">", "<"), text);
        format!("{}{rest}", &xml[..at])
    });
}

/// Something in every assertion is written otherwise.
fn written(recording: &mut Recording, from: &str, to: &str) {
    rewrite_all(recording, |xml| {
        assert!(xml.contains(from), "{from} isn't in {xml}");
        xml.replace(from, to)
    });
}

/// What an identity provider does otherwise, and who finds it.
#[rustfmt::skip]
pub(crate) const AMENDMENTS: &[Amendment] = &[
    (
        "a DTD in the metadata",
        |it| before(it, "<md:EntityDescriptor", "<!DOCTYPE x>"),
        &["SAML-IDP-MD-01"],
    ),
    (
        "a service provider's metadata",
        |it| {
            it.metadata.body = "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"urn:x\"/>".to_owned();
        },
        &["SAML-IDP-MD-02"],
    ),
    (
        "something else than was signed",
        |it| {
            let body = &mut it.metadata.body;
            assert!(body.contains("<ds:Signature "), "{body}");
            *body = body.replacen("<md:NameIDFormat>", "<md:NameIDFormat> ", 1);
        },
        &["SAML-IDP-MD-19"],
    ),
    (
        "a format behind the endpoints",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:entity</md:NameIDFormat>",
            )
        },
        &["SAML-IDP-MD-03"],
    ),
    (
        "run out",
        |it| {
            metadata(
                it,
                "entityID=",
                "validUntil=\"2020-01-01T00:00:00Z\" entityID=",
            )
        },
        &["SAML-IDP-MD-05"],
    ),
    (
        "a cache of a second",
        |it| metadata(it, "entityID=", "cacheDuration=\"PT1S\" entityID="),
        &["SAML-IDP-MD-06"],
    ),
    (
        "a certificate that isn't one",
        |it| {
            metadata(
                it,
                "</md:KeyDescriptor>",
                "</md:KeyDescriptor><md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
            )
        },
        &["SAML-IDP-MD-07"],
    ),
    (
        "a short key, signed with SHA-1",
        |it| {
            metadata(
                it,
                "</md:KeyDescriptor>",
                &format!(
                    "</md:KeyDescriptor><md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{WEAK}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
                ),
            )
        },
        &["SAML-IDP-MD-08", "SAML-IDP-MD-10"],
    ),
    (
        "no HTTP-Redirect",
        |it| metadata(it, "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP"),
        &["SAML-IDP-MD-11"],
    ),
    (
        "no HTTP-POST",
        |it| metadata(it, "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP"),
        &["SAML-IDP-MD-12"],
    ),
    (
        "a binding that nobody knows",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:x\" Location=\"https://idp.example/\"/>",
            )
        },
        &["SAML-IDP-MD-13"],
    ),
    (
        "a relative address",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" Location=\"/sso\"/>",
            )
        },
        &["SAML-IDP-MD-14"],
    ),
    (
        "an address without TLS",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" Location=\"http://idp.example/sso\"/>",
            )
        },
        &["SAML-IDP-MD-15"],
    ),
    (
        "an address that isn't served",
        |it| {
            it.opened.push(Opened {
                what: "SingleLogoutService".to_owned(),
                method: "GET".to_owned(),
                url: "https://idp.example/".to_owned(),
                status: Some(404),
                trouble: None,
            })
        },
        &["SAML-IDP-MD-16"],
    ),
    (
        "HTML",
        |it| it.metadata.media_type = Some("text/html".to_owned()),
        &["SAML-IDP-MD-17"],
    ),
    (
        "a format that nobody knows",
        |it| {
            before(
                it,
                "<md:SingleSignOnService",
                "<md:NameIDFormat>urn:x</md:NameIDFormat>",
            )
        },
        &["SAML-IDP-MD-18"],
    ),
    (
        "a private key",
        |it| {
            metadata(
                it,
                "<md:IDPSSODescriptor",
                "<!-- -----BEGIN PRIVATE KEY----- --><md:IDPSSODescriptor",
            );
        },
        &["SAML-IDP-MD-01", "SAML-IDP-MD-20"],
    ),
    (
        "maybe signed",
        |it| {
            metadata(
                it,
                "WantAuthnRequestsSigned=\"false\"",
                "WantAuthnRequestsSigned=\"no\"",
            )
        },
        &["SAML-IDP-MD-21"],
    ),
    (
        "a key twice",
        |it| {
            let body = it.metadata.body.clone();
            let key = &body[body.find("<md:KeyDescriptor").unwrap()
                ..body.find("</md:KeyDescriptor>").unwrap()];
            before(
                it,
                "<md:KeyDescriptor",
                &format!("{key}</md:KeyDescriptor>"),
            );
        },
        &["SAML-IDP-MD-22"],
    ),
    (
        "an empty request breaks it",
        |it| it.opened.iter_mut().for_each(|at| at.status = Some(500)),
        &["SAML-IDP-REQ-29"],
    ),
    (
        "other keys afterwards",
        |it| {
            let after = it.metadata_after.as_mut().unwrap();
            after.body = after
                .body
                .replace("X509Certificate>MII", "X509Certificate>AAA");
        },
        &["SAML-IDP-KEY-01"],
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
    (
        "Responses in URLs",
        |it| delivered(it, "binding-redirect").binding = "HTTP-Redirect".to_owned(),
        &["SAML-IDP-RESP-14"],
    ),
    (
        "RelayState gets lost",
        |it| everywhere(it, |at| at.relay_state = None),
        &["SAML-IDP-REQ-23", "SAML-IDP-RESP-12", "SAML-IDP-SEC-14"],
    ),
    (
        "an answer comes too late",
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
        "the sign-on that starts here answers a request",
        |it| {
            message(
                it,
                "initiated",
                &[(" Destination=", " InResponseTo=\"_x\" Destination=")],
            )
        },
        &["SAML-IDP-INIT-01"],
    ),
    (
        "a certificate that ended",
        |it| it.metadata.at = "2200-01-01T00:00:00Z".parse().unwrap(),
        &["SAML-IDP-MD-09"],
    ),
    (
        "an entity ID that is no address",
        |it| metadata(it, "entityID=\"http://", "entityID=\""),
        &["SAML-IDP-ASSERT-01", "SAML-IDP-MD-04", "SAML-IDP-RESP-08"],
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
        "a name that is no address is called one",
        |it| {
            answers(it, "name-email");
            rewrite(it, "name-email", |xml| text_after(&text_after(xml, "<saml:NameID", (">", "<"), "grace"), "nameid-format", (":", "\""), "emailAddress"));
        },
        &["SAML-IDP-ASSERT-18"],
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
    (
        "sessions without a name",
        |it| rewrite_all(it, |xml| text_after(xml, "SessionIndex", ("\"", "\""), "")),
        &["SAML-IDP-ASSERT-15", "SAML-IDP-ID-04", "SAML-IDP-SIGN-04"],
    ),
    (
        "a context that nobody knows",
        |it| rewrite_all(it, |xml| text_after(xml, "AuthnContextClassRef", (">", "<"), "password")),
        &["SAML-IDP-ASSERT-16", "SAML-IDP-REQ-17", "SAML-IDP-SIGN-04"],
    ),
    (
        "no name",
        |it| written(it, " Name=\"name\"", " Name=\"login\""),
        &["SAML-IDP-ATTR-01", "SAML-IDP-SIGN-04"],
    ),
    (
        "no name for people",
        |it| written(it, " Name=\"displayname\"", " Name=\"full\""),
        &["SAML-IDP-ATTR-02", "SAML-IDP-SIGN-04"],
    ),
    (
        "no id",
        |it| written(it, " Name=\"objectidentifier\"", " Name=\"oid\""),
        &["SAML-IDP-ATTR-03", "SAML-IDP-SIGN-04"],
    ),
    (
        "no groups",
        |it| written(it, " Name=\"groups\"", " Name=\"memberOf\""),
        &["SAML-IDP-ATTR-04", "SAML-IDP-SIGN-04"],
    ),
    (
        "a capital letter",
        |it| written(it, " Name=\"displayname\"", " Name=\"displayName\""),
        &["SAML-IDP-ATTR-02", "SAML-IDP-ATTR-05", "SAML-IDP-SIGN-04"],
    ),
    (
        "an attribute twice",
        |it| written(it, " Name=\"objectidentifier\"", " Name=\"displayname\""),
        &["SAML-IDP-ATTR-03", "SAML-IDP-ATTR-06", "SAML-IDP-SIGN-04"],
    ),
    (
        "groups in one text",
        |it| value(it, "groups", "6b9c0a52-1,7d3c1f0e-2"),
        &["SAML-IDP-ATTR-07", "SAML-IDP-SIGN-04"],
    ),
    (
        "groups by their names",
        |it| value(it, "groups", "Desktop Users"),
        &["SAML-IDP-ATTR-08", "SAML-IDP-SIGN-04"],
    ),
    (
        "a format of names that nobody knows",
        |it| written(it, "attrname-format:", "attrname-format:our-"),
        &["SAML-IDP-ATTR-09", "SAML-IDP-SIGN-04"],
    ),
    (
        "a user name without a domain",
        |it| value(it, "name", "grace"),
        &["SAML-IDP-ATTR-11", "SAML-IDP-ATTR-13", "SAML-IDP-SIGN-04"],
    ),
    (
        "an empty name for people",
        |it| value(it, "displayname", ""),
        &["SAML-IDP-ATTR-12", "SAML-IDP-SIGN-04"],
    ),
    (
        "somebody else",
        |it| value(it, "name", "ada@lumen.example"),
        &["SAML-IDP-ATTR-13", "SAML-IDP-SIGN-04"],
    ),
    (
        "more than was asked for",
        |it| {
            let more: String = (0..9).map(|at| format!("<saml:Attribute Name=\"more{at}\"><saml:AttributeValue>1</saml:AttributeValue></saml:Attribute>")).collect();
            written(it, "</saml:AttributeStatement>", &format!("{more}</saml:AttributeStatement>"));
        },
        &["SAML-IDP-ATTR-14", "SAML-IDP-SIGN-04"],
    ),
    (
        "the logout ends on a page",
        |it| page(it, "logout", 500, "Something went wrong."),
        &["SAML-IDP-SLO-01"],
    ),
    (
        "the session outlives the logout",
        |it| answers(it, "logout-after"),
        &["SAML-IDP-SLO-02"],
    ),
    (
        "anybody can log people out",
        |it| page(it, "logout-still", 200, "Sign on"),
        &["SAML-IDP-SLO-03"],
    ),
];

/// A certificate of RSA 1024, signed with SHA-1; made for this test.
const WEAK: &str = "MIIB/DCCAWWgAwIBAgIUPIsrg51ISNSqMzY5dfd6izFE/yswDQYJKoZIhvcNAQEFBQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjUyMzM4MDJaGA8yMTI2MTEwMTIzMzgwMlowDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAvu3skKoPBat95iYu5XicQ+BzsBvUX6yM77Gm+v4/GwAESSBiVDYW1RLzsc8CTH2LsZ3YNmNw7fpduiab6+n0PoeVh0ALGIPtDkuoAzPJpEN8OR/QnaOZQcIvx1Aln+VP1vfu+f2mekdlHMfZSt0yZrc9ErmkdqlkSLul8p/o6RMCAwEAAaNTMFEwHQYDVR0OBBYEFDzB3Ve5enrTFUYd4uEzYuGq0qz1MB8GA1UdIwQYMBaAFDzB3Ve5enrTFUYd4uEzYuGq0qz1MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEFBQADgYEAZnPFY3qjB19MW0Y8kdNJZ4KAas4TFkDJ5GM1/5bMeGtZMPWZayTN5mnDZNFSvcKfwJTMsllI7haoUx0E7K7MXpTiNR/ZaCiWzisPZnNlKLDzG61qUZDDuG9nxCUiZsm4w9AFdsMGLYvD5B0E8ZcbhM6nyBxPAuXY/UALbFcmKl4=";
