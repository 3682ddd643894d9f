//! The table of strangers.

use saml::acceptance::SignaturePolicy as Policy;

use super::super::broken_sp::{Manner, Switch, always, issuer_addresses, named_addresses};
use super::super::broken_sp::{Switch as S, USER};
use super::{STRANGER, Stranger};

fn stranger(name: &'static str, switches: &[Switch], finds: &[&'static str]) -> Stranger {
    Stranger {
        name,
        switches: switches.to_vec(),
        finds: Ok(finds.to_vec()),
        ..STRANGER
    }
}

fn ends(name: &'static str, switches: &[Switch], code: &'static str) -> Stranger {
    Stranger {
        finds: Err(code),
        passes: 0,
        ..stranger(name, switches, &[])
    }
}

fn passes(passes: usize, stranger: Stranger) -> Stranger {
    Stranger { passes, ..stranger }
}

fn expect(user: &'static str, expect: &'static str, stranger: Stranger) -> Stranger {
    Stranger {
        user,
        expect,
        ..stranger
    }
}

fn has_comment(document: &str) -> bool {
    document.contains("<!-- -->")
}

fn has_sha1(document: &str) -> bool {
    document.contains("xmldsig#sha1\"") || document.contains("#rsa-sha1\"")
}

fn has_no_name(document: &str) -> bool {
    !document.contains("NameID")
}

fn has_no_destination(document: &str) -> bool {
    !document.contains("Destination")
}

fn destination_begins_alike(document: &str) -> bool {
    let value = document.split_once("Destination=\"");
    let value = value.and_then(|(_, rest)| rest.split_once('"'));
    value.is_some_and(|(destination, _)| destination.ends_with(".intruder.example"))
}

fn is_deep(document: &str) -> bool {
    document.contains("<n><n><n><n>")
}

fn has_entities(document: &str) -> bool {
    document.contains("<!DOCTYPE")
}

fn before_comma(name: String) -> String {
    let first = name.split(',').next();
    first.unwrap_or_default().to_owned()
}

fn upper(name: String) -> String {
    name.to_uppercase()
}

