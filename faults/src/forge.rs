//! Creates the message of a fault from an honest Response.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::{SignedDuration, Timestamp};
use saml::keys::{Certificate, SigningKey};
use saml::message::Response;
use saml::signature::Signer;

use crate::conceal::conceal;
use crate::document;
use crate::encryptor::{Encryptor, encrypt_element};
use crate::handmade;
use crate::phrases::Phrases;
use crate::{Cover, Edit, Encoding, Fault, MoreKeys, Signing};

/// The message that an honest identity provider would send, and the keys for it.
#[derive(Debug, Clone)]
pub struct Honest<'a> {
    /// The draft, before signing.
    pub response: &'a Response,
    /// The identity provider's signer.
    pub signer: &'a Signer,
    /// A signing key that is not in the metadata.
    pub foreign: &'a SigningKey,
    /// An EC signing key on P-256 that is not in the metadata.
    pub foreign_ec: &'a SigningKey,
    /// Further keys in the metadata; `None` if it announces only the key of `signer`.
    pub more_keys: Option<&'a MoreKeys>,
    /// Certificate of the service provider, for encryption.
    pub recipient: Option<&'a Certificate>,
    /// Name of the user whom a fault claims to be.
    pub forged: &'a str,
    /// The base URL for external references, without a slash at the end. A correct service
    /// provider fetches nothing from it.
    pub elsewhere: &'a str,
    /// True if every assertion is encrypted, because the service provider accepts no others.
    pub encrypts: bool,
    /// True if the Response is also signed when a fault needs a signature of the assertion, for a
    /// service provider that requires both signatures.
    pub demands_both: bool,
}

/// A message that is ready for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// The document before encoding.
    pub xml: String,
    /// The value of the form field `SAMLResponse`.
    pub field: String,
}

/// Error for a fault that would leave the message unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fault {fault} changed nothing: {reason}")]
pub struct Ineffective {
    /// Id of the fault.
    pub fault: String,
    /// The reason.
    pub reason: String,
}

/// Applies the faults to an honest message, one after the other. Without faults the result is the
/// honest message.
///
/// # Errors
/// [`Ineffective`] when a fault finds nothing to change.
pub fn forge(faults: &[Fault], honest: &Honest<'_>) -> Result<Forged, Ineffective> {
    let ineffective = |fault: &Fault| {
        let fault = fault.id.clone();
        move |reason| Ineffective { fault, reason }
    };
    let genuine = genuine(honest.response);
    let original = honest.response.to_xml();
    let said = |document: &str, edits: &[Edit]| -> Result<String, String> {
        let phrases = Phrases {
            document,
            original: &original,
            genuine: &genuine,
            forged: honest.forged,
            now: honest.response.issue_instant,
            signer: Some(honest.signer),
            foreign: honest.foreign,
            recipient: honest.recipient,
            elsewhere: honest.elsewhere,
        };
        let amended = edits.iter().try_fold(document.to_owned(), |text, edit| {
            amend(text, edit, &phrases)
        })?;
        if !edits.is_empty() && amended == document {
            return Err("the edits do not change the document".to_owned());
        }
        Ok(amended)
    };

    let mut text = original.clone();
    for fault in faults {
        text = said(&text, &fault.draft).map_err(ineffective(fault))?;
    }
    let first = |wanted: fn(&Fault) -> bool| faults.iter().find(|fault| wanted(fault));
    let signing = first(|fault| fault.signing != Signing::Rightly);
    let cover = match honest.demands_both {
        true => Some(Cover::Both),
        false => first(|fault| !fault.covers.is_empty())
            .map(|fault| fault.cover_at(cover_of(honest.signer))),
    };
    if let Some(fault) = first(|fault| fault.encrypted_name.is_some()) {
        text = Encryptor::new(fault.encrypted_name, fault.key_transport, honest)
            .and_then(|it| it.encrypt_name_ids(&text))
            .map_err(ineffective(fault))?;
    }
    text = sign(&text, signing.map(|fault| &fault.signing), cover, honest).map_err(|reason| {
        Ineffective {
            fault: signing
                .or(faults.first())
                .map(|fault| fault.id.clone())
                .unwrap_or_default(),
            reason,
        }
    })?;
    if let Some(fault) = first(|fault| fault.encrypted.is_some()) {
        text = Encryptor::new(fault.encrypted, fault.key_transport, honest)
            .and_then(|it| encrypt_assertions(&text, &it, cover, honest))
            .map_err(ineffective(fault))?;
    }
    for fault in faults {
        text = said(&text, &fault.signed).map_err(ineffective(fault))?;
    }
    if honest.encrypts && first(Fault::encrypts_assertion).is_none() {
        text = conceal(&text, honest).map_err(|reason| Ineffective {
            fault: faults.first().map(|it| it.id.clone()).unwrap_or_default(),
            reason,
        })?;
    }
    let encoding = first(|fault| fault.encoded != Encoding::Base64).map(|fault| fault.encoded);
    Ok(Forged {
        field: encode(&text, encoding.unwrap_or_default()),
        xml: text,
    })
}

