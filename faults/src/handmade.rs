//! Creates signatures part by part, so that one part can be wrong while the others are valid.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rsa::Pkcs1v15Sign;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use saml::keys::{SignatureAlgorithm, SigningKey};
use saml::names;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::document;
use crate::{Handmade, HandmadeKey, Honest, Leaves};

const ASSERTION: &str = "Response/Assertion";
/// The XPointer to the whole document (xmldsig-core §4.4.3.3).
const WHOLE_DOCUMENT: &str = "#xpointer(/)";
/// The place of the assertion's ID in a reference.
const ASSERTION_ID: &str = "{assertion-id}";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const RSA_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";

/// Returns the draft with the handmade signature in its assertion, after the Issuer.
pub(crate) fn sign(
    draft: &str,
    handmade: &Handmade,
    honest: &Honest<'_>,
) -> Result<String, String> {
    sign_element(draft, handmade, honest, ASSERTION)
}

/// Signs the element at this path. `#assertion` in a reference stands for the ID of this element.
///
/// # Errors
/// In words, if the document has no such element or the key cannot sign.
pub(crate) fn sign_element(
    draft: &str,
    handmade: &Handmade,
    honest: &Honest<'_>,
    element: &str,
) -> Result<String, String> {
    let phrases = [
        ("{elsewhere}", honest.elsewhere.to_owned()),
        (
            "{own-certificate}",
            honest.signer.key.certificate().to_base64(),
        ),
        (
            "{foreign-certificate}",
            honest.foreign.certificate().to_base64(),
        ),
        ("{own-key-value}", key_value(&honest.signer.key)?),
        ("{foreign-key-value}", key_value(honest.foreign)?),
    ];
    let said = |text: &str| {
        let all = phrases.iter();
        all.fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    };
    let handmade = &Handmade {
        transforms: handmade.transforms.as_deref().map(said),
        key_info: handmade.key_info.as_deref().map(said),
        references: handmade.references.iter().map(|it| said(it)).collect(),
        ..handmade.clone()
    };
    let references: String = handmade
        .references
        .iter()
        .map(|what| reference(draft, handmade, (what, element)))
        .collect::<Result<_, _>>()?;
    let method_content = match handmade.output_bits {
        Some(bits) => format!("<ds:HMACOutputLength>{bits}</ds:HMACOutputLength>"),
        None => handmade.method_content.clone(),
    };
    // This is the exclusive canonical form of `SignedInfo`, except for the namespace declaration,
    // which the Signature element has.
    let body = format!(
        "<ds:CanonicalizationMethod Algorithm=\"{}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{}\">{}</ds:SignatureMethod>{references}</ds:SignedInfo>",
        names::EXC_C14N,
        handmade.method,
        method_content,
    );
    let canonical = format!("<ds:SignedInfo xmlns:ds=\"{}\">{body}", names::DSIG);
    let mut value = value(
        &handmade.method,
        handmade.key,
        honest,
        if handmade.signature_of_nothing {
            b""
        } else {
            canonical.as_bytes()
        },
    )?;
    if let Some(bits) = handmade.output_bits {
        value.truncate(bits / 8);
    }
    let value = STANDARD.encode(value);
    let key = pair(handmade.key, honest)?.unwrap_or(&honest.signer.key);
    let content = handmade.key_info.clone().unwrap_or_else(|| {
        format!(
            "<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>",
            key.certificate().to_base64()
        )
    });
    // The schema forbids an empty KeyInfo.
    let key_info = match content.is_empty() {
        true => String::new(),
        false => format!("<ds:KeyInfo>{content}</ds:KeyInfo>"),
    };
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{}\"><ds:SignedInfo>{body}<ds:SignatureValue>{value}</ds:SignatureValue>\
         {key_info}</ds:Signature>",
        names::DSIG
    );
    let issuer = format!("{element}/Issuer");
    document::insert_xml(draft, &issuer, crate::Place::After, &signature)
}

