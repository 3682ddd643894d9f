//! An application's Configuration: what its service provider needs of us, and
//! Edit Configuration, where we are told of the service provider: by metadata,
//! by its address, or one by one.

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{found, tab};
use crate::Idp;
use crate::applications::Application;
use crate::directory::{Change, Document, text};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{self, Field, copied, told};
use crate::http::console::session::Submitted;
use crate::refusal::{Refused, Result};
use crate::store::keys::KeyRow;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications/{id}/configuration", get(show))
        .route(
            "/{env}/applications/{id}/configuration/edit",
            get(edit).post(save),
        )
        .route(
            "/{env}/applications/{id}/signing-certificate.pem",
            get(signing_certificate),
        )
        .route("/{env}/applications/{id}/metadata.xml", get(metadata))
}

/// What the console calls the two signing flags.
const SIGNING: [(&str, &str); 3] = [
    ("assertion", "Sign Assertion"),
    ("response", "Sign Response"),
    ("both", "Sign Assertion & Response"),
];

const ALGORITHMS: [(&str, &str); 7] = [
    ("", "By the key: SHA-256"),
    ("SHA256withRSA", "RSA_SHA256"),
    ("SHA384withRSA", "RSA_SHA384"),
    ("SHA512withRSA", "RSA_SHA512"),
    ("SHA256withECDSA", "SHA256_ECDSA"),
    ("SHA384withECDSA", "SHA384_ECDSA"),
    ("SHA512withECDSA", "SHA512_ECDSA"),
];

const FORMATS: [(&str, &str); 5] = [
    ("", "Unspecified, not said"),
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

fn words<'w>(of: &'w [(&'w str, &'w str)], value: &'w str) -> &'w str {
    of.iter()
        .find(|(key, _)| *key == value)
        .map_or(value, |(_, words)| words)
}

fn signing(application: &Application) -> &'static str {
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

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let resource = found(&console, &id).await?;
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
            p.lead { "What the service provider is told of this identity provider." }
            (downloads(&console, &id))
            dl {
                (copied("issuer", "Issuer ID", &idp.issuer(env)))
                (copied("sso", "Single Signon Service", &idp.sso_url(env)))
                (copied("metadata", "IdP Metadata URL", &format!("{}/{env}/saml20/metadata/{id}", idp.base_url)))
                (copied("initiate", "Initiate Single Sign-On URL",
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
                (told("Entity ID", &application.sp_entity_id))
                (told("Sign", words(&SIGNING, signing(&application))))
                (told("Signing Algorithm", words(&ALGORITHMS, algorithm.unwrap_or_default())))
                (told("Subject NameID Format", application.name_id_format.as_deref().unwrap_or_default()))
                (told("Assertion Validity Duration", &format!("{} seconds", application.assertion_duration)))
                (told("Target Application URL", application.default_target_url.as_deref().unwrap_or_default()))
                (told("Enforce Signed AuthnRequest", if application.sp_verification.authn_request_signed { "Yes" } else { "No" }))
                (told("Verification Certificates", &application.sp_verification.certificates.len().to_string()))
            }
        }
    };
    Ok(tab(&console, &resource, "Configuration", None, &content))
}

/// What of the environment an application's configuration can choose.
struct Choices {
    keys: Vec<KeyRow>,
    certificates: Vec<Resource>,
}

async fn choices(console: &Console) -> Result<Choices> {
    let env = console.env_id();
    Ok(Choices {
        keys: console.idp.keys(env).await?,
        certificates: console.idp.list(env, Kind::Certificate, None).await?,
    })
}

