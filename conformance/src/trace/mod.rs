//! `rehearsal trace`: explains a SAML message in any encoding, a browser's HAR file or a recording:
//! its contents, who signed which part, and what its receiver would refuse.
//!
//! - [`sources`]: finds the messages in a file of any supported format;
//! - [`keys`]: trusted keys, receiver and time;
//! - `envelope`: messages inside SOAP and artifact resolution;
//! - `verdict`: refusals, remarks, and what was not judged;
//! - `response`, `request`, `logout`, `metadata`: the rules, one file for each kind of
//!   document;
//! - `answers`: compares Responses with the requests in the same input;
//! - `malformed`: why a document cannot be parsed;
//! - `signed`: explains signatures;
//! - `status`, `attributes`, `ciphers`: codes, attributes and algorithms with known problems;
//! - `difference`: differences that are easily overlooked;
//! - `text`: writes the explanation as text.

mod answers;
mod attributes;
mod ciphers;
mod difference;
mod envelope;
pub mod keys;
mod layout;
mod logout;
mod malformed;
mod metadata;
mod request;
mod response;
mod signed;
pub mod sources;
mod status;
mod text;
mod verdict;

use roxmltree::Node;
use serde::Serialize;

pub use keys::{Known, TrustedKey, read_trusted_keys};
pub use signed::Signed;
pub use verdict::Verdict;

use answers::Exchange;

use crate::inspection::encryption::{DecryptionError, decrypt};
use crate::inspection::message::Message;
use crate::inspection::pasted::repair::{self, Repair};
use crate::inspection::{is, ns, parse};
use sources::{Answer, Found};

/// Longest RelayState in bytes (saml-bindings §3.4.3, §3.5.3).
const LONGEST_RELAY_STATE: usize = 80;

/// The explanation of one message.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Where the message was found, such as `entry 4: POST https://sp.example/acs`.
    pub place: String,
    /// The encodings that were removed, outermost first.
    pub wrapping: Vec<&'static str>,
    /// `SAMLRequest` or `SAMLResponse`, if the message was a parameter.
    pub parameter: Option<String>,
    /// The changes without which the message could not be read.
    pub repairs: Vec<Repair>,
    /// Local name of the root element.
    pub kind: String,
    /// Contents of the message in order, as names and values.
    pub says: Vec<(String, String)>,
    /// The signatures, and what each covers.
    pub signed: Vec<Signed>,
    /// What the receiver would refuse, remarks, and what was not judged.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The XML document.
    pub xml: String,
    /// What the receiver answered, if the input shows it.
    pub answer: Option<Answer>,
    /// What is compared between requests and Responses.
    #[serde(skip)]
    exchange: Option<Exchange>,
}

/// Explains each message, and each message inside it, and compares Responses with the requests that
/// they answer.
pub fn accounts(found: Vec<Found>, known: &Known) -> Vec<Account> {
    let all = found.into_iter().flat_map(|it| of_found(it, known));
    let mut accounts: Vec<Account> = all.collect();
    answers::judge(&mut accounts, known);
    accounts
}

fn of_found(found: Found, known: &Known) -> Vec<Account> {
    let Found {
        place,
        message,
        answer,
    } = found;
    let xml = message.xml.trim_start_matches('\u{feff}').trim_start();
    let document = match parse(xml) {
        Ok(document) => document,
        Err(error) => {
            let mut account = Account::empty(place, &message, xml);
            account.answer = answer;
            malformed::judge(xml, &error, &mut account.verdict);
            return vec![account];
        }
    };
    let mut accounts = Vec::new();
    for (at, carried) in envelope::messages_of(document.root_element())
        .into_iter()
        .enumerate()
    {
        let mut account = Account::empty(place.clone(), &message, xml);
        account.answer.clone_from(&answer);
        if let Some(envelope) = carried.envelope {
            account.wrapping.push(match envelope {
                "Envelope" => "SOAP envelope",
                "ArtifactResponse" => "ArtifactResponse",
                _ => "WS-Federation",
            });
            // These facts belong to the outermost message and stand there.
            account.says.clear();
            account.repairs.clear();
            account.answer = None;
            account.verdict = Verdict::default();
        }
        account.judge(
            carried.element,
            (at == 0).then_some(&message),
            carried.envelope,
            known,
        );
        accounts.push(account);
        accounts.extend(explain_decrypted(&place, carried.element, known));
    }
    accounts
}

/// How a message is protected.
#[derive(Debug, Clone, Copy)]
struct Security {
    /// True if the message or its query is signed.
    is_signed: bool,
    /// True if the message is inside an envelope (SOAP, ArtifactResponse). Then it can also be
    /// protected by TLS or by a signature of the envelope.
    is_carried: bool,
}

impl Account {
    fn empty(place: String, message: &Message, xml: &str) -> Self {
        let mut verdict = Verdict::default();
        for problem in &message.problems {
            verdict.refuse(problem.clone());
        }
        if let Some(remark) = repair::remark(&message.repairs) {
            verdict.add_remark(remark);
        }
        for remark in &message.remarks {
            verdict.add_remark(remark.clone());
        }
        if let Some(relay_state) = &message.relay_state
            && relay_state.len() > LONGEST_RELAY_STATE
        {
            verdict.add_remark(format!(
                "RelayState has {} bytes, and at most {LONGEST_RELAY_STATE} are allowed (saml-bindings §3.4.3, §3.5.3): some parties cut or refuse it; store the state and send a short key to it",
                relay_state.len()
            ));
        }
        let says = message.relay_state.iter();
        Self {
            place,
            wrapping: message.wrapping.clone(),
            parameter: message.parameter.clone(),
            repairs: message.repairs.clone(),
            kind: String::new(),
            says: says
                .map(|it| ("RelayState".to_owned(), it.clone()))
                .collect(),
            signed: Vec::new(),
            verdict,
            xml: xml.to_owned(),
            answer: None,
            exchange: None,
        }
    }

