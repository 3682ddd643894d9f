//! Explains SAML metadata: its contents, and what a reader would refuse (saml-metadata §2).

use std::collections::HashSet;

use roxmltree::Node;

use super::name_format::describe_wrong_version;
use super::{Known, Verdict};
use crate::inspection::certificate::{Certificate, Key};
use crate::inspection::response::instant;
use crate::inspection::{children, is, ns, text};

const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// Number of entities of a federation's metadata that are described one by one.
const MOST_ENTITIES: usize = 10;

/// Smallest RSA key in bits that is not called weak.
const LEAST_RSA_BITS: usize = 2048;

fn entities<'a, 'i>(root: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    root.descendants()
        .filter(|it| is(*it, ns::METADATA, "EntityDescriptor"))
        .collect()
}

fn roles<'a, 'i>(entity: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    entity
        .children()
        .filter(|it| it.is_element() && it.tag_name().name().ends_with("Descriptor"))
}

/// Returns entities, endpoints, and keys with their expiry, as names and values.
pub(super) fn says(root: Node<'_, '_>) -> Vec<(String, String)> {
    let all = entities(root);
    let mut says = Vec::new();
    if all.len() > 1 {
        says.push(("Entities".to_owned(), all.len().to_string()));
    }
    for entity in all.iter().take(MOST_ENTITIES) {
        let id = entity.attribute("entityID").unwrap_or("none");
        says.push(("Entity".to_owned(), id.to_owned()));
        for role in roles(*entity) {
            let name = role.tag_name().name();
            let role_name = match name {
                "IDPSSODescriptor" => "identity provider",
                "SPSSODescriptor" => "service provider",
                other => other,
            };
            for signing in [
                "WantAuthnRequestsSigned",
                "AuthnRequestsSigned",
                "WantAssertionsSigned",
            ] {
                let value = role.attribute(signing);
                says.extend(value.map(|it| (format!("{role_name}: {signing}"), it.to_owned())));
            }
            for endpoint in role
                .children()
                .filter(|it| it.attribute("Location").is_some())
            {
                let binding = endpoint.attribute("Binding").unwrap_or_default();
                let binding = binding.rsplit(':').next().unwrap_or_default();
                says.push((
                    format!("{role_name}: {}", endpoint.tag_name().name()),
                    format!(
                        "{} ({binding})",
                        endpoint.attribute("Location").unwrap_or_default()
                    ),
                ));
            }
            for (usage, value) in key_values(role) {
                says.push((format!("{role_name}: key for {usage}"), value));
            }
            for (usage, certificate) in certificates(role) {
                let value = match certificate {
                    Ok(it) => format!("{}, {}, until {}", it.subject, it.key, it.not_after),
                    Err(error) => error,
                };
                says.push((format!("{role_name}: key for {usage}"), value));
            }
        }
    }
    if all.len() > MOST_ENTITIES {
        let more = all.len() - MOST_ENTITIES;
        says.push(("Entity".to_owned(), format!("… and {more} more")));
    }
    says
}

/// Returns the keys of a role without a certificate, each with its use.
fn key_values<'a>(role: Node<'a, 'a>) -> impl Iterator<Item = (&'a str, String)> {
    children(role, ns::METADATA, "KeyDescriptor").filter_map(|descriptor| {
        let mut parts = descriptor.descendants();
        if parts.any(|it| is(it, ns::DSIG, "X509Certificate")) {
            return None;
        }
        let value = descriptor
            .descendants()
            .find(|it| is(*it, ns::DSIG, "KeyValue"))?;
        let kind = value.children().find(Node::is_element);
        let kind = kind.map_or("KeyValue", |it| it.tag_name().name());
        let usage = descriptor
            .attribute("use")
            .unwrap_or("signing and encryption");
        Some((usage, format!("{kind}, without a certificate")))
    })
}

fn certificates<'a>(
    role: Node<'a, 'a>,
) -> impl Iterator<Item = (&'a str, Result<Certificate, String>)> {
    children(role, ns::METADATA, "KeyDescriptor").flat_map(|descriptor| {
        let usage = descriptor
            .attribute("use")
            .unwrap_or("signing and encryption");
        descriptor
            .descendants()
            .filter(|it| is(*it, ns::DSIG, "X509Certificate"))
            .map(move |it| (usage, Certificate::read(&text(it))))
    })
}