/// A request that the identity provider signed, which an attacker changes.
#[derive(Debug, Clone)]
pub struct SignedRequest<'a> {
    /// The document.
    pub xml: &'a str,
    /// Name of the user whom the request is about.
    pub genuine: &'a str,
    /// Name of the user whom a fault puts in that place.
    pub forged: &'a str,
    /// Time of the request.
    pub now: Timestamp,
    /// A signing key that is not in the metadata.
    pub foreign: &'a SigningKey,
}

/// Applies the edits of a fault that come after signing to a signed request. Returns the document.
///
/// # Errors
/// [`Ineffective`] when the fault finds nothing to change.
pub fn forge_signed_request(
    fault: &Fault,
    request: &SignedRequest<'_>,
) -> Result<String, Ineffective> {
    let phrases = Phrases {
        document: request.xml,
        original: request.xml,
        genuine: request.genuine,
        forged: request.forged,
        now: request.now,
        signer: None,
        foreign: request.foreign,
        recipient: None,
        elsewhere: "",
    };
    let mut edits = fault.signed.iter();
    let amended = edits.try_fold(request.xml.to_owned(), |text, edit| {
        amend(text, edit, &phrases)
    });
    let ineffective = |reason| Ineffective {
        fault: fault.id.clone(),
        reason,
    };
    match amended.map_err(ineffective)? {
        same if same == request.xml => Err(ineffective(
            "the edits do not change the document".to_owned(),
        )),
        amended => Ok(amended),
    }
}

/// Returns which elements the signer signs.
fn cover_of(signer: &Signer) -> Cover {
    match (signer.assertion, signer.response) {
        (true, true) => Cover::Both,
        (false, true) => Cover::Response,
        _ => Cover::Assertion,
    }
}

/// Returns the name of the draft's user. A draft without a subject gives a name that does not occur
/// in any document.
fn genuine(response: &Response) -> String {
    let subject = response
        .assertions
        .first()
        .and_then(|assertion| assertion.subject.as_ref());
    subject.map_or_else(
        || "\u{0}".to_owned(),
        |subject| subject.name_id.value.clone(),
    )
}

fn sign(
    text: &str,
    signing: Option<&Signing>,
    cover: Option<Cover>,
    honest: &Honest<'_>,
) -> Result<String, String> {
    let mut signer = honest.signer.clone();
    if let Some(cover) = cover {
        signer.assertion = cover != Cover::Response;
        signer.response = cover != Cover::Assertion;
    }
    match signing.unwrap_or(&Signing::Rightly) {
        Signing::Rightly => {}
        Signing::Not => return Ok(text.to_owned()),
        Signing::AnotherKey => {
            signer.key = honest.foreign.clone();
            signer.algorithm = signer.key.algorithm();
        }
        Signing::Handmade(handmade) => {
            let signed = handmade::sign(text, handmade, honest)?;
            if !honest.demands_both && cover != Some(Cover::Both) {
                return Ok(signed);
            }
            // Who writes a PrefixList, such as Okta, writes it into both signatures. Some service
            // providers apply the first one in the document to both.
            return match handmade.prefixes.is_empty() {
                true => sign_response(&signed, honest),
                false => handmade::sign_element(&signed, handmade, honest, "Response"),
            };
        }
    }
    signer.sign_text(text).map_err(|error| error.to_string())
}

/// Signs the response as it is, and keeps the assertion's signature.
fn sign_response(text: &str, honest: &Honest<'_>) -> Result<String, String> {
    let signer = Signer {
        assertion: false,
        response: true,
        ..honest.signer.clone()
    };
    signer.sign_text(text).map_err(|error| error.to_string())
}

/// Encrypts the assertions, then signs the response if `cover` includes it.
fn encrypt_assertions(
    text: &str,
    encryptor: &Encryptor<'_>,
    cover: Option<Cover>,
    honest: &Honest<'_>,
) -> Result<String, String> {
    let plain = if document::has(text, "Response/Signature") {
        document::without(text, "Response/Signature")?
    } else {
        text.to_owned()
    };
    let hidden = encryptor.encrypt_assertions(&plain)?;
    if matches!(cover, None | Some(Cover::Assertion)) {
        return Ok(hidden);
    }
    sign_response(&hidden, honest)
}

