//! What a file of the catalogue says.

use serde::{Deserialize, Deserializer, Serialize};

use crate::transport::{Cipher, Delivery, Encoding};

/// A fault, or a control when it is honest after all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Stable name, kebab case; the file's name.
    pub id: String,
    /// The id of the check that delivers it to a service provider.
    pub check: String,
    /// What kind of fault it is.
    pub family: Family,
    /// What it means that a service provider accepts it.
    #[serde(default)]
    pub harm: Harm,
    /// How firmly the specification demands the refusal.
    #[serde(default)]
    pub level: Level,
    /// Whether the standards leave it open if it is refused: the check then
    /// only watches that it does no harm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
    /// What it does, in a sentence.
    pub about: String,
    /// The section that it breaks, or the published vulnerability.
    pub spec: String,
    /// The code of the refusal that a right service provider gives; empty for
    /// a control.
    #[serde(default)]
    pub refusal: String,
    /// Ids of simpler faults: whoever accepts one of them accepts this one for
    /// the same reason, which is then one finding.
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
    /// Edits before signing: the signature is right, what it covers is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draft: Vec<Edit>,
    /// How it is signed.
    #[serde(default)]
    pub signing: Signing,
    /// The assertions are encrypted once they are signed, so; what `signed`
    /// edits comes after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Cipher>,
    /// The subject's name is encrypted, before anything is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_name: Option<Cipher>,
    /// Edits after signing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed: Vec<Edit>,
    /// What becomes of the message on its way into the form field.
    #[serde(default)]
    pub encoded: Encoding,
    /// How it is delivered.
    #[serde(default)]
    pub delivery: Delivery,
}

impl Fault {
    /// The stage at which it strikes: `draft`, `signed`, `encoded` or
    /// `delivered`; the last, when there are several.
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

    /// Whether something in it is for the recipient's eyes only.
    pub fn encrypts(&self) -> bool {
        self.encrypted.is_some() || self.encrypted_name.is_some()
    }

    /// The signatures of this fault's message, at a service provider to which
    /// `base` is sent otherwise: `base` where the fault allows it. A signature
    /// made by hand is in the assertion.
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

    /// Whether it tries to pass for somebody else than the person whom the
    /// honest message is about.
    pub fn impersonates(&self) -> bool {
        self.draft
            .iter()
            .chain(&self.signed)
            .any(Edit::impersonates)
    }
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// An honest message, as the control.
    Control,
    /// The signed part is moved, a forged one put in its place (XSW).
    SignatureWrapping,
    /// The signature is missing, empty, misplaced or made with another key.
    Signature,
    /// Algorithms of the signature or digest that must not be trusted: none, MD5,
    /// SHA-1, HMAC with a public value.
    Algorithm,
    /// Two readers understand the document differently.
    Parser,
    /// Whom, where and when the assertion is for.
    Conditions,
    /// A mandatory part is missing or void.
    Elements,
    /// The status contradicts the content.
    Status,
    /// A message used twice or elsewhere.
    Replay,
    /// Identifiers that are more than identifiers.
    Injection,
    /// Too much of something.
    Exhaustion,
    /// Encrypted content.
    Encryption,
}

impl Family {
    /// How a service provider mends what a fault of this family shows.
    pub fn mend(self) -> &'static str {
        match self {
            Self::Control => {
                "Accept what the specification allows; the answer's log entry says what was objected to."
            }
            Self::SignatureWrapping => {
                "Read claims only from the element whose digest the signature verified, in the same parsed tree; refuse a document with a second assertion or response anywhere in it."
            }
            Self::Signature => {
                "Demand exactly one enveloped signature that is a child of the assertion or response, with one reference to that element's ID, verified under a key configured for this identity provider; never take a key from the message."
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
                "Demand every element that saml-profiles §4.1.4.2 demands; reject the message when one is missing."
            }
            Self::Status => {
                "Look at the top-level status first; anything but Success ends the login, whatever else the message holds."
            }
            Self::Replay => {
                "Remember each assertion ID until its NotOnOrAfter, under a unique key shared by all replicas, and bind InResponseTo to the browser that asked."
            }
            Self::Injection => {
                "Treat identifiers as opaque text: compare them whole and exactly, allow only the e-mail domains that were verified for this identity provider, and encode them for every place they are shown."
            }
            Self::Exhaustion => {
                "Bound the size of the field, of the decoded document and its depth, before parsing."
            }
            Self::Encryption => {
                "Decrypt only after the outer checks, then judge the decrypted assertion like any other; answer every failure in the same words and time."
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
    /// Whoever gets hold of a message about the victim does.
    IntrusionByHolder,
    /// Only the identity provider can, or whoever has its key.
    IntrusionByIssuer,
    /// Nobody gets in by that alone, but a protection is missing.
    Protection,
    /// An honest message of a wrong form is accepted.
    Leniency,
    /// Honest users are not served: what the refusal of a control means.
    #[default]
    Function,
}

/// How firmly the specification demands something (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// It does.
    #[default]
    Must,
    /// It recommends.
    Should,
    /// It allows.
    May,
}

/// Which elements are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// The assertion only.
    Assertion,
    /// The response only.
    Response,
    /// Both of them.
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

/// Where an insertion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Right before the element.
    Before,
    /// Right after the element.
    After,
    /// Inside, before everything else.
    First,
    /// Inside, after everything else.
    Last,
}

