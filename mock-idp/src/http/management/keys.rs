//! `/environments/{env}/keys`: signing keys and their certificates.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::href;
use crate::Idp;
use crate::applications::keys::signer;
use crate::config::KeyMaterial;
use crate::directory::text;
use crate::http::hal::{self, Answer, Body};
use crate::refusal::Refused;
use crate::store::keys::{self, KeyRow};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/environments/{env}/keys", get(list).post(create))
        .route(
            "/environments/{env}/keys/{id}",
            get(show).put(change).delete(remove),
        )
}

fn shown(idp: &Idp, key: &KeyRow) -> Result<Value, Refused> {
    let decoded = signer(key)?;
    let certificate = decoded.certificate();
    let (kind, length) = certificate
        .key()
        .split_once(' ')
        .unwrap_or(("UNKNOWN", "0"));
    let length: u32 = length.trim_start_matches("P-").parse().unwrap_or(0);
    let now = idp.now();
    let status = if now < certificate.not_before() {
        "NOT_YET_VALID"
    } else if now > certificate.not_after() {
        "EXPIRED"
    } else {
        "VALID"
    };
    Ok(json!({
        "_links": {"self": {"href": href(idp, &key.environment, &format!("/keys/{}", key.id))}},
        "id": key.id,
        "environment": {"id": key.environment},
        "name": key.name,
        "algorithm": kind,
        "keyLength": length,
        "signatureAlgorithm": if kind == "EC" { "SHA256withECDSA" } else { "SHA256withRSA" },
        "subjectDN": certificate.subject(),
        "issuerDN": certificate.subject(),
        "startsAt": certificate.not_before().to_string(),
        "expiresAt": certificate.not_after().to_string(),
        "fingerprint": certificate.fingerprint_sha256(),
        "status": status,
        "usageType": "SIGNING",
        "default": key.is_default,
        "createdAt": key.created_at.to_string(),
    }))
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let all = idp.keys(&env).await?;
    let items = all.iter().map(|key| shown(&idp, key));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(hal::list(&href(&idp, &env, "/keys"), "keys", items)).into_response())
}

/// A new RSA 2048 key, or with `privateKey` and `certificate` (PEM) an imported one.
async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let name = text(&document, "name").ok_or_else(|| Refused::required("name"))?;
    let is_default = document.get("default") == Some(&Value::Bool(true));
    let imported = match (
        text(&document, "privateKey"),
        text(&document, "certificate"),
    ) {
        (Some(private_key), Some(certificate)) => Some(KeyMaterial {
            private_key: private_key.to_owned(),
            certificate: certificate.to_owned(),
        }),
        (None, None) => None,
        (Some(_), None) => return Err(Refused::required("certificate").into()),
        (None, Some(_)) => return Err(Refused::required("privateKey").into()),
    };
    if imported.is_none()
        && let Some(algorithm) = text(&document, "algorithm")
        && algorithm != "RSA"
    {
        return Err(
            Refused::invalid("algorithm", "expected RSA; import a key of another kind").into(),
        );
    }
    let key = idp.add_key(&env, name, is_default, imported).await?;
    Ok(hal::created(shown(&idp, &key)?))
}

async fn found(idp: &Idp, env: &str, id: &str) -> Result<KeyRow, Refused> {
    let mut db = idp.store.read().await?;
    keys::get(&mut db, env, id)
        .await?
        .ok_or_else(|| Refused::not_found("key", id))
}

/// The key's description, or its certificate when PEM is asked for.
async fn show(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let key = found(&idp, &env, &id).await?;
    let wants_pem = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("pem"));
    if wants_pem {
        return Ok((
            [(header::CONTENT_TYPE, "application/x-pem-file")],
            key.certificate,
        )
            .into_response());
    }
    Ok(Json(shown(&idp, &key)?).into_response())
}

/// Makes it the default.
async fn change(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    if document.get("default") == Some(&Value::Bool(true)) {
        let mut tx = idp.store.write().await.map_err(Refused::from)?;
        if !keys::make_default(&mut tx, &env, &id)
            .await
            .map_err(Refused::from)?
        {
            return Err(Refused::not_found("key", &id).into());
        }
        tx.commit().await.map_err(Refused::from)?;
    }
    Ok(Json(shown(&idp, &found(&idp, &env, &id).await?)?).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let key = found(&idp, &env, &id).await?;
    if key.is_default {
        return Err(Refused::constraint("id", "expected another default key first").into());
    }
    let mut tx = idp.store.write().await.map_err(Refused::from)?;
    keys::delete(&mut tx, &env, &id)
        .await
        .map_err(Refused::from)?;
    tx.commit().await.map_err(Refused::from)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
