//! `/environments/{env}/propagation/stores/{store}/…`: the provisioning status of each user,
//! and new attempts. PingOne shows this in its console only and has no such routes.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::{reference, text};
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::provisioning::status::{Again, SyncedUser};
use crate::refusal::Refused;
use crate::store::resources::Kind;

pub(super) fn routes() -> Vec<Route> {
    let status = "/environments/{env}/propagation/stores/{store}/syncStatus";
    let users = "/environments/{env}/propagation/stores/{store}/users";
    let sync = "/environments/{env}/propagation/stores/{store}/sync";
    vec![
        Route::get(status, "Shows the synchronization status of a store", show)
            .shows("SyncStatus")
            .ours(),
        Route::get(
            users,
            "Lists the provisioning status of each user at a store",
            list,
        )
        .lists("users", "SyncedUser")
        .ours(),
        Route::post(
            sync,
            "Synchronizes all users and groups, those that failed, or one user again",
            synchronize_again,
        )
        .takes("SyncRequest")
        .shows("SyncQueued")
        .ours(),
    ]
}

async fn show(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let store = idp.get(&env, Kind::Store, &id).await?;
    Ok(Json(idp.sync_status(&store).await?).into_response())
}

fn synced_user_to_json(user: &SyncedUser) -> Value {
    let mut json = json!({"id": user.id, "state": user.state.name(), "attempts": user.attempts});
    for (key, value) in [
        ("username", user.username.clone()),
        ("remoteId", user.remote_id.clone()),
        ("error", user.error.clone()),
        (
            "nextAttemptAt",
            user.next_attempt_at.map(|at| at.to_string()),
        ),
        ("lastSyncAt", user.last_sync_at.map(|at| at.to_string())),
    ] {
        if let Some(value) = value {
            json[key] = value.into();
        }
    }
    json
}

async fn list(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Asked(page): Asked<Page>,
) -> Answer {
    let mut all = idp.list_synced_users(&env, &id).await?;
    page.apply_filter(&mut all, synced_user_to_json)?;
    let numbered: Vec<(i64, SyncedUser)> = (1..).zip(all).collect();
    let part = page.cut(&numbered, |(place, _)| *place)?;
    let items = part
        .shown
        .iter()
        .map(|(_, user)| synced_user_to_json(user))
        .collect();
    let at = href(&idp, &env, &format!("/propagation/stores/{id}/users"));
    Ok(Json(hal::list(&at, "users", &part, items)).into_response())
}

async fn synchronize_again(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let again = match (text(&document, "scope"), reference(&document, "user")) {
        (_, Some(user)) => Again::User(user.to_owned()),
        (Some("ALL"), None) => Again::All,
        (None | Some("FAILED"), None) => Again::Failed,
        (Some(other), None) => {
            return Err(Refused::none_of("scope", &["ALL", "FAILED"], &other.into()).into());
        }
    };
    let queued = idp.synchronize_again(&env, &id, &again).await?;
    Ok(Json(json!({"queued": queued})).into_response())
}
