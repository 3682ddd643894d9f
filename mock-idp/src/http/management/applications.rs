//! `/environments/{env}/applications`, their attribute mappings, a worker's secret.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::Change;
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments/{env}/applications";
    let one = "/environments/{env}/applications/{application}";
    let attributes = "/environments/{env}/applications/{application}/attributes";
    let attribute = "/environments/{env}/applications/{application}/attributes/{attribute}";
    let secret = "/environments/{env}/applications/{application}/secret";
    let previous = "/environments/{env}/applications/{application}/secret/previous";
    vec![
        Route::get(all, "Lists the applications", list).lists("applications", "Application"),
        Route::post(all, "Creates an application", create)
            .takes("Application")
            .makes("Application"),
        Route::get(one, "Shows an application", show).shows("Application"),
        Route::put(one, "Replaces an application's settings", replace)
            .takes("Application")
            .shows("Application"),
        Route::patch(one, "Changes some of an application's settings", merge)
            .takes("Partial")
            .shows("Application")
            .ours(),
        Route::delete(one, "Deletes an application", remove),
        Route::get(
            attributes,
            "Lists an application's attribute mappings",
            list_attributes,
        )
        .lists("attributes", "Attribute"),
        Route::post(attributes, "Adds an attribute mapping", create_attribute)
            .takes("Attribute")
            .makes("Attribute"),
        Route::get(attribute, "Shows an attribute mapping", show_attribute).shows("Attribute"),
        Route::put(
            attribute,
            "Replaces an attribute mapping",
            replace_attribute,
        )
        .takes("Attribute")
        .shows("Attribute"),
        Route::delete(attribute, "Removes an attribute mapping", remove_attribute),
        Route::get(secret, "Shows a worker's secret", show_secret).shows("Secret"),
        Route::post(secret, "Gives a worker a new secret", renew_secret)
            .takes("SecretRotation")
            .shows("Secret"),
        Route::delete(previous, "Ends a worker's previous secret", revoke_previous).ours(),
    ]
}

fn application_to_json(idp: &Idp, application: &Resource) -> Value {
    let env = &application.environment;
    let path = format!("/applications/{}", application.id);
    let mut body = hal::resource(application, &href(idp, env, &path));
    if application.document["protocol"] != "SAML" {
        body["_links"]["secret"] = json!({"href": href(idp, env, &format!("{path}/secret"))});
        body["_links"]["token"] = json!({"href": format!("{}/{env}/as/token", idp.base_url)});
        return body;
    }
    body["_links"]["attributes"] = json!({"href": href(idp, env, &format!("{path}/attributes"))});
    // The values that the console's tab Configuration offers to copy.
    body["_links"]["metadata"] =
        json!({"href": format!("{}/{env}/saml20/metadata/{}", idp.base_url, application.id)});
    body["_links"]["singleSignOn"] = json!({"href": idp.sso_url(env)});
    body["issuerId"] = idp.issuer(env).into();
    body
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>) -> Answer {
    let mut all = idp.list(&env, Kind::Application, None).await?;
    let part = page.resources(&mut all)?;
    let items = part
        .shown
        .iter()
        .map(|app| application_to_json(&idp, app))
        .collect();
    let at = href(&idp, &env, "/applications");
    Ok(Json(hal::list(&at, "applications", &part, items)).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let made = idp.create_application(&env, document).await?;
    Ok(hal::created(application_to_json(&idp, &made)))
}

async fn show(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    let found = idp.get(&env, Kind::Application, &app).await?;
    Ok(Json(application_to_json(&idp, &found)).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let change = Change::Replace(document);
    let changed = idp.change_application(&env, &app, change).await?;
    Ok(Json(application_to_json(&idp, &changed)).into_response())
}

async fn merge(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let change = Change::Merge(document);
    let changed = idp.change_application(&env, &app, change).await?;
    Ok(Json(application_to_json(&idp, &changed)).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    idp.delete_application(&env, &app).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn mapping_to_json(idp: &Idp, attribute: &Resource) -> Value {
    let app = &attribute.parent;
    let path = format!("/applications/{app}/attributes/{}", attribute.id);
    let mut body = hal::resource(attribute, &href(idp, &attribute.environment, &path));
    body["application"] = json!({"id": app});
    body
}

async fn list_attributes(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Asked(page): Asked<Page>,
) -> Answer {
    idp.get(&env, Kind::Application, &app).await?;
    let mut all = idp.list(&env, Kind::Attribute, Some(&app)).await?;
    let part = page.resources(&mut all)?;
    let items = part
        .shown
        .iter()
        .map(|a| mapping_to_json(&idp, a))
        .collect();
    let at = href(&idp, &env, &format!("/applications/{app}/attributes"));
    Ok(Json(hal::list(&at, "attributes", &part, items)).into_response())
}

async fn create_attribute(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp.put_attribute(&env, &app, None, document).await?;
    Ok(hal::created(mapping_to_json(&idp, &made)))
}

async fn show_attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
) -> Answer {
    let found = idp.get(&env, Kind::Attribute, &id).await?;
    if found.parent != app {
        return Err(Refused::not_found("attribute", &id).into());
    }
    Ok(Json(mapping_to_json(&idp, &found)).into_response())
}

async fn replace_attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
    Body(document): Body,
) -> Answer {
    let changed = idp.put_attribute(&env, &app, Some(&id), document).await?;
    Ok(Json(mapping_to_json(&idp, &changed)).into_response())
}

async fn remove_attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
) -> Answer {
    idp.delete_attribute(&env, &app, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn secret_to_json(idp: &Idp, found: &Resource) -> Result<Value, Refused> {
    let path = format!("/applications/{}/secret", found.parent);
    let mut json = json!({
        "_links": {"self": {"href": href(idp, &found.environment, &path)}},
        "environment": {"id": found.environment},
        "application": {"id": found.parent},
        "secret": Idp::secret_text(found)?,
    });
    if let Some(previous) = found.document.get("previous") {
        json["previous"] = previous.clone();
    }
    Ok(json)
}

async fn show_secret(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    let found = idp.get_worker_secret(&env, &app).await?;
    Ok(Json(secret_to_json(&idp, &found)?).into_response())
}

async fn renew_secret(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let until = previous_until(&body)?;
    let made = idp.renew_worker_secret(&env, &app, until).await?;
    Ok(Json(secret_to_json(&idp, &made)?).into_response())
}

/// Reads `previous.expiresAt` of a body, which is optional.
fn previous_until(body: &[u8]) -> Result<Option<Timestamp>, Refused> {
    let body: Value = match body {
        b"" => Value::Null,
        body => serde_json::from_slice(body)
            .map_err(|error| Refused::invalid("body", error.to_string()))?,
    };
    match body.pointer("/previous/expiresAt") {
        None | Some(Value::Null) => Ok(None),
        Some(end) => {
            let read = end.as_str().and_then(|end| end.parse().ok());
            let target = "previous.expiresAt";
            let wrong = || format!("expected a time such as 2026-01-31T12:00:00Z, got {end}");
            read.map(Some)
                .ok_or_else(|| Refused::invalid(target, wrong()))
        }
    }
}

async fn revoke_previous(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
) -> Answer {
    idp.revoke_previous_secret(&env, &app).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
