//! The endpoint `/Bulk`: several operations in one request (RFC 7644 §3.7).

use axum::extract::State;
use axum::http::StatusCode;
use scim::bulk::{self, Request};

use super::answer::{Outcome, scim_response};
use super::body::Json;
use super::caller::Caller;
use crate::Portal;
use crate::directory::bulk::{MAX_PAYLOAD, carry_out as carried_out};

pub(super) async fn carry_out(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Json(body, length): Json,
) -> Outcome {
    if length > MAX_PAYLOAD {
        let detail = format!(
            "expected at most {MAX_PAYLOAD} bytes, got {length}: send them in several requests"
        );
        return Err(scim::Error::new(413, detail).into());
    }
    let request = Request::parse(&body)?;
    let outcomes = carried_out(&portal, &access, &request).await?;
    Ok(scim_response(
        StatusCode::OK,
        bulk::response(&outcomes).to_string(),
    ))
}
