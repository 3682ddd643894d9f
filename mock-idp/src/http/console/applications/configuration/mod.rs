//! Tab Configuration of an application: the data of this identity provider that the service
//! provider needs, and the data of the service provider. The page Edit Configuration is in
//! `edit`.

mod edit;

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::{find_application, tab};
use crate::Idp;
use crate::applications::Application;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{named_value, value_with_button};
use crate::store::resources::Resource;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications/{id}/configuration", get(show))
        .route(
            "/{env}/applications/{id}/signing-certificate.pem",
            get(download_signing_certificate),
        )
        .route(
            "/{env}/applications/{id}/metadata.xml",
            get(download_metadata),
        )
        .merge(edit::router())
}

/// Labels of the console for the two signing members.
const SIGNING: [(&str, &str); 3] = [
    ("assertion", "Sign Assertion"),
    ("response", "Sign Response"),
    ("both", "Sign Assertion & Response"),
];

const ALGORITHMS: [(&str, &str); 7] = [
    ("", "Default for the key: SHA-256"),
    ("SHA256withRSA", "RSA_SHA256"),
    ("SHA384withRSA", "RSA_SHA384"),
    ("SHA512withRSA", "RSA_SHA512"),
    ("SHA256withECDSA", "SHA256_ECDSA"),
    ("SHA384withECDSA", "SHA384_ECDSA"),
    ("SHA512withECDSA", "SHA512_ECDSA"),
];

const FORMATS: [(&str, &str); 5] = [
    ("", "Not set (unspecified)"),
    (
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        "unspecified",
    ),
    (
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "emailAddress",
    ),
    (
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "persistent",
    ),
    (
        "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "transient",
    ),
];

const BINDINGS: [(&str, &str); 2] = [
    ("HTTP_POST", "HTTP POST"),
    ("HTTP_REDIRECT", "HTTP Redirect"),
];

const CIPHERS: [(&str, &str); 3] = [
    ("", "Not encrypted"),
    ("AES_128", "AES_128"),
    ("AES_256", "AES_256"),
];

fn words<'w>(of: &'w [(&'w str, &'w str)], value: &'w str) -> &'w str {
    of.iter()
        .find(|(key, _)| *key == value)
        .map_or(value, |(_, words)| words)
}

fn signed_parts(application: &Application) -> &'static str {
    match (application.assertion_signed, application.response_signed) {
        (true, true) => "both",
        (_, true) => "response",
        _ => "assertion",
    }
}

fn downloads(console: &Console, id: &str) -> Markup {
    html! {
        div.buttons {
            a.button href=(console.at(&format!("/applications/{id}/signing-certificate.pem"))) download { "Download Signing Certificate" }
            a.button href=(console.at(&format!("/applications/{id}/metadata.xml"))) download { "Download Metadata" }
        }
    }
}

/// Returns the parts of the imported metadata that are not used, as one text.
fn left_out(application: &Resource) -> String {
    let parts = application.document.get("spMetadataLeftOut");
    let parts = parts.and_then(serde_json::Value::as_array);
    let texts = parts.into_iter().flatten().filter_map(|it| it.as_str());
    texts.collect::<Vec<_>>().join("; ")
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let resource = find_application(&console, &id).await?;
    let application = Application::of(&resource)?;
    let env = console.env_id();
    let idp = &console.idp;
    let initiated = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("spEntityId", &application.sp_entity_id)
        .finish();
    let edit = console.at(&format!("/applications/{id}/configuration/edit"));
    let algorithm = application.idp_signing.as_ref();
    let algorithm = algorithm.and_then(|signing| signing.algorithm.as_deref());
    let content = html! {
        section.card aria-labelledby="connection" {
            div.title { h2 #connection { "Connection Details" } }
            p.lead { "The data of this identity provider that you enter at the service provider." }
            (downloads(&console, &id))
            dl {
                (value_with_button("issuer", "Issuer ID", &idp.issuer(env)))
                (value_with_button("sso", "Single Signon Service", &idp.sso_url(env)))
                (value_with_button("metadata", "IdP Metadata URL", &format!("{}/{env}/saml20/metadata/{id}", idp.base_url)))
                (value_with_button("slo", "Single Logout Service", &format!("{}/{env}/saml20/idp/slo", idp.base_url)))
                (value_with_button("initiate", "Initiate Single Sign-On URL",
                    &format!("{}/{env}/saml20/idp/startsso?{initiated}", idp.base_url)))
            }
        }
        section.card aria-labelledby="saml" {
            div.title {
                h2 #saml { "SAML Settings" }
                a.button.primary href=(edit) { "Edit Configuration" }
            }
            dl {
                dt { "ACS URLs" }
                dd {
                    @if application.acs_urls.is_empty() { span.none { "None" } }
                    @for acs in &application.acs_urls { code { (acs) } " " }
                }
                (named_value("Entity ID", &application.sp_entity_id))
                (named_value("Sign", words(&SIGNING, signed_parts(&application))))
                (named_value("Signing Algorithm", words(&ALGORITHMS, algorithm.unwrap_or_default())))
                (named_value("Subject NameID Format", application.name_id_format.as_deref().unwrap_or_default()))
                (named_value("Assertion Validity Duration", &format!("{} seconds", application.assertion_duration)))
                (named_value("Target Application URL", application.default_target_url.as_deref().unwrap_or_default()))
                (named_value("Enforce Signed AuthnRequest", if application.sp_verification.authn_request_signed { "Yes" } else { "No" }))
                (named_value("Verification Certificates", &application.sp_verification.certificates.len().to_string()))
                (named_value("SLO Endpoint", application.slo_endpoint.as_deref().unwrap_or_default()))
                (named_value("SLO Response Endpoint", application.slo_response_endpoint.as_deref().unwrap_or_default()))
                (named_value("SLO Binding", words(&BINDINGS, application.slo_binding.as_deref().unwrap_or("HTTP_POST"))))
                (named_value("SLO Window", &application.slo_window.map(|hours| format!("{hours} hours")).unwrap_or_default()))
                @let left_out = left_out(&resource);
                @if !left_out.is_empty() { (named_value("Unused Parts of the Metadata", &left_out)) }
                (named_value("Assertion Encryption", words(&CIPHERS, application.sp_encryption.as_ref().map_or("", |encryption| &encryption.algorithm))))
            }
        }
    };
    Ok(tab(&console, &resource, "Configuration", None, &content))
}

/// Returns an answer that a browser saves as a file.
pub(in crate::http::console) fn attachment(
    kind: &'static str,
    name: &str,
    text: String,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}

/// Returns the certificate that verifies the messages to this application, in PEM.
async fn download_signing_certificate(
    console: Console,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let application = Application::of(&find_application(&console, &id).await?)?;
    let key = console
        .idp
        .signing_key(console.env_id(), &application)
        .await?;
    let pem = key.certificate().to_pem();
    Ok(attachment(
        "application/x-pem-file",
        "signing-certificate.pem",
        pem,
    ))
}

async fn download_metadata(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let metadata = console.idp.idp_metadata(console.env_id(), &id).await?;
    Ok(attachment(
        "application/samlmetadata+xml",
        "idp-metadata.xml",
        metadata.to_xml(),
    ))
}
