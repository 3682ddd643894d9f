//! The control port: clock, license keys, SCIM rate limit, snapshots and reset.
//! It has its own listener on a loopback address, separate from the public one.

use ambient::{
    ControlSecret, SECRET_CHALLENGE, SECRET_WANTED, instant, local_requests, require_secret,
};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use url::Url;

use super::body::Body;
use super::problem::{Answer, Problem};
use crate::Portal;
use crate::licensing::{self, NewKey};
use crate::rate_limit::Rate;
use crate::snapshot::{RestoreError, Snapshot};
use crate::store::StoreError;

/// Returns the routes of the control port, which need the secret except for harmless reads.
pub fn router(portal: Portal, secret: ControlSecret) -> Router {
    require_secret(routes(portal), secret, is_open, |_| refuse_stranger())
}

fn routes(portal: Portal) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/control/clock", get(show_clock).put(set_clock))
        // An alias of the path above.
        .route("/sim/clock", get(show_clock).put(set_clock))
        .route("/control/license-keys", get(list_keys).post(create_key))
        .route("/control/license-keys/cancel", post(cancel_key))
        .route("/control/scim-rate-limit", put(set_rate))
        .route("/control/reset", post(reset))
        .route(
            "/control/snapshot",
            get(take_snapshot)
                .put(restore)
                .layer(DefaultBodyLimit::disable()),
        )
        .fallback(async || Problem::not_found("path not found on the control port").into_response())
        .layer(middleware::from_fn_with_state(
            portal.clone(),
            refuse_web_pages,
        ))
        .with_state(portal)
}

/// True for requests that neither change anything nor show secrets or personal data.
fn is_open(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    is_read
        && matches!(
            request.uri().path(),
            "/healthz" | "/control/clock" | "/sim/clock"
        )
}

fn refuse_stranger() -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "control-secret-missing",
        SECRET_WANTED,
    );
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static(SECRET_CHALLENGE);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Refuses requests from web pages: a page must not be able to use the control port through the
/// browser.
async fn refuse_web_pages(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let public = portal.config.public_url.as_ref();
    let names: Vec<&str> = public.and_then(Url::host_str).into_iter().collect();
    match local_requests::check_program(request.method(), request.headers(), &names) {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::new(error.status(), error.code(), error.to_string()).into_response(),
    }
}

async fn show_clock(State(portal): State<Portal>) -> Response {
    let simulated = portal.ambient.clock().is_simulated();
    Json(json!({"now": portal.now(), "simulated": simulated})).into_response()
}

/// Returns a reader for a time of a body, whose error contains an example.
fn read_time<'de, D: Deserializer<'de>>(
    from: D,
    parse: fn(&str) -> Result<Timestamp, String>,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let parsed = text.map(|text| parse(&text)).transpose();
    parsed.map_err(serde::de::Error::custom)
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    read_time(from, instant::parse_time)
}

fn start<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    read_time(from, instant::parse_start)
}

fn end<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    read_time(from, instant::parse_end)
}

#[derive(Deserialize)]
struct ClockSetting {
    #[serde(default, deserialize_with = "time")]
    now: Option<Timestamp>,
    advance_seconds: Option<i64>,
}

async fn set_clock(State(portal): State<Portal>, Body(to): Body<ClockSetting>) -> Answer {
    let clock = portal.ambient.clock();
    let moved = match (to.now, to.advance_seconds) {
        (Some(now), None) => clock.set(now),
        (None, Some(seconds)) => clock.advance(SignedDuration::from_secs(seconds)),
        _ => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "clock-setting-unclear",
                "invalid clock setting: expected exactly one of now and advance_seconds",
            ));
        }
    };
    moved.map_err(|error| Problem::new(StatusCode::CONFLICT, "clock-fixed", error.to_string()))?;
    Ok(show_clock(State(portal)).await)
}

#[derive(Deserialize)]
struct KeyOrder {
    seats: u32,
    /// A time, or the first day.
    #[serde(default, deserialize_with = "start")]
    starts: Option<Timestamp>,
    /// A time, or the last day.
    #[serde(default, deserialize_with = "end")]
    ends: Option<Timestamp>,
    #[serde(default = "per_user")]
    licensing: String,
    #[serde(default = "business")]
    edition: String,
    #[serde(default = "five")]
    devices: u32,
    #[serde(default)]
    grace_seconds: i64,
}

fn five() -> u32 {
    5
}

fn per_user() -> String {
    "per-user".to_owned()
}

fn business() -> String {
    "business".to_owned()
}

/// Lists all keys that the vendor issued, the newest first.
async fn list_keys(State(portal): State<Portal>) -> Answer {
    let keys = licensing::list_keys(&portal).await?;
    Ok(Json(json!({"keys": keys})).into_response())
}

async fn create_key(State(portal): State<Portal>, Body(order): Body<KeyOrder>) -> Answer {
    for (name, number) in [("seats", order.seats), ("devices", order.devices)] {
        if number == 0 {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-body",
                format!("invalid {name}: expected a whole number of 1 or more, got 0"),
            ));
        }
    }
    if !matches!(order.licensing.as_str(), "per-user" | "per-device") {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-licensing",
            "invalid licensing: expected per-user or per-device",
        ));
    }
    let new = NewKey {
        seats: order.seats,
        starts: order.starts,
        ends: order.ends,
        licensing: order.licensing,
        edition: order.edition,
        devices: order.devices,
        grace: SignedDuration::from_secs(order.grace_seconds),
    };
    let key = licensing::create_key(&portal, new).await?;
    Ok((StatusCode::CREATED, Json(json!({"key": key}))).into_response())
}

#[derive(Deserialize)]
struct Cancellation {
    key: String,
    reason: String,
}

async fn cancel_key(State(portal): State<Portal>, Body(given): Body<Cancellation>) -> Answer {
    licensing::cancel_key(&portal, &given.key, &given.reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A SCIM rate limit. Without `per_second` and `burst` there is no limit.
#[derive(Deserialize)]
struct RateSetting {
    /// The tenant; if missing, the default limit of all tenants.
    tenant_id: Option<String>,
    per_second: Option<f64>,
    burst: Option<u32>,
}

async fn set_rate(State(portal): State<Portal>, Body(to): Body<RateSetting>) -> Answer {
    let rate = match (to.per_second, to.burst) {
        (None, None) => None,
        (Some(per_second), burst) => {
            Some(Rate::new(per_second, burst.unwrap_or(1)).ok_or_else(|| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "invalid-rate",
                    "invalid rate: expected per_second above 0 and burst a whole number of at least 1",
                )
            })?)
        }
        (None, Some(_)) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-rate",
                "invalid rate: burst requires per_second",
            ));
        }
    };
    portal.scim_rates.set(to.tenant_id.as_deref(), rate);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn reset(State(portal): State<Portal>) -> Answer {
    portal.reset().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn take_snapshot(State(portal): State<Portal>) -> Answer {
    Ok(Json(portal.take_snapshot().await?).into_response())
}

async fn restore(State(portal): State<Portal>, Body(snapshot): Body<Snapshot>) -> Answer {
    let restored = portal.restore(&snapshot).await;
    restored.map_err(|error| match error {
        RestoreError::Store(StoreError::Database(_)) => Problem::new(
            StatusCode::BAD_REQUEST,
            "snapshot-refused",
            error.to_string(),
        ),
        _ => Problem::new(StatusCode::CONFLICT, "snapshot-refused", error.to_string()),
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