    fn judge(
        &mut self,
        element: Node<'_, '_>,
        message: Option<&Message>,
        envelope: Option<&str>,
        known: &Known,
    ) {
        let is_carried = envelope.is_some();
        let is_token = envelope.is_some_and(|it| envelope::TOKEN_RESPONSES.contains(&it));
        let kind = element.tag_name().name();
        kind.clone_into(&mut self.kind);
        self.exchange = Exchange::read(element);
        self.says.extend(text::says(element));
        let issuer = element
            .children()
            .find(|it| is(*it, ns::ASSERTION, "Issuer"))
            .map(crate::inspection::text);
        // The signatures of an assertion in it are those of the assertion.
        if !envelope::TOKEN_RESPONSES.contains(&kind) {
            self.signed = signed::of_element(element, issuer.as_deref(), known);
        }
        let in_query = message.and_then(|it| it.query_signature.as_ref());
        if let Some(signature) = in_query {
            let said = signed::judge_query(signature, issuer.as_deref(), known, &mut self.verdict);
            self.says.push(("Signature of the query".to_owned(), said));
        }
        let is_signed = in_query.is_some() || !self.signed.is_empty();
        let of_signatures = self.signed.iter().filter_map(|it| it.issuer.clone());
        let mut issuers: Vec<String> = of_signatures.collect();
        if in_query.is_some() {
            issuers.extend(issuer.clone());
        }
        issuers.sort();
        issuers.dedup();
        for issuer in issuers {
            if !known.has_metadata_of(Some(&issuer)) {
                signed::unknown_issuer(&issuer, &self.signed, known, &mut self.verdict);
            }
        }
        ciphers::judge(element, &mut self.verdict);
        match (element.tag_name().namespace(), kind) {
            (Some(ns::ASSERTION), "Assertion") if is_token => {
                response::judge_token(element, &self.signed, known, &mut self.verdict);
            }
            (_, name) if envelope::TOKEN_RESPONSES.contains(&name) => {
                envelope::describe_token_response(element, &mut self.verdict);
            }
            (Some(ns::PROTOCOL), "Response") | (Some(ns::ASSERTION), "Assertion") => {
                response::judge(element, &self.signed, is_carried, known, &mut self.verdict);
            }
            (Some(ns::PROTOCOL), "AuthnRequest") => {
                let security = Security {
                    is_signed,
                    is_carried,
                };
                request::judge(element, &self.signed, security, known, &mut self.verdict);
            }
            (Some(ns::PROTOCOL), "LogoutRequest" | "LogoutResponse") => {
                let security = Security {
                    is_signed,
                    is_carried,
                };
                logout::judge(element, &self.signed, security, known, &mut self.verdict);
            }
            (Some(ns::METADATA), "EntityDescriptor" | "EntitiesDescriptor") => {
                metadata::judge(element, known, &mut self.verdict);
            }
            (Some(ns::SOAP), "Fault") => envelope::judge_fault(element, &mut self.verdict),
            (Some(ns::PROTOCOL), "ArtifactResponse") => {
                envelope::judge_artifact_response(element, &mut self.verdict);
            }
            (Some(ns::SOAP), _) => self
                .verdict
                .leave_out(format!("{kind}: only what it carries is judged, below")),
            (Some(ns::PROTOCOL), _) => {
                envelope::judge_status(element, &mut self.verdict);
                self.verdict
                    .leave_out(format!("{kind}: no rules for this kind of message"));
            }
            (space, _) => self.verdict.refuse(format!(
                "{kind} in the namespace {:?} is not a SAML 2.0 message: the namespace of messages is {}",
                space.unwrap_or_default(),
                ns::PROTOCOL
            )),
        }
    }

    /// Returns the explanation as text for a terminal.
    pub fn to_text(&self, with_xml: bool) -> String {
        text::to_text(self, with_xml)
    }
}

/// Explains the encrypted parts of a message, if the private key is known.
fn explain_decrypted(place: &str, element: Node<'_, '_>, known: &Known) -> Vec<Account> {
    let Some(key) = &known.decryption_key else {
        return Vec::new();
    };
    let encrypted = element
        .children()
        .filter(|it| is(*it, ns::ASSERTION, "EncryptedAssertion"));
    let read = |node: Node<'_, '_>| match decrypt(node, key) {
        Ok(xml) => {
            let message = Message {
                xml,
                wrapping: vec!["EncryptedAssertion"],
                ..Message::default()
            };
            let place = format!("{place}, decrypted");
            let answer = None;
            of_found(
                Found {
                    place,
                    message,
                    answer,
                },
                known,
            )
        }
        Err(error) => {
            let message = Message::default();
            let mut account = Account::empty(format!("{place}, encrypted"), &message, "");
            "EncryptedAssertion".clone_into(&mut account.kind);
            match error {
                // The receiver may support more algorithms.
                DecryptionError::Algorithm(_) => account.verdict.leave_out(format!(
                    "the encrypted assertion: {error} here; the service provider may support it"
                )),
                _ => account.verdict.refuse(error.to_string()),
            }
            vec![account]
        }
    };
    encrypted.flat_map(read).collect()
}
