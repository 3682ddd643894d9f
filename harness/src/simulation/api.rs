//! The controls of the simulation as a JSON API.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::controls::{ControlError, KeyOrder, KnownKey};
use super::site::Site;
use world::ready::LicenseKey;

type Shared = State<Arc<Site>>;
type Answer = Result<Response, Problem>;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/keys", get(list_keys).post(create_key))
        .route(
            "/dns",
            get(list_txt_records).post(add_record).delete(remove_record),
        )
        .route(
            "/clock",
            get(show_clocks).put(move_clocks).post(move_clocks),
        )
        .route("/faults", get(list_faults).put(choose_faults))
        .method_not_allowed_fallback(refuse_method)
}

async fn refuse_method(method: Method, uri: Uri) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let detail = format!(
        "{method} is not allowed at {}; the header Allow names the methods",
        uri.path()
    );
    (status, Json(json!({"status": 405, "detail": detail}))).into_response()
}

/// A JSON request body. The error for an invalid one names the member, in the form of the other
/// errors.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |message: String| {
            Problem(ControlError::Refused {
                party: "the simulation",
                status: 400,
                message,
            })
        };
        let text = String::from_request(request, state).await;
        let text = text.map_err(|error| refused(error.body_text()))?;
        let text = if text.trim().is_empty() { "{}" } else { &text };
        let mut json = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut json)
            .map(Self)
            .map_err(|error| {
                let what = error.inner().to_string();
                let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
                refused(match error.path().to_string().as_str() {
                    "." => format!("invalid body: {what}"),
                    path => format!("invalid {path}: {what}"),
                })
            })
    }
}

/// The answer of the API when a control fails.
struct Problem(ControlError);

impl<E: Into<ControlError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = status_of(&self.0);
        let detail = ambient::error_chain(&self.0);
        let body = Json(json!({"status": status.as_u16(), "detail": detail}));
        (status, body).into_response()
    }
}

/// Returns the HTTP status for the error of a control.
pub(super) fn status_of(error: &ControlError) -> StatusCode {
    match error {
        ControlError::Refused { status, .. } => {
            StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY)
        }
        ControlError::Zone(world::ZoneError::Name(_)) => StatusCode::BAD_REQUEST,
        ControlError::Missing(_) => StatusCode::CONFLICT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// A license key to create; its members are the options of `rehearsal key`.
#[derive(Deserialize)]
struct Order {
    #[serde(default = "per_user")]
    kind: String,
    #[serde(default = "five")]
    seats: u32,
    expires: Option<String>,
}

fn per_user() -> String {
    "per-user".to_owned()
}

fn five() -> u32 {
    5
}

/// Creates a key.
pub(super) async fn sell(
    site: &Site,
    kind: &str,
    seats: u32,
    expires: Option<&str>,
) -> Result<LicenseKey, ControlError> {
    let refused = |message: String| ControlError::Refused {
        party: "the simulation",
        status: 400,
        message,
    };
    if seats == 0 {
        return Err(refused(
            "invalid seats: expected a number from 1, got 0".to_owned(),
        ));
    }
    let ends = match expires.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Some(super::parse_end(text).map_err(refused)?),
        None => None,
    };
    let order = KeyOrder {
        seats,
        licensing: kind.to_owned(),
        ends,
    };
    let key = site.controls.create_key(&order).await?;
    let is_expired = match ends {
        Some(end) => end <= site.controls.read_portal_clock().await?.now,
        None => false,
    };
    Ok(LicenseKey {
        key,
        kind: kind.to_owned(),
        seats,
        is_expired,
    })
}

async fn list_keys(State(site): Shared) -> Answer {
    let keys = site.controls.list_keys().await?;
    let shown = |key: &KnownKey| {
        json!({
            "key": key.key,
            "kind": key.licensing,
            "seats": key.seats,
            "is_expired": key.state == "expired",
            "state": key.state,
        })
    };
    let keys: Vec<Value> = keys.iter().map(shown).collect();
    Ok(Json(json!({"keys": keys})).into_response())
}

async fn create_key(State(site): Shared, Body(order): Body<Order>) -> Answer {
    let sold = sell(&site, &order.kind, order.seats, order.expires.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(sold)).into_response())
}

#[derive(Deserialize)]
struct RecordBody {
    name: String,
    value: Option<String>,
}

async fn list_txt_records(State(site): Shared) -> Answer {
    let records = site.controls.zones.list_txt_records().await?;
    Ok(Json(json!({"records": records})).into_response())
}

async fn add_record(State(site): Shared, Body(record): Body<RecordBody>) -> Answer {
    let value = record.value.unwrap_or_default();
    site.controls.zones.add_txt(&record.name, &value).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove_record(State(site): Shared, Body(record): Body<RecordBody>) -> Answer {
    let zones = &site.controls.zones;
    zones
        .remove_txt(&record.name, record.value.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn show_clocks(State(site): Shared) -> Answer {
    let (portal, idp) = (
        site.controls.read_portal_clock().await?,
        site.controls.read_idp_clock().await?,
    );
    let shown = |clock: &super::ClockState| json!({"now": clock.now.to_string(), "simulated": clock.simulated});
    Ok(Json(json!({"portal": shown(&portal), "idp": shown(&idp)})).into_response())
}

#[derive(Deserialize)]
struct ClockSetting {
    now: Option<String>,
    advance_seconds: Option<i64>,
}

/// Accepts what the control ports accept.
async fn move_clocks(State(site): Shared, Body(to): Body<ClockSetting>) -> Answer {
    let refused = |message: String| ControlError::Refused {
        party: "the simulation",
        status: 400,
        message,
    };
    let now = match (to.now, to.advance_seconds) {
        (Some(now), None) => {
            let now = ambient::instant::parse_time(&now);
            let now = now.map_err(|why| refused(format!("invalid now: {why}")))?;
            site.controls.set_clocks(now).await?
        }
        (None, Some(seconds)) => site.controls.advance_clocks(seconds).await?,
        _ => {
            let why = "invalid clock setting: expected exactly one of now and advance_seconds";
            return Err(refused(why.to_owned()).into());
        }
    };
    site.set_social_clock(now);
    Ok(Json(json!({"now": now.to_string()})).into_response())
}

async fn list_faults(State(site): Shared) -> Answer {
    let applications: Vec<Value> = site
        .controls
        .list_applications()
        .await?
        .iter()
        .map(|application| {
            json!({
                "environment": application.environment,
                "application": application.id,
                "name": application.name,
                "faults": application.faults,
            })
        })
        .collect();
    let catalogue = site.controls.read_fault_catalogue().await?;
    let ids = |entries: &[super::FaultEntry]| -> Vec<Value> {
        let entry = |entry: &super::FaultEntry| json!({"id": entry.id, "about": entry.about});
        entries.iter().map(entry).collect()
    };
    Ok(Json(json!({
        "applications": applications,
        "faults": ids(&catalogue.faults),
        "transport": ids(&catalogue.transport),
    }))
    .into_response())
}

#[derive(Deserialize)]
struct FaultChoice {
    environment: String,
    application: String,
    faults: Vec<Value>,
}

async fn choose_faults(State(site): Shared, Body(choice): Body<FaultChoice>) -> Answer {
    site.controls
        .choose_faults(&choice.environment, &choice.application, &choice.faults)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