fn reference(
    draft: &str,
    handmade: &Handmade,
    (what, element): (&str, &str),
) -> Result<String, String> {
    let (uri, covered) = match what {
        "#assertion" => (
            format!("#{}", document::value_of(draft, element, "ID")?),
            digest_input(draft, handmade, element)?,
        ),
        "" | WHOLE_DOCUMENT => {
            let covered = document::canonical(draft, "Response")?;
            (what.to_owned(), covered)
        }
        path if path.starts_with("#Response/") => {
            let path = &path[1..];
            let uri = format!("#{}", document::value_of(draft, path, "ID")?);
            (uri, document::canonical(draft, path)?)
        }
        text if text.contains(ASSERTION_ID) => {
            let id = document::value_of(draft, element, "ID")?;
            let covered = digest_input(draft, handmade, element)?;
            (text.replace(ASSERTION_ID, &id), covered)
        }
        other => (other.to_owned(), Vec::new()),
    };
    let covered = match handmade.digest_of.get(what) {
        _ if handmade.digest_of_nothing => Vec::new(),
        Some(path) => document::canonical(draft, path)?,
        None => covered,
    };
    let transforms = handmade.transforms.clone().unwrap_or_else(|| {
        format!(
            "<ds:Transform Algorithm=\"{}\"></ds:Transform><ds:Transform Algorithm=\"{}\"></ds:Transform>",
            names::ENVELOPED_SIGNATURE,
            names::EXC_C14N
        )
    });
    Ok(format!(
        "<ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{}\"></ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
        handmade.digest,
        STANDARD.encode(digest(&handmade.digest, &covered)),
    ))
}

/// Returns the bytes over which the digest of the element is computed: those that `leaves` names,
/// or the whole element.
fn digest_input(draft: &str, handmade: &Handmade, element: &str) -> Result<Vec<u8>, String> {
    match &handmade.leaves {
        None => document::canonical_with(draft, element, &handmade.prefixes),
        Some(Leaves::Only(path)) => document::canonical(draft, path),
        Some(Leaves::Without(path)) => {
            document::canonical(&document::without(draft, path)?, element)
        }
        Some(Leaves::Text(text)) => Ok(text.clone().into_bytes()),
        Some(Leaves::DecodedText) => decode_leniently(&document::text_of(draft, element)?),
    }
}

fn decode_leniently(text: &str) -> Result<Vec<u8>, String> {
    let is_base64 = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '+' | '/');
    let mut signs: String = text.chars().filter(is_base64).collect();
    // A single remaining character has only six bits, which is less than a byte.
    if signs.len() % 4 == 1 {
        signs.pop();
    }
    // Remaining bits in the last character are ignored, too.
    let lenient = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    lenient.decode(signs).map_err(|error| error.to_string())
}

/// Computes the digest by algorithm URI; unknown algorithms give SHA-256.
pub(crate) fn digest(uri: &str, bytes: &[u8]) -> Vec<u8> {
    match uri {
        SHA1 => Sha1::digest(bytes).to_vec(),
        names::SHA384 => Sha384::digest(bytes).to_vec(),
        names::SHA512 => Sha512::digest(bytes).to_vec(),
        _ => Sha256::digest(bytes).to_vec(),
    }
}

/// Returns the key pair that signs; `None` for HMAC and for no key.
fn pair<'h>(key: HandmadeKey, honest: &Honest<'h>) -> Result<Option<&'h SigningKey>, String> {
    let more = || {
        let all = honest.more_keys;
        all.ok_or("the metadata announces only one key of the identity provider")
    };
    Ok(Some(match key {
        HandmadeKey::Own => &honest.signer.key,
        HandmadeKey::Another => honest.foreign,
        HandmadeKey::AnotherEc => honest.foreign_ec,
        HandmadeKey::SecondRsa => &more()?.rsa,
        HandmadeKey::P256 => &more()?.p256,
        HandmadeKey::P384 => &more()?.p384,
        _ => return Ok(None),
    }))
}

fn value(
    method: &str,
    key: HandmadeKey,
    honest: &Honest<'_>,
    data: &[u8],
) -> Result<Vec<u8>, String> {
    let mac = |secret: &[u8]| hmac(method, secret, data);
    if let Some(pair) = pair(key, honest)? {
        return asymmetric(method, pair, data);
    }
    match key {
        HandmadeKey::Empty => mac(&[]),
        HandmadeKey::None => Ok(Vec::new()),
        public => mac(&public_value(public, honest)?),
    }
}

