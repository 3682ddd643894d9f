//! The forms of the simulation page: read the form, call the control, show the page.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::SecretInPath;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::api::{sell, status_of};
use super::controls::ControlError;
use super::lock;
use super::site::Site;
use super::view::{self, Section};
use world::social::{Identity, Misbehavior};

type Shared = State<Arc<Site>>;
type Fields = HashMap<String, String>;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(show_page))
        .route("/style.css", get(serve_style))
        .route("/keys", post(create_key))
        .route("/dns", post(add_record))
        .route("/dns/remove", post(remove_record))
        .route("/clock", post(advance_clocks))
        .route("/faults", post(switch_fault_on))
        .route("/faults/off", post(switch_fault_off))
        .route("/social-identities", post(add_identity))
        .route("/social-identities/remove", post(remove_identity))
        .route("/social-identities/fault", post(choose_social_fault))
}

/// A refused form: its section, the reason, and what was typed.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) section: Option<Section>,
    pub(super) reason: String,
    pub(super) fields: Fields,
}

/// The answer to a form without the form token.
pub(super) const FOREIGN_FORM: &str = "This form is not from this page, or the simulation was restarted. \
                                       Nothing was changed; send it again.";

async fn serve_style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, view::style()).into_response()
}

async fn show_page(
    State(site): Shared,
    Query(asked): Query<Fields>,
    shown: Option<Extension<SecretInPath>>,
) -> Response {
    if shown.is_some() {
        return lock::open(&site);
    }
    let done = asked.get("done").and_then(|word| view::done_message(word));
    let document = view::render_page(&site, done, &Refused::default()).await;
    Html(document.into_string()).into_response()
}

/// Redirects to the page, which then shows what was done.
fn redirect_with_message(section: Section, what: &str) -> Response {
    Redirect::to(&format!("/?done={what}#{}", section.id())).into_response()
}

async fn show_refusal(
    site: &Site,
    section: Section,
    status: StatusCode,
    reason: String,
    fields: Fields,
) -> Response {
    let refused = Refused {
        section: Some(section),
        reason,
        fields,
    };
    let document = view::render_page(site, None, &refused).await;
    (status, Html(document.into_string())).into_response()
}

/// Handles a form of the page: checks the form token, then runs the action.
async fn handle_form(
    site: &Site,
    section: Section,
    fields: Fields,
    what: &str,
    outcome: impl AsyncFnOnce(&Site, &Fields) -> Result<(), ControlError>,
) -> Response {
    if !site.has_token(&fields) {
        let reason = FOREIGN_FORM.to_owned();
        return show_refusal(site, section, StatusCode::FORBIDDEN, reason, fields).await;
    }
    match outcome(site, &fields).await {
        Ok(()) => redirect_with_message(section, what),
        Err(error) => {
            let reason = ambient::error_chain(&error);
            show_refusal(site, section, status_of(&error), reason, fields).await
        }
    }
}

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).map_or("", |value| value.trim())
}

/// Reads a number from a form field.
fn number<T: std::str::FromStr>(fields: &Fields, name: &'static str) -> Result<T, ControlError> {
    let text = field(fields, name);
    text.parse()
        .map_err(|_| invalid(format!("invalid {name}: expected a number, got {text:?}")))
}

fn invalid(message: String) -> ControlError {
    ControlError::Refused {
        party: "the simulation",
        status: 400,
        message,
    }
}

async fn create_key(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(&site, Section::Keys, fields, "key", async |site, fields| {
        let seats = number(fields, "seats")?;
        let expires = Some(field(fields, "expires"));
        sell(site, field(fields, "kind"), seats, expires).await?;
        Ok(())
    })
    .await
}

async fn add_record(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Dns,
        fields,
        "record",
        async |site, fields| {
            let (name, value) = (field(fields, "name"), field(fields, "value"));
            if value.is_empty() {
                return Err(invalid(
                    "Enter the value of the record: the portal shows it beside the domain."
                        .to_owned(),
                ));
            }
            Ok(site.controls.zones.add_txt(name, value).await?)
        },
    )
    .await
}

