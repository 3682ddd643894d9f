//! Summarizes a pasted certificate or metadata document at once, before it
//! is saved.

use jiff::Timestamp;
use maud::{Markup, html};
use saml::keys::Certificate;
use saml::metadata::{IdpMetadata, MetadataError, Selection, Usable};

use super::super::shell;

/// Maximum number of IdPs of a federation that are listed.
const MOST: usize = 20;

/// Returns the summary of a field's text; nothing for an empty text.
pub(super) fn of(field: &str, text: &str, now: Timestamp) -> Markup {
    match (field, text.trim().is_empty()) {
        (_, true) => html! {},
        ("certificate" | "metadata_signed_by", _) => match Certificate::parse(text) {
            Ok(certificate) => facts(&certificate, now),
            Err(error) => html! { p.error { "Not a certificate yet: " (error) } },
        },
        ("metadata_xml", _) => match IdpMetadata::read(text, &Selection::default()) {
            Ok(Usable { metadata, left_out }) => html! {
                dl.facts {
                    dt { "Entity ID" } dd { (metadata.entity_id) }
                    @for endpoint in &metadata.sso { dt { "SSO URL" } dd { (endpoint.location) } }
                }
                @for certificate in &metadata.signing_certificates { (facts(certificate, now)) }
                @if !left_out.is_empty() {
                    p { "Not used:" }
                    ul { @for part in &left_out { li { (part) } } }
                }
            },
            Err(MetadataError::Aggregate { got, .. }) => html! {
                p { "The metadata of " (got.len()) " IdPs. Enter below which one is yours:" }
                ul { @for entity in got.iter().take(MOST) { li { code { (entity) } } } }
                @if got.len() > MOST { p.hint { "… and " (got.len() - MOST) " more" } }
            },
            Err(error) => html! { p.error { "Not an IdP’s metadata yet: " (error) } },
        },
        _ => html! {},
    }
}

/// Returns subject, fingerprint and expiry of a certificate.
pub(super) fn facts(certificate: &Certificate, now: Timestamp) -> Markup {
    let expired = certificate.not_after() <= now;
    html! {
        dl.facts {
            dt { "Subject" } dd { (certificate.subject()) }
            dt { "SHA-256 fingerprint" } dd { code { (certificate.fingerprint_sha256()) } }
            dt { "Expires" } dd {
                (shell::instant(certificate.not_after()))
                @if expired { " " (shell::badge("expired")) }
            }
        }
    }
}
