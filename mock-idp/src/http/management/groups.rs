//! `/environments/{env}/groups` and their nesting.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::{Change, text};
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments/{env}/groups";
    let one = "/environments/{env}/groups/{group}";
    let outer = "/environments/{env}/groups/{group}/memberOfGroups";
    let nesting = "/environments/{env}/groups/{group}/memberOfGroups/{outer}";
    vec![
        Route::get(all, "Lists the groups", list).lists("groups", "Group"),
        Route::post(all, "Creates a group", create)
            .takes("Group")
            .makes("Group"),
        Route::get(one, "Shows a group", show).shows("Group"),
        Route::put(one, "Replaces a group's settings", replace)
            .takes("Group")
            .shows("Group"),
        Route::delete(one, "Deletes a group", remove),
        Route::get(outer, "Lists the groups that a group is in", list_outer)
            .lists_all("groupMemberships", "Group"),
        Route::post(outer, "Adds a group to another group", nest)
            .takes("Reference")
            .makes("Group"),
        Route::delete(nesting, "Removes a group from another group", unnest),
    ]
}

fn plain(idp: &Idp, group: &Resource) -> Value {
    let at = href(idp, &group.environment, &format!("/groups/{}", group.id));
    hal::resource(group, &at)
}

async fn with_member_count(idp: &Idp, group: &Resource) -> Result<Value, Refused> {
    let (direct, total) = idp.count_members(group).await?;
    let mut shown = plain(idp, group);
    shown["directMemberCounts"] = json!({"users": direct});
    shown["totalMemberCounts"] = json!({"users": total});
    Ok(shown)
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>) -> Answer {
    let mut all = idp.list(&env, Kind::Group, None).await?;
    let part = page.resources(&mut all)?;
    let mut items = Vec::new();
    for group in part.shown {
        items.push(with_member_count(&idp, group).await?);
    }
    let at = href(&idp, &env, "/groups");
    Ok(Json(hal::list(&at, "groups", &part, items)).into_response())
}

async fn create(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let group = idp.create_group(&env, document).await?;
    Ok(hal::created(with_member_count(&idp, &group).await?))
}

async fn show(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let group = idp.get(&env, Kind::Group, &id).await?;
    Ok(Json(with_member_count(&idp, &group).await?).into_response())
}

async fn replace(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let change = Change::Replace(document);
    let group = idp.change_group(&env, &id, change).await?;
    Ok(Json(with_member_count(&idp, &group).await?).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_group(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn list_outer(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let all = idp.list_outer_groups(&env, &id).await?;
    let items = all.iter().map(|group| plain(&idp, group)).collect();
    let at = href(&idp, &env, &format!("/groups/{id}/memberOfGroups"));
    Ok(Json(hal::whole(&at, "groupMemberships", items)).into_response())
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
