//! `rehearsal trace`: from a SAML message in any encoding, a browser's HAR
//! file or a recording, to a readable account: what it says, who signed what,
//! what a service provider would object to.
//!
//! - [`sources`]: the messages in a file, whatever it is;
//! - [`objections`]: what a service provider would object to;
//! - `telling`: the account as text.

pub mod objections;
pub mod sources;
mod telling;

use jiff::Timestamp;
use serde::Serialize;

use crate::inspection::certificate::Certificate;
use crate::inspection::signature::{Signature, signatures};
use crate::inspection::{is, ns, parse, response, text};
use sources::Found;

/// The account of one message.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Where it was found, such as `entry 4: POST https://sp.example/acs`.
    pub place: String,
    /// What it was wrapped in, outermost first.
    pub wrapping: Vec<&'static str>,
    /// `SAMLRequest` or `SAMLResponse`, where it was a parameter.
    pub parameter: Option<String>,
    /// The local name of its root.
    pub kind: String,
    /// What it says, in order: a name and a value.
    pub says: Vec<(String, String)>,
    /// Who signed what.
    pub signed: Vec<Signed>,
    /// What a service provider would object to.
    pub objections: Vec<String>,
    /// The document.
    pub xml: String,
}

/// A signature in words, and its parts.
#[derive(Debug, Clone, Serialize)]
pub struct Signed {
    /// In a sentence.
    pub said: String,
    /// How much of the document it covers, of a hundred.
    pub covers_percent: u8,
    /// Whether a trusted key was given to judge it by.
    pub judged_by_metadata: bool,
    /// Its parts.
    #[serde(flatten)]
    pub signature: Signature,
}

/// What is known besides the message.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The identity provider's signing certificates.
    pub trusted: Vec<Certificate>,
    /// The service provider's entity identifier.
    pub audience: Option<String>,
    /// The instant at which the message is judged.
    pub now: Option<Timestamp>,
}

/// The signing certificates in an identity provider's metadata.
pub fn certificates(metadata: &str) -> Vec<Certificate> {
    let Ok(document) = parse(metadata) else {
        return Vec::new();
    };
    let keys = document.descendants().filter(|it| {
        is(*it, ns::METADATA, "KeyDescriptor")
            && it.attribute("use").is_none_or(|it| it == "signing")
    });
    keys.flat_map(|it| it.descendants())
        .filter(|it| is(*it, ns::DSIG, "X509Certificate"))
        .filter_map(|it| Certificate::read(&text(it)).ok())
        .collect()
}

/// Gives an account of each message.
pub fn accounts(found: Vec<Found>, known: &Known) -> Vec<Account> {
    found.into_iter().map(|it| account(it, known)).collect()
}

fn account(found: Found, known: &Known) -> Account {
    let Found { place, message } = found;
    let mut account = Account {
        place,
        wrapping: message.wrapping,
        parameter: message.parameter,
        kind: String::new(),
        says: Vec::new(),
        signed: Vec::new(),
        objections: Vec::new(),
        xml: message.xml,
    };
    if let Some(relay_state) = message.relay_state {
        account.says.push(("RelayState".to_owned(), relay_state));
    }
    if let Some(algorithm) = message.query_signature {
        let said = format!("{algorithm}, over the query as it was sent (not judged here)");
        account
            .says
            .push(("Signature of the query".to_owned(), said));
    }
    let xml = account.xml.clone();
    let document = match parse(xml.trim_start_matches('\u{feff}')) {
        Ok(document) => document,
        Err(error) => {
            account
                .objections
                .push(format!("it can't be parsed: {error}"));
            return account;
        }
    };
    let root = document.root_element();
    root.tag_name().name().clone_into(&mut account.kind);
    account.says.extend(telling::says(root));
    let length = xml.len().max(1);
    let judged_by_metadata = !known.trusted.is_empty();
    // Without metadata, the certificate that a signature brings says at least
    // whether the document is as it was signed.
    let brought: Vec<Certificate> = signatures(&document, &[])
        .iter()
        .flat_map(|it| it.brings.clone())
        .filter_map(|it| Certificate::read(&it).ok())
        .collect();
    let keys = if judged_by_metadata {
        &known.trusted
    } else {
        &brought
    };
    for signature in signatures(&document, keys) {
        let covered = signature.range.as_ref().map_or(0, |it| it.len());
        let by = match signature.by.and_then(|at| keys.get(at)) {
            Some(certificate) if judged_by_metadata => {
                format!(", by the announced key of {}", certificate.subject)
            }
            Some(certificate) => format!(
                ", by the certificate that it brings itself ({}): that proves nothing until it is compared with the metadata (--metadata)",
                certificate.subject
            ),
            None => String::new(),
        };
        account.signed.push(Signed {
            said: format!("{}{by}", signature.said()),
            covers_percent: u8::try_from(covered * 100 / length).unwrap_or(100),
            judged_by_metadata,
            signature,
        });
    }
    if ["Response", "Assertion"].contains(&account.kind.as_str()) {
        let read = response::read(root);
        account.objections = objections::objections(&document, &read, &account.signed, known);
    }
    account
}

impl Account {
    /// For a person at a terminal.
    pub fn told(&self, with_xml: bool) -> String {
        telling::told(self, with_xml)
    }
}
