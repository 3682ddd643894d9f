//! `/environments/{env}/certificates`: certificates of service providers.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use saml::keys::Certificate;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::href;
use super::keys::{pem, wants};
use super::route::Route;
use crate::Idp;
use crate::applications::certificates::decode_certificate;
use crate::applications::keys::kind_and_length;
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments/{env}/certificates";
    let one = "/environments/{env}/certificates/{certificate}";
    vec![
        Route::get(all, "Lists the certificates", list).lists("certificates", "Certificate"),
        Route::post(all, "Imports a certificate", import)
            .takes("CertificateImport")
            .acts(&["", "certificate.import"])
            .makes("Certificate"),
        Route::get(one, "Shows a certificate, or downloads it in PEM", show).shows("Certificate"),
        Route::delete(
            one,
            "Deletes a certificate that no application uses",
            remove,
        ),
    ]
}

/// Adds the data of a certificate.
pub(super) fn add_certificate_data(json: &mut Value, certificate: &Certificate, now: Timestamp) {
    json["subjectDN"] = certificate.subject().into();
    if let Ok((_, read)) = X509Certificate::from_der(certificate.der()) {
        json["issuerDN"] = read.issuer().to_string().into();
        json["serialNumber"] = read.raw_serial_as_string().into();
    }
    json["startsAt"] = certificate.not_before().to_string().into();
    json["expiresAt"] = certificate.not_after().to_string().into();
    json["fingerprint"] = certificate.fingerprint_sha256().into();
    let soon = now
        .saturating_add(jiff::SignedDuration::from_hours(24 * 30))
        .unwrap_or(now);
    json["status"] = if now < certificate.not_before() {
        "NOT_YET_VALID"
    } else if now > certificate.not_after() {
        "EXPIRED"
    } else if soon > certificate.not_after() {
        "EXPIRING"
    } else {
        "VALID"
    }
    .into();
}

fn certificate_to_json(idp: &Idp, found: &Resource) -> Result<Value, Refused> {
    let certificate = decode_certificate(found)?;
    let (is_ec, length) = kind_and_length(&certificate);
    let path = format!("/certificates/{}", found.id);
    let mut json = json!({
        "_links": {"self": {"href": href(idp, &found.environment, &path)}},
        "id": found.id,
        "environment": {"id": found.environment},
        "name": found.document["name"],
        "algorithm": if is_ec { "EC" } else { "RSA" },
        "keyLength": length,
        "usageType": found.document["usageType"],
        "createdAt": found.created_at.to_string(),
    });
    add_certificate_data(&mut json, &certificate, idp.now());
    Ok(json)
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>) -> Answer {
    let mut all = idp.list(&env, Kind::Certificate, None).await?;
    let part = page.resources(&mut all)?;
    let items = part
        .shown
        .iter()
        .map(|found| certificate_to_json(&idp, found));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let at = href(&idp, &env, "/certificates");
    Ok(Json(hal::list(&at, "certificates", &part, items)).into_response())
}

async fn import(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let made = idp.import_certificate(&env, &document).await?;
    Ok(hal::created(certificate_to_json(&idp, &made)?))
}

async fn show(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let found = idp.get(&env, Kind::Certificate, &id).await?;
    if wants(&headers, "pem") {
        return Ok(pem(decode_certificate(&found)?.to_pem()));
    }
    Ok(Json(certificate_to_json(&idp, &found)?).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_certificate(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
