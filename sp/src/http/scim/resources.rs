//! Routes of users and groups: decode the request, call the directory, encode
//! the answer.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use scim::ListQuery;

use super::answer::{Outcome, done, list_response, precondition, resource, unless_known};
use super::body::Json;
use super::caller::{Caller, Parameters};
use super::refuse_other_methods;
use crate::Portal;
use crate::directory::groups::Patched;
use crate::directory::{Shown, groups, users};

pub(super) fn router() -> Router<Portal> {
    let at = |path: &str| format!("/scim/{{tenant}}/v2{path}");
    const COLLECTION: &str = "GET, HEAD, POST";
    const ONE: &str = "GET, HEAD, PUT, PATCH, DELETE";
    Router::new()
        .route(
            &at("/Users"),
            refuse_other_methods(COLLECTION, get(list_users).post(create_user)),
        )
        .route(
            &at("/Users/.search"),
            refuse_other_methods("POST", post(search_users)),
        )
        .route(
            &at("/Users/{id}"),
            refuse_other_methods(
                ONE,
                get(read_user)
                    .put(replace_user)
                    .patch(patch_user)
                    .delete(delete_user),
            ),
        )
        .route(
            &at("/Groups"),
            refuse_other_methods(COLLECTION, get(list_groups).post(create_group)),
        )
        .route(
            &at("/Groups/.search"),
            refuse_other_methods("POST", post(search_groups)),
        )
        .route(
            &at("/Groups/{id}"),
            refuse_other_methods(
                ONE,
                get(read_group)
                    .put(replace_group)
                    .patch(patch_group)
                    .delete(delete_group),
            ),
        )
}

async fn patch_user(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, id)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
    Json(body, _): Json,
) -> Outcome {
    let projection = parameters.projection()?;
    let operations = access
        .rules
        .parse_patch(&body, portal.resource_types.user)?;
    let condition = precondition(&headers);
    let shown = Shown::by(&projection, "groups");
    let changed = users::patch(&portal, &access, &id, &operations, &condition, shown).await?;
    let of = portal.resource_types.user;
    Ok(resource(StatusCode::OK, changed, &projection, of))
}

async fn patch_group(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, id)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
    Json(body, _): Json,
) -> Outcome {
    let projection = parameters.projection()?;
    let operations = access
        .rules
        .parse_patch(&body, portal.resource_types.group)?;
    let condition = precondition(&headers);
    let patched =
        groups::patch(&portal, &access, &id, &operations, &condition, &projection).await?;
    Ok(match patched {
        Patched::Shown(changed) => {
            let of = portal.resource_types.group;
            resource(StatusCode::OK, changed, &projection, of)
        }
        Patched::Done(changed) => done(&changed),
    })
}

/// The handlers that users and groups have in common.
macro_rules! handlers {
    ($kind:ident, $domain:ident, $costly:literal;
     $list:ident $search:ident $create:ident $read:ident $replace:ident $delete:ident) => {
        async fn $list(
            State(portal): State<Portal>,
            Caller(access): Caller,
            parameters: Parameters,
        ) -> Outcome {
            let query = parameters.list()?;
            Ok(list_response(
                &$domain::list(&portal, &access, &query).await?,
            ))
        }

        async fn $search(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Json(body, _): Json,
        ) -> Outcome {
            let query = ListQuery::from_search(&body)?;
            Ok(list_response(
                &$domain::list(&portal, &access, &query).await?,
            ))
        }

        async fn $create(
            State(portal): State<Portal>,
            Caller(access): Caller,
            parameters: Parameters,
            Json(body, _): Json,
        ) -> Outcome {
            let of = portal.resource_types.$kind;
            let projection = parameters.projection()?;
            let wanted = access.rules.parse_resource(&body, of)?;
            let shown = Shown::by(&projection, $costly);
            let created = $domain::create(&portal, &access, wanted, shown).await?;
            Ok(resource(StatusCode::CREATED, created, &projection, of))
        }

        async fn $read(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            parameters: Parameters,
            headers: HeaderMap,
        ) -> Outcome {
            let of = portal.resource_types.$kind;
            let projection = parameters.projection()?;
            let shown = Shown::by(&projection, $costly);
            let found = $domain::read(&portal, &access, &id, shown).await?;
            if let Some(known) = unless_known(&headers, &found) {
                return Ok(known);
            }
            Ok(resource(StatusCode::OK, found, &projection, of))
        }

        async fn $replace(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            parameters: Parameters,
            headers: HeaderMap,
            Json(body, _): Json,
        ) -> Outcome {
            let of = portal.resource_types.$kind;
            let projection = parameters.projection()?;
            let wanted = access.rules.parse_resource(&body, of)?;
            let condition = precondition(&headers);
            let shown = Shown::by(&projection, $costly);
            let changed =
                $domain::replace(&portal, &access, &id, wanted, &condition, shown).await?;
            Ok(resource(StatusCode::OK, changed, &projection, of))
        }

        async fn $delete(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            headers: HeaderMap,
        ) -> Outcome {
            $domain::delete(&portal, &access, &id, &precondition(&headers)).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    };
}

handlers! { user, users, "groups";
list_users search_users create_user read_user replace_user delete_user }
handlers! { group, groups, "members";
list_groups search_groups create_group read_group replace_group delete_group }
