//! Inputs of the user besides the message: the trusted keys, the receiver, and the time at which
//! it is judged.

use jiff::Timestamp;

use crate::inspection::certificate::Certificate;
use crate::inspection::encryption::DecryptionKey;
use crate::inspection::{is, ns, parse, text};

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

/// Reads the signing certificates in the metadata of one entity or of a federation.
///
/// # Errors
/// Why the metadata cannot be read, in a sentence.
pub fn trusted_keys(metadata: &str) -> Result<Vec<TrustedKey>, String> {
    let document = parse(metadata.trim_start_matches('\u{feff}').trim_start())?;
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