/// Returns the public certificate or key, in the form of `key`, that an HMAC uses as its secret.
fn public_value(key: HandmadeKey, honest: &Honest<'_>) -> Result<Vec<u8>, String> {
    let certificate = honest.signer.key.certificate();
    let public = || private(&honest.signer.key).map(|key| key.to_public_key());
    let base64 = certificate.to_base64();
    let pem = certificate.to_pem();
    let with_crlf = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
    let text = match key {
        HandmadeKey::CertificateDer => return Ok(certificate.der().to_vec()),
        HandmadeKey::PublicKeyDer => return to_der(public()?.to_public_key_der()),
        HandmadeKey::RsaPublicKeyDer => return to_der(public()?.to_pkcs1_der()),
        HandmadeKey::CertificatePemCrlf => with_crlf(&pem),
        HandmadeKey::CertificatePemOpen => pem.trim_end().to_owned(),
        HandmadeKey::CertificatePemOneLine => {
            format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
        }
        HandmadeKey::CertificateBase64 => base64,
        HandmadeKey::CertificateBase64Lines => {
            let lines = pem.lines().filter(|line| !line.starts_with("-----"));
            lines.map(|line| format!("{line}\n")).collect()
        }
        HandmadeKey::PublicKeyPem => public_key_pem(&honest.signer.key)?,
        HandmadeKey::PublicKeyPemCrlf => with_crlf(&public_key_pem(&honest.signer.key)?),
        HandmadeKey::PublicKeyPemOpen => public_key_pem(&honest.signer.key)?.trim_end().to_owned(),
        HandmadeKey::PublicKeyBase64 => STANDARD.encode(to_der(public()?.to_public_key_der())?),
        HandmadeKey::RsaPublicKeyPem => public()?
            .to_pkcs1_pem(LineEnding::LF)
            .map_err(|error| error.to_string())?,
        _ => pem,
    };
    Ok(text.into_bytes())
}

fn to_der<E: std::fmt::Display>(made: Result<rsa::pkcs8::Document, E>) -> Result<Vec<u8>, String> {
    made.map(|it| it.as_bytes().to_vec())
        .map_err(|error| error.to_string())
}

/// Computes the HMAC by algorithm URI; unknown algorithms give HMAC-SHA256.
fn hmac(method: &str, secret: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    macro_rules! with {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(secret)
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        };
    }
    let made = if method.ends_with("#hmac-sha1") {
        with!(Sha1)
    } else if method.ends_with("#hmac-sha384") {
        with!(Sha384)
    } else if method.ends_with("#hmac-sha512") {
        with!(Sha512)
    } else {
        with!(Sha256)
    };
    made.map_err(|error| error.to_string())
}

/// Returns the public key in PEM (`-----BEGIN PUBLIC KEY-----`). Some libraries pass it to the
/// verifier instead of the certificate.
fn public_key_pem(key: &SigningKey) -> Result<String, String> {
    private(key)?
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(|error| error.to_string())
}

/// Returns the key as `<ds:RSAKeyValue>` (xmldsig-core §4.5.2.2).
pub(crate) fn key_value(key: &SigningKey) -> Result<String, String> {
    let public = private(key)?.to_public_key();
    Ok(format!(
        "<ds:RSAKeyValue><ds:Modulus>{}</ds:Modulus><ds:Exponent>{}</ds:Exponent></ds:RSAKeyValue>",
        STANDARD.encode(public.n().to_bytes_be()),
        STANDARD.encode(public.e().to_bytes_be()),
    ))
}

fn private(key: &SigningKey) -> Result<rsa::RsaPrivateKey, String> {
    rsa::RsaPrivateKey::from_pkcs8_pem(key.pkcs8_pem())
        .map_err(|error| format!("invalid key: expected an RSA private key: {error}"))
}

fn asymmetric(method: &str, key: &SigningKey, data: &[u8]) -> Result<Vec<u8>, String> {
    if method == RSA_SHA1 {
        return rsa_sha1(key, data);
    }
    let algorithm = SignatureAlgorithm::from_accepted_uri(method)
        .filter(|algorithm| algorithm.is_rsa() == key.algorithm().is_rsa())
        .unwrap_or_else(|| key.algorithm());
    key.sign(algorithm, data).map_err(|error| error.to_string())
}

/// Signs with RSASSA-PKCS1-v1_5 and SHA-1 (RFC 8017 §8.2). The library that makes all other
/// signatures refuses SHA-1.
///
/// # Errors
/// In words, if the key is no RSA key or too short.
pub fn rsa_sha1(key: &SigningKey, data: &[u8]) -> Result<Vec<u8>, String> {
    /// The DER prefix that names SHA-1 (RFC 8017 §9.2, note 1).
    const PREFIX: [u8; 15] = [
        0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
    ];
    let private = private(key)?;
    let padding = Pkcs1v15Sign {
        hash_len: Some(20),
        prefix: PREFIX.into(),
    };
    private
        .sign(padding, &Sha1::digest(data))
        .map_err(|error| error.to_string())
}
