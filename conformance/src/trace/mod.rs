//! `rehearsal trace`: explains a SAML message in any encoding, a browser's HAR file or a recording:
//! its contents, who signed which part, and what its receiver would refuse.
//!
//! - [`sources`]: finds the messages in a file of any supported format;
//! - [`keys`]: trusted keys, receiver and time;
//! - `envelope`: messages inside SOAP and artifact resolution;
//! - `entities`: what the metadata say beside the keys;
//! - `verdict`, `times`: refusals, remarks, and what was not judged;
//! - `response`, `request`, `logout`, `metadata`: the rules, one file for each kind of
//!   document; `assertion`, `sign_on` and `attributes` are those for an assertion;
//! - `decrypted`: the assertions that are encrypted;
//! - `delivery`, `document`: how a message was sent, and what is wrong with the document as a whole;
//! - `answers`: compares Responses with the requests in the same input;
//! - `malformed`: why a document cannot be parsed;
//! - `signed`: explains signatures;
//! - `status`, `ciphers`, `name_format`: codes, algorithms and formats with known problems;
//! - `difference`: differences that are easily overlooked;
//! - `text`: writes the explanation as text.

mod answers;
mod assertion;
mod attributes;
mod ciphers;
mod decrypted;
mod delivery;
mod difference;
mod document;
mod entities;
mod envelope;
pub mod keys;
mod layout;
mod logout;
mod malformed;
mod metadata;
mod name_format;
mod request;
mod response;
mod sign_on;
mod signed;
pub mod sources;
mod status;
mod text;
mod times;
mod verdict;

use roxmltree::Node;
use serde::Serialize;

pub use entities::{Entity, read_entities};
pub use keys::{Known, TrustedKey, read_trusted_keys};
pub use signed::Signed;
pub use verdict::Verdict;

use answers::Exchange;

use crate::inspection::message::Message;
use crate::inspection::pasted::repair::{self, Repair};
use crate::inspection::response::{Assertion, Response, instant, read as response_of};
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
    /// True if the document is larger than what is read, so that nothing in it was judged.
    #[serde(skip)]
    pub is_too_large: bool,
    /// True for a decrypted assertion whose Response is signed, or is in an envelope.
    #[serde(skip)]
    is_protected: bool,
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
    of_document(found, None, known)
}

fn of_document(found: Found, outer: Option<&Outer>, known: &Known) -> Vec<Account> {
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
            account.is_too_large = malformed::judge(xml, &error, &mut account.verdict);
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
        let decrypted = decrypted::read(carried.element, known);
        let contents = decrypted.contents();
        let surroundings = Surroundings {
            message: (at == 0).then_some(&message),
            envelope: carried.envelope,
            outer,
            decrypted: &contents,
        };
        account.judge(carried.element, surroundings, known);
        let around = Outer::new(&account, carried.element, surroundings);
        accounts.push(account);
        accounts.extend(decrypted.explain(&place, &around, known));
    }
    accounts
}

/// What is known about a message beside its document.
#[derive(Debug, Clone, Copy)]
struct Surroundings<'a> {
    /// How it was found; none for a message within another one.
    message: Option<&'a Message>,
    /// Local name of the envelope around it.
    envelope: Option<&'a str>,
    /// The Response around a decrypted assertion.
    outer: Option<&'a Outer>,
    /// The assertions in it that were decrypted.
    decrypted: &'a [Assertion],
}

/// The Response around a decrypted assertion, which is judged as if it stood there in plain text.
#[derive(Debug, Clone)]
struct Outer {
    response: Response,
    /// True if a signature covers the Response.
    is_signed: bool,
    /// True if the Response is signed, or an envelope can protect it.
    is_protected: bool,
    delivered_to: Option<String>,
}

impl Outer {
    fn new(account: &Account, element: Node<'_, '_>, surroundings: Surroundings<'_>) -> Self {
        let mut signed = account.signed.iter();
        let is_signed = signed.any(|it| it.signature.range.as_ref() == Some(&element.range()));
        Self {
            response: response_of(element),
            is_signed,
            is_protected: is_signed || surroundings.envelope.is_some(),
            delivered_to: surroundings.message.and_then(|it| it.delivered_to.clone()),
        }
    }
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
            is_too_large: false,
            is_protected: false,
        }
    }

    fn judge(&mut self, element: Node<'_, '_>, surroundings: Surroundings<'_>, known: &Known) {
        let Surroundings {
            message, envelope, ..
        } = surroundings;
        let is_carried = envelope.is_some();
        let is_token = envelope.is_some_and(|it| envelope::TOKEN_RESPONSES.contains(&it));
        let kind = element.tag_name().name();
        kind.clone_into(&mut self.kind);
        self.is_protected = surroundings.outer.is_some_and(|it| it.is_protected);
        self.exchange = Exchange::read(element, surroundings);
        self.says
            .extend(text::says(element, surroundings.decrypted.len()));
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
        let counted = self.signed.iter().filter(|it| !it.signature.is_in_advice);
        let of_signatures = counted.filter_map(|it| it.issuer.clone());
        let mut issuers: Vec<String> = of_signatures.collect();
        if in_query.is_some() {
            issuers.extend(issuer.clone());
        }
        issuers.sort();
        issuers.dedup();
        let is_response = ["Response", "Assertion"].contains(&kind);
        for issuer in issuers {
            if !known.has_metadata_of(Some(&issuer)) {
                let signed = &self.signed;
                signed::unknown_issuer(&issuer, signed, is_response, known, &mut self.verdict);
            }
        }
        ciphers::judge(element, &mut self.verdict);
        match (element.tag_name().namespace(), kind) {
            (Some(ns::ASSERTION), "Assertion") if is_token => {
                assertion::judge_token(element, &self.signed, known, &mut self.verdict);
            }
            (_, name) if envelope::TOKEN_RESPONSES.contains(&name) => {
                envelope::describe_token_response(element, &mut self.verdict);
            }
            (Some(ns::PROTOCOL), "Response") | (Some(ns::ASSERTION), "Assertion") => {
                response::judge(
                    element,
                    &self.signed,
                    surroundings,
                    known,
                    &mut self.verdict,
                );
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
            (Some(space), _) if space.starts_with("urn:oasis:names:tc:SAML:1.") => {
                self.verdict.refuse(format!(
                    "{kind} is a message of SAML 1.1 ({space}), which is not judged. Products for SAML 2.0 refuse it: choose SAML 2.0 at the identity provider"
                ));
            }
            (space, _) => self.verdict.refuse(format!(
                "{kind} in the namespace {:?} is not a SAML 2.0 message: the namespace of messages is {}",
                space.unwrap_or_default(),
                ns::PROTOCOL
            )),
        }
        if let Some(message) = message {
            delivery::judge(message, kind, &mut self.verdict);
        }
        let issued = element.attribute("IssueInstant").and_then(instant);
        self.verdict.judge_times(issued, known.now);
    }

    /// Returns the explanation as text for a terminal.
    pub fn to_text(&self, with_xml: bool) -> String {
        text::to_text(self, with_xml)
    }
}
