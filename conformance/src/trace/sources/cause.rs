//! Says what an input without a SAML message is, and what to do: an error page with a known code, an
//! artifact, a key, a token of OpenID Connect, or a HAR file that was recorded too late.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use regex::Regex;
use serde_json::Value;

use super::SourceError;
use crate::inspection::certificate::Certificate;
use crate::inspection::message::{STANDARD, percent_decoded};
use crate::inspection::parse;
use crate::trace::status;

/// Longest text that can be a placeholder, in bytes.
const LONGEST_PLACEHOLDER: usize = 300;

/// Number of hosts of a HAR file that are named.
const MOST_HOSTS: usize = 5;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern written here compiles")
}

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^(?:SAML(?:Request|Response)["']?\s*[=:]\s*)?["'“]?(?:…|\.{3,}|<[a-z0-9 _.…-]+>|\{\{[^{}]*\}\}|\{[a-z0-9 _.-]*\}|\$\{[^{}]*\}|\$\(?[a-z_]+\)?|%[a-z_]+%?|\[[a-z0-9 _.…-]+\]|x{3,}|\*{3,}|undefined|null)["'”]?[,;]?$"#,
    )
});

/// A value that a log or tool wrote in place of the message.
static REPLACED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(SAML(?:Request|Response))\\?["'’]?\s*(?:=>|=|:|,\s*["']?value["']?\s*[:=])\s*\\?["']?(\[(?:filtered|redacted|removed|hidden|masked)[^\]]{0,20}\]|%5B(?:filtered|redacted)%5D|<(?:redacted|filtered|hidden)>|\*{3,}|x{4,}|undefined\b|null\b|\(null\))"#,
    )
});

static OAUTH_ANSWER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[?&#]code=[^&\s]+.*&(?:state|session_state|iss|scope)=|[?&#](?:state|session_state|iss|scope)=[^\s]*&code=",
    )
});

static SHORTENED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z0-9+/%]{16,}(?:…|\.{3}|\[\.\.\.\]|\[…\])"));

static ARTIFACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"\bSAMLart["']?(?:=|:|,)\s*(?:"value"\s*:\s*)?["']?([A-Za-z0-9+/%=]{20,})"#)
});

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"));

static PEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"-----BEGIN ([A-Z0-9 ]{3,40})-----"));

static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(AADSTS|MSIS)(\d{4,8})\b"));

/// Root elements of SAML and of what carries it, which people write in wrong namespaces.
const KNOWN_ROOTS: [&str; 10] = [
    "Response",
    "AuthnRequest",
    "LogoutRequest",
    "LogoutResponse",
    "ArtifactResolve",
    "ArtifactResponse",
    "Assertion",
    "EntityDescriptor",
    "EntitiesDescriptor",
    "Envelope",
];

/// Returns the error for an XML document that has nothing of SAML in it.
pub(super) fn of_other_xml(xml: &str) -> Option<SourceError> {
    if xml.contains("urn:oasis:names:tc:SAML:") {
        return None;
    }
    let document = parse(xml).ok()?;
    let root = document.root_element().tag_name().name();
    let is_other = !KNOWN_ROOTS.contains(&root);
    is_other.then(|| {
        cause(
            format!("the root element of this XML document is <{root}>, and it contains no namespace of SAML"),
            "give the SAMLRequest, the SAMLResponse or the metadata",
        )
    })
}

fn cause(what: impl Into<String>, fix: impl Into<String>) -> SourceError {
    SourceError::Cause {
        what: what.into(),
        fix: fix.into(),
    }
}

/// Says what a text is that was written in place of a message.
pub(super) fn of_placeholder(text: &str) -> Option<SourceError> {
    let text = text.trim();
    if text.is_empty() {
        return Some(cause(
            "the input is empty",
            "give the message, a HAR file or a page that posts it",
        ));
    }
    let is_short = text.len() <= LONGEST_PLACEHOLDER;
    if is_short && SHORTENED.is_match(text) {
        return Some(shortened());
    }
    (is_short && PLACEHOLDER.is_match(text)).then(|| {
        cause(
            "this is a placeholder, in which nothing was filled in",
            "put the value of SAMLRequest or SAMLResponse in its place",
        )
    })
}

/// Says what a text without a message is; `None` if it is not known.
pub(super) fn of_text(text: &str) -> Option<SourceError> {
    let known = of_placeholder(text)
        .or_else(|| of_replaced(text))
        .or_else(|| of_error_page(text))
        .or_else(|| of_artifact(text))
        .or_else(|| of_key(text))
        .or_else(|| of_other_protocol(text));
    known.or_else(|| SHORTENED.is_match(text).then(shortened))
}