fn amend(text: String, edit: &Edit, phrases: &Phrases<'_>) -> Result<String, String> {
    let said = |text: &str| phrases.fill_in(text);
    match edit {
        Edit::Attribute { at, name, value } => {
            let value = value.as_deref().map(said).transpose()?;
            document::attribute(&text, at, name, value.as_deref())
        }
        Edit::Content { at, xml } => document::content(&text, at, &said(xml)?),
        Edit::Insert {
            at,
            place,
            xml,
            times,
            unless,
        } => match unless {
            Some(there) if text.contains(there.as_str()) => Ok(text),
            _ => document::insert_xml(&text, at, *place, &said(xml)?.repeat(*times)),
        },
        Edit::Replace { at, xml } => document::replace_element(&text, at, &said(xml)?),
        Edit::Remove { at } => document::without(&text, at),
        Edit::Surround { before, after } => Ok(format!("{}{text}{}", said(before)?, said(after)?)),
        Edit::Substitute { find, with } => {
            let find = said(find)?;
            if !text.contains(&find) {
                return Err(format!("the document does not contain {find:?}"));
            }
            Ok(text.replace(&find, &said(with)?))
        }
        Edit::Shift { seconds } => Ok(with_times(&text, |at| {
            let at = at.saturating_add(SignedDuration::from_secs(*seconds));
            Some(format!("{:.3}", at.ok()?))
        })),
        Edit::WholeSeconds => Ok(with_times(&text, |at| {
            Some(Timestamp::from_second(at.as_second()).ok()?.to_string())
        })),
        Edit::Impersonate => Ok(phrases.impersonate(&text)),
        Edit::Redigest { written } => write_new_digest(&text, written),
        Edit::Move {
            at,
            leaving,
            to,
            place,
            before,
            after,
        } => {
            let moved = format!(
                "{}{}{}",
                said(before)?,
                document::outer(&text, at)?,
                said(after)?
            );
            let cut = document::replace_element(&text, at, &said(leaving)?)?;
            document::insert_xml(&cut, to, *place, &moved)
        }
        Edit::Encrypt { at, before, after } => {
            let plain = format!(
                "{}{}{}",
                said(before)?,
                document::outer(&text, at)?,
                said(after)?
            );
            let encrypted = encrypt_element(phrases.recipient, at, &plain)?;
            document::replace_element(&text, at, &encrypted)
        }
        Edit::Truncate { at, bytes } => {
            let value = document::inner(&text, at)?;
            let mut value = STANDARD.decode(value).map_err(|error| error.to_string())?;
            let length = value.len().checked_sub(*bytes);
            value.truncate(length.ok_or("the value is shorter than what is removed")?);
            document::content(&text, at, &STANDARD.encode(value))
        }
        Edit::Nest { at, depth } => {
            let nest = format!("{}{}", "<n>".repeat(*depth), "</n>".repeat(*depth));
            document::insert_xml(&text, at, crate::Place::Last, &nest)
        }
    }
}

/// Changes every time in an attribute of the document. A time for which `change` returns `None` stays
/// as it is.
fn with_times(text: &str, change: impl Fn(Timestamp) -> Option<String>) -> String {
    const NAMES: [&str; 5] = [
        " IssueInstant=\"",
        " NotBefore=\"",
        " NotOnOrAfter=\"",
        " AuthnInstant=\"",
        " SessionNotOnOrAfter=\"",
    ];
    let mut text = text.to_owned();
    for name in NAMES {
        let mut from = 0;
        while let Some(found) = text[from..].find(name) {
            let start = from + found + name.len();
            let Some(length) = text[start..].find('"') else {
                break;
            };
            let moved = text[start..start + length]
                .parse::<Timestamp>()
                .ok()
                .and_then(&change);
            if let Some(moved) = moved {
                text.replace_range(start..start + length, &moved);
            }
            from = start;
        }
    }
    text
}

fn write_new_digest(text: &str, written: &str) -> Result<String, String> {
    let (element, reference) = if document::has(text, "Response/Assertion/Signature") {
        (
            "Response/Assertion",
            "Response/Assertion/Signature/SignedInfo/Reference",
        )
    } else {
        ("Response", "Response/Signature/SignedInfo/Reference")
    };
    let method = document::value_of(text, &format!("{reference}/DigestMethod"), "Algorithm")?;
    let digest = STANDARD.encode(handmade::digest(
        &method,
        &document::canonical(text, element)?,
    ));
    let at = format!("{reference}/DigestValue");
    let old = document::inner(text, &at)?;
    let value = written.replace("{new}", &digest).replace("{old}", old);
    document::content(text, &at, &value)
}

fn encode(text: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Base64 => STANDARD.encode(text),
        Encoding::Deflated => STANDARD.encode(deflate(text.as_bytes())),
        Encoding::DeflateBomb => {
            let spaces = vec![b' '; 32 * 1024 * 1024];
            STANDARD.encode(deflate(&[text.as_bytes(), &spaces].concat()))
        }
        Encoding::Utf16 => {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            STANDARD.encode(units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
        }
        Encoding::Plain => text.to_owned(),
        Encoding::Garbage => {
            let mut field = STANDARD.encode(text);
            field.insert_str(field.len() / 2, "*!");
            field
        }
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