/// Returns all strangers.
pub(crate) fn strangers() -> Vec<Stranger> {
    let unsigned = [
        "not-signed",
        "signature-invalid",
        "signature-algorithm",
        "signature-misplaced",
    ];
    let unsigned: Vec<Switch> = unsigned.map(|it| S::Waves(it, always)).to_vec();
    vec![
        stranger("an honest one", &[], &[]),
        // Signatures.
        stranger(
            "wants assertions signed, says so, and refuses a Response signed alone",
            &[S::Demands(Policy::Assertion, true)],
            &[],
        ),
        stranger(
            "the same, and accepts a signed Response without Destination (python3-saml)",
            &[
                S::Demands(Policy::Assertion, true),
                S::Waves("wrong-destination", has_no_destination),
            ],
            &["SAML-SP-COND-16"],
        ),
        stranger(
            "accepts a Destination that begins with its own URL (python3-saml)",
            &[S::Waves("wrong-destination", destination_begins_alike)],
            &["SAML-SP-COND-25"],
        ),
        stranger(
            "wants assertions signed, and its metadata says nothing",
            &[S::Demands(Policy::Assertion, false)],
            &["warning SAML-SP-GOOD-02"],
        ),
        passes(
            40,
            stranger(
                "demands a signed Response (wantMessagesSigned of python3-saml, AD FS)",
                &[S::Demands(Policy::Response, false)],
                &["warning SAML-SP-GOOD-01"],
            ),
        ),
        passes(
            270,
            stranger(
                "demands both signatures",
                &[S::Demands(Policy::Both, false)],
                &["warning SAML-SP-GOOD-01", "warning SAML-SP-GOOD-02"],
            ),
        ),
        passes(
            60,
            stranger(
                "checks no signature",
                &unsigned,
                &["SAML-SP-SIG-02 +79", "warning SAML-SP-SIG-36"],
            ),
        ),
        stranger(
            "accepts SHA-1 for old identity providers",
            &[S::Waves("signature-algorithm", has_sha1)],
            &["SAML-SP-ALG-01 +1"],
        ),
        passes(
            295,
            stranger("takes encrypted assertions only", &[S::Decrypts], &[]),
        ),
        // The account is that of another name; only the attribute loses its last character.
        Stranger {
            skips: &["SAML-SP-INJ-11"],
            ..expect(
                USER,
                "mail=jo@corp\\.example;",
                stranger(
                    "identifies users by NameID and shows an attribute",
                    &[S::AnyDomain, S::Flaw("shows-mail")],
                    &[],
                ),
            )
        },
        // It refuses every encrypted assertion and name, so a refusal of a faulty one proves
        // nothing. The signature shows an added attribute (ENC-23), whether it is encrypted or not.
        Stranger {
            skips: &[
                "SAML-SP-ENC-0",
                "SAML-SP-ENC-1",
                "SAML-SP-ENC-20",
                "SAML-SP-ENC-21",
                "SAML-SP-ENC-22",
            ],
            ..stranger(
                "announces an encryption certificate without having its key",
                &[S::LostKey],
                &["warning SAML-SP-GOOD-15 +4"],
            )
        },
        // Requests.
        stranger(
            "takes logins that begin at the identity provider only",
            &[S::Unsolicited],
            &[],
        ),
        stranger(
            "ignores InResponseTo",
            &[
                S::Waves("wrong-in-response-to", always),
                S::Waves("request-cookie-missing", always),
            ],
            &["SAML-SP-COND-21 +5"],
        ),
        stranger(
            "keeps its requests for all browsers together",
            &[S::Waves("request-cookie-missing", always)],
            &["SAML-SP-REPLAY-03 +2"],
        ),
        stranger(
            "has several assertion consumer services, and asks by number",
            &[S::AcsIndex(3)],
            &[],
        ),
        stranger(
            "has no replay cache",
            &[S::Waves("assertion-replayed", always)],
            &["SAML-SP-REPLAY-01 +1"],
        ),
        stranger(
            "refuses an ID that it knows before it verifies the signature (Shibboleth)",
            &[S::RemembersIds],
            &[],
        ),
        stranger(
            "the same, and accepts a signature of another element",
            &[S::RemembersIds, S::Waves("signature-misplaced", always)],
            &[
                "SAML-SP-SIG-04",
                "SAML-SP-SIG-17",
                "SAML-SP-SIG-18 +1",
                "SAML-SP-SIG-19",
                "SAML-SP-SIG-20",
                "SAML-SP-SIG-21",
                "SAML-SP-SIG-22",
                "SAML-SP-SIG-23",
                "SAML-SP-SIG-24",
                "SAML-SP-SIG-26",
                "SAML-SP-SIG-32",
                "SAML-SP-SIG-34",
                "SAML-SP-SIG-35",
                "warning SAML-SP-SIG-36",
                "SAML-SP-SIG-39",
                "SAML-SP-SIG-40",
                "SAML-SP-XSW-01 +7",
                "SAML-SP-XSW-26",
                "SAML-SP-XSW-44",
            ],
        ),
        stranger(
            "does not look at the audience",
            &[S::Waves("wrong-audience", always)],
            &["SAML-SP-COND-09 +5"],
        ),
        // Cookies.
        ends(
            "loses its cookie to SameSite",
            &[S::LaxCookies],
            "cookie-lost",
        ),
        ends(
            "has a cookie that no browser stores (mod_auth_mellon without HTTPS)",
            &[S::UnsafeCookies],
            "cookie-lost",
        ),
        stranger(
            "posts the Response again from its own site, for its cookie's sake",
            &[S::LaxCookies, S::PostsAgain],
            &[],
        ),
        // Refusals.
        stranger(
            "answers a refusal with 200 and the name of the user",
            &[S::Refuses(Manner::Greeting)],
            &[],
        ),
        stranger(
            "answers a refusal with 401 and JSON",
            &[S::Refuses(Manner::Json)],
            &[],
        ),
        stranger(
            "sends who is refused to the login page, and that to the identity provider",
            &[S::Refuses(Manner::ToLogin), S::RedirectsProbe],
            &[],
        ),
        stranger(
            "answers a refusal with 500 and the page of its framework",
            &[S::Refuses(Manner::Crash)],
            // It refuses the domain CORP.EXAMPLE.
            &["warning SAML-SP-JIT-04"],
        ),
        stranger("limits how often it may be asked", &[S::Limits(7)], &[]),
        stranger(
            "has a firewall that breaks connections off at a DTD",
            &[S::BreaksOff(has_entities)],
            &[],
        ),
        stranger(
            "dies at deep nesting, and is started again",
            &[S::Dies(is_deep)],
            &["SAML-SP-DOS-02"],
        ),
        // Slowness. A refusal may take as long as --timeout says, 30 seconds by default.
        stranger(
            "takes half a minute for each refusal",
            &[S::RefusesAfter(29)],
            &[],
        ),
        stranger(
            "takes half a minute for every message, also for honest ones",
            &[S::Takes(always, 29)],
            &[],
        ),
        stranger(
            "takes half a minute to refuse deep nesting",
            &[S::Takes(is_deep, 29)],
            &[],
        ),
        stranger(
            "is slow at deep nesting and at the two logins after it",
            &[S::SlowsDown(is_deep, 3, 60)],
            &[],
        ),
        stranger(
            "is slow from deep nesting on",
            &[S::SlowsDown(is_deep, usize::MAX, 60)],
            &["SAML-SP-DOS-02"],
        ),
        // Names.
        expect(
            "jo@corp.example",
            "jo@corp\\.example",
            stranger(
                "makes an account for every name, and shows it on a page",
                &[S::AnyDomain, S::HtmlProbe],
                &[],
            ),
        ),
        expect(
            "Jo@Corp.example",
            "(?i)jo@corp\\.example",
            stranger(
                "the same, in capitals",
                &[S::AnyDomain, S::Names(upper)],
                &[],
            ),
        ),
        stranger(
            "knows its one user, and makes no accounts",
            &[S::KnownUsers],
            &[],
        ),
        stranger(
            "takes the first of two addresses",
            &[S::Names(before_comma)],
            &["SAML-SP-INJ-06"],
        ),
        stranger(
            "reads a name up to its first comment (CVE-2017-11427)",
            &[S::Waves("wrong-domain", has_comment)],
            &["SAML-SP-XML-06"],
        ),
        stranger(
            "finds its users by an attribute, and needs no NameID",
            &[S::Waves("no-name-id", has_no_name)],
            &[],
        ),
        stranger(
            "fetches whatever a message names, and refuses it",
            &[S::Fetches(named_addresses)],
            &[
                "SAML-SP-ALG-27",
                "SAML-SP-SIG-15",
                "SAML-SP-SIG-19",
                "SAML-SP-XML-04",
                "SAML-SP-XML-30",
                "SAML-SP-XML-31",
                "SAML-SP-XML-32",
                "SAML-SP-XML-33",
                "SAML-SP-XML-38",
            ],
        ),
        stranger(
            "fetches the issuers of certificates, and refuses them",
            &[S::Fetches(issuer_addresses)],
            &["SAML-SP-ALG-03", "SAML-SP-SIG-13"],
        ),
        stranger("reads UTF-16", &[S::ReadsUtf16], &[]),
        // It accepts every message but never logs in the victim, so there is no finding.
        stranger(
            "logs every message in under the attacker's own name",
            &[S::LogsInAs("mallory@corp.example")],
            &[],
        ),
    ]
}
