//! `/environments/{env}/groups` and their nesting.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::href;
use crate::Idp;
use crate::directory::text;
use crate::http::hal::{self, Answer, Body};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/environments/{env}/groups", get(list).post(create))
        .route(
            "/environments/{env}/groups/{id}",
            get(show).put(replace).delete(remove),
        )
        .route(
            "/environments/{env}/groups/{id}/memberOfGroups",
            get(outer).post(nest),
        )
        .route(
            "/environments/{env}/groups/{id}/memberOfGroups/{outer}",
            delete(unnest),
        )
}

fn plain(idp: &Idp, group: &Resource) -> Value {
    let at = href(idp, &group.environment, &format!("/groups/{}", group.id));
    hal::resource(group, &at)
}

async fn counted(idp: &Idp, group: &Resource) -> Result<Value, Refused> {
    let (direct, total) = idp.member_counts(group).await?;
    let mut shown = plain(idp, group);
    shown["directMemberCounts"] = json!({"users": direct});
    shown["totalMemberCounts"] = json!({"users": total});
    Ok(shown)
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let all = idp.list(&env, Kind::Group, None).await?;
    let mut items = Vec::new();
    for group in &all {
        items.push(counted(&idp, group).await?);
    }
    Ok(Json(hal::list(&href(&idp, &env, "/groups"), "groups", items)).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let group = idp.create_group(&env, document).await?;
    Ok(hal::created(counted(&idp, &group).await?))
}

async fn show(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let group = idp.get(&env, Kind::Group, &id).await?;
    Ok(Json(counted(&idp, &group).await?).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let group = idp.change_group(&env, &id, document).await?;
    Ok(Json(counted(&idp, &group).await?).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_group(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn outer(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let all = idp.outer_groups(&env, &id).await?;
    let items = all.iter().map(|group| plain(&idp, group)).collect();
    let at = href(&idp, &env, &format!("/groups/{id}/memberOfGroups"));
    Ok(Json(hal::list(&at, "groupMemberships", items)).into_response())
}

async fn nest(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let outer = text(&document, "id").ok_or_else(|| Refused::required("id"))?;
    idp.nest_group(&env, &id, outer).await?;
    let group = idp.get(&env, Kind::Group, outer).await?;
    Ok(hal::created(plain(&idp, &group)))
}

async fn unnest(
    State(idp): State<Idp>,
    Path((env, id, outer)): Path<(String, String, String)>,
) -> Answer {
    idp.unnest_group(&env, &id, &outer).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
