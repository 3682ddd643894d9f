//! Writes an explanation as text, and lists the contents of a document as names and values.

use std::fmt::Write as _;

use ambient::terminal::printable;
use roxmltree::Node;

use super::Account;
use super::layout::indent_xml;
use super::sources::Answer;
use crate::inspection::{response, text};

/// Elements that contain whole messages.
const CARRIED: [&str; 6] = [
    "Body",
    "Header",
    "Response",
    "LogoutResponse",
    "RequestedSecurityToken",
    "RequestSecurityTokenResponse",
];

/// Elements around messages, which need no signature of their own.
const ENVELOPES: [&str; 4] = [
    "Envelope",
    "Fault",
    "RequestSecurityTokenResponse",
    "RequestSecurityTokenResponseCollection",
];

/// Name of the line about encrypted assertions.
const ENCRYPTED: &str = "Encrypted assertions";

/// What is said about encrypted assertions that are explained.
const DECRYPTED: &str = "decrypted below";

/// Longest RelayState that is printed complete, in characters.
const LONGEST_RELAY_STATE: usize = 200;

fn short(uri: &str) -> &str {
    let known = uri.starts_with("urn:oasis:names:tc:SAML");
    if known {
        uri.rsplit(':').next().unwrap_or(uri)
    } else {
        uri
    }
}

/// Lists the contents of a document: the attributes of its root, then its elements.
/// `decrypted` is the number of encrypted assertions that were decrypted.
pub(super) fn says(root: Node<'_, '_>, decrypted: usize) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = root
        .attributes()
        .filter(|it| it.name() != "schemaLocation")
        .map(|it| (it.name().to_owned(), short(it.value()).to_owned()))
        .collect();
    let name = root.tag_name().name();
    if ["EntityDescriptor", "EntitiesDescriptor"].contains(&name) {
        all.extend(super::metadata::says(root));
        return all;
    }
    if ["Response", "Assertion"].contains(&name) {
        all.extend(response_says(&response::read(root), decrypted));
        return all;
    }
    for child in root.children().filter(Node::is_element) {
        let inner = child.tag_name().name();
        // A message inside this one has its own explanation.
        if inner == "Signature" || CARRIED.contains(&inner) {
            continue;
        }
        if inner == "Status" {
            let code = child.descendants().find_map(|it| it.attribute("Value"));
            all.push((inner.to_owned(), short(code.unwrap_or("none")).to_owned()));
            continue;
        }
        let attributes = child.attributes();
        let attributes: Vec<String> = attributes
            .map(|it| format!("{}={}", it.name(), short(it.value())))
            .collect();
        let value = [text(child), attributes.join(" ")].join(" ");
        all.push((inner.to_owned(), value.trim().to_owned()));
    }
    all
}

fn response_says(read: &response::Response, decrypted: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            all.push((name.to_owned(), value));
        }
    };
    let shortened = |it: &Option<String>| it.as_deref().map(|it| short(it).to_owned());
    say("Issuer", read.issuer.clone());
    say("Status", shortened(&read.status));
    say("Second-level status", shortened(&read.status_detail));
    say("Status message", read.status_message.clone());
    say("Status detail", read.status_text.clone());
    if read.encrypted > 0 {
        let which = match decrypted == read.encrypted {
            true => DECRYPTED,
            false => "which only the service provider can read",
        };
        say(ENCRYPTED, Some(format!("{}, {which}", read.encrypted)));
    }
    for (at, assertion) in read.assertions.iter().enumerate() {
        let label = |name: &str| format!("Assertion {}: {name}", at + 1);
        say(&label("ID"), assertion.id.clone());
        say(&label("Issuer"), assertion.issuer.clone());
        if let Some(name) = &assertion.name_id {
            let format = name.format.as_deref().map_or("no format", short);
            say(
                &label("subject"),
                Some(format!("{} ({format})", name.value)),
            );
        }
        for it in &assertion.confirmations {
            let parts = [
                ("", it.method.as_deref().map(short)),
                ("for ", it.recipient.as_deref()),
                ("until ", it.not_on_or_after.as_deref()),
                ("in response to ", it.in_response_to.as_deref()),
            ];
            let said: Vec<String> = parts
                .iter()
                .filter_map(|(word, value)| Some(format!("{word}{}", (*value)?)))
                .collect();
            say(&label("confirmed"), Some(said.join(", ")));
        }
        if let Some(it) = &assertion.conditions {
            let from = it.not_before.as_deref().unwrap_or("any time");
            let until = it.not_on_or_after.as_deref().unwrap_or("ever");
            say(&label("valid"), Some(format!("from {from} until {until}")));
            for audience in &it.audiences {
                say(&label("audience"), Some(audience.join(" or ")));
            }
        }
        for it in &assertion.sign_ons {
            let class = it.class.as_deref().map_or("no class", short);
            let instant = it.instant.as_deref().unwrap_or("at no instant");
            let session = it.session_index.as_deref().unwrap_or("none");
            let end = it.session_not_on_or_after.as_deref();
            let end = end.map(|it| format!(" until {it}")).unwrap_or_default();
            say(
                &label("user signed on"),
                Some(format!("{instant}, by {class}, session {session}{end}")),
            );
        }
        for it in &assertion.attributes {
            say(
                &label(&format!("attribute {}", it.name)),
                Some(it.values.join(" | ")),
            );
        }
    }
    all
}

