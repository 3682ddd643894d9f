//! The control port: clock, faults, waiting until the queue is empty, snapshots and reset. It
//! has its own listener, on loopback, separate from SAML and the console.

use std::time::Duration;

use ambient::local_requests::{self, ForeignRequestError};
use ambient::{ControlSecret, SECRET_CHALLENGE, SECRET_WANTED, instant, require_secret};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::hal::{Answer, Body, Problem};
use crate::Idp;
use crate::misbehavior::choice;
use crate::refusal::Refused;
use crate::store::resources::Kind;
use crate::transport;

/// Returns all routes of the control port, which need the secret except for harmless reads.
pub(crate) fn router(idp: Idp, secret: ControlSecret) -> Router {
    require_secret(routes(idp), secret, is_open, |_| refuse_stranger())
}

fn routes(idp: Idp) -> Router {
    Router::new()
        .route("/control/clock", get(show_clock).put(set_clock))
        // The same resource at the path that the book documents, and that the portal has, too.
        .route("/sim/clock", get(show_clock).put(set_clock))
        .route("/control/faults", get(show_catalogue))
        .route(
            "/control/environments/{env}/applications/{app}/faults",
            get(show_chosen).put(choose).delete(clear),
        )
        .route(
            "/v1/environments/{env}/propagation/stores/{id}/idle",
            get(wait_until_idle),
        )
        .route(
            "/control/environments/{env}/users/{user}/verification",
            get(show_verification_code),
        )
        .route("/control/reset", post(reset))
        .route(
            "/control/snapshot",
            get(take_snapshot)
                .put(restore)
                .layer(DefaultBodyLimit::disable()),
        )
        .fallback(async || {
            Problem::not_found("This path does not exist on the control port.").into_response()
        })
        .layer(middleware::from_fn_with_state(
            idp.clone(),
            refuse_web_pages,
        ))
        .with_state(idp)
}

/// True for requests that neither change anything nor show secrets or personal data.
fn is_open(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    is_read
        && matches!(
            request.uri().path(),
            "/control/clock" | "/sim/clock" | "/control/faults"
        )
}

fn refuse_stranger() -> Response {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "ACCESS_FAILED", SECRET_WANTED);
    ([(header::WWW_AUTHENTICATE, SECRET_CHALLENGE)], problem).into_response()
}

/// Refuses requests that a web page may have sent.
async fn refuse_web_pages(State(idp): State<Idp>, request: Request, next: Next) -> Response {
    let base = Url::parse(&idp.base_url).ok();
    let names: Vec<&str> = base.as_ref().and_then(Url::host_str).into_iter().collect();
    match local_requests::check_program(request.method(), request.headers(), &names) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            let code = match error {
                ForeignRequestError::MediaType => "INVALID_REQUEST",
                _ => "ACCESS_FAILED",
            };
            Problem::new(error.status(), code, error.to_string()).into_response()
        }
    }
}

async fn show_clock(State(idp): State<Idp>) -> Response {
    let simulated = idp.ambient.clock().is_simulated();
    Json(json!({"now": idp.now(), "simulated": simulated})).into_response()
}

async fn set_clock(State(idp): State<Idp>, Body(to): Body) -> Answer {
    let clock = idp.ambient.clock();
    let now = match to.get("now") {
        None | Some(Value::Null) => None,
        Some(now) => {
            let parsed = now
                .as_str()
                .ok_or_else(|| format!("expected a time such as 2027-01-31T12:00:00Z, got {now}"));
            let parsed = parsed.and_then(instant::parse_time);
            Some(parsed.map_err(|why| Refused::invalid("now", why))?)
        }
    };
    let seconds = match to.get("advance_seconds") {
        None | Some(Value::Null) => None,
        Some(seconds) => Some(seconds.as_i64().ok_or_else(|| {
            let why = format!("expected a whole number of seconds, got {seconds}");
            Refused::invalid("advance_seconds", why)
        })?),
    };
    let moved = match (now, seconds) {
        (Some(now), None) => clock.set(now),
        (None, Some(seconds)) => clock.advance(SignedDuration::from_secs(seconds)),
        _ => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_DATA",
                "Invalid body: expected exactly one of now and advance_seconds.",
            ));
        }
    };
    moved.map_err(|error| Problem::new(StatusCode::CONFLICT, "CLOCK_FIXED", error.to_string()))?;
    idp.signals.wake();
    Ok(show_clock(State(idp)).await)
}

