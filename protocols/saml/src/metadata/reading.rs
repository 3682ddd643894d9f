//! What both roles' metadata have in common, read and written.

use bergshamra::xml::uppsala::{Document, NodeId};
use url::Url;

use super::{Endpoint, MetadataError, Selection};
use crate::Limits;
use crate::acceptance::TrustedKeys;
use crate::keys::Certificate;
use crate::names;
use crate::signature::SignatureError;
use crate::signature::enveloped::Enveloped;
use crate::xml::{self, XmlError, XmlWriter, element, text_element};

/// The document within limits that let a federation's aggregate pass.
pub(super) fn parsed(text: &str) -> Result<Document<'_>, MetadataError> {
    let limits = Limits {
        max_xml_bytes: 1024 * 1024,
        max_elements: 50_000,
        ..Limits::default()
    };
    Ok(xml::parse(text, &limits)?)
}

/// The entity that is selected, of those with the role; on the word of whoever
/// must have signed the document.
pub(super) fn entity(
    document: &Document<'_>,
    selection: &Selection<'_>,
    role: &'static str,
) -> Result<NodeId, MetadataError> {
    let aggregate = document
        .document_element()
        .filter(|root| xml::is(document, *root, names::METADATA, "EntitiesDescriptor"));
    let root = match aggregate {
        Some(root) => root,
        None => xml::root(document, names::METADATA, "EntityDescriptor")?,
    };
    if let Some(keys) = selection.signed_by {
        vouched(document, root, keys)?;
    }
    let named = |node: &NodeId| {
        let id = xml::attribute(document, *node, "entityID").map(str::trim);
        selection.entity_id.is_none_or(|wanted| id == Some(wanted))
    };
    if aggregate.is_none() {
        return Some(root).filter(named).ok_or_else(|| no_such(selection));
    }
    // Aggregates nest.
    let entities = document.get_elements_by_tag_name_ns(names::METADATA, "EntityDescriptor");
    let plays = |node: &NodeId| xml::child(document, *node, names::METADATA, role).is_some();
    let candidates: Vec<NodeId> = entities
        .into_iter()
        .filter(|node| named(node) && (selection.entity_id.is_some() || plays(node)))
        .collect();
    match candidates.as_slice() {
        [one] => Ok(*one),
        [] if selection.entity_id.is_some() => Err(no_such(selection)),
        all => {
            let ids = all.iter().take(5);
            let ids = ids.filter_map(|node| xml::attribute(document, *node, "entityID"));
            Err(MetadataError::Aggregate {
                role,
                came: ids.map(str::to_owned).collect(),
            })
        }
    }
}

fn no_such(selection: &Selection<'_>) -> MetadataError {
    MetadataError::NoSuchEntity(selection.entity_id.unwrap_or_default().to_owned())
}

/// The root is signed, whole, by one of these keys (saml-metadata §3).
fn vouched(
    document: &Document<'_>,
    root: NodeId,
    keys: &TrustedKeys,
) -> Result<(), SignatureError> {
    let all = xml::children(document, root, names::DSIG, "Signature");
    let [signature] = all.as_slice() else {
        return Err(SignatureError::Misplaced(format!(
            "expected one <Signature> in <{}>, came {}",
            xml::name_of(document, root),
            all.len()
        )));
    };
    Enveloped::of(document, *signature, root)?.verify(document, keys.certificates())
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
            let usable = |location: &str| {
                let location = location.trim();
                let url = Url::parse(location);
                if url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
                    return Ok(location.to_owned());
                }
                Err(MetadataError::Location {
                    element: name,
                    came: location.to_owned(),
                })
            };
            let endpoint = Endpoint {
                binding: xml::required_attribute(document, node, "Binding")?.to_owned(),
                location: usable(xml::required_attribute(document, node, "Location")?)?,
                response_location: xml::attribute(document, node, "ResponseLocation")
                    .map(usable)
                    .transpose()?,
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

/// The encryption algorithms that the role takes, best first (saml-metadata
/// §2.4.1.1).
pub(super) fn encryption_methods(document: &Document<'_>, role: NodeId) -> Vec<String> {
    let mut found = Vec::new();
    for descriptor in xml::children(document, role, names::METADATA, "KeyDescriptor") {
        for method in xml::children(document, descriptor, names::METADATA, "EncryptionMethod") {
            let uri = xml::attribute(document, method, "Algorithm").unwrap_or_default();
            if !uri.is_empty() && !found.iter().any(|known| known == uri) {
                found.push(uri.to_owned());
            }
        }
    }
    found
}

/// Writes the descriptors of certificates for `purpose`, with the methods that
/// go with them.
pub(super) fn write_certificates(
    w: &mut XmlWriter,
    purpose: &str,
    certificates: &[Certificate],
    methods: &[String],
) {
    for certificate in certificates {
        element(w, "md:KeyDescriptor", &[("use", Some(purpose))], |w| {
            element(w, "ds:KeyInfo", &[("xmlns:ds", Some(names::DSIG))], |w| {
                element(w, "ds:X509Data", &[], |w| {
                    text_element(w, "ds:X509Certificate", &[], certificate.base64());
                });
            });
            for method in methods {
                element(
                    w,
                    "md:EncryptionMethod",
                    &[("Algorithm", Some(method))],
                    |_| {},
                );
            }
        });
    }
}

/// Writes endpoints without an index.
pub(super) fn write_endpoints(w: &mut XmlWriter, name: &str, endpoints: &[Endpoint]) {
    for endpoint in endpoints {
        let attributes = [
            ("Binding", Some(endpoint.binding.as_str())),
            ("Location", Some(endpoint.location.as_str())),
            ("ResponseLocation", endpoint.response_location.as_deref()),
        ];
        element(w, name, &attributes, |_| {});
    }
}