fn edit_page(
    console: &Console,
    application: &Resource,
    choices: &Choices,
    form: &Form,
) -> Response {
    let Choices { keys, certificates } = choices;
    let certificates: Vec<(&str, &str, &str)> = certificates
        .iter()
        .map(|one| (one.id.as_str(), one.name.as_str(), ""))
        .collect();
    let path = format!("/applications/{}/configuration", application.id);
    let mut key_options = vec![(String::new(), "The environment's default".to_owned())];
    key_options.extend(keys.iter().map(|key| (key.id.clone(), key.name.clone())));
    let fields = html! {
        (parts::choices(form, "radio", "by", "Provide Application Metadata", &[
            ("file", "Import Metadata", "A metadata file of the service provider."),
            ("url", "Import From URL", "Where the service provider publishes its metadata."),
            ("hand", "Manually Enter", "ACS URLs and entity ID, one by one."),
        ]))
        div.when-file {
            (Field::new(form, "spMetadata", "Metadata File").required().file(".xml,application/xml,text/xml,application/samlmetadata+xml"))
        }
        div.when-url {
            (Field::new(form, "spMetadataUrl", "Metadata URL").required().like("https://").input("url"))
        }
        div.when-hand {
            (Field::new(form, "acsUrls", "ACS URLs").required()
                .hint("Where assertions are sent. One a line; the first is the default.").area(2))
            (Field::new(form, "spEntityId", "Entity ID").required()
                .hint("The service provider's name for itself.").input("text"))
        }
        h2 { "Signing" }
        (Field::new(form, "idpSigning.key", "Signing Key").required().select(&key_options))
        (downloads(console, &application.id))
        (parts::choices(form, "radio", "signing", "What is signed", &[
            ("assertion", SIGNING[0].1, ""), ("response", SIGNING[1].1, ""), ("both", SIGNING[2].1, ""),
        ]))
        (Field::new(form, "idpSigning.algorithm", "Signing Algorithm").required().select(&ALGORITHMS))
        h2 { "Assertion" }
        (Field::new(form, "nameIdFormat", "Subject NameID Format").required().select(&FORMATS))
        (Field::new(form, "assertionDuration", "Assertion Validity Duration").required()
            .hint("In seconds, 1 to 86400.").input("number"))
        (Field::new(form, "defaultTargetUrl", "Target Application URL")
            .hint("Sent as RelayState when sign-on starts here.").input("url"))
        h2 { "Requests" }
        (parts::checkbox(form, "authnRequestSigned", "Enforce Signed AuthnRequest",
            "Requests without a valid signature are refused."))
        @if !certificates.is_empty() {
            (parts::choices(form, "checkbox", "verification", "Verification Certificates", &certificates))
        }
        (Field::new(form, "spVerification.certificates", "Add Verification Certificates")
            .hint("In PEM, one after the other.").area(4))
        (parts::save("Save", &console.at(&path)))
    };
    let content = html! {
        section.card.configuration aria-labelledby="editing" {
            h2 #editing { "Edit Configuration" }
            (console.upload(&format!("{path}/edit"), &fields))
        }
    };
    tab(console, application, "Configuration", Some(form), &content)
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let resource = found(&console, &id).await?;
    let application = Application::of(&resource)?;
    let choices = choices(&console).await?;
    let signing_by = application.idp_signing.clone();
    let key = signing_by.as_ref().and_then(|signing| signing.key.as_ref());
    let algorithm = signing_by
        .as_ref()
        .and_then(|signing| signing.algorithm.clone());
    let verification = application.sp_verification.clone();
    let certificates: Vec<&str> = verification
        .certificates
        .iter()
        .filter_map(|entry| entry.certificate.as_deref().map(str::trim))
        .collect();
    let mut form = Form::default()
        .with("by", "hand")
        .with("acsUrls", application.acs_urls.join("\n"))
        .with("spEntityId", application.sp_entity_id.as_str())
        .with("idpSigning.key", key.map_or("", |key| &key.id))
        .with("signing", signing(&application))
        .with("idpSigning.algorithm", algorithm.unwrap_or_default())
        .with(
            "nameIdFormat",
            application.name_id_format.unwrap_or_default(),
        )
        .with(
            "assertionDuration",
            application.assertion_duration.to_string(),
        )
        .with(
            "defaultTargetUrl",
            text(&resource.document, "defaultTargetUrl").unwrap_or_default(),
        )
        .with("spVerification.certificates", certificates.join("\n"));
    for id in verification
        .certificates
        .iter()
        .filter_map(|entry| entry.id.as_deref())
    {
        form = form.with("verification", id);
    }
    if verification.authn_request_signed {
        form = form.with("authnRequestSigned", "on");
    }
    Ok(edit_page(&console, &resource, &choices, &form))
}

