//! What metadata say about an entity beside its signing keys: its roles, its endpoints, and the keys
//! that it announces for encryption only.

use crate::inspection::certificate::Certificate;
use crate::inspection::{children, is, ns, parse, text};

/// An entity of the metadata.
#[derive(Debug, Clone, Default)]
pub struct Entity {
    /// `entityID` of the metadata.
    pub entity_id: String,
    /// True if it has an `IDPSSODescriptor`.
    pub is_identity_provider: bool,
    /// True if it has an `SPSSODescriptor`.
    pub is_service_provider: bool,
    /// The URLs of its assertion consumer services.
    pub acs_urls: Vec<String>,
    /// True if it says `AuthnRequestsSigned="true"`.
    pub signs_requests: bool,
    /// The certificates that it announces with `use="encryption"`.
    pub encryption_certificates: Vec<Certificate>,
}

/// Reads the entities of metadata; what cannot be read is left out.
pub fn read_entities(metadata: &str) -> Vec<Entity> {
    let metadata = metadata.trim_start_matches('\u{feff}').trim_start();
    let Ok(document) = parse(metadata) else {
        return Vec::new();
    };
    let entities = document
        .descendants()
        .filter(|it| is(*it, ns::METADATA, "EntityDescriptor"));
    let read = entities.map(|entity| {
        let role = |name| children(entity, ns::METADATA, name);
        let services = role("SPSSODescriptor")
            .flat_map(|it| children(it, ns::METADATA, "AssertionConsumerService"));
        let is_true = |value: &str| matches!(value, "true" | "1");
        let certificates = entity
            .descendants()
            .filter(|it| {
                is(*it, ns::METADATA, "KeyDescriptor") && it.attribute("use") == Some("encryption")
            })
            .flat_map(|it| it.descendants())
            .filter(|it| is(*it, ns::DSIG, "X509Certificate"));
        Entity {
            entity_id: entity.attribute("entityID").unwrap_or_default().to_owned(),
            is_identity_provider: role("IDPSSODescriptor").next().is_some(),
            is_service_provider: role("SPSSODescriptor").next().is_some(),
            acs_urls: services
                .filter_map(|it| it.attribute("Location").map(str::to_owned))
                .collect(),
            signs_requests: role("SPSSODescriptor")
                .any(|it| it.attribute("AuthnRequestsSigned").is_some_and(is_true)),
            encryption_certificates: certificates
                .filter_map(|it| Certificate::read(&text(it)).ok())
                .collect(),
        }
    });
    read.collect()
}
