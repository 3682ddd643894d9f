//! The management API, with PingOne's resource names, below `/v1`.

mod applications;
mod environments;
mod groups;
mod keys;
mod propagation;
mod users;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

use super::hal::{self, Problem};
use crate::Idp;

/// Every route of the management API, guarded by the admin token.
pub(super) fn router(idp: Idp) -> Router<Idp> {
    Router::new()
        .merge(environments::router())
        .merge(users::router())
        .merge(groups::router())
        .merge(applications::router())
        .merge(keys::router())
        .merge(propagation::router())
        .fallback(async || Problem::not_found("There is no such resource.").into_response())
        .layer(middleware::from_fn_with_state(idp, admin_only))
}

async fn admin_only(State(idp): State<Idp>, request: Request, next: Next) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    if bool::from(token.as_bytes().ct_eq(idp.admin_token.as_bytes())) {
        let answer = next.run(request).await;
        return hal::numbered(answer, || idp.new_id());
    }
    let mut refused = Problem::new(
        StatusCode::UNAUTHORIZED,
        "ACCESS_FAILED",
        "The request could not be completed. Send the admin token: Authorization: Bearer <token>.",
    )
    .into_response();
    refused.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        header::HeaderValue::from_static("Bearer"),
    );
    hal::numbered(refused, || idp.new_id())
}

/// The address of something in an environment.
fn href(idp: &Idp, environment: &str, path: &str) -> String {
    format!("{}/v1/environments/{environment}{path}", idp.base_url)
}