/// Says what was written in place of the message.
fn of_replaced(text: &str) -> Option<SourceError> {
    let found = REPLACED.captures(text)?;
    let (name, value) = (&found[1], &found[2]);
    let fix = match value {
        "undefined" | "null" | "(null)" => {
            "the program that wrote it had no message: look for it one step earlier, for example in the browser's network tab"
        }
        _ => {
            "a log or tool hides it (Rails: filter_parameters): take the message from the browser's network tab, or switch the filter off for a test"
        }
    };
    Some(cause(
        format!("the value of {name} is {value}, not the message"),
        fix,
    ))
}

fn shortened() -> SourceError {
    cause(
        "the value is shortened (…)",
        "copy it completely, for example by \"Copy value\" in the browser's network tab",
    )
}

/// Names the error code of an identity provider's page or log, and what to do.
fn of_error_page(text: &str) -> Option<SourceError> {
    let (code, fix) = error_of_page(text)?;
    let what = match status::product_code(text) {
        Some(_) => format!("this is an error of the identity provider, {code}"),
        None => format!(
            "this is an error of the identity provider, {code}, which is not explained here"
        ),
    };
    Some(cause(what, fix))
}

/// Returns the error code of an identity provider in a page or log, and what to do.
pub(super) fn error_of_page(text: &str) -> Option<(String, String)> {
    if let Some((code, advice)) = status::product_code(text) {
        return Some((code.to_owned(), advice.to_owned()));
    }
    let found = CODE.captures(text)?;
    let (code, number) = (&found[0], &found[2]);
    let fix = match &found[1] {
        "AADSTS" => format!(
            "look it up at https://login.microsoftonline.com/error?code={number}, and in the sign-in log of Entra"
        ),
        _ => "look for it in the event log of AD FS, with the time of the sign-on".to_owned(),
    };
    Some((code.to_owned(), fix))
}

/// Explains an artifact (saml-bindings §3.6.4). Its MessageHandle is a secret and is not printed.
fn of_artifact(text: &str) -> Option<SourceError> {
    let found = ARTIFACT.captures(text)?;
    let value = percent_decoded(&found[1]);
    let bytes = STANDARD.decode(value.trim_end_matches('=')).ok()?;
    let (&[type_high, type_low, ..], length) = (bytes.as_slice(), bytes.len()) else {
        return None;
    };
    let type_code = u16::from_be_bytes([type_high, type_low]);
    let contents = match (type_code, bytes.get(2..4), bytes.get(4..24)) {
        (4, Some(&[high, low]), Some(source)) if length == 44 => {
            let source: String = source.iter().map(|byte| format!("{byte:02x}")).collect();
            let index = u16::from_be_bytes([high, low]);
            format!(
                "type code 4, endpoint index {index} (the ArtifactResolutionService with this index in the sender's metadata), SourceID {source} (the SHA-1 of the sender's entity ID)"
            )
        }
        (1, ..) => "type code 1: an artifact of SAML 1.1".to_owned(),
        (other, ..) => {
            format!("type code {other} in {length} bytes; SAML 2.0 has type code 4 in 44 bytes")
        }
    };
    Some(cause(
        format!("SAMLart is an artifact, a reference to a message: {contents}"),
        "the receiver fetches the message from the sender itself, by SOAP, so the browser never sees it: take the ArtifactResponse from the receiver's log, and give that",
    ))
}

/// Says what a certificate or a key is.
fn of_key(text: &str) -> Option<SourceError> {
    if let Some(found) = PEM.captures(text) {
        let label = &found[1];
        return Some(match label {
            "CERTIFICATE" => certificate(pem_body(text)),
            _ if label.contains("PRIVATE KEY") => cause(
                format!("this is a private key (PEM, {label})"),
                "to decrypt assertions, give its file as --key and the message as the input; send the key to nobody",
            ),
            _ => cause(
                format!("this is a PEM file ({label})"),
                "give the sender's metadata as --metadata, and the message as the input",
            ),
        });
    }
    // A certificate as metadata contain it, without the lines of PEM.
    let is_certificate = text.trim_start().starts_with("MII") && Certificate::read(text).is_ok();
    is_certificate.then(|| certificate(text))
}

fn pem_body(text: &str) -> &str {
    let body = text.split("-----BEGIN CERTIFICATE-----").nth(1);
    let body = body.and_then(|it| it.split("-----END").next());
    body.unwrap_or_default()
}

fn certificate(base64: &str) -> SourceError {
    let what = match Certificate::read(base64) {
        Ok(it) => format!(
            "this is the certificate {}, valid until {}",
            it.subject.replace(char::is_control, "\u{fffd}"),
            it.not_after
        ),
        Err(_) => "this is a certificate, which cannot be read".to_owned(),
    };
    cause(
        what,
        "to verify signatures with it, give the sender's metadata that contain it as --metadata, and the message as the input",
    )
}

