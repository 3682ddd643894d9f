//! `/environments/{env}/expressions/test`: "Test expression" of the console as a route, which
//! PingOne does not have.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use serde_json::json;

use super::route::Route;
use crate::Idp;
use crate::directory::{reference, text};
use crate::expression;
use crate::http::hal::{Answer, Body};
use crate::refusal::Refused;

pub(super) fn routes() -> Vec<Route> {
    let at = "/environments/{env}/expressions/test";
    vec![
        Route::post(at, "Evaluates the expression of a mapping for a user", test)
            .takes("ExpressionTest")
            .shows("ExpressionResult")
            .ours(),
    ]
}

async fn test(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let written = text(&document, "expression").ok_or_else(|| Refused::required("expression"))?;
    let user = reference(&document, "user").ok_or_else(|| Refused::required("user.id"))?;
    let value = idp.test_expression(&env, user, written).await?;
    let texts = expression::texts(&value);
    Ok(Json(json!({"value": value, "values": texts})).into_response())
}
