//! `/environments/{env}/users`, passwords and memberships.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::href;
use crate::Idp;
use crate::directory::filter::Filter;
use crate::directory::groups::InGroup;
use crate::directory::users::Change;
use crate::directory::{text, users};
use crate::http::hal::{self, Answer, Body};
use crate::refusal::Refused;
use crate::store::users::UserRow;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/environments/{env}/users", get(list).post(create))
        .route(
            "/environments/{env}/users/{id}",
            get(show).put(replace).patch(merge).delete(remove),
        )
        .route(
            "/environments/{env}/users/{id}/password",
            put(set_password).get(password_state),
        )
        .route(
            "/environments/{env}/users/{id}/enabled",
            get(enabled).put(set_enabled),
        )
        .route(
            "/environments/{env}/users/{id}/memberOfGroups",
            get(memberships).post(join),
        )
        .route(
            "/environments/{env}/users/{id}/memberOfGroups/{group}",
            get(membership).delete(leave),
        )
}

fn user_json(idp: &Idp, user: &UserRow) -> Value {
    let mut shown = Map::new();
    let at = |path: &str| href(idp, &user.environment, &format!("/users/{}{path}", user.id));
    shown.insert(
        "_links".into(),
        json!({
            "self": {"href": at("")},
            "password": {"href": at("/password")},
            "memberOfGroups": {"href": at("/memberOfGroups")},
            "environment": {"href": href(idp, &user.environment, "")},
        }),
    );
    shown.insert("id".into(), user.id.clone().into());
    shown.insert("environment".into(), json!({"id": user.environment}));
    let locked = user.failures >= idp.config.lock_after;
    shown.insert(
        "account".into(),
        json!({"canAuthenticate": !locked, "status": if locked { "LOCKED" } else { "OK" }}),
    );
    shown.extend(user.document.clone());
    shown.insert("createdAt".into(), user.created_at.to_string().into());
    shown.insert("updatedAt".into(), user.updated_at.to_string().into());
    Value::Object(shown)
}

