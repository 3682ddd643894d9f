//! `/environments/{env}/users`: users, their enabled state, account, memberships and sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::groups::InGroup;
use crate::directory::{Change, passwords, text, users};
use crate::http::hal::{self, Acted, Answer, Asked, Body, Page};
use crate::refusal::Refused;
use crate::store::logins::SessionRow;
use crate::store::users::UserRow;

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments/{env}/users";
    let one = "/environments/{env}/users/{user}";
    let enabled = "/environments/{env}/users/{user}/enabled";
    let groups = "/environments/{env}/users/{user}/memberOfGroups";
    let group = "/environments/{env}/users/{user}/memberOfGroups/{group}";
    let sessions = "/environments/{env}/users/{user}/sessions";
    let session = "/environments/{env}/users/{user}/sessions/{session}";
    let mut routes = vec![
        Route::get(all, "Lists the users", list).lists("users", "User"),
        Route::post(all, "Creates a user", create)
            .takes("User")
            .makes("User"),
        Route::get(one, "Shows a user", show)
            .query(&["include"])
            .shows("User"),
        Route::put(one, "Replaces a user's attributes", replace)
            .takes("User")
            .shows("User"),
        Route::patch(one, "Changes some of a user's attributes", merge)
            .takes("Partial")
            .shows("User"),
        Route::post(one, "Locks or unlocks the account, or verifies it", act)
            .takes("Partial")
            .acts(&[
                "account.lock",
                "account.unlock",
                "user.sendVerificationCode",
                "user.verify",
            ])
            .shows("User"),
        Route::delete(one, "Deletes a user", remove),
        Route::get(enabled, "Shows whether a user is enabled", show_enabled).shows("Enabled"),
        Route::put(enabled, "Enables or disables a user", set_enabled)
            .takes("Enabled")
            .shows("Enabled"),
        Route::get(
            groups,
            "Lists the groups that a user is in",
            list_memberships,
        )
        .lists_all("groupMemberships", "Membership"),
        Route::post(groups, "Adds a user to a group", join)
            .takes("Reference")
            .makes("Membership"),
        Route::get(group, "Shows a user's membership", show_membership).shows("Membership"),
        Route::delete(group, "Removes a user from a group", leave),
        Route::get(sessions, "Lists a user's current sessions", list_sessions)
            .lists_all("sessions", "Session"),
        Route::delete(session, "Ends a session", end_session),
    ];
    routes.extend(super::passwords::routes());
    routes
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
    let locked = passwords::is_locked(idp, user);
    let mut account =
        json!({"canAuthenticate": !locked, "status": if locked { "LOCKED" } else { "OK" }});
    if locked {
        account["lockedAt"] = json!(user.locked_at);
        account["unlocksAt"] = json!(passwords::unlocks_at(idp, user));
    }
    shown.insert("account".into(), account);
    shown.extend(user.document.clone());
    shown.insert("createdAt".into(), user.created_at.to_string().into());
    shown.insert("updatedAt".into(), user.updated_at.to_string().into());
    Value::Object(shown)
}

async fn list(State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>) -> Answer {
    let found;
    let part = if page.filter.is_some() {
        let mut all = idp.list_users(&env).await?;
        page.apply_filter(&mut all, |user| users::seen(user, &[]))?;
        found = all;
        page.cut(&found, |user| user.place)?
    } else {
        let (rows, total) = idp
            .list_page_of_users(&env, page.after()?, page.limit() + 1)
            .await?;
        found = rows;
        page.of(&found, total, |user| user.place)
    };
    let items = part.shown.iter().map(|user| user_json(&idp, user));
    let at = href(&idp, &env, "/users");
    let items = items.collect();
    Ok(Json(hal::list(&at, "users", &part, items)).into_response())
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
    Asked(asked): Asked<Including>,
) -> Answer {
    let user = idp.get_user(&env, &id).await?;
    let mut body = user_json(&idp, &user);
    if let Some(include) = asked.include {
        let seen = users::seen(&user, &idp.list_groups_of_user(&user).await?);
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
    let change = Change::Replace(document);
    let user = idp.change_user(&env, &id, change).await?;
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

/// Performs the action that the media type names.
async fn act(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    acted: Acted,
) -> Answer {
    let user = match acted.act.as_str() {
        "account.lock" => idp.set_locked(&env, &id, true).await?,
        "account.unlock" => idp.set_locked(&env, &id, false).await?,
        "user.sendVerificationCode" => idp.send_verification_code(&env, &id).await?,
        "user.verify" => {
            let code = text(&acted.document, "verificationCode")
                .ok_or_else(|| Refused::required("verificationCode"))?;
            if !idp.verify_user(&env, &id, code).await? {
                return Err(Refused::invalid(
                    "verificationCode",
                    "this is not the code that was sent last; request a new one",
                )
                .into());
            }
            idp.get_user(&env, &id).await?
        }
        other => {
            return Err(Refused::none_of(
                "Content-Type",
                &[
                    "application/vnd.pingidentity.account.lock+json",
                    "application/vnd.pingidentity.account.unlock+json",
                    "application/vnd.pingidentity.user.sendVerificationCode+json",
                    "application/vnd.pingidentity.user.verify+json",
                ],
                &other.into(),
            )
            .into());
        }
    };
    Ok(Json(user_json(&idp, &user)).into_response())
}

async fn remove(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    idp.delete_user(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn show_enabled(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let user = idp.get_user(&env, &id).await?;
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

async fn list_memberships(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
) -> Answer {
    let user = idp.get_user(&env, &id).await?;
    let groups = idp.list_groups_of_user(&user).await?;
    let items = groups
        .iter()
        .map(|group| membership_json(&idp, &user, group))
        .collect();
    let at = href(&idp, &env, &format!("/users/{id}/memberOfGroups"));
    Ok(Json(hal::whole(&at, "groupMemberships", items)).into_response())
}

async fn find_membership(idp: &Idp, env: &str, id: &str, group: &str) -> Result<Value, Refused> {
    let user = idp.get_user(env, id).await?;
    let groups = idp.list_groups_of_user(&user).await?;
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
    Ok(hal::created(find_membership(&idp, &env, &id, group).await?))
}

async fn show_membership(
    State(idp): State<Idp>,
    Path((env, id, group)): Path<(String, String, String)>,
) -> Answer {
    Ok(Json(find_membership(&idp, &env, &id, &group).await?).into_response())
}

async fn leave(
    State(idp): State<Idp>,
    Path((env, id, group)): Path<(String, String, String)>,
) -> Answer {
    idp.leave_group(&env, &id, &group).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn session_json(idp: &Idp, session: &SessionRow) -> Value {
    let at = format!("/users/{}/sessions/{}", session.user, session.index);
    json!({
        "_links": {"self": {"href": href(idp, &session.environment, &at)}},
        "id": session.index,
        "user": {"id": session.user},
        "environment": {"id": session.environment},
        "createdAt": session.authenticated_at.to_string(),
        "expiresAt": session.expires_at.to_string(),
    })
}

async fn list_sessions(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let live = idp.list_sessions_of_user(&env, &id).await?;
    let items = live.iter().map(|one| session_json(&idp, one)).collect();
    let at = href(&idp, &env, &format!("/users/{id}/sessions"));
    Ok(Json(hal::whole(&at, "sessions", items)).into_response())
}

async fn end_session(
    State(idp): State<Idp>,
    Path((env, id, index)): Path<(String, String, String)>,
) -> Answer {
    idp.end_session(&env, &id, &index).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