async fn show_catalogue() -> Answer {
    let transport: Vec<Value> = transport::ALL
        .iter()
        .map(|fault| json!({"id": fault.id, "about": fault.about}))
        .collect();
    Ok(Json(json!({"faults": choice::all_faults()?, "transport": transport})).into_response())
}

async fn check_application(idp: &Idp, env: &str, app: &str) -> Result<(), Refused> {
    idp.get(env, Kind::Application, app).await.map(|_| ())
}

async fn show_chosen(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    check_application(&idp, &env, &app).await?;
    let faults = choice::faults_to_json(&idp.misbehavior, &env, &app);
    Ok(Json(json!({"faults": faults})).into_response())
}

/// Replaces the chosen faults of an application: `{"faults": ["expired", {"id": "replay",
/// "times": "once"}, {"id": "latency", "milliseconds": 500, "times": {"every": 3}}]}`
async fn choose(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    check_application(&idp, &env, &app).await?;
    let wanted = document.get("faults").and_then(Value::as_array);
    let wanted = wanted.ok_or_else(|| Refused::required("faults"))?;
    choice::read(wanted)?.takes_effect(&idp.misbehavior, &env, &app);
    show_chosen(State(idp), Path((env, app))).await
}

async fn clear(State(idp): State<Idp>, Path((env, app)): Path<(String, String)>) -> Answer {
    idp.misbehavior.choose(&env, &app, Vec::new());
    idp.misbehavior.choose_transport(&env, &app, Vec::new());
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct Patience {
    timeout_ms: Option<u64>,
}

/// Answers 200 as soon as the queue of the store is empty, or 409 after `timeout_ms` (default
/// 10,000, at most 120,000).
async fn wait_until_idle(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Query(patience): Query<Patience>,
) -> Answer {
    let timeout = Duration::from_millis(patience.timeout_ms.unwrap_or(10_000).min(120_000));
    let state = idp.wait_until_idle(&env, &id, timeout).await?;
    let store = idp.get(&env, Kind::Store, &id).await?;
    let body = json!({
        "idle": state.idle,
        "waiting": state.waiting,
        "nextAttemptAt": state.next_attempt_at.map(|at| at.to_string()),
        "syncStatus": idp.sync_status(&store).await?,
    });
    let status = if state.idle {
        StatusCode::OK
    } else {
        StatusCode::CONFLICT
    };
    Ok((status, Json(body)).into_response())
}

/// Returns the verification code of a user, which a real provider sends by e-mail.
async fn show_verification_code(
    State(idp): State<Idp>,
    Path((env, user)): Path<(String, String)>,
) -> Answer {
    let user = idp.get_user(&env, &user).await?;
    Ok(Json(json!({"code": user.verification_code})).into_response())
}

async fn reset(State(idp): State<Idp>) -> Answer {
    idp.store.reset().await.map_err(Refused::from)?;
    idp.misbehavior.forget_all();
    idp.signals.wake();
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn take_snapshot(State(idp): State<Idp>) -> Answer {
    Ok(Json(idp.take_snapshot().await?).into_response())
}

async fn restore(State(idp): State<Idp>, Body(document): Body) -> Answer {
    let snapshot = serde_json::from_value(document.into());
    let snapshot = snapshot
        .map_err(|error| Refused::invalid("snapshot", format!("expected a snapshot: {error}")))?;
    idp.restore(&snapshot).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
