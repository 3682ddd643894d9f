//! `/environments/{env}/applications` and their attribute mappings.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::href;
use crate::Idp;
use crate::directory::existing;
use crate::http::hal::{self, Answer, Body};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/environments/{env}/applications", get(list).post(create))
        .route(
            "/environments/{env}/applications/{app}",
            get(show).put(replace).patch(merge).delete(remove),
        )
        .route(
            "/environments/{env}/applications/{app}/attributes",
            get(attributes).post(create_attribute),
        )
        .route(
            "/environments/{env}/applications/{app}/attributes/{id}",
            get(attribute)
                .put(replace_attribute)
                .delete(remove_attribute),
        )
}

fn shown(idp: &Idp, application: &Resource) -> Value {
    let env = &application.environment;
    let path = format!("/applications/{}", application.id);
    let mut body = hal::resource(application, &href(idp, env, &path));
    body["_links"]["attributes"] = json!({"href": href(idp, env, &format!("{path}/attributes"))});
    // What the console's Configuration tab shows to copy.
    body["_links"]["metadata"] =
        json!({"href": format!("{}/{env}/saml20/metadata/{}", idp.base_url, application.id)});
    body["_links"]["singleSignOn"] = json!({"href": idp.sso_url(env)});
    body["issuerId"] = idp.issuer(env).into();
    body
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let all = idp.list(&env, Kind::Application, None).await?;
    let items = all.iter().map(|app| shown(&idp, app)).collect();
    let at = href(&idp, &env, "/applications");
    Ok(Json(hal::list(&at, "applications", items)).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let made = idp.create_application(&env, document).await?;
    Ok(hal::created(shown(&idp, &made)))
}

async fn show(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    let found = idp.get(&env, Kind::Application, &app).await?;
    Ok(Json(shown(&idp, &found)).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let changed = idp.change_application(&env, &app, document, false).await?;
    Ok(Json(shown(&idp, &changed)).into_response())
}

async fn merge(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let changed = idp.change_application(&env, &app, document, true).await?;
    Ok(Json(shown(&idp, &changed)).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    idp.delete_application(&env, &app).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn mapping(idp: &Idp, attribute: &Resource) -> Value {
    let app = &attribute.parent;
    let path = format!("/applications/{app}/attributes/{}", attribute.id);
    let mut body = hal::resource(attribute, &href(idp, &attribute.environment, &path));
    body["application"] = json!({"id": app});
    body
}

async fn attributes(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    idp.get(&env, Kind::Application, &app).await?;
    let all = idp.list(&env, Kind::Attribute, Some(&app)).await?;
    let items = all.iter().map(|a| mapping(&idp, a)).collect();
    let at = href(&idp, &env, &format!("/applications/{app}/attributes"));
    Ok(Json(hal::list(&at, "attributes", items)).into_response())
}

async fn create_attribute(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp.put_attribute(&env, &app, None, document).await?;
    Ok(hal::created(mapping(&idp, &made)))
}

async fn attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
) -> Answer {
    let mut db = idp.store.read().await.map_err(Refused::from)?;
    let found = existing(&mut db, &env, Kind::Attribute, &id).await?;
    if found.parent != app {
        return Err(Refused::not_found("attribute", &id).into());
    }
    Ok(Json(mapping(&idp, &found)).into_response())
}

async fn replace_attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
    Body(document): Body,
) -> Answer {
    let changed = idp.put_attribute(&env, &app, Some(&id), document).await?;
    Ok(Json(mapping(&idp, &changed)).into_response())
}

async fn remove_attribute(
    State(idp): State<Idp>,
    Path((env, app, id)): Path<(String, String, String)>,
) -> Answer {
    idp.delete_attribute(&env, &app, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