/// One amendment of a document. `at` names an element by the local names from
/// the root down, the first match at each step: `Response/Assertion/Subject`.
/// Texts may hold the phrases of `phrases.rs`, such as `{forged}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "edit",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Edit {
    /// Sets an attribute, or removes it when there is no value.
    Attribute {
        /// The element.
        at: String,
        /// The attribute's name as written.
        name: String,
        /// Its new value.
        value: Option<String>,
    },
    /// Replaces what is inside an element by raw XML.
    Content {
        /// The element.
        at: String,
        /// The XML.
        xml: String,
    },
    /// Inserts raw XML.
    Insert {
        /// The element.
        at: String,
        /// Whether before, after or inside the element.
        place: Place,
        /// The XML.
        xml: String,
        /// How often, one after the other.
        #[serde(default = "once")]
        times: usize,
    },
    /// Replaces an element.
    Replace {
        /// The element.
        at: String,
        /// The XML.
        xml: String,
    },
    /// Removes an element.
    Remove {
        /// The element.
        at: String,
    },
    /// Puts text around the document.
    Surround {
        /// In front.
        #[serde(default)]
        before: String,
        /// The text after the document.
        #[serde(default)]
        after: String,
    },
    /// Replaces every occurrence of a text.
    Substitute {
        /// The text; it must occur.
        find: String,
        /// What comes in its place.
        with: String,
    },
    /// Moves every instant.
    Shift {
        /// Forward, or back when negative.
        seconds: i64,
    },
    /// The forged identity takes the genuine one's place everywhere.
    Impersonate,
    /// The reference's digest is made right again for the amended content.
    Redigest {
        /// The digest goes into a comment in front of the old one.
        #[serde(default)]
        as_comment: bool,
    },
    /// Elements in elements, inserted at the end of one.
    Nest {
        /// The element.
        at: String,
        /// How many levels.
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
    /// As it should be.
    #[default]
    Rightly,
    /// Not at all.
    Not,
    /// With a key that the metadata doesn't name, its certificate in KeyInfo.
    AnotherKey,
    /// By hand, so that every part of the signature can be wrong.
    Handmade(Handmade),
}

/// A signature made by hand, in the assertion.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handmade {
    /// The URI of the signature's algorithm.
    #[serde(default = "rsa_sha256")]
    pub method: String,
    /// Raw XML inside `<SignatureMethod>`.
    #[serde(default)]
    pub method_content: String,
    /// The URI of the digest's algorithm.
    #[serde(default = "sha256")]
    pub digest: String,
    /// Raw XML of `<Transforms>` in place of the usual two.
    #[serde(default)]
    pub transforms: Option<String>,
    /// What is referenced: `#assertion` is the assertion, an empty text the
    /// whole document, anything else is written as it is.
    #[serde(default = "the_assertion")]
    pub references: Vec<String>,
    /// The digest is that of no bytes at all.
    #[serde(default)]
    pub digest_of_nothing: bool,
    /// The signature value is over no bytes at all.
    #[serde(default)]
    pub signature_of_nothing: bool,
    /// With what it is signed.
    #[serde(default)]
    pub key: HandmadeKey,
    /// Raw XML of `<KeyInfo>` in place of the key's own certificate.
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

/// With what a handmade signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandmadeKey {
    /// The identity provider's own key.
    #[default]
    Own,
    /// A key that no metadata announces.
    Another,
    /// HMAC, its secret the public certificate in PEM.
    CertificatePem,
    /// HMAC, its secret the public certificate in DER.
    CertificateDer,
    /// HMAC, its secret the base64 of the public certificate, as metadata has it.
    CertificateBase64,
    /// HMAC, its secret the public key in PEM (SubjectPublicKeyInfo).
    PublicKeyPem,
    /// HMAC, its secret empty.
    Empty,
    /// The value stays empty.
    None,
}
