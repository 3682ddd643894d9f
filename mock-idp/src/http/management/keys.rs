//! `/environments/{env}/keys`: key pairs and their certificates.

use axum::Json;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::applications::keys::{kind_and_length, signer};
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::http::multipart;
use crate::refusal::Refused;
use crate::store::keys::KeyRow;

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments/{env}/keys";
    let one = "/environments/{env}/keys/{key}";
    let csr = "/environments/{env}/keys/{key}/csr";
    let rotation = "/environments/{env}/keys/{key}/rotation";
    vec![
        Route::get(all, "Lists the key pairs", list).lists("keys", "Key"),
        Route::post(
            all,
            "Creates a key pair, or imports one; from a PKCS#12 file if sent as multipart/form-data",
            create,
        )
        .takes("Key")
        .makes("Key"),
        Route::get(one, "Shows a key pair, or its certificate in PEM", show).shows("Key"),
        Route::put(
            one,
            "Makes a key pair the default, or changes its usageType",
            change,
        )
        .takes("KeyChange")
        .shows("Key"),
        Route::delete(one, "Deletes a key pair that is not in use", remove),
        Route::get(csr, "Downloads a certificate signing request", request)
            .downloads("application/pkcs10"),
        Route::post(
            rotation,
            "Replaces a key pair by a new one",
            rotate,
        )
        .takes("Partial")
        .makes("Key")
        .ours(),
    ]
}

fn key_to_json(idp: &Idp, key: &KeyRow) -> Result<Value, Refused> {
    let decoded = signer(key)?;
    let certificate = decoded.certificate();
    let (is_ec, length) = kind_and_length(certificate);
    let lasts = certificate
        .not_after()
        .duration_since(certificate.not_before());
    let mut json = json!({
        "_links": {"self": {"href": href(idp, &key.environment, &format!("/keys/{}", key.id))}},
        "id": key.id,
        "environment": {"id": key.environment},
        "name": key.name,
        "algorithm": if is_ec { "EC" } else { "RSA" },
        "keyLength": length,
        "signatureAlgorithm": if is_ec { "SHA256withECDSA" } else { "SHA256withRSA" },
        "validityPeriod": lasts.as_hours() / 24,
        "usageType": key.purpose,
        "default": key.is_default,
        "createdAt": key.created_at.to_string(),
    });
    super::certificates::add_certificate_data(&mut json, certificate, idp.now());
    Ok(json)
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>) -> Answer {
    let mut all = idp.list_keys(&env).await?;
    page.apply_filter(&mut all, |key| key_to_json(&idp, key).unwrap_or_default())?;
    let part = page.cut(&all, |key| key.place)?;
    let items = part.shown.iter().map(|key| key_to_json(&idp, key));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let at = href(&idp, &env, "/keys");
    Ok(Json(hal::list(&at, "keys", &part, items)).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, request: Request) -> Answer {
    let key = if multipart::is_announced(request.headers()) {
        let Upload {
            file,
            password,
            usage,
        } = Upload::read(request).await?;
        idp.import_key(&env, &file, &password, &usage).await?
    } else {
        let Body(document) = Body::from_request(request, &()).await?;
        idp.create_key(&env, &document).await?
    };
    Ok(hal::created(key_to_json(&idp, &key)?))
}

/// An upload of a PKCS#12 file as in PingOne: the form fields `file`, `usageType` and, if the
/// file is encrypted, `password`.
struct Upload {
    file: Vec<u8>,
    password: String,
    usage: String,
}

impl Upload {
    async fn read(request: Request) -> Result<Self, Refused> {
        let parts = multipart::read_parts(request).await.map_err(|error| {
            Refused::invalid("file", format!("expected multipart/form-data: {error}"))
        })?;
        let (mut file, mut password, mut usage) = (None, String::new(), None);
        for (name, bytes) in parts {
            let text = || String::from_utf8_lossy(&bytes).into_owned();
            match name.as_str() {
                "file" => file = Some(bytes.to_vec()),
                "password" => password = text(),
                "usageType" => usage = Some(text()),
                _ => {}
            }
        }
        Ok(Self {
            file: file.ok_or_else(|| Refused::required("file"))?,
            password,
            usage: usage.ok_or_else(|| Refused::required("usageType"))?,
        })
    }
}

/// True if `Accept` contains this media type.
pub(super) fn wants(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains(kind))
}

/// Returns an answer with a certificate or key in PEM.
pub(super) fn pem(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], text).into_response()
}

/// Returns the JSON of a key, or its certificate if the client asks for PEM.
async fn show(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let key = idp.get_key(&env, &id).await?;
    if wants(&headers, "pem") {
        return Ok(pem(key.certificate));
    }
    Ok(Json(key_to_json(&idp, &key)?).into_response())
}

async fn change(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let key = idp.change_key(&env, &id, &document).await?;
    Ok(Json(key_to_json(&idp, &key)?).into_response())
}

async fn request(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let made = idp.create_signing_request(&env, &id).await?;
    Ok(([(header::CONTENT_TYPE, "application/pkcs10")], made).into_response())
}

async fn rotate(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let key = idp.rotate_key(&env, &id).await?;
    Ok(hal::created(key_to_json(&idp, &key)?))
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_key(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
