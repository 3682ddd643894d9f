//! A service provider's metadata as an application's settings.

use saml::keys::Certificate;
use saml::metadata::SpMetadata;
use saml::names;
use serde_json::json;

use crate::directory::Document;
use crate::refusal::{Refused, Result};

/// Fills `document` from a service provider's metadata; what the client said
/// itself stands. The certificates that verify its requests come apart: they
/// are kept in the environment.
pub(super) fn from_metadata(document: &mut Document, xml: &str) -> Result<Vec<Certificate>> {
    let metadata = SpMetadata::parse(xml)
        .map_err(|error| Refused::invalid("spMetadata", error.to_string()))?;
    let mut acs: Vec<_> = metadata
        .acs
        .iter()
        .filter(|acs| acs.endpoint.binding == names::HTTP_POST)
        .collect();
    acs.sort_by_key(|acs| (!acs.is_default, acs.index));
    if acs.is_empty() {
        return Err(Refused::invalid(
            "spMetadata",
            "expected an AssertionConsumerService with the HTTP-POST binding",
        ));
    }
    let locations: Vec<&str> = acs
        .iter()
        .map(|acs| acs.endpoint.location.as_str())
        .collect();
    document
        .entry("spEntityId")
        .or_insert_with(|| metadata.entity_id.clone().into());
    document
        .entry("acsUrls")
        .or_insert_with(|| json!(locations));
    if metadata.want_assertions_signed {
        document.insert("assertionSigned".into(), true.into());
    }
    if let Some(format) = metadata.name_id_formats.first() {
        document
            .entry("nameIdFormat")
            .or_insert_with(|| format.uri().into());
    }
    if let Some(slo) = metadata.slo.first() {
        let binding = if slo.binding == names::HTTP_REDIRECT {
            "HTTP_REDIRECT"
        } else {
            "HTTP_POST"
        };
        document
            .entry("sloEndpoint")
            .or_insert_with(|| slo.location.clone().into());
        document
            .entry("sloBinding")
            .or_insert_with(|| binding.into());
    }
    if metadata.certificates.is_empty() || document.contains_key("spVerification") {
        return Ok(Vec::new());
    }
    document.insert(
        "spVerification".into(),
        json!({"authnRequestSigned": metadata.authn_requests_signed, "certificates": []}),
    );
    Ok(metadata.certificates)
}
