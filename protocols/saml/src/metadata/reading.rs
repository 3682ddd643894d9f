//! What both roles' metadata have in common, read and written.

use bergshamra::xml::uppsala::{Document, NodeId};
use url::Url;

use super::{Endpoint, MetadataError};
use crate::keys::Certificate;
use crate::names;
use crate::xml::{self, XmlError, XmlWriter, element, text_element};

/// The one entity of a document.
pub(super) fn entity(document: &Document<'_>) -> Result<NodeId, MetadataError> {
    let aggregate = document
        .document_element()
        .is_some_and(|root| xml::is(document, root, names::METADATA, "EntitiesDescriptor"));
    if aggregate {
        return Err(MetadataError::Aggregate);
    }
    Ok(xml::root(document, names::METADATA, "EntityDescriptor")?)
}

/// The entity's identifier.
pub(super) fn entity_id(document: &Document<'_>, entity: NodeId) -> Result<String, MetadataError> {
    let id = xml::required_attribute(document, entity, "entityID")?.trim();
    if id.is_empty() || id.len() > 1024 {
        return Err(MetadataError::Xml(XmlError::Value {
            expected: "1 to 1024 characters",
            place: "EntityDescriptor/@entityID".into(),
            came: id.to_owned(),
        }));
    }
    Ok(id.to_owned())
}

/// The role `name`, speaking SAML 2.0.
pub(super) fn role(
    document: &Document<'_>,
    entity: NodeId,
    name: &'static str,
    hint: (&str, &'static str),
) -> Result<NodeId, MetadataError> {
    let Some(role) = xml::child(document, entity, names::METADATA, name) else {
        let other = xml::child(document, entity, names::METADATA, hint.0).is_some();
        return Err(MetadataError::Role {
            expected: name,
            hint: if other { hint.1 } else { "" },
        });
    };
    let protocols = xml::required_attribute(document, role, "protocolSupportEnumeration")?;
    if !protocols
        .split_whitespace()
        .any(|uri| uri == names::PROTOCOL)
    {
        return Err(MetadataError::Protocol {
            expected: names::PROTOCOL,
            came: protocols.to_owned(),
        });
    }
    Ok(role)
}

/// The role's endpoints `name`.
pub(super) fn endpoints(
    document: &Document<'_>,
    role: NodeId,
    name: &'static str,
) -> Result<Vec<(NodeId, Endpoint)>, MetadataError> {
    let nodes = xml::children(document, role, names::METADATA, name);
    nodes
        .into_iter()
        .map(|node| {
            let location = xml::required_attribute(document, node, "Location")?.trim();
            let usable = Url::parse(location).is_ok_and(|u| matches!(u.scheme(), "http" | "https"));
            if !usable {
                return Err(MetadataError::Location {
                    element: name,
                    came: location.to_owned(),
                });
            }
            let endpoint = Endpoint {
                binding: xml::required_attribute(document, node, "Binding")?.to_owned(),
                location: location.to_owned(),
            };
            Ok((node, endpoint))
        })
        .collect()
}

/// The role's certificates for `purpose`, `signing` or `encryption`: those
/// with that `use`, or with no `use` at all (saml-metadata §2.4.1.1).
pub(super) fn certificates(
    document: &Document<'_>,
    role: NodeId,
    purpose: &str,
) -> Result<Vec<Certificate>, MetadataError> {
    let mut found = Vec::new();
    for descriptor in xml::children(document, role, names::METADATA, "KeyDescriptor") {
        if xml::attribute(document, descriptor, "use").is_some_and(|other| other != purpose) {
            continue;
        }
        for info in xml::children(document, descriptor, names::DSIG, "KeyInfo") {
            for data in xml::children(document, info, names::DSIG, "X509Data") {
                for node in xml::children(document, data, names::DSIG, "X509Certificate") {
                    let number = found.len() + 1;
                    let certificate = Certificate::parse(&xml::text(document, node))
                        .map_err(|source| MetadataError::Certificate { number, source })?;
                    if !found.contains(&certificate) {
                        found.push(certificate);
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The texts of the child elements `name`.
pub(super) fn texts(document: &Document<'_>, role: NodeId, name: &str) -> Vec<String> {
    xml::children(document, role, names::METADATA, name)
        .into_iter()
        .map(|node| xml::trimmed(document, node))
        .collect()
}

/// A boolean attribute, false when it is not there.
pub(super) fn flag(
    document: &Document<'_>,
    node: NodeId,
    name: &'static str,
) -> Result<bool, MetadataError> {
    Ok(match xml::attribute(document, node, name) {
        Some(value) => xml::boolean(value, name)?,
        None => false,
    })
}

/// Writes the descriptors of certificates for `purpose`.
pub(super) fn write_certificates(w: &mut XmlWriter, purpose: &str, certificates: &[Certificate]) {
    for certificate in certificates {
        element(w, "md:KeyDescriptor", &[("use", Some(purpose))], |w| {
            element(w, "ds:KeyInfo", &[("xmlns:ds", Some(names::DSIG))], |w| {
                element(w, "ds:X509Data", &[], |w| {
                    text_element(w, "ds:X509Certificate", &[], &certificate.to_base64());
                });
            });
        });
    }
}

/// Writes endpoints without an index.
pub(super) fn write_endpoints(w: &mut XmlWriter, name: &str, endpoints: &[Endpoint]) {
    for endpoint in endpoints {
        let attributes = [
            ("Binding", Some(endpoint.binding.as_str())),
            ("Location", Some(endpoint.location.as_str())),
        ];
        element(w, name, &attributes, |_| {});
    }
}