/// Each certificate of a text with several in PEM.
fn certificates(text: &str) -> Vec<Value> {
    const END: &str = "-----END CERTIFICATE-----";
    text.split_inclusive(END)
        .map(str::trim)
        .filter(|pem| !pem.is_empty())
        .map(|pem| json!({"certificate": pem}))
        .collect()
}

/// The application's document as the form says it.
fn document(form: &Form) -> Result<Document> {
    let mut document = Document::new();
    match form.text("by") {
        "url" if form.text("spMetadataUrl").is_empty() => {
            return Err(Refused::required("spMetadataUrl"));
        }
        "file" if form.text("spMetadata").is_empty() => {
            return Err(Refused::invalid("spMetadata", "choose a metadata file"));
        }
        "file" => {
            document.insert("spMetadata".into(), form.text("spMetadata").into());
        }
        "url" => {
            document.insert("spMetadataUrl".into(), form.text("spMetadataUrl").into());
        }
        _ => {
            let urls: Vec<&str> = form.text("acsUrls").split_whitespace().collect();
            if urls.is_empty() {
                return Err(Refused::required("acsUrls"));
            }
            if form.text("spEntityId").is_empty() {
                return Err(Refused::required("spEntityId"));
            }
            document.insert("acsUrls".into(), json!(urls));
            document.insert("spEntityId".into(), form.text("spEntityId").into());
        }
    }
    let signing = form.text("signing");
    document.insert("assertionSigned".into(), (signing != "response").into());
    document.insert("responseSigned".into(), (signing != "assertion").into());
    // Null takes away what was there.
    let said = |key: &str| Some(form.text(key)).filter(|text| !text.is_empty());
    let key = said("idpSigning.key").map(|id| json!({"id": id}));
    document.insert(
        "idpSigning".into(),
        json!({"key": key, "algorithm": said("idpSigning.algorithm")}),
    );
    for key in ["nameIdFormat", "defaultTargetUrl"] {
        document.insert(key.into(), said(key).into());
    }
    let seconds: i64 = form
        .text("assertionDuration")
        .parse()
        .map_err(|_| Refused::invalid("assertionDuration", "expected 1 to 86400 seconds"))?;
    document.insert("assertionDuration".into(), seconds.into());
    let mut certificates = certificates(form.text("spVerification.certificates"));
    certificates.extend(form.all("verification").map(|id| json!({"id": id})));
    if form.text("by") == "hand" || !certificates.is_empty() {
        document.insert(
            "spVerification".into(),
            json!({"authnRequestSigned": form.has("authnRequestSigned"), "certificates": certificates}),
        );
    }
    Ok(document)
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let application = found(&console, &id).await?;
    let changed = match document(&form) {
        Ok(document) => {
            console
                .idp
                .change_application(console.env_id(), &id, Change::Merge(document))
                .await
        }
        Err(refused) => Err(refused),
    };
    Ok(match form.judged(changed)? {
        Ok(_) => console.done(&format!("/applications/{id}/configuration"), "saved"),
        Err(form) => edit_page(&console, &application, &choices(&console).await?, &form),
    })
}

/// A file to download.
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

/// The certificate that verifies what this application is sent, in PEM.
async fn signing_certificate(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let application = Application::of(&found(&console, &id).await?)?;
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

async fn metadata(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let metadata = console.idp.idp_metadata(console.env_id(), &id).await?;
    Ok(attachment(
        "application/samlmetadata+xml",
        "idp-metadata.xml",
        metadata.to_xml(),
    ))
}