pub(super) fn judge(root: Node<'_, '_>, known: &Known, verdict: &mut Verdict) {
    if let (Some(until), Some(now)) = (root.attribute("validUntil"), known.now) {
        match instant(until) {
            Some(until) if until <= now => verdict.refuse(format!(
                "the metadata is valid until {until}, which is past: fetch it again"
            )),
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    for entity in entities(root) {
        if let Some(id) = entity.attribute("entityID")
            && !seen.insert(id)
        {
            verdict.add_remark(format!(
                "{id}: the entity is in the metadata more than once, and products differ in which one they use; keep the one with the current key"
            ));
        }
        judge_entity(entity, known, verdict);
    }
}

fn judge_entity(entity: Node<'_, '_>, known: &Known, verdict: &mut Verdict) {
    let id = entity.attribute("entityID").unwrap_or_default();
    if id.is_empty() {
        verdict.refuse("an EntityDescriptor has no entityID");
    }
    for role in roles(entity) {
        let name = role.tag_name().name();
        let protocols = role
            .attribute("protocolSupportEnumeration")
            .unwrap_or_default();
        if !protocols.split_whitespace().any(|it| it == SAML2) {
            // AD FS and Entra announce their roles of WS-Federation and WS-Trust in the same document.
            if name == "RoleDescriptor" {
                continue;
            }
            verdict.add_remark(format!(
                "{id}: {name} does not support SAML 2.0 (protocolSupportEnumeration=\"{protocols}\")"
            ));
            continue;
        }
        let needed = match name {
            "IDPSSODescriptor" => "SingleSignOnService",
            "SPSSODescriptor" => "AssertionConsumerService",
            _ => continue,
        };
        let endpoints: Vec<Node<'_, '_>> = children(role, ns::METADATA, needed).collect();
        if endpoints.is_empty() {
            verdict.refuse(format!("{id}: {name} has no {needed}"));
        }
        for endpoint in role
            .children()
            .filter(|it| it.attribute("Binding").is_some())
        {
            let location = endpoint.attribute("Location").unwrap_or_default();
            let element = endpoint.tag_name().name();
            if location.is_empty() {
                verdict.add_remark(format!(
                    "{id}: {element} has an empty Location; leave the element out"
                ));
            } else if !location.starts_with("http") {
                verdict.add_remark(format!(
                    "{id}: {element} is at {location}, which no browser opens"
                ));
            }
        }
        keys(id, role, known, verdict);
        for format in children(role, ns::METADATA, "NameIDFormat").map(text) {
            if let Some(wrong) = describe_wrong_version(&format) {
                verdict.add_remark(format!("{id}: NameIDFormat: {wrong}"));
            }
        }
    }
}

fn keys(id: &str, role: Node<'_, '_>, known: &Known, verdict: &mut Verdict) {
    let name = role.tag_name().name();
    let mut signing = 0;
    for (usage, _) in key_values(role) {
        signing += usize::from(usage.contains("signing"));
        verdict.add_remark(format!(
            "{id}: the key for {usage} is announced as KeyValue without a certificate, which SAML permits (saml-metadata §2.4.1.1) and many products do not read: add X509Data/X509Certificate"
        ));
    }
    let has_pem = role
        .descendants()
        .any(|it| is(it, ns::DSIG, "X509Certificate") && text(it).contains("-----"));
    if has_pem {
        verdict.refuse(format!(
            "{id}: an X509Certificate contains the line -----BEGIN CERTIFICATE-----, and must be only the base64 between the lines of PEM: xmlsec, Shibboleth and .NET refuse the metadata. Leave the lines out"
        ));
    }
    for (usage, certificate) in certificates(role) {
        signing += usize::from(usage.contains("signing"));
        match certificate {
            Err(error) => verdict.refuse(format!("{id}: a certificate for {usage}: {error}")),
            Ok(it) => {
                if let Some(now) = known.now
                    && it.not_after <= now
                {
                    verdict.add_remark(format!(
                        "{id}: the certificate {} for {usage} expired at {}. SAML ignores that date, many products do not",
                        it.subject, it.not_after
                    ));
                }
                if let Key::Rsa(bits) = it.key
                    && bits < LEAST_RSA_BITS
                {
                    verdict.add_remark(format!(
                        "{id}: the key of {} has {bits} bits; at least {LEAST_RSA_BITS} are expected",
                        it.subject
                    ));
                }
            }
        }
    }
    if signing == 0 && name == "SPSSODescriptor" {
        let logs_out = children(role, ns::METADATA, "SingleLogoutService")
            .next()
            .is_some();
        let says = role.attribute("AuthnRequestsSigned").unwrap_or_default();
        if ["true", "1"].contains(&says) {
            verdict.refuse(format!(
                "{id}: AuthnRequestsSigned=\"{says}\" says that the service provider signs its requests, but no signing key is announced, so they cannot be verified"
            ));
        } else if logs_out {
            verdict.add_remark(format!(
                "{id}: the service provider announces SingleLogoutService and no signing key; its LogoutRequests have to be signed, so identity providers refuse them"
            ));
        }
    }
    if signing == 0 && name == "IDPSSODescriptor" {
        verdict.refuse(format!(
            "{id}: the identity provider announces no signing key, so no Response of it can be verified"
        ));
    }
}
