//! Parses the metadata and the answers once for all checks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use roxmltree::Node;

use super::recording::{Delivered, Ending, Fetched, Recording, Trial};
use super::trials::{Binding, VARIANTS};
use crate::check::summary::plural;
use crate::inspection::certificate::Certificate;
use crate::inspection::response::{self, Response};
use crate::inspection::signature::{Signature, signatures};
use crate::inspection::{child, children, is, message as messages, ns, parse, schema, text};

/// The contents of the metadata, as far as they can be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    /// Why the metadata cannot be read.
    pub(super) trouble: Option<String>,
    /// True if the root is one entity with an IDPSSODescriptor for SAML 2.0.
    pub(super) is_idp: bool,
    pub(super) entity_id: String,
    pub(super) valid_until: Option<String>,
    pub(super) cache_duration: Option<String>,
    /// `WantAuthnRequestsSigned`, as written.
    pub(super) wants_signed_text: Option<String>,
    pub(super) wants_signed: bool,
    /// Binding and Location of each SingleSignOnService.
    pub(super) sso: Vec<(String, String)>,
    pub(super) slo: Vec<(String, String)>,
    pub(super) slo_redirect: Option<String>,
    pub(super) formats: Vec<String>,
    /// The certificates of signing keys.
    pub(super) certificates: Vec<Result<Certificate, String>>,
    /// Number of KeyDescriptors for signing.
    pub(super) signing_keys: usize,
    /// Every URL that a browser opens: its kind, the HTTP method, the URL.
    pub(super) addresses: Vec<(&'static str, &'static str, String)>,
    pub(super) violations: Vec<String>,
    /// The signatures of the metadata itself.
    pub(super) signatures: Vec<Signature>,
}

const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings:";

fn speaks_saml2(role: Node<'_, '_>) -> bool {
    let protocols = role.attribute("protocolSupportEnumeration");
    protocols.is_some_and(|it| it.split_whitespace().any(|it| it == ns::PROTOCOL))
}

/// Returns the URLs that a browser opens, with the HTTP method of their binding: an endpoint for
/// POST only may answer 404 to GET.
fn addresses(
    what: &'static str,
    endpoints: &[(String, String)],
) -> Vec<(&'static str, &'static str, String)> {
    let methods = [("GET", "HTTP-Redirect"), ("POST", "HTTP-POST")];
    let of = |(binding, url): &(String, String)| {
        let name = binding.strip_prefix(BINDINGS)?;
        let (method, _) = methods.iter().find(|(_, it)| *it == name)?;
        Some((what, *method, url.clone()))
    };
    endpoints.iter().filter_map(of).collect()
}

impl Announced {
    pub(super) fn read(fetched: &Fetched) -> Self {
        let document = match parse(fetched.body.trim_start()) {
            Ok(document) => document,
            Err(trouble) => {
                return Self {
                    trouble: Some(trouble),
                    ..Self::default()
                };
            }
        };
        let mut entities = document.descendants();
        let entity = entities.find(|it| {
            let id = it.attribute("entityID").unwrap_or_default();
            is(*it, ns::METADATA, "EntityDescriptor")
                && fetched
                    .entity_id
                    .as_deref()
                    .is_none_or(|wanted| wanted == id)
                && child(*it, ns::METADATA, "IDPSSODescriptor").is_some()
        });
        let Some((entity, role)) = entity.and_then(|it| {
            let mut roles = children(it, ns::METADATA, "IDPSSODescriptor");
            let first = roles.next()?;
            // Prefer a role that supports SAML 2.0.
            let role = std::iter::once(first)
                .chain(roles)
                .find(|it| speaks_saml2(*it))
                .unwrap_or(first);
            Some((it, role))
        }) else {
            return Self::default();
        };
        let endpoints = |name: &str| -> Vec<(String, String)> {
            children(role, ns::METADATA, name)
                .map(|it| {
                    let of = |name| it.attribute(name).unwrap_or_default().to_owned();
                    (of("Binding"), of("Location"))
                })
                .collect()
        };
        let signing: Vec<Node<'_, '_>> = children(role, ns::METADATA, "KeyDescriptor")
            .filter(|it| it.attribute("use").is_none_or(|it| it == "signing"))
            .collect();
        let certificates: Vec<_> = signing
            .iter()
            .flat_map(|it| it.descendants())
            .filter(|it| is(*it, ns::DSIG, "X509Certificate"))
            .map(|it| Certificate::read(&text(it)))
            .collect();
        let (sso, slo) = (
            endpoints("SingleSignOnService"),
            endpoints("SingleLogoutService"),
        );
        let wants = role.attribute("WantAuthnRequestsSigned");
        let known: Vec<Certificate> = certificates.iter().flatten().cloned().collect();
        Self {
            trouble: None,
            is_idp: speaks_saml2(role),
            entity_id: entity.attribute("entityID").unwrap_or_default().to_owned(),
            valid_until: entity.attribute("validUntil").map(str::to_owned),
            cache_duration: entity.attribute("cacheDuration").map(str::to_owned),
            wants_signed: wants.is_some_and(|it| it == "true" || it == "1"),
            wants_signed_text: wants.map(str::to_owned),
            slo_redirect: slo
                .iter()
                .find(|(binding, _)| binding.ends_with(":HTTP-Redirect"))
                .map(|(_, location)| location.clone()),
            formats: children(role, ns::METADATA, "NameIDFormat")
                .map(text)
                .collect(),
            signing_keys: signing.len(),
            certificates,
            addresses: [("SingleSignOnService", &sso), ("SingleLogoutService", &slo)]
                .into_iter()
                .flat_map(|(what, all)| addresses(what, all))
                .collect(),
            violations: schema::violations(entity),
            signatures: signatures(&document, &known)
                .into_iter()
                .filter(|it| it.parent.starts_with("Entit"))
                .collect(),
            sso,
            slo,
        }
    }

