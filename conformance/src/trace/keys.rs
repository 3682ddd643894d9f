//! Inputs of the user besides the message: the trusted keys, the receiver, and the time at which
//! it is judged.

use jiff::Timestamp;

use crate::inspection::certificate::Certificate;
use crate::inspection::encryption::DecryptionKey;
use crate::inspection::{is, ns, other_document, parse, text};

/// The inputs of the user besides the message.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Signing certificates from metadata, each with its entity.
    pub trusted: Vec<TrustedKey>,
    /// Entity ID of the service provider.
    pub audience: Option<String>,
    /// The URLs of the service provider's assertion consumer services.
    pub acs: Vec<String>,
    /// The time at which the message is judged.
    pub now: Option<Timestamp>,
    /// Private key of the service provider, for encrypted assertions.
    pub decryption_key: Option<DecryptionKey>,
}

/// A signing certificate, and the entity whose metadata contains it.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// `entityID` of the metadata.
    pub entity_id: String,
    /// The certificate.
    pub certificate: Certificate,
}

impl Known {
    /// True if no metadata was given, or that of this entity is among it.
    pub(super) fn has_metadata_of(&self, entity_id: Option<&str>) -> bool {
        let Some(entity_id) = entity_id else {
            return true;
        };
        self.trusted.is_empty() || self.trusted.iter().any(|it| it.entity_id == entity_id)
    }

    /// Describes what is missing if the metadata that was given is not that of the sender.
    pub(super) fn missing_metadata(&self, issuer: &str) -> String {
        let mut entities: Vec<&str> = self
            .trusted
            .iter()
            .map(|it| it.entity_id.as_str())
            .collect();
        entities.dedup();
        let more = entities.len().saturating_sub(3);
        entities.truncate(3);
        let given = match more {
            0 => entities.join(", "),
            more => format!("{} and {more} more", entities.join(", ")),
        };
        format!(
            "whether a key of the Issuer made the signature: the metadata that was given is of {given}, and the Issuer is {issuer}; give its metadata (--metadata)"
        )
    }
}

/// Reads the signing certificates in the metadata of one entity or of a federation.
///
/// # Errors
/// Why the metadata cannot be read, in a sentence.
pub fn trusted_keys(metadata: &str) -> Result<Vec<TrustedKey>, String> {
    let metadata = metadata.trim_start_matches('\u{feff}').trim_start();
    if let Some(other) = other_document(metadata) {
        return Err(format!("expected SAML metadata, got {other}"));
    }
    let document = parse(metadata)?;
    let entities = document
        .descendants()
        .filter(|it| is(*it, ns::METADATA, "EntityDescriptor"));
    let mut keys = Vec::new();
    for entity in entities {
        let entity_id = entity.attribute("entityID").unwrap_or_default();
        let descriptors = entity.descendants().filter(|it| {
            is(*it, ns::METADATA, "KeyDescriptor")
                && it.attribute("use").is_none_or(|it| it == "signing")
        });
        keys.extend(
            descriptors
                .flat_map(|it| it.descendants())
                .filter(|it| is(*it, ns::DSIG, "X509Certificate"))
                .filter_map(|it| Certificate::read(&text(it)).ok())
                .map(|certificate| TrustedKey {
                    entity_id: entity_id.to_owned(),
                    certificate,
                }),
        );
    }
    if keys.is_empty() {
        return Err(
            "no signing certificate found in the metadata (KeyDescriptor/KeyInfo/X509Data/X509Certificate)"
                .to_owned(),
        );
    }
    Ok(keys)
}