#[derive(Deserialize)]
struct Page {
    filter: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Query(page): Query<Page>) -> Answer {
    let mut all = idp.users(&env).await?;
    if let Some(filter) = &page.filter {
        let filter =
            Filter::parse(filter).map_err(|error| Refused::invalid("filter", error.to_string()))?;
        all.retain(|user| filter.holds(&users::seen(user, &[])));
    }
    let total = all.len();
    let from = match &page.cursor {
        None => 0,
        // The last user that was shown: deletions meanwhile skip nobody behind it.
        Some(last) => all.iter().position(|user| user.id == *last).map_or_else(
            || {
                Err(Refused::invalid(
                    "cursor",
                    "expected the cursor of a next link",
                ))
            },
            |at| Ok(at + 1),
        )?,
    };
    let limit = page.limit.unwrap_or(100).clamp(1, 1000);
    let shown = &all[from.min(total)..(from + limit).min(total)];
    let items: Vec<Value> = shown.iter().map(|user| user_json(&idp, user)).collect();
    let at = href(&idp, &env, "/users");
    let size = items.len();
    let mut body = hal::list(&at, "users", items);
    body["count"] = total.into();
    body["size"] = size.into();
    if from + size < total
        && let Some(last) = shown.last()
    {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("limit", &limit.to_string())
            .append_pair("cursor", &last.id);
        if let Some(filter) = &page.filter {
            query.append_pair("filter", filter);
        }
        body["_links"]["next"] = json!({"href": format!("{at}?{}", query.finish())});
    }
    Ok(Json(body).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let user = idp.create_user(&env, document).await?;
    Ok(hal::created(user_json(&idp, &user)))
}

#[derive(Deserialize)]
struct Including {
    include: Option<String>,
}

async fn show(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Query(query): Query<Including>,
) -> Answer {
    let user = idp.user(&env, &id).await?;
    let mut body = user_json(&idp, &user);
    if let Some(include) = query.include {
        let seen = users::seen(&user, &idp.groups_of_user(&user).await?);
        for key in ["memberOfGroupIDs", "memberOfGroupNames"] {
            if include.split(',').any(|wanted| wanted.trim() == key) {
                body[key] = seen[key].clone();
            }
        }
    }
    Ok(Json(body).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let user = idp
        .change_user(&env, &id, Change::Replace(document))
        .await?;
    Ok(Json(user_json(&idp, &user)).into_response())
}

async fn merge(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let user = idp.change_user(&env, &id, Change::Merge(document)).await?;
    Ok(Json(user_json(&idp, &user)).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_user(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn password_json(idp: &Idp, user: &UserRow) -> Value {
    let status = match (&user.password, user.must_change) {
        (None, _) => "NO_PASSWORD",
        (Some(_), true) => "MUST_CHANGE_PASSWORD",
        (Some(_), false) => "OK",
    };
    json!({
        "_links": {"self": {"href": href(idp, &user.environment, &format!("/users/{}/password", user.id))}},
        "environment": {"id": user.environment},
        "user": {"id": user.id},
        "status": status,
    })
}

async fn set_password(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let user = idp
        .set_password(&env, &id, &Value::Object(document))
        .await?;
    Ok(Json(password_json(&idp, &user)).into_response())
}

async fn password_state(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let user = idp.user(&env, &id).await?;
    Ok(Json(password_json(&idp, &user)).into_response())
}

async fn enabled(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let user = idp.user(&env, &id).await?;
    Ok(Json(json!({"enabled": user.document["enabled"]})).into_response())
}

async fn set_enabled(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let Some(enabled) = document.get("enabled").cloned() else {
        return Err(Refused::required("enabled").into());
    };
    let change = Change::Merge(Map::from_iter([("enabled".to_owned(), enabled)]));
    let user = idp.change_user(&env, &id, change).await?;
    Ok(Json(json!({"enabled": user.document["enabled"]})).into_response())
}

fn membership_json(idp: &Idp, user: &UserRow, group: &InGroup) -> Value {
    let at = format!("/users/{}/memberOfGroups/{}", user.id, group.id);
    json!({
        "_links": {"self": {"href": href(idp, &user.environment, &at)}},
        "id": group.id,
        "name": group.name,
        "type": if group.direct { "DIRECT" } else { "INDIRECT" },
        "environment": {"id": user.environment},
    })
}

async fn memberships(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let user = idp.user(&env, &id).await?;
    let groups = idp.groups_of_user(&user).await?;
    let items = groups
        .iter()
        .map(|group| membership_json(&idp, &user, group))
        .collect();
    let at = href(&idp, &env, &format!("/users/{id}/memberOfGroups"));
    Ok(Json(hal::list(&at, "groupMemberships", items)).into_response())
}

async fn one_membership(idp: &Idp, env: &str, id: &str, group: &str) -> Result<Value, Refused> {
    let user = idp.user(env, id).await?;
    let groups = idp.groups_of_user(&user).await?;
    let found = groups.iter().find(|found| found.id == group);
    found
        .map(|found| membership_json(idp, &user, found))
        .ok_or_else(|| Refused::not_found("membership in the group", group))
}

async fn join(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let group = text(&document, "id").ok_or_else(|| Refused::required("id"))?;
    idp.join_group(&env, &id, group).await?;
    Ok(hal::created(one_membership(&idp, &env, &id, group).await?))
}

async fn membership(
    State(idp): State<Idp>,
    Path((env, id, group)): Path<(String, String, String)>,
) -> Answer {
    Ok(Json(one_membership(&idp, &env, &id, &group).await?).into_response())
}

async fn leave(
    State(idp): State<Idp>,
    Path((env, id, group)): Path<(String, String, String)>,
) -> Answer {
    idp.leave_group(&env, &id, &group).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
