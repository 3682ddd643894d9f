//! The contents of a file under `fixtures/faults` or `fixtures/controls`.

use serde::{Deserialize, Deserializer, Serialize};

use crate::transport::{Cipher, Delivery, Encoding};

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

/// Position of an insertion, relative to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Directly before the element.
    Before,
    /// Directly after the element.
    After,
    /// Inside the element, as its first child.
    First,
    /// Inside the element, as its last child.
    Last,
}

/// One change of a document. `at` names an element by its local names from the root down, such as
/// `Response/Assertion/Subject`; the first match counts at each step. Texts can contain the
/// placeholders of `phrases.rs`, such as `{forged}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "edit",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Edit {
    /// Sets an attribute, or removes it if there is no value.
    Attribute {
        /// Path of the element.
        at: String,
        /// Name of the attribute, as written in the document.
        name: String,
        /// Its new value.
        value: Option<String>,
    },
    /// Replaces the content of an element with raw XML.
    Content {
        /// Path of the element.
        at: String,
        /// The new content.
        xml: String,
    },
    /// Inserts raw XML.
    Insert {
        /// Path of the element.
        at: String,
        /// Position before, after or inside the element.
        place: Place,
        /// The XML to insert.
        xml: String,
        /// How many copies to insert.
        #[serde(default = "once")]
        times: usize,
    },
    /// Replaces an element.
    Replace {
        /// Path of the element.
        at: String,
        /// The XML that replaces it.
        xml: String,
    },
    /// Removes an element.
    Remove {
        /// Path of the element.
        at: String,
    },
    /// Adds text before and after the document.
    Surround {
        /// The text before the document.
        #[serde(default)]
        before: String,
        /// The text after the document.
        #[serde(default)]
        after: String,
    },
    /// Replaces every occurrence of a text.
    Substitute {
        /// The text to find; the document must contain it.
        find: String,
        /// The text that replaces it.
        with: String,
    },
    /// Moves every time in the document.
    Shift {
        /// Seconds to move forward; negative values move back.
        seconds: i64,
    },
    /// Replaces the genuine user's name with the forged name everywhere.
    Impersonate,
    /// Sets `DigestValue` to the digest of the changed content.
    Redigest {
        /// Writes the digest into a comment before the old digest, instead of replacing it.
        #[serde(default)]
        as_comment: bool,
    },
    /// Inserts nested elements at the end of an element.
    Nest {
        /// Path of the element.
        at: String,
        /// Number of nested levels.
        depth: usize,
    },
}

fn once() -> usize {
    1
}

impl Edit {
    fn impersonates(&self) -> bool {
        matches!(self, Self::Impersonate) || self.says("{forged")
    }

    /// Whether a phrase that begins so is in one of its texts.
    fn says(&self, phrase: &str) -> bool {
        let speaks = |text: &str| text.contains(phrase);
        match self {
            Self::Attribute { value, .. } => value.as_deref().is_some_and(speaks),
            Self::Content { xml, .. } | Self::Insert { xml, .. } | Self::Replace { xml, .. } => {
                speaks(xml)
            }
            Self::Surround { before, after } => speaks(before) || speaks(after),
            Self::Substitute { with, .. } => speaks(with),
            Self::Impersonate
            | Self::Remove { .. }
            | Self::Shift { .. }
            | Self::Redigest { .. }
            | Self::Nest { .. } => false,
        }
    }
}

/// How a message is signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(
    tag = "how",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Signing {
    /// Correctly, with the identity provider's key.
    #[default]
    Rightly,
    /// Without a signature.
    Not,
    /// With a key that is not in the metadata; its certificate is in KeyInfo.
    AnotherKey,
    /// With a signature whose parts can each be wrong.
    Handmade(Handmade),
}

/// A signature in the assertion whose parts are chosen one by one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handmade {
    /// Algorithm URI of `SignatureMethod`.
    #[serde(default = "rsa_sha256")]
    pub method: String,
    /// Raw XML inside `<SignatureMethod>`.
    #[serde(default)]
    pub method_content: String,
    /// Algorithm URI of `DigestMethod`.
    #[serde(default = "sha256")]
    pub digest: String,
    /// Raw XML inside `<Transforms>`, in place of the usual two.
    #[serde(default)]
    pub transforms: Option<String>,
    /// What the transforms leave of the assertion, which is then what the digest
    /// is made of; the whole assertion when not given.
    #[serde(default)]
    pub leaves: Option<Leaves>,
    /// The `URI` of each Reference: `#assertion` stands for the assertion's ID, an empty text for
    /// the whole document; any other value is written as it is.
    #[serde(default = "the_assertion")]
    pub references: Vec<String>,
    /// Writes the digest of zero bytes.
    #[serde(default)]
    pub digest_of_nothing: bool,
    /// Signs zero bytes instead of `SignedInfo`.
    #[serde(default)]
    pub signature_of_nothing: bool,
    /// The key that signs.
    #[serde(default)]
    pub key: HandmadeKey,
    /// Raw XML inside `<KeyInfo>`, in place of the key's own certificate.
    #[serde(default)]
    pub key_info: Option<String>,
}

fn rsa_sha256() -> String {
    saml::names::RSA_SHA256.to_owned()
}

fn sha256() -> String {
    saml::names::SHA256.to_owned()
}

fn the_assertion() -> Vec<String> {
    vec!["#assertion".to_owned()]
}

/// What transforms leave of the signed assertion.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaves {
    /// One element, canonical.
    Only(String),
    /// The assertion without one element, canonical.
    Without(String),
    /// These octets, whatever the assertion says.
    Text(String),
    /// The text of all its elements, decoded from base64. Characters that are
    /// not base64 are passed over, as tolerant decoders do.
    DecodedText,
}

/// Key of a handmade signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandmadeKey {
    /// The identity provider's own key.
    #[default]
    Own,
    /// A key that is not in any metadata.
    Another,
    /// HMAC; the secret is the public certificate in PEM.
    CertificatePem,
    /// HMAC; the secret is the public certificate in DER.
    CertificateDer,
    /// HMAC; the secret is the base64 of the public certificate, as written in metadata.
    CertificateBase64,
    /// HMAC; the secret is the public key in PEM (SubjectPublicKeyInfo).
    PublicKeyPem,
    /// HMAC; the secret is empty.
    Empty,
    /// No key: `SignatureValue` is empty.
    None,
}
