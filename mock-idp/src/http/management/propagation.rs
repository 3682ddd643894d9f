//! `/environments/{env}/propagation`: stores, plans, rules, mappings, revisions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::href;
use crate::Idp;
use crate::directory::reference;
use crate::http::hal::{self, Answer, Body, Problem};
use crate::provisioning::plans::without_secrets;
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

const BASE: &str = "/environments/{env}/propagation";

pub(super) fn router() -> Router<Idp> {
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .route(&at("/stores/connection/status"), post(test_connection))
        .route(
            &at("/plans/{parent}/rules"),
            get(rules_of).post(create_rule),
        )
        .route(
            &at("/rules/{parent}/mappings"),
            get(mappings_of).post(create_mapping),
        )
        .route(&at("/rules"), get(rules).post(create_rule_by_plan))
        .route(&at("/revisions"), get(revisions).post(create_revision))
        .route(&at("/revisions/{id}"), get(revision))
        .route(&at("/{kind}"), get(list).post(create))
        .route(&at("/{kind}/{id}"), get(show).put(replace).delete(remove))
}

fn kind(name: &str) -> Result<Kind, Problem> {
    match name {
        "stores" => Ok(Kind::Store),
        "plans" => Ok(Kind::Plan),
        "rules" => Ok(Kind::Rule),
        // PingOne's own clients spell it both ways.
        "mappings" | "mapping" => Ok(Kind::Mapping),
        _ => Err(Problem::not_found("There is no such resource.")),
    }
}

fn collection(kind: Kind) -> &'static str {
    match kind {
        Kind::Store => "stores",
        Kind::Plan => "plans",
        Kind::Rule => "rules",
        Kind::Mapping => "mappings",
        _ => "revisions",
    }
}

async fn shown(idp: &Idp, found: &Resource) -> Result<Value, Refused> {
    let mut found = found.clone();
    found.document = without_secrets(found.document);
    let path = format!("/propagation/{}/{}", collection(found.kind), found.id);
    let mut body = hal::resource(&found, &href(idp, &found.environment, &path));
    match found.kind {
        Kind::Store => body["syncStatus"] = idp.sync_status(&found).await?,
        Kind::Rule => body["plan"] = json!({"id": found.parent}),
        Kind::Mapping => body["rule"] = json!({"id": found.parent}),
        _ => {}
    }
    Ok(body)
}

async fn all(idp: &Idp, env: &str, kind: Kind, parent: Option<&str>) -> Answer {
    let mut items = Vec::new();
    for found in idp.list(env, kind, parent).await? {
        items.push(shown(idp, &found).await?);
    }
    let name = collection(kind);
    let at = href(idp, env, &format!("/propagation/{name}"));
    Ok(Json(hal::list(&at, name, items)).into_response())
}

async fn list(State(idp): State<Idp>, Path((env, name)): Path<(String, String)>) -> Answer {
    all(&idp, &env, kind(&name)?, None).await
}

async fn rules(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    all(&idp, &env, Kind::Rule, None).await
}

async fn rules_of(State(idp): State<Idp>, Path((env, plan)): Path<(String, String)>) -> Answer {
    idp.get(&env, Kind::Plan, &plan).await?;
    all(&idp, &env, Kind::Rule, Some(&plan)).await
}

async fn mappings_of(State(idp): State<Idp>, Path((env, rule)): Path<(String, String)>) -> Answer {
    idp.get(&env, Kind::Rule, &rule).await?;
    all(&idp, &env, Kind::Mapping, Some(&rule)).await
}

async fn create(
    State(idp): State<Idp>,
    Path((env, name)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let kind = kind(&name)?;
    let parent = match kind {
        Kind::Mapping => reference(&document, "rule")
            .ok_or_else(|| Refused::required("rule.id"))?
            .to_owned(),
        _ => String::new(),
    };
    let made = idp
        .create_propagation(&env, kind, &parent, document)
        .await?;
    Ok(hal::created(shown(&idp, &made).await?))
}

async fn create_rule(
    State(idp): State<Idp>,
    Path((env, plan)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp
        .create_propagation(&env, Kind::Rule, &plan, document)
        .await?;
    Ok(hal::created(shown(&idp, &made).await?))
}

async fn create_rule_by_plan(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Body(document): Body,
) -> Answer {
    let plan = reference(&document, "plan")
        .ok_or_else(|| Refused::required("plan.id"))?
        .to_owned();
    create_rule(State(idp), Path((env, plan)), Body(document)).await
}

async fn create_mapping(
    State(idp): State<Idp>,
    Path((env, rule)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp
        .create_propagation(&env, Kind::Mapping, &rule, document)
        .await?;
    Ok(hal::created(shown(&idp, &made).await?))
}

async fn show(
    State(idp): State<Idp>,
    Path((env, name, id)): Path<(String, String, String)>,
) -> Answer {
    let found = idp.get(&env, kind(&name)?, &id).await?;
    Ok(Json(shown(&idp, &found).await?).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, name, id)): Path<(String, String, String)>,
    Body(document): Body,
) -> Answer {
    let changed = idp
        .change_propagation(&env, kind(&name)?, &id, document)
        .await?;
    Ok(Json(shown(&idp, &changed).await?).into_response())
}

async fn remove(
    State(idp): State<Idp>,
    Path((env, name, id)): Path<(String, String, String)>,
) -> Answer {
    idp.delete_propagation(&env, kind(&name)?, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn test_connection(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Body(document): Body,
) -> Answer {
    idp.get("", Kind::Environment, &env).await?;
    let failed = idp.test_connection(&document).await?;
    Ok(Json(json!({
        "status": if failed.is_none() { "SUCCESS" } else { "FAILED" },
        "message": failed,
    }))
    .into_response())
}

async fn revisions(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    all(&idp, &env, Kind::Revision, None).await
}

async fn create_revision(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let made = idp.create_revision(&env).await?;
    Ok(hal::created(shown(&idp, &made).await?))
}

async fn revision(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let found = if id == "id:latest" {
        let last = idp.list(&env, Kind::Revision, None).await?.pop();
        last.ok_or_else(|| Refused::not_found("revision", &id))?
    } else {
        idp.get(&env, Kind::Revision, &id).await?
    };
    Ok(Json(shown(&idp, &found).await?).into_response())
}
