//! The contents of a file under `fixtures/faults` or `fixtures/controls`.

use serde::{Deserialize, Deserializer, Serialize};

use crate::edit::Edit;
use crate::signing::Signing;
use crate::transport::{Cipher, Delivery, Encoding, KeyTransport};

/// A fault, or a control: a valid message that must be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Stable name in kebab case; equal to the file name.
    pub id: String,
    /// Id of the check that sends the fault to a service provider, such as `SAML-SP-XSW-03`.
    pub check: String,
    /// Kind of the fault.
    pub family: Family,
    /// What it means that a service provider accepts it.
    #[serde(default)]
    pub harm: Harm,
    /// Requirement level of the refusal in the specification.
    #[serde(default)]
    pub level: Level,
    /// True if the standards allow both to accept and to refuse it. The check then only tests that
    /// the service provider still works afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
    /// What the fault changes, in one sentence.
    pub about: String,
    /// Section of the specification that the message violates, or the published vulnerability.
    pub spec: String,
    /// How to correct what it shows, where the family's advice does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Code of the refusal that a correct service provider gives; empty for a control.
    #[serde(default)]
    pub refusal: String,
    /// Ids of simpler faults. A service provider that accepts one of them accepts this one for the
    /// same reason; `check sp` reports both as one finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// The signatures that the message may have so that the fault has an effect,
    /// best first: one name, or a list. Empty: any.
    #[serde(
        default,
        rename = "cover",
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub covers: Vec<Cover>,
    /// Edits before signing: the signature is valid, but it covers wrong content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draft: Vec<Edit>,
    /// How the message is signed.
    #[serde(default)]
    pub signing: Signing,
    /// Cipher with which the assertions are encrypted after signing, if at all. The edits in
    /// `signed` are applied after the encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Cipher>,
    /// Cipher with which the NameID is encrypted before signing, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_name: Option<Cipher>,
    /// How the key of the cipher is encrypted.
    #[serde(default, skip_serializing_if = "KeyTransport::is_default")]
    pub key_transport: KeyTransport,
    /// Edits after signing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed: Vec<Edit>,
    /// How the message is encoded into the form field `SAMLResponse`.
    #[serde(default)]
    pub encoded: Encoding,
    /// How the message is delivered.
    #[serde(default)]
    pub delivery: Delivery,
}

impl Fault {
    /// Returns the stage in which the fault changes the message: `draft`, `signed`, `encoded` or
    /// `delivered`; the last one if it changes several.
    pub fn stage(&self) -> &'static str {
        if self.delivery != Delivery::Once {
            "delivered"
        } else if self.encoded != Encoding::Base64 {
            "encoded"
        } else if self.signed.is_empty() && self.signing == Signing::Rightly {
            "draft"
        } else {
            "signed"
        }
    }

    /// How to correct what it shows.
    pub fn fix(&self) -> &str {
        self.fix.as_deref().unwrap_or_else(|| self.family.fix())
    }

    /// True if the message has content that is encrypted for the recipient.
    pub fn encrypts(&self) -> bool {
        self.encrypted.is_some() || self.encrypted_name.is_some()
    }

    /// Returns which elements are signed when the service provider requires the signatures of
    /// `base`. A handmade signature is always in the assertion.
    pub fn cover_at(&self, base: Cover) -> Cover {
        match (self.covers.first(), &self.signing) {
            (Some(_), _) if self.covers.contains(&base) => base,
            (Some(best), _) => *best,
            (None, Signing::Handmade(_)) => Cover::Assertion,
            (None, _) => base,
        }
    }

    /// Whether it refers to something that lies elsewhere.
    pub fn refers_elsewhere(&self) -> bool {
        let refers = |text: &String| text.contains("{elsewhere}");
        let handmade = match &self.signing {
            Signing::Handmade(made) => {
                let mut texts = made.references.iter();
                texts.any(refers)
                    || made.transforms.as_ref().is_some_and(refers)
                    || made.key_info.as_ref().is_some_and(refers)
            }
            _ => false,
        };
        let mut edits = self.draft.iter().chain(&self.signed);
        handmade || edits.any(|edit| edit.says("{elsewhere}"))
    }

    /// True if the message claims the identity of another user than the one whom the identity
    /// provider authenticated.
    pub fn impersonates(&self) -> bool {
        self.draft
            .iter()
            .chain(&self.signed)
            .any(Edit::impersonates)
    }
}

