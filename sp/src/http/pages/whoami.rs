//! `/whoami`: the user of this browser's session as JSON, for tests and probes.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::super::caller::{SESSION, cookie};
use super::super::no_store;
use super::super::problem::{Answer, Problem};
use crate::Portal;
use crate::accounts::{self, Identity, Role};
use crate::roles;
use crate::store;

pub(super) fn router() -> Router<Portal> {
    Router::new().route("/whoami", get(whoami))
}

async fn whoami(State(portal): State<Portal>, headers: HeaderMap) -> Answer {
    let session = cookie(&headers, SESSION).ok_or_else(Problem::not_logged_in)?;
    let who = accounts::use_session(&portal, session)
        .await?
        .ok_or_else(Problem::not_logged_in)?;
    let mut groups = Vec::new();
    let mut roles_held = Vec::new();
    if who
        .workspace()
        .is_some_and(|workspace| workspace.role == Role::Admin)
    {
        roles_held.push("admin");
    }
    if let Identity::Sso(person) = &who.identity {
        let mut db = portal.store.read().await?;
        groups = store::people::list_groups_of_user(&mut db, &person.id)
            .await?
            .into_iter()
            .map(|group| group.display_name)
            .collect();
        if let Some(asserted) = store::people::find_asserted_roles(&mut db, &person.id).await? {
            let got: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
            groups.extend(got);
        }
        let tenant = store::tenants::find_by_business(&mut db, &person.business_id).await?;
        if let Some(tenant) = tenant
            && roles::find_roles(&mut db, &tenant, &person.id)
                .await?
                .product_user
        {
            roles_held.push("user");
        }
    }
    let body = json!({
        "user": who.id(),
        "email": who.email(),
        "roles": roles_held,
        "groups": groups,
    });
    Ok(no_store((StatusCode::OK, Json(body))))
}
