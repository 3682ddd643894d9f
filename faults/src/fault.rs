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
    /// What an attacker can do if a service provider accepts the fault.
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
    /// How to fix a service provider that accepts the fault, if the family's text does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Code of the refusal that a correct service provider gives; empty for a control.
    #[serde(default)]
    pub refusal: String,
    /// Ids of simpler faults. A service provider that accepts one of them accepts this one for the
    /// same reason; `check sp` reports both as one finding. For a control: ids of simpler controls,
    /// and it refuses both for the same reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// The signed elements with which the fault has an effect, the preferred one first; in the
    /// file one name or a list. If empty, every [`Cover`] is possible.
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

    /// Returns the text that explains how to fix a service provider that accepts the fault, or
    /// refuses the control.
    pub fn fix(&self) -> &str {
        self.fix.as_deref().unwrap_or_else(|| self.family.fix())
    }

    /// True if the message has content that is encrypted for the recipient.
    pub fn encrypts(&self) -> bool {
        self.encrypts_assertion() || self.encrypts_name() || self.encrypts_attribute()
    }

    /// True if the message has an encrypted assertion.
    pub fn encrypts_assertion(&self) -> bool {
        self.encrypted.is_some() || self.edits_encrypt("Assertion")
    }

    /// True if the message has an encrypted NameID.
    pub fn encrypts_name(&self) -> bool {
        self.encrypted_name.is_some() || self.edits_encrypt("NameID")
    }

    /// True if the message has an encrypted attribute.
    pub fn encrypts_attribute(&self) -> bool {
        self.edits_encrypt("Attribute")
    }

    fn edits_encrypt(&self, element: &str) -> bool {
        let mut edits = self.draft.iter().chain(&self.signed);
        edits.any(|edit| edit.encrypted_element() == Some(element))
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

    /// True if one of [`MoreKeys`](crate::MoreKeys) signs the message. A service provider can only
    /// accept it if the metadata announces these keys.
    pub fn needs_more_keys(&self) -> bool {
        matches!(&self.signing, Signing::Handmade(made) if made.key.is_one_of_more())
    }

    /// True if the message refers to an external document, such as a DTD or a key.
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

impl Fault {
    /// True if the message may log in another user than the genuine one: it claims another identity,
    /// or has a changed name.
    pub fn changes_user(&self) -> bool {
        let mut edits = self.draft.iter().chain(&self.signed);
        self.impersonates() || edits.any(Edit::renames)
    }

    /// True if the name is that of another user, followed by an invisible character. Who
    /// shows an attribute without it does not take one user for the other.
    pub fn appends_invisible(&self) -> bool {
        self.draft.iter().any(Edit::appends_character)
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
    /// A form field that is not base64 of an XML document.
    Encoding,
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
                "Accept this message: the specification allows it. Look into your service provider's log to see why it was refused."
            }
            Self::SignatureWrapping => {
                "Read claims only from the element whose digest the signature verified, in the same parsed tree; refuse a document with a second assertion or response anywhere in it."
            }
            Self::Signature => {
                "Require exactly one enveloped signature that is a child of the assertion or response, with one Reference to that element's ID. Verify it with a key that is configured for this identity provider, never with a key from the message."
            }
            Self::Algorithm => {
                "Accept only RSA or ECDSA with SHA-256 or stronger, exclusive canonicalization, and the transforms enveloped-signature and exc-c14n. Refuse every other algorithm before you verify the signature."
            }
            Self::Parser => {
                "Refuse a document with a DTD (document type declaration) before you resolve its entities. Parse the message only once, with one parser."
            }
            Self::Conditions => {
                "Compare Issuer, Audience, Recipient, Destination and InResponseTo exactly, and check every NotBefore and NotOnOrAfter with a small allowed clock skew."
            }
            Self::Elements => {
                "Refuse a message in which an element is missing that saml-profiles §4.1.4.2 requires."
            }
            Self::Status => {
                "Check the top-level StatusCode first, and refuse the login if it is not Success, whatever else the message contains."
            }
            Self::Replay => {
                "Remember each assertion ID until its NotOnOrAfter, with a unique key in a database that all replicas share, and accept a Response only from the browser that sent the request of its InResponseTo."
            }
            Self::Injection => {
                "Treat the NameID as one opaque text: compare it completely and exactly, accept only the e-mail domains that are verified for this identity provider, and escape it wherever it is shown."
            }
            Self::Encoding => {
                "Decode HTTP-POST messages only from base64, and refuse characters outside of its alphabet (white space may be allowed). Inflate only messages of HTTP-Redirect."
            }
            Self::Exhaustion => {
                "Limit the size of the form field and of the decoded document before you parse it, and the depth of nested elements while you parse."
            }
            Self::Encryption => {
                "Before you decrypt, verify the signature of the Response if it has one. After you decrypt, validate the assertion like any other. Answer every failure with the same text and in the same time, so that an attacker cannot use the answers to decrypt."
            }
        }
    }
}

/// What it means that a service provider accepts a fault, or refuses a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Anybody can log in as another user, without an account.
    IntrusionByAnybody,
    /// Anybody with an account at the identity provider can log in as another user.
    IntrusionByAccount,
    /// Anybody who obtains a message about the victim can log in as the victim.
    IntrusionByHolder,
    /// Only the identity provider can log in as another user, or an attacker who has its private
    /// key.
    IntrusionByIssuer,
    /// A protection is missing, but this alone lets nobody log in as another user.
    Protection,
    /// A message with a wrong form is accepted, but it logs in the right user.
    Leniency,
    /// A user with a valid message cannot log in. This is the harm of a control that is refused.
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