/// Kind of a fault; each has one text that explains the fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// A valid message, used as the control.
    Control,
    /// The signed element is moved and a forged one takes its place (XML signature wrapping, XSW).
    SignatureWrapping,
    /// The signature is missing, empty, misplaced or made with another key.
    Signature,
    /// Algorithms of the signature or digest that must be refused: none, MD5, SHA-1, HMAC with a
    /// public value as its key.
    Algorithm,
    /// Two XML parsers read the document differently.
    Parser,
    /// Wrong issuer, audience, recipient, destination, request or validity period.
    Conditions,
    /// A required element is missing or empty.
    Elements,
    /// The status contradicts the content.
    Status,
    /// A message that is delivered twice, or in another browser.
    Replay,
    /// Names that contain more than an identifier, such as SQL, HTML or a second address.
    Injection,
    /// Messages that exhaust memory, processor or stack by size or depth.
    Exhaustion,
    /// Faults in encrypted assertions and NameIDs.
    Encryption,
}

impl Family {
    /// Returns the text that explains how a service provider fixes faults of this family.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Control => {
                "Accept this message: the specification allows it. Your log entry of this sign-on says why it was refused."
            }
            Self::SignatureWrapping => {
                "Read claims only from the element whose digest the signature verified, in the same parsed tree; refuse a document with a second assertion or response anywhere in it."
            }
            Self::Signature => {
                "Require exactly one enveloped signature that is a child of the assertion or response, with one reference to that element's ID, verified under a key configured for this identity provider; never take a key from the message."
            }
            Self::Algorithm => {
                "Keep an allow-list: RSA or ECDSA with SHA-256 or stronger, exclusive canonicalization, and the transforms enveloped-signature and exc-c14n. Refuse everything else before verifying."
            }
            Self::Parser => {
                "Refuse a DTD, read the text of an element as canonicalization without comments gives it, and parse the message once with one parser."
            }
            Self::Conditions => {
                "Compare issuer, audience, recipient, destination and InResponseTo exactly, and check every time window with a small skew."
            }
            Self::Elements => {
                "Require every element that saml-profiles §4.1.4.2 requires; reject the message when one is missing."
            }
            Self::Status => {
                "Check the top-level status first; refuse the login on anything but Success, whatever else the message contains."
            }
            Self::Replay => {
                "Remember each assertion ID until its NotOnOrAfter, under a unique key shared by all replicas, and accept InResponseTo only from the browser that sent the request."
            }
            Self::Injection => {
                "Treat identifiers as opaque text: compare them whole and exactly, allow only the e-mail domains that were verified for this identity provider, and encode them for every place they are shown."
            }
            Self::Exhaustion => {
                "Limit the size of the form field, and the size and depth of the decoded document, before parsing."
            }
            Self::Encryption => {
                "Decrypt only after the outer checks, then judge the decrypted assertion like any other; answer every failure with the same text and after the same time."
            }
        }
    }
}

/// What it means that a service provider accepts a fault; or refuses a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Anybody gets in as somebody else, without an account.
    IntrusionByAnybody,
    /// Anybody with an account at the identity provider does.
    IntrusionByAccount,
    /// Whoever gets a message about the victim does.
    IntrusionByHolder,
    /// Only the identity provider can, or an attacker who has its private key.
    IntrusionByIssuer,
    /// Nobody gets in by that alone, but a protection is missing.
    Protection,
    /// An honest message of a wrong form is accepted.
    Leniency,
    /// Honest users are not served: what the refusal of a control means.
    #[default]
    Function,
}

/// Requirement level of a refusal (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// The service provider must refuse the message.
    #[default]
    Must,
    /// The service provider should refuse the message.
    Should,
    /// The service provider may refuse the message.
    May,
}

/// Which elements are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// Only the assertion.
    Assertion,
    /// Only the response.
    Response,
    /// Assertion and response.
    Both,
}

/// Reads one name, or a list of names.
fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Cover>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Covers {
        One(Cover),
        Many(Vec<Cover>),
    }
    Ok(match Covers::deserialize(input)? {
        Covers::One(cover) => vec![cover],
        Covers::Many(covers) => covers,
    })
}
