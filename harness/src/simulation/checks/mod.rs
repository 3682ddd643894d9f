//! The pages that run `rehearsal check`, for users without a terminal: choose what to check, fill in
//! a form, watch the run, read the report.

mod child;
mod folder;
mod kinds;
mod order;
mod page;
mod runs;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;

use self::kinds::Kind;
use self::runs::{Report, Run, RunError};
use super::site::Site;

#[cfg(windows)]
pub use self::child::STOP_BY_INPUT;
pub use self::runs::Checks;

/// Maximum size of a form in bytes: metadata can be pasted.
const LARGEST_FORM: usize = 8 * 1024 * 1024;

/// How long the page of a run waits for something new to show.
const NEWS_WITHIN: Duration = Duration::from_secs(5);

/// Report pages contain text of the checked server. In a sandbox they cannot use the cookie of this
/// page, nor send its forms.
const REPORT_POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts";

type Fields = HashMap<String, String>;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/checks", get(list))
        .route("/checks/{kind}", get(show_form).post(start))
        .route("/checks/{kind}/metadata.xml", get(download_metadata))
        .route("/checks/runs/{number}", get(show_run))
        .route("/checks/runs/{number}/stop", post(stop))
        .route("/checks/runs/{number}/{file}", get(show_report))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}

async fn list(State(site): State<Arc<Site>>) -> Response {
    let runs = match &site.checks {
        Some(checks) => checks.list().await,
        None => Vec::new(),
    };
    respond(StatusCode::OK, page::list(&site, &runs))
}

fn respond(status: StatusCode, document: Markup) -> Response {
    (status, Html(document.into_string())).into_response()
}

fn not_found(site: &Site, what: &str) -> Response {
    respond(StatusCode::NOT_FOUND, page::problem(site, what))
}

/// Finds what the URL names, or returns the page that says what is missing.
fn find<'s>(site: &'s Site, word: &str) -> Result<(&'s Checks, &'static Kind), Response> {
    let Some(kind) = Kind::of(word) else {
        let what = format!("Check {word} not found; choose one from the list.");
        return Err(not_found(site, &what));
    };
    match &site.checks {
        Some(checks) => Ok((checks, kind)),
        None => Err(not_found(site, page::NO_COMMAND)),
    }
}

async fn find_run(site: &Site, number: &str) -> Result<Arc<Run>, Response> {
    let run = match (&site.checks, number.parse()) {
        (Some(checks), Ok(number)) => checks.find(number).await,
        _ => None,
    };
    run.ok_or_else(|| {
        let what = format!(
            "Run {number} not found: the list has only the runs since this simulation was started."
        );
        not_found(site, &what)
    })
}

async fn show_form(
    State(site): State<Arc<Site>>,
    Path(word): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    let (checks, kind) = match find(&site, &word) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let filled = match asked.get("of").map(String::as_str) {
        Some("simulation") => order::own_values(kind, &site.controls),
        Some(number) => match find_run(&site, number).await {
            Ok(run) => run.fields.clone(),
            Err(response) => return response,
        },
        None => Fields::new(),
    };
    let form = page::FilledForm {
        kind,
        fields: &filled,
        problem: None,
        is_temporary: checks.is_temporary(),
    };
    respond(StatusCode::OK, page::form(&site, &form))
}

async fn download_metadata(State(site): State<Arc<Site>>, Path(word): Path<String>) -> Response {
    let (checks, kind) = match find(&site, &word) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let Some(played) = kind.played else {
        return not_found(
            &site,
            "This check plays no party: there is nothing to register.",
        );
    };
    match checks.metadata(played).await {
        Ok(metadata) => {
            let disposition = format!("attachment; filename=\"{}\"", played.file);
            let headers = [
                (
                    header::CONTENT_TYPE,
                    "application/samlmetadata+xml".to_owned(),
                ),
                (header::CONTENT_DISPOSITION, disposition),
            ];
            (headers, metadata).into_response()
        }
        Err(error) => {
            let what = ambient::error_chain(&error);
            respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                page::problem(&site, &what),
            )
        }
    }
}

async fn start(
    State(site): State<Arc<Site>>,
    Path(word): Path<String>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    let (checks, kind) = match find(&site, &word) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let fields = match form {
        Ok(Form(fields)) => fields,
        Err(error) => {
            let limit = LARGEST_FORM / 1024 / 1024;
            let why = error.body_text();
            let what = format!("cannot read the form: {why}; at most {limit} MiB");
            return respond(error.status(), page::problem(&site, &what));
        }
    };
    let refuse = |status: StatusCode, problem: String| {
        let form = page::FilledForm {
            kind,
            fields: &order::without_secrets(kind, &fields),
            problem: Some(problem),
            is_temporary: checks.is_temporary(),
        };
        respond(status, page::form(&site, &form))
    };
    if !site.has_token(&fields) {
        return refuse(StatusCode::FORBIDDEN, super::forms::FOREIGN_FORM.to_owned());
    }
    let order = match order::read(kind, &fields) {
        Ok(order) => order,
        Err(problem) => return refuse(StatusCode::BAD_REQUEST, problem),
    };
    match checks.start(order).await {
        Ok(run) => Redirect::to(&format!("/checks/runs/{}", run.number)).into_response(),
        Err(error) => {
            let status = match error {
                RunError::Busy(_) => StatusCode::CONFLICT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refuse(status, ambient::error_chain(&error))
        }
    }
}

/// Shows a run. `after` is the number of lines that the browser shows: the answer waits a moment
/// until there are more.
async fn show_run(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    let run = match find_run(&site, &number).await {
        Ok(run) => run,
        Err(response) => return response,
    };
    if let Some(lines) = asked.get("after").and_then(|it| it.parse().ok()) {
        // Without news, the same page says that the check still runs.
        let _ = tokio::time::timeout(NEWS_WITHIN, run.wait_for_more(lines)).await;
    }
    let state = run.state.borrow().clone();
    if state.end.is_some() {
        return respond(
            StatusCode::OK,
            page::run(&site, &run, &state, &run.text().await),
        );
    }
    // The page has no JavaScript: this header makes the browser load it again.
    let next = format!("1;url=/checks/runs/{}?after={}", run.number, state.lines);
    let page = respond(StatusCode::OK, page::run(&site, &run, &state, ""));
    ([(header::REFRESH, next)], page).into_response()
}

async fn stop(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    let run = match find_run(&site, &number).await {
        Ok(run) => run,
        Err(response) => return response,
    };
    if !site.has_token(&fields) {
        return respond(
            StatusCode::FORBIDDEN,
            page::problem(&site, super::forms::FOREIGN_FORM),
        );
    }
    run.stop().await;
    Redirect::to(&format!("/checks/runs/{}", run.number)).into_response()
}

async fn show_report(
    State(site): State<Arc<Site>>,
    Path((number, file)): Path<(String, String)>,
) -> Response {
    let run = match find_run(&site, &number).await {
        Ok(run) => run,
        Err(response) => return response,
    };
    let report = Report::ALL.into_iter().find(|it| it.ending() == file);
    let content = match report {
        Some(report) => run.report(report).await,
        None => None,
    };
    let (Some(report), Some(content)) = (report, content) else {
        let what = match run.has_ended() {
            true => "This report does not exist: the run wrote none.",
            false => "This report does not exist yet: the run has not ended.",
        };
        return not_found(&site, what);
    };
    let kind = match report {
        Report::Html => "text/html; charset=utf-8",
        Report::Text => "text/plain; charset=utf-8",
        Report::JUnit => "application/xml",
        Report::Sarif => "application/sarif+json",
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
    ];
    (headers, content).into_response()
}