/// Returns the explanation for a terminal.
pub(super) fn to_text(account: &Account, with_xml: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} — {}", name_of(account), account.place);
    if !account.wrapping.is_empty() {
        let _ = writeln!(out, "  unwrapped from {}", account.wrapping.join(", "));
    }
    if !account.says.is_empty() {
        let _ = writeln!(out, "\n  It says");
    }
    let names = account.says.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or_default();
    for (name, value) in &account.says {
        if name == "RelayState" && value.chars().count() > LONGEST_RELAY_STATE {
            let begin: String = value.chars().take(LONGEST_RELAY_STATE).collect();
            let _ = writeln!(out, "    {name:width$}  {begin}… ({} bytes)", value.len());
            continue;
        }
        let _ = writeln!(out, "    {name:width$}  {value}");
    }
    let kind = account.kind.as_str();
    let is_bare_envelope = ENVELOPES.contains(&kind) && account.signed.is_empty();
    if !(kind.is_empty() || kind.starts_with("Entit") || is_bare_envelope) {
        signatures(&mut out, account);
    }
    let verdict = &account.verdict;
    let receiver = match account.kind.as_str() {
        "AuthnRequest" => "an identity provider",
        "Response" | "Assertion" => "a service provider",
        _ => "its receiver",
    };
    let _ = writeln!(out, "\n  What {receiver} would refuse");
    if verdict.objections.is_empty() {
        let _ = writeln!(out, "    nothing of what was judged");
    }
    list(&mut out, &verdict.objections);
    for (title, lines) in [
        ("Worth a look", &verdict.remarks),
        ("Not judged", &verdict.not_judged),
    ] {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n  {title}");
            list(&mut out, lines);
        }
    }
    if let Some(answer) = &account.answer {
        answer_lines(&mut out, answer);
    }
    if with_xml {
        let _ = writeln!(out, "\n{}", indent_xml(&account.xml));
    }
    // A document must not move the cursor or change the title of the terminal.
    printable(&out).into_owned()
}

/// Returns the name of a message, also if it cannot be parsed.
fn name_of(account: &Account) -> String {
    if !account.kind.is_empty() {
        return account.kind.clone();
    }
    let root = crate::inspection::pasted::root_name(&account.xml);
    match root.map(|it| it.rsplit(':').next().unwrap_or(it)) {
        Some(name) if name.chars().all(char::is_alphanumeric) => match account.is_too_large {
            true => format!("{name}, too large"),
            false => format!("{name}, which cannot be parsed"),
        },
        _ => "No XML".to_owned(),
    }
}

fn list(out: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "    - {line}");
    }
}

/// Writes what the receiver of a message answered in a HAR file. The cause may be elsewhere, so it is
/// no verdict.
fn answer_lines(out: &mut String, answer: &Answer) {
    let _ = writeln!(out, "\n  What the receiver answered (observed, not judged)");
    let _ = writeln!(out, "    status    {} ({})", answer.status, answer.place);
    for (name, value) in [("location", &answer.location), ("text", &answer.text)] {
        if let Some(value) = value {
            let _ = writeln!(out, "    {name:8}  {value}");
        }
    }
}

fn signatures(out: &mut String, account: &Account) {
    let _ = writeln!(out, "\n  Who signed what");
    let in_query = account
        .says
        .iter()
        .any(|(name, _)| name == "Signature of the query");
    if account.signed.is_empty() {
        let has = |name: &str| account.says.iter().any(|(it, _)| it == name);
        let is_carried = ["SOAP envelope", "ArtifactResponse"]
            .iter()
            .any(|it| account.wrapping.contains(it));
        let is_decrypted = account
            .says
            .iter()
            .any(|(name, value)| name == ENCRYPTED && value.ends_with(DECRYPTED));
        let nobody = if account.kind == "EncryptedAssertion" {
            "not known: the assertion cannot be decrypted"
        } else if is_decrypted {
            "nothing outside the encrypted assertion; for what is within it, see below"
        } else if in_query {
            "the query, see above; nothing within the document"
        } else if has(ENCRYPTED) {
            "nothing outside the encrypted assertion; a signature may be within it"
        } else if account.is_protected {
            "not signed itself: the Response around it is, see above, or an envelope protects it"
        } else if is_carried {
            "not signed itself: only the connection or a signature of the envelope can show who wrote this"
        } else {
            "not signed: anybody could have written this"
        };
        let _ = writeln!(out, "    {nobody}");
    }
    for signed in &account.signed {
        let method = signed.signature.method.rsplit('#').next();
        let _ = writeln!(
            out,
            "    the {}'s signature ({}, {} % of the message{}): {}",
            signed.signature.parent,
            method.unwrap_or_default(),
            signed.covers_percent,
            match signed.signature.is_in_advice {
                true => "; in Advice, which receivers ignore",
                false => "",
            },
            signed.said
        );
    }
}