    /// Returns the URL of the SingleSignOnService for a binding.
    pub(super) fn sso_url(&self, binding: Binding) -> Option<&str> {
        let wanted = format!("{BINDINGS}{}", binding.name());
        let mut all = self.sso.iter();
        all.find(|(binding, _)| *binding == wanted)
            .map(|(_, location)| location.as_str())
    }

    /// Returns the certificates that could be parsed.
    pub(super) fn readable(&self) -> Vec<Certificate> {
        self.certificates.iter().flatten().cloned().collect()
    }
}

/// Decodes the XML in a SAMLRequest or SAMLResponse field.
pub(super) fn message(field: &str) -> Option<String> {
    messages::decode_message(field).map(|it| it.xml)
}

/// Returns NameID value, its Format and SessionIndex of a Response.
pub(super) fn session(xml: &str) -> Option<(String, Option<String>, Option<String>)> {
    let document = parse(xml).ok()?;
    let read = response::read(document.root_element());
    let assertion = read.assertions.first()?;
    let name = assertion.name_id.as_ref()?;
    let session = assertion
        .sign_ons
        .first()
        .and_then(|it| it.session_index.clone());
    Some((name.value.clone(), name.format.clone(), session))
}

/// The answer to a trial, parsed.
#[derive(Debug, Clone)]
pub(super) struct Answer<'d> {
    pub(super) name: &'d str,
    pub(super) trial: &'d Trial,
    pub(super) delivered: &'d Delivered,
    /// URL of the assertion consumer service to which the answer should go.
    pub(super) expected_acs: String,
    /// The document, or why it cannot be read.
    pub(super) document: Result<Document, String>,
}

/// A document that could be parsed.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) xml: String,
    pub(super) root: String,
    pub(super) response: Response,
    pub(super) signatures: Vec<Signature>,
    pub(super) violations: Vec<String>,
    /// Byte range of each assertion of the Response.
    pub(super) assertions: Vec<std::ops::Range<usize>>,
    /// Number of elements named Assertion or Response anywhere in the document.
    pub(super) elements: usize,
}

/// Decodes the field as a service provider does: base64 only.
fn decode(delivered: &Delivered) -> Result<String, String> {
    use base64::Engine as _;
    let found = messages::decode_message(&delivered.field)
        .ok_or("expected base64 of a document in UTF-8, got something else")?;
    if delivered.binding == "HTTP-POST" {
        if found.wrapping.contains(&"DEFLATE") {
            return Err("it is compressed, which only HTTP-Redirect has".to_owned());
        }
        let compact: String = delivered.field.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(compact)
            .map_err(|error| format!("expected base64: {error}"))?;
    }
    Ok(found.xml)
}

