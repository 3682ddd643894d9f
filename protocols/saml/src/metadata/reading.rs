//! Reads and writes the parts that the metadata of both roles have in common.

use uppsala::{Document, NodeId};
use url::Url;

use super::{Endpoint, MetadataError};
use crate::keys::Certificate;
use crate::names;
use crate::xml::{self, XmlError, XmlWriter, element, text_element};

/// Returns the `entityID`.
pub(super) fn entity_id(document: &Document<'_>, entity: NodeId) -> Result<String, MetadataError> {
    let id = xml::require_attribute(document, entity, "entityID")?.trim_matches(names::WHITE_SPACE);
    if id.is_empty() || id.len() > 1024 {
        return Err(MetadataError::Xml(XmlError::Value {
            expected: "1 to 1024 characters",
            place: "EntityDescriptor/@entityID".into(),
            got: id.to_owned(),
        }));
    }
    Ok(id.to_owned())
}

/// Returns the first role `name` that supports SAML 2.0: an entity may have one descriptor for each
/// protocol (saml-metadata §2.4.1).
pub(super) fn role(
    document: &Document<'_>,
    entity: NodeId,
    name: &'static str,
    hint: (&str, &'static str),
    left_out: &mut LeftOut,
) -> Result<NodeId, MetadataError> {
    let roles = xml::children(document, entity, names::METADATA, name);
    let Some(first) = roles.first() else {
        let other = xml::child(document, entity, names::METADATA, hint.0).is_some();
        return Err(MetadataError::Role {
            expected: name,
            hint: if other { hint.1 } else { "" },
        });
    };
    let protocols = |role: NodeId| xml::attribute(document, role, "protocolSupportEnumeration");
    let speaks = |role: &&NodeId| {
        protocols(**role).is_some_and(|it| it.split_whitespace().any(|it| it == names::PROTOCOL))
    };
    let Some(chosen) = roles.iter().find(speaks) else {
        let got = xml::require_attribute(document, *first, "protocolSupportEnumeration")?;
        return Err(MetadataError::Protocol {
            expected: names::PROTOCOL,
            got: got.to_owned(),
        });
    };
    for other in roles.iter().filter(|role| *role != chosen) {
        let protocols = protocols(*other).unwrap_or_default();
        left_out.add(format!(
            "<md:{name}> with protocolSupportEnumeration \"{protocols}\": another one is the first that names SAML 2.0"
        ));
    }
    Ok(*chosen)
}

/// The ignored parts of a document, each as a phrase that names the part and the reason.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Vec<String>);

impl LeftOut {
    fn add(&mut self, phrase: String) {
        // A key may serve for signing and encryption: report it once.
        if !self.0.contains(&phrase) {
            self.0.push(phrase);
        }
    }

    pub(super) fn into_phrases(self) -> Vec<String> {
        self.0
    }

    /// Returns the phrases as the end of an error text.
    pub(super) fn as_reason(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        format!(" ({})", self.0.join("; "))
    }
}

/// Returns the endpoints `name` of the role that have a binding and an http or https URL.
pub(super) fn endpoints(
    document: &Document<'_>,
    role: NodeId,
    name: &'static str,
    left_out: &mut LeftOut,
) -> Vec<(NodeId, Endpoint)> {
    let nodes = xml::children(document, role, names::METADATA, name);
    let mut usable = Vec::new();
    for node in nodes {
        let said = |attribute| xml::attribute(document, node, attribute).map(str::trim);
        let binding = said("Binding").unwrap_or_default();
        let location = said("Location").unwrap_or_default();
        let response_location = said("ResponseLocation");
        let reason = if binding.is_empty() {
            Some("it has no Binding".to_owned())
        } else if location.is_empty() {
            Some("its Location is empty".to_owned())
        } else {
            let addresses = std::iter::once(location).chain(response_location);
            let mut foreign = addresses.filter(|it| !is_web_address(it));
            foreign
                .next()
                .map(|it| format!("{it:?} is not an http or https URL"))
        };
        if let Some(reason) = reason {
            let short = binding.rsplit(':').next().unwrap_or_default();
            left_out.add(format!("<md:{name}> {short}: {reason}"));
            continue;
        }
        usable.push((
            node,
            Endpoint {
                binding: binding.to_owned(),
                location: location.to_owned(),
                response_location: response_location.map(str::to_owned),
            },
        ));
    }
    usable
}

fn is_web_address(text: &str) -> bool {
    let url = Url::parse(text);
    url.is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Returns the certificates of the role for `purpose`, which is `signing` or `encryption`: those
/// with that `use`, and those without `use` (saml-metadata §2.4.1.1).
///
/// # Errors
/// [`MetadataError::Certificate`] when there are certificates but none is usable.
pub(super) fn certificates(
    document: &Document<'_>,
    role: NodeId,
    purpose: &str,
    left_out: &mut LeftOut,
) -> Result<Vec<Certificate>, MetadataError> {
    let mut found = Vec::new();
    let mut first_error = None;
    let mut number = 0;
    for descriptor in xml::children(document, role, names::METADATA, "KeyDescriptor") {
        let is_other =
            xml::attribute(document, descriptor, "use").is_some_and(|other| other != purpose);
        for info in xml::children(document, descriptor, names::DSIG, "KeyInfo") {
            for data in xml::children(document, info, names::DSIG, "X509Data") {
                for node in xml::children(document, data, names::DSIG, "X509Certificate") {
                    number += 1;
                    if is_other {
                        continue;
                    }
                    match Certificate::parse(&xml::text(document, node)) {
                        Ok(certificate) if found.contains(&certificate) => {}
                        Ok(certificate) => found.push(certificate),
                        Err(source) => {
                            let error = MetadataError::Certificate { number, source };
                            left_out.add(error.to_string());
                            first_error.get_or_insert(error);
                        }
                    }
                }
            }
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// Returns the texts of the child elements `name`.
pub(super) fn texts(document: &Document<'_>, role: NodeId, name: &str) -> Vec<String> {
    xml::children(document, role, names::METADATA, name)
        .into_iter()
        .map(|node| xml::trimmed_text(document, node))
        .collect()
}

/// Reads a boolean attribute; false if it is absent.
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

/// Returns the encryption algorithms that the role supports, the preferred one first (saml-metadata
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

/// Writes KeyDescriptors for `purpose`, with their encryption methods.
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
