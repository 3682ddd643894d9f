//! Converts a service provider's metadata to the settings of an application.

use saml::encryption::ContentCipher;
use saml::keys::Certificate;
use saml::message::NameIdFormat;
use saml::metadata::{MetadataError, Selection, SpMetadata, Usable};
use saml::names;
use serde_json::{Value, json};

use crate::directory::{Document, text};
use crate::refusal::{Refused, Result};

/// Certificates in the metadata, which are stored in the environment.
pub(super) struct Certificates {
    /// Certificates that verify the service provider's signatures.
    pub(super) verification: Vec<Certificate>,
    /// Certificate to encrypt assertions for.
    pub(super) encryption: Option<Certificate>,
}

/// True if a NameID of this format is an e-mail address.
pub(super) fn is_email(format: Option<&str>) -> bool {
    format.map(NameIdFormat::from_uri) == Some(NameIdFormat::EmailAddress)
}

/// True if the client sent a value for `key`. The console sends null for an empty field, so
/// null counts as not sent.
fn is_said(document: &Document, key: &str) -> bool {
    document.get(key).is_some_and(|value| !value.is_null())
}

fn fill(document: &mut Document, key: &str, value: Value) {
    if !is_said(document, key) {
        document.insert(key.to_owned(), value);
    }
}

/// Parses the metadata of one service provider. In an aggregate, `spEntityId` of the client
/// selects it.
fn read(document: &Document, xml: &str) -> Result<Usable<SpMetadata>> {
    let refused = |error: MetadataError| Refused::invalid("spMetadata", error.to_string());
    let chosen = text(document, "spEntityId");
    match (SpMetadata::read(xml, &Selection::default()), chosen) {
        (Err(MetadataError::Aggregate { .. }), Some(entity_id)) => {
            let selection = Selection {
                entity_id: Some(entity_id),
                signed_by: None,
            };
            SpMetadata::read(xml, &selection).map_err(refused)
        }
        (Err(error @ MetadataError::Aggregate { .. }), None) => Err(Refused::invalid(
            "spMetadata",
            format!("{error} (send the entity ID as spEntityId beside spMetadata)"),
        )),
        (read, _) => read.map_err(refused),
    }
}

/// Returns the encryption that the metadata asks for: the certificate, and the strongest cipher
/// that both sides support (saml-metadata §2.4.1.1).
fn encryption(
    metadata: &SpMetadata,
    left_out: &mut Vec<String>,
) -> Option<(Certificate, &'static str)> {
    let certificate = metadata.encryption_certificates.first()?;
    let methods = &metadata.encryption_methods;
    // A key without `use` may serve both purposes, so it does not request encryption.
    if methods.is_empty() && metadata.certificates.contains(certificate) {
        return None;
    }
    // If only key transport methods are listed, any content cipher is allowed.
    let names_cipher = methods
        .iter()
        .any(|it| it.contains("-cbc") || it.contains("-gcm"));
    let takes = |cipher: ContentCipher| methods.iter().any(|it| it == cipher.uri());
    let known = [
        (ContentCipher::Aes256Gcm, "AES_256"),
        (ContentCipher::Aes128Gcm, "AES_128"),
    ];
    let mut usable = known
        .into_iter()
        .filter(|(cipher, _)| !names_cipher || takes(*cipher));
    let Some((_, algorithm)) = usable.next() else {
        left_out.push(format!(
            "<md:EncryptionMethod>: none of {} is AES-GCM with 128 or 256 bits",
            methods.join(", ")
        ));
        return None;
    };
    Some((certificate.clone(), algorithm))
}

/// Fills `document` from a service provider's metadata. Values that the API request sets itself
/// take precedence. `spMetadataLeftOut` lists the parts of the metadata that are not used.
pub(super) fn from_metadata(document: &mut Document, xml: &str) -> Result<Certificates> {
    let Usable {
        metadata,
        mut left_out,
    } = read(document, xml)?;
    let mut acs: Vec<_> = metadata
        .acs
        .iter()
        .filter(|acs| acs.endpoint.binding == names::HTTP_POST)
        .collect();
    acs.sort_by_key(|acs| (!acs.is_default, acs.index));
    if acs.is_empty() {
        return Err(Refused::invalid(
            "spMetadata",
            "AssertionConsumerService with the HTTP-POST binding not found; add one, this identity provider sends Responses by HTTP-POST only",
        ));
    }
    let locations: Vec<&str> = acs
        .iter()
        .map(|acs| acs.endpoint.location.as_str())
        .collect();
    fill(document, "spEntityId", metadata.entity_id.clone().into());
    fill(document, "acsUrls", json!(locations));
    if metadata.want_assertions_signed {
        document.insert("assertionSigned".into(), true.into());
    }
    let formats = &metadata.name_id_formats;
    let given = [
        NameIdFormat::Unspecified,
        NameIdFormat::EmailAddress,
        NameIdFormat::Persistent,
        NameIdFormat::Transient,
    ];
    if let Some(format) = formats.iter().find(|it| given.contains(it)) {
        fill(document, "nameIdFormat", format.uri().into());
    }
    if let Some(slo) = metadata.browser_slo() {
        let binding = if slo.binding == names::HTTP_REDIRECT {
            "HTTP_REDIRECT"
        } else {
            "HTTP_POST"
        };
        fill(document, "sloEndpoint", slo.location.clone().into());
        fill(document, "sloBinding", binding.into());
    } else if !metadata.slo.is_empty() {
        left_out.push(
            "<md:SingleLogoutService>: none has the HTTP-Redirect or HTTP-POST binding".to_owned(),
        );
    }
    let encryption = match is_said(document, "spEncryption") {
        true => None,
        false => encryption(&metadata, &mut left_out),
    };
    if let Some((_, algorithm)) = &encryption {
        document.insert("spEncryption".into(), json!({"algorithm": algorithm}));
    }
    if !left_out.is_empty() {
        document.insert("spMetadataLeftOut".into(), json!(left_out));
    }
    let mut certificates = Certificates {
        verification: Vec::new(),
        encryption: encryption.map(|(certificate, _)| certificate),
    };
    if !metadata.certificates.is_empty() && !is_said(document, "spVerification") {
        document.insert(
            "spVerification".into(),
            json!({"authnRequestSigned": metadata.authn_requests_signed, "certificates": []}),
        );
        certificates.verification = metadata.certificates;
    }
    Ok(certificates)
}