fn read(xml: String, trusted: &[Certificate]) -> Result<Document, String> {
    if let Some(encoding) = saml::encoding::declared_name(&xml)
        && !["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str())
        // ASCII characters are the same bytes in every encoding but UTF-16 and UTF-32.
        && (!xml.is_ascii() || encoding.to_ascii_lowercase().starts_with("utf-"))
    {
        return Err(format!(
            "it declares the encoding {encoding}, but was sent in UTF-8"
        ));
    }
    let document = parse(&xml)?;
    let root = document.root_element();
    Ok(Document {
        root: root.tag_name().name().to_owned(),
        response: response::read(root),
        signatures: signatures(&document, trusted),
        violations: schema::violations(root),
        assertions: children(root, ns::ASSERTION, "Assertion")
            .map(|it| it.range())
            .collect(),
        elements: document
            .descendants()
            .filter(|it| ["Assertion", "Response"].contains(&it.tag_name().name()))
            .count(),
        xml: xml.clone(),
    })
}

/// The recording with its documents parsed.
pub(super) struct Case<'d> {
    pub(super) recording: &'d Recording,
    pub(super) announced: Announced,
    /// Every answer, in the order of the trials.
    pub(super) answers: Vec<Answer<'d>>,
}

impl<'d> Case<'d> {
    pub(super) fn read(recording: &'d Recording) -> Self {
        let announced = Announced::read(&recording.metadata);
        let trusted = announced.readable();
        let order = |name: &str| VARIANTS.iter().position(|it| it.name == name);
        let mut answers: Vec<Answer<'d>> = recording
            .trials
            .iter()
            .filter_map(|(name, trial)| {
                let Ending::Answer(delivered) = &trial.ending else {
                    return None;
                };
                Some(Answer {
                    name,
                    trial,
                    delivered,
                    // Compare with the address that was used. Whether it is the requested address
                    // is judged by SAML-IDP-REQ-20.
                    expected_acs: delivered.to.clone(),
                    document: decode(delivered).and_then(|xml| read(xml, &trusted)),
                })
            })
            .collect();
        answers.sort_by_key(|it| (order(it.name).unwrap_or(usize::MAX), it.name));
        Self {
            recording,
            announced,
            answers,
        }
    }

    pub(super) fn trial(&self, name: &str) -> Option<&'d Trial> {
        self.recording.trials.get(name)
    }

    pub(super) fn answer(&self, name: &str) -> Option<&Answer<'d>> {
        self.answers.iter().find(|it| it.name == name)
    }

    /// Returns the answers to requests that must lead to a sign-on.
    pub(super) fn good(&self) -> impl Iterator<Item = &Answer<'d>> {
        self.answers
            .iter()
            .filter(|answer| VARIANTS.iter().any(|it| it.good && it.name == answer.name))
    }

    /// Returns the names of the attributes that have this value in any answer.
    pub(super) fn attributes_with(&self, value: &str) -> BTreeSet<String> {
        let responses = self.answers.iter().filter_map(Answer::response);
        let attributes = responses
            .flat_map(|it| &it.assertions)
            .flat_map(|it| &it.attributes);
        attributes
            .filter(|it| it.values.iter().any(|it| it == value))
            .map(|it| it.name.clone())
            .collect()
    }
}

impl Answer<'_> {
    /// Returns the Response, if it could be parsed.
    pub(super) fn response(&self) -> Option<&Response> {
        self.document.as_ref().ok().map(|it| &it.response)
    }

    /// True if the answer has status Success and an unencrypted assertion.
    pub(super) fn succeeds(&self) -> bool {
        self.response()
            .is_some_and(|it| it.status.as_deref() == Some(SUCCESS) && !it.assertions.is_empty())
    }

    /// Returns when the answer arrived.
    pub(super) fn at(&self) -> Timestamp {
        self.delivered.at
    }

    /// Returns the status of the answer in a few words.
    pub(super) fn status(&self) -> String {
        let Some(response) = self.response() else {
            return "an answer that cannot be read".to_owned();
        };
        let last = |uri: &Option<String>| {
            let uri = uri.as_deref().unwrap_or("none");
            uri.rsplit(':').next().unwrap_or(uri).to_owned()
        };
        match &response.status_detail {
            Some(_) => format!(
                "{} / {}",
                last(&response.status),
                last(&response.status_detail)
            ),
            None => format!(
                "{} with {}",
                last(&response.status),
                plural(response.assertions.len(), "assertion", "assertions")
            ),
        }
    }
}

/// The status code of success (saml-core §3.2.2.2).
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