async fn remove_record(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Dns,
        fields,
        "removed",
        async |site, fields| {
            let value = fields.get("value").map(String::as_str);
            let zones = &site.controls.zones;
            Ok(zones.remove_txt(field(fields, "name"), value).await?)
        },
    )
    .await
}

async fn advance_clocks(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Clock,
        fields,
        "clock",
        async |site, fields| {
            let amount: i64 = number(fields, "amount")?;
            let unit = match field(fields, "unit") {
                "minutes" => 60,
                "hours" => 3600,
                "days" => 24 * 3600,
                other => {
                    let message =
                        format!("invalid unit: expected minutes, hours or days, got `{other}`");
                    return Err(invalid(message));
                }
            };
            let seconds = amount.checked_mul(unit).filter(|seconds| *seconds > 0);
            let seconds = seconds.ok_or_else(|| {
                invalid(
                    "invalid amount: expected a number from 1; the clock only moves forward"
                        .to_owned(),
                )
            })?;
            let now = site.controls.advance_clocks(seconds).await?;
            site.set_social_clock(now);
            Ok(())
        },
    )
    .await
}

/// Changes the faults of the application that the form names.
async fn with_faults(
    site: &Site,
    fields: &Fields,
    change: impl FnOnce(&mut Vec<Value>),
) -> Result<(), ControlError> {
    let (environment, id) = (field(fields, "environment"), field(fields, "application"));
    let applications = site.controls.list_applications().await?;
    let application = applications
        .into_iter()
        .find(|one| one.environment == environment && one.id == id)
        .ok_or_else(|| invalid("application not found; it may have been deleted".to_owned()))?;
    let mut faults = application.faults;
    change(&mut faults);
    site.controls.choose_faults(environment, id, &faults).await
}

async fn switch_fault_on(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Faults,
        fields,
        "fault-on",
        async |site, fields| {
            let id = field(fields, "fault");
            let times = match field(fields, "times") {
                times @ ("once" | "always") => times,
                other => {
                    let message = format!("invalid times: expected once or always, got `{other}`");
                    return Err(invalid(message));
                }
            };
            with_faults(site, fields, |faults| {
                faults.retain(|fault| fault["id"] != id);
                faults.push(json!({"id": id, "times": times}));
            })
            .await
        },
    )
    .await
}

async fn switch_fault_off(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Faults,
        fields,
        "fault-off",
        async |site, fields| {
            let id = field(fields, "fault");
            with_faults(site, fields, |faults| {
                faults.retain(|fault| fault["id"] != id)
            })
            .await
        },
    )
    .await
}

fn social(site: &Site) -> Result<&world::social::SocialControls, ControlError> {
    let social = site.social.as_ref();
    social.ok_or(ControlError::Missing("social identity providers"))
}

async fn add_identity(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Social,
        fields,
        "identity",
        async |site, fields| {
            let email = field(fields, "email");
            if !email.contains('@') {
                return Err(invalid(format!(
                    "invalid e-mail address: expected a name, @ and a domain, got {email:?}"
                )));
            }
            social(site)?.add_identity(Identity {
                email: email.to_owned(),
                verified: fields.contains_key("verified"),
            });
            Ok(())
        },
    )
    .await
}

async fn remove_identity(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Social,
        fields,
        "removed",
        async |site, fields| {
            social(site)?.remove_identity(field(fields, "email"));
            Ok(())
        },
    )
    .await
}

async fn choose_social_fault(State(site): Shared, Form(fields): Form<Fields>) -> Response {
    handle_form(
        &site,
        Section::Social,
        fields,
        "saved",
        async |site, fields| {
            let id = field(fields, "fault");
            let fault =
                Misbehavior::by_id(id).ok_or_else(|| invalid(format!("fault {id:?} not found")))?;
            social(site)?.misbehave(fault);
            Ok(())
        },
    )
    .await
}
