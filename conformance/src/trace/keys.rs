//! Inputs of the user besides the message: the trusted keys, the receiver, and the time at which
//! it is judged.

use jiff::Timestamp;

use super::difference::small_difference;
use super::entities::Entity;
use crate::inspection::certificate::Certificate;
use crate::inspection::encryption::DecryptionKey;
use crate::inspection::response::instant;
use crate::inspection::{is, ns, other_document, parse, text};

/// The inputs of the user besides the message.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Signing certificates from metadata, each with its entity.
    pub trusted: Vec<TrustedKey>,
    /// What the metadata say about each entity beside its signing keys.
    pub entities: Vec<Entity>,
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
    /// End of the validity of the metadata: the earliest `validUntil` of the entity and of the
    /// groups around it.
    pub valid_until: Option<Timestamp>,
}

impl Known {
    /// True if no metadata was given, or that of this entity is among it.
    pub(super) fn has_metadata_of(&self, entity_id: Option<&str>) -> bool {
        let Some(entity_id) = entity_id else {
            return true;
        };
        let is_unkeyed = self.entities.is_empty() || self.entity(entity_id).is_some();
        self.trusted.is_empty() && is_unkeyed || self.keys_of(entity_id).next().is_some()
    }

    /// Returns the keys that an entity announces.
    pub(super) fn keys_of<'a>(
        &'a self,
        entity_id: &'a str,
    ) -> impl Iterator<Item = &'a TrustedKey> {
        self.trusted
            .iter()
            .filter(move |it| it.entity_id == entity_id)
    }

    /// Returns the entry of the key at an index as that of its owner. Several entities may announce
    /// the same key, such as the realms of one identity provider: the issuer is preferred.
    pub(super) fn owner(&self, at: usize, issuer: Option<&str>) -> Option<&TrustedKey> {
        let first = self.trusted.get(at)?;
        let same_key = self
            .trusted
            .iter()
            .filter(|it| it.certificate.has_key_of(&first.certificate));
        let mut by_issuer = same_key.filter(|it| Some(it.entity_id.as_str()) == issuer);
        Some(by_issuer.next().unwrap_or(first))
    }

    /// Returns an entity of the metadata whose name is easily mistaken for this one, and the
    /// difference.
    pub(super) fn similar_entity(&self, entity_id: &str) -> Option<(&str, &'static str)> {
        self.trusted.iter().find_map(|it| {
            let difference = small_difference(&it.entity_id, entity_id)?;
            Some((it.entity_id.as_str(), difference))
        })
    }

    /// Returns the entities whose metadata was given, as the middle of a sentence.
    pub(super) fn names_of_entities(&self) -> String {
        let mut entities: Vec<&str> = self
            .trusted
            .iter()
            .map(|it| it.entity_id.as_str())
            .collect();
        entities.dedup();
        let more = entities.len().saturating_sub(3);
        entities.truncate(3);
        match more {
            0 => entities.join(", "),
            more => format!("{} and {more} more", entities.join(", ")),
        }
    }

    /// Returns what the metadata say about an entity.
    pub(super) fn entity(&self, entity_id: &str) -> Option<&Entity> {
        self.entities.iter().find(|it| it.entity_id == entity_id)
    }

    /// Describes what is missing if the metadata that was given is not that of the sender.
    pub(super) fn describe_missing_metadata(&self, issuer: &str) -> String {
        let is_service = |it: &Entity| it.is_service_provider && !it.is_identity_provider;
        let kind = match !self.entities.is_empty() && self.entities.iter().all(is_service) {
            true => ", a service provider",
            false => "",
        };
        format!(
            "whether a key of the Issuer made the signature: the metadata that was given is of {}{kind}, and the Issuer is {issuer}; give its metadata (--metadata)",
            self.names_of_entities()
        )
    }
}

/// Reads the signing certificates in the metadata of one entity or of a federation.
///
/// # Errors
/// Why the metadata cannot be read, in a sentence.
pub fn read_trusted_keys(metadata: &str) -> Result<Vec<TrustedKey>, String> {
    let metadata = metadata.trim_start_matches('\u{feff}').trim_start();
    if let Some(other) = other_document(metadata) {
        return Err(format!("expected SAML metadata, got {other}"));
    }
    let document = parse(metadata)?;
    let entities = document
        .descendants()
        .filter(|it| is(*it, ns::METADATA, "EntityDescriptor"));
    let mut keys = Vec::new();
    let mut unreadable = None;
    let mut has_key_values = false;
    for entity in entities {
        let entity_id = entity.attribute("entityID").unwrap_or_default();
        let valid_until = entity
            .ancestors()
            .filter_map(|it| it.attribute("validUntil").and_then(instant))
            .min();
        let descriptors = entity.descendants().filter(|it| {
            is(*it, ns::METADATA, "KeyDescriptor")
                && it.attribute("use").is_none_or(|it| it == "signing")
        });
        for part in descriptors.flat_map(|it| it.descendants()) {
            has_key_values |= is(part, ns::DSIG, "KeyValue");
            if !is(part, ns::DSIG, "X509Certificate") {
                continue;
            }
            match Certificate::read(&text(part)) {
                Ok(certificate) => keys.push(TrustedKey {
                    entity_id: entity_id.to_owned(),
                    certificate,
                    valid_until,
                }),
                Err(error) => {
                    unreadable = Some(format!("cannot read a certificate of {entity_id}: {error}"))
                }
            }
        }
    }
    let has = |role: &str| document.descendants().any(|it| is(it, ns::METADATA, role));
    // A service provider that does not sign needs no key.
    let needs_key = has("IDPSSODescriptor") || !has("SPSSODescriptor");
    match (keys.is_empty(), unreadable) {
        (false, _) => Ok(keys),
        (true, None) if !needs_key && !has_key_values => Ok(keys),
        (true, Some(error)) => Err(format!(
            "no signing certificate in the metadata can be read: {error}; export or download the metadata again"
        )),
        (true, None) if has_key_values => Err(
            "the metadata contains signing keys only as KeyValue, which are not read here: expected KeyDescriptor/KeyInfo/X509Data/X509Certificate"
                .to_owned(),
        ),
        (true, None) => Err(
            "no signing certificate found in the metadata (KeyDescriptor/KeyInfo/X509Data/X509Certificate)"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_provider_needs_no_key() {
        let read = |role: &str| {
            read_trusted_keys(&format!(
                "<EntityDescriptor xmlns=\"{}\" entityID=\"https://one.example\"><{role}/></EntityDescriptor>",
                ns::METADATA
            ))
        };
        assert_eq!(read("SPSSODescriptor").map(|it| it.len()), Ok(0));
        for role in ["IDPSSODescriptor", "Organization"] {
            let error = read(role).unwrap_err();
            assert!(error.starts_with("no signing certificate found"), "{error}");
        }
    }
}
