//! How a message is signed, as data.

use std::collections::BTreeMap;

use saml::keys::SigningKey;
use serde::{Deserialize, Serialize};

/// The keys that the identity provider's metadata announces after its first one.
#[derive(Debug, Clone)]
pub struct MoreKeys {
    /// An RSA key.
    pub rsa: SigningKey,
    /// An EC key on P-256.
    pub p256: SigningKey,
    /// An EC key on P-384.
    pub p384: SigningKey,
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
    Handmade(Box<Handmade>),
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
    /// The prefixes in the PrefixList that `transforms` names.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// The part of the assertion that is left after the transforms, over which the digest is
    /// computed [default: the whole assertion].
    #[serde(default)]
    pub leaves: Option<Leaves>,
    /// The `URI` of each Reference: `#assertion` stands for the assertion's ID, a path such as
    /// `#Response/Extensions/x` for the ID of that element, `{assertion-id}` within a text for the
    /// assertion's ID, an empty text and `#xpointer(/)` for the whole document. The digest is that
    /// of this element. Any other value is written as it is, with the digest of zero bytes.
    #[serde(default = "the_assertion")]
    pub references: Vec<String>,
    /// Paths of other elements whose digests are written into References, by the text of the
    /// Reference in `references`.
    #[serde(default)]
    pub digest_of: BTreeMap<String, String>,
    /// Writes the digest of zero bytes.
    #[serde(default)]
    pub digest_of_nothing: bool,
    /// Number of bits to which the HMAC is truncated; also written to `HMACOutputLength`.
    #[serde(default)]
    pub output_bits: Option<usize>,
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

/// The part of the signed assertion that is left after the transforms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaves {
    /// One element, in canonical form.
    Only(String),
    /// The assertion without one element, in canonical form.
    Without(String),
    /// This text, which does not depend on the assertion.
    Text(String),
    /// The text of the assertion's elements, decoded from base64. Characters that are not base64
    /// are ignored, as tolerant decoders do.
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
    /// An EC key on P-256 that is not in any metadata.
    AnotherEc,
    /// The RSA key of [`MoreKeys`].
    SecondRsa,
    /// The EC key on P-256 of [`MoreKeys`].
    P256,
    /// The EC key on P-384 of [`MoreKeys`].
    P384,
    /// HMAC; the secret is the public certificate in PEM.
    CertificatePem,
    /// HMAC; the certificate in PEM with CR LF at the end of each line.
    CertificatePemCrlf,
    /// HMAC; the certificate in PEM without a line end after the last line.
    CertificatePemOpen,
    /// HMAC; the certificate in PEM with its base64 in one line.
    CertificatePemOneLine,
    /// HMAC; the secret is the public certificate in DER.
    CertificateDer,
    /// HMAC; the secret is the base64 of the public certificate, as written in metadata.
    CertificateBase64,
    /// HMAC; the base64 of the certificate in lines of 64 characters.
    CertificateBase64Lines,
    /// HMAC; the secret is the public key in PEM (SubjectPublicKeyInfo).
    PublicKeyPem,
    /// HMAC; the public key in PEM with CR LF at the end of each line.
    PublicKeyPemCrlf,
    /// HMAC; the public key in PEM without a line end after the last line.
    PublicKeyPemOpen,
    /// HMAC; the secret is the public key in DER (SubjectPublicKeyInfo).
    PublicKeyDer,
    /// HMAC; the secret is the base64 of the public key.
    PublicKeyBase64,
    /// HMAC; the secret is the public key in PEM as PKCS#1 writes it (`RSA PUBLIC KEY`).
    RsaPublicKeyPem,
    /// HMAC; the secret is the public key in DER as PKCS#1 writes it.
    RsaPublicKeyDer,
    /// HMAC; the secret is empty.
    Empty,
    /// No key: `SignatureValue` is empty.
    None,
}

impl HandmadeKey {
    /// True for the keys of [`MoreKeys`].
    pub(crate) fn is_one_of_more(self) -> bool {
        matches!(self, Self::SecondRsa | Self::P256 | Self::P384)
    }
}