/// Recognizes the messages of other protocols for sign-on.
fn of_other_protocol(text: &str) -> Option<SourceError> {
    if TOKEN.is_match(text) {
        return Some(cause(
            "this contains a JSON Web Token, as OpenID Connect and OAuth use it",
            "it is not SAML: read it with a tool for JWT that runs on your machine",
        ));
    }
    if text.contains("wa=wsignin1.0") {
        return Some(cause(
            "this is a request of WS-Federation (wa=wsignin1.0)",
            "it is not SAML 2.0: give the form with wresult that follows it, or configure SAML 2.0",
        ));
    }
    if OAUTH_ANSWER.is_match(text) {
        return Some(cause(
            "this is an answer of OpenID Connect or OAuth (code)",
            "it is not SAML: look into the documentation of your product for its SAML login",
        ));
    }
    let is_oauth = text.contains("client_id=") && text.contains("response_type=");
    is_oauth.then(|| {
        cause(
            "this is a request of OpenID Connect or OAuth (client_id, response_type)",
            "it is not SAML: look into the documentation of your product for its SAML login",
        )
    })
}

/// Says what a HAR file without a message contains.
pub(super) fn of_har(entries: &[Value]) -> SourceError {
    let of = |entry: &Value, pointer: &str| {
        let text = entry.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    for (at, entry) in entries.iter().enumerate() {
        let url = of(entry, "/request/url");
        let body = super::traffic::body(entry);
        let known = of_error_page(&body)
            .or_else(|| of_error_page(&url))
            .or_else(|| of_artifact(&url))
            .or_else(|| of_replaced(&form_of(entry)));
        if let Some(SourceError::Cause { what, fix }) = known {
            return cause(format!("in entry {} of the HAR file: {what}", at + 1), fix);
        }
    }
    let what = contents(entries);
    let is_lost = |entry: &&Value| {
        let has_body = entry.pointer("/request/bodySize").and_then(Value::as_i64) > Some(0)
            || content_length(entry) > Some(0)
            || !entry["request"]["postData"].is_null();
        let params = entry.pointer("/request/postData/params");
        let text = of(entry, "/request/postData/text");
        of(entry, "/request/method") == "POST"
            && has_body
            && params.and_then(Value::as_array).is_none_or(Vec::is_empty)
            && (text.is_empty() || text.to_lowercase().contains("redacted"))
    };
    let lost = entries.iter().filter(is_lost).count();
    if lost > 0 {
        return cause(
            format!("{what}; the forms of {lost} POST requests are missing or were replaced"),
            "the tool that wrote or cleaned the file removed them: export it again with its contents, or give the value of SAMLResponse",
        );
    }
    let urls = entries.iter().map(|entry| of(entry, "/request/url"));
    let other = urls.into_iter().find_map(|url| of_other_protocol(&url));
    if let Some(SourceError::Cause { what: other, .. }) = other {
        return cause(
            format!("{what}; one of them: {other}"),
            "if the login should use SAML, start it by the button or address for SAML",
        );
    }
    cause(
        what,
        "start to record before the login, with \"Preserve log\" (Chrome, Edge) or \"Persist Logs\" (Firefox) switched on, in a private window, and log in",
    )
}

/// Returns the form of a request as text.
fn form_of(entry: &Value) -> String {
    let data = &entry["request"]["postData"];
    let params = data["params"].as_array().map(Vec::as_slice);
    let pairs = params.unwrap_or_default().iter().map(|it| {
        let of = |name: &str| it[name].as_str().unwrap_or_default();
        format!("{}={}", of("name"), of("value"))
    });
    let text = data["text"].as_str().unwrap_or_default().to_owned();
    pairs.chain([text]).collect::<Vec<_>>().join("&")
}

fn content_length(entry: &Value) -> Option<i64> {
    let headers = entry.pointer("/request/headers")?.as_array()?;
    let is_length = |it: &&Value| {
        let name = it["name"].as_str();
        name.is_some_and(|it| it.eq_ignore_ascii_case("content-length"))
    };
    let value = headers.iter().find(is_length)?["value"].as_str()?;
    value.trim().parse().ok()
}

fn contents(entries: &[Value]) -> String {
    let urls = entries
        .iter()
        .filter_map(|entry| entry.pointer("/request/url")?.as_str());
    let hosts: BTreeSet<String> = urls
        .filter_map(|url| Some(url::Url::parse(url).ok()?.host_str()?.to_owned()))
        .collect();
    let named: Vec<&str> = hosts.iter().take(MOST_HOSTS).map(String::as_str).collect();
    let more = match hosts.len().saturating_sub(MOST_HOSTS) {
        0 => String::new(),
        more => format!(" and {more} other hosts"),
    };
    match (entries.len(), hosts.is_empty()) {
        (0, _) => "the HAR file contains no request".to_owned(),
        (1, false) => format!("the HAR file contains 1 request, to {}", named.join(", ")),
        (all, false) => format!(
            "the HAR file contains {all} requests, to {}{more}, and none with a SAML message",
            named.join(", ")
        ),
        (all, true) => {
            format!("the HAR file contains {all} requests, and none with a SAML message")
        }
    }
}
