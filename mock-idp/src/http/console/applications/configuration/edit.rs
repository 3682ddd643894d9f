//! Page Edit Configuration: an administrator enters the service provider's data by a metadata
//! file, by a metadata URL, or field by field.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde_json::{Value, json};

use super::super::{find_application, tab};
use super::{ALGORITHMS, BINDINGS, CIPHERS, FORMATS, SIGNING, downloads, signed_parts};
use crate::Idp;
use crate::applications::Application;
use crate::directory::{Change, Document, text};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{self, Field};
use crate::http::console::session::Submitted;
use crate::refusal::{Refused, Result};
use crate::store::keys::KeyRow;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new().route(
        "/{env}/applications/{id}/configuration/edit",
        get(edit).post(save),
    )
}

/// Keys and certificates of the environment that an application can use.
struct Choices {
    keys: Vec<KeyRow>,
    certificates: Vec<Resource>,
}

async fn load_choices(console: &Console) -> Result<Choices> {
    let env = console.env_id();
    Ok(Choices {
        keys: console.idp.list_keys(env).await?,
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
    let mut encryption = vec![("", "Choose a certificate")];
    encryption.extend(certificates.iter().map(|(id, name, _)| (*id, *name)));
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
            (Field::new(form, "spMetadataEntity", "Entity ID")
                .hint("For a file with several service providers: the entity ID of yours.").input("text"))
        }
        div.when-url {
            (Field::new(form, "spMetadataUrl", "Metadata URL").required().like("https://").input("url"))
        }
        div.when-hand {
            (Field::new(form, "acsUrls", "ACS URLs").required()
                .hint("Where assertions are sent, one URL per line. The first is the default.").area(2))
            (Field::new(form, "spEntityId", "Entity ID").required()
                .hint("The entity ID of the service provider, as in its metadata.").input("text"))
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
            .hint("Sent as RelayState when the sign-on starts at the identity provider.").input("url"))
        h2 { "Requests" }
        (parts::checkbox(form, "authnRequestSigned", "Enforce Signed AuthnRequest",
            "Requests without a valid signature are refused."))
        @if !certificates.is_empty() {
            (parts::choices(form, "checkbox", "verification", "Verification Certificates", &certificates))
        }
        (Field::new(form, "spVerification.certificates", "Add Verification Certificates")
            .hint("In PEM, one after the other.").area(4))
        h2 { "Single Logout" }
        (Field::new(form, "sloEndpoint", "SLO Endpoint")
            .hint("Where LogoutRequests are sent when a session ends. Without it, none is sent.").input("url"))
        (Field::new(form, "sloResponseEndpoint", "SLO Response Endpoint")
            .hint("Where LogoutResponses are sent, if not to the SLO Endpoint.").input("url"))
        (Field::new(form, "sloBinding", "SLO Binding").required().select(&BINDINGS))
        (Field::new(form, "sloWindow", "SLO Window")
            .hint("In hours, 0 to 24. Logout messages are exchanged for this time after the sign-on.").input("number"))
        h2 { "Encryption" }
        (Field::new(form, "spEncryption.algorithm", "Assertion Encryption").required().select(&CIPHERS))
        div.when-encrypted {
            (Field::new(form, "spEncryption.certificate", "Encryption Certificate")
                .hint("A certificate of this environment. Assertions are encrypted for its key.").select(&encryption))
            (Field::new(form, "spEncryption.pem", "Or Another Certificate")
                .hint("In PEM. It is used in place of the one above.").area(3))
        }
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
    let resource = find_application(&console, &id).await?;
    let application = Application::of(&resource)?;
    let choices = load_choices(&console).await?;
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
        .with("signing", signed_parts(&application))
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
        .with("spVerification.certificates", certificates.join("\n"))
        .with(
            "sloBinding",
            application.slo_binding.unwrap_or("HTTP_POST".into()),
        )
        .with(
            "sloWindow",
            application
                .slo_window
                .map(|hours| hours.to_string())
                .unwrap_or_default(),
        );
    for key in ["sloEndpoint", "sloResponseEndpoint"] {
        form = form.with(key, text(&resource.document, key).unwrap_or_default());
    }
    if let Some(encryption) = application.sp_encryption {
        let certificate = encryption.certificate;
        form = form
            .with("spEncryption.algorithm", encryption.algorithm)
            .with(
                "spEncryption.certificate",
                certificate.id.unwrap_or_default(),
            )
            .with(
                "spEncryption.pem",
                certificate.certificate.unwrap_or_default(),
            );
    }
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

/// Splits a text with several PEM certificates.
fn certificates(text: &str) -> Vec<Value> {
    const END: &str = "-----END CERTIFICATE-----";
    text.split_inclusive(END)
        .map(str::trim)
        .filter(|pem| !pem.is_empty())
        .map(|pem| json!({"certificate": pem}))
        .collect()
}

/// Copies the fields for single logout from the form. An empty field removes the setting
/// (null), except next to imported metadata, which then sets it.
fn single_logout(form: &Form, document: &mut Document) -> Result<()> {
    let by_hand = !["file", "url"].contains(&form.text("by"));
    for key in ["sloEndpoint", "sloResponseEndpoint", "sloBinding"] {
        let said = Some(form.text(key)).filter(|text| !text.is_empty());
        let is_default = key == "sloBinding" && form.text("sloEndpoint").is_empty();
        if by_hand || (said.is_some() && !is_default) {
            document.insert(key.into(), said.into());
        }
    }
    let window = match form.text("sloWindow") {
        "" => Value::Null,
        hours => hours
            .parse::<i64>()
            .map_err(|_| Refused::invalid("sloWindow", "expected 0 to 24 hours"))?
            .into(),
    };
    document.insert("sloWindow".into(), window);
    Ok(())
}

/// Returns the member `spEncryption` of the form.
fn encryption(form: &Form) -> Value {
    let algorithm = match form.text("spEncryption.algorithm") {
        "" => return Value::Null,
        algorithm => algorithm,
    };
    let (pem, id) = (
        form.text("spEncryption.pem"),
        form.text("spEncryption.certificate"),
    );
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let certificate = match (said(pem), said(id)) {
        (Some(pem), _) => json!({"certificate": pem, "id": null}),
        (None, id) => json!({"certificate": null, "id": id}),
    };
    json!({"algorithm": algorithm, "certificate": certificate})
}

/// Converts the form to the JSON of an application.
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
            if !form.text("spMetadataEntity").is_empty() {
                document.insert("spEntityId".into(), form.text("spMetadataEntity").into());
            }
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
    // Null removes the former value.
    let said = |key: &str| Some(form.text(key)).filter(|text| !text.is_empty());
    let key = said("idpSigning.key").map(|id| json!({"id": id}));
    document.insert(
        "idpSigning".into(),
        json!({"key": key, "algorithm": said("idpSigning.algorithm")}),
    );
    for key in ["nameIdFormat", "defaultTargetUrl"] {
        document.insert(key.into(), said(key).into());
    }
    single_logout(form, &mut document)?;
    document.insert("spEncryption".into(), encryption(form));
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
    let application = find_application(&console, &id).await?;
    let changed = match document(&form) {
        Ok(document) => {
            console
                .idp
                .change_application(console.env_id(), &id, Change::Merge(document))
                .await
        }
        Err(refused) => Err(refused),
    };
    Ok(match form.check_outcome(changed)? {
        Ok(_) => console.done(&format!("/applications/{id}/configuration"), "saved"),
        Err(form) => {
            let form = form
                .move_errors("spEncryption.certificate.id", "spEncryption.certificate")
                .move_errors("spEncryption.certificate.certificate", "spEncryption.pem");
            edit_page(
                &console,
                &application,
                &load_choices(&console).await?,
                &form,
            )
        }
    })
}
