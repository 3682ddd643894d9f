//! The page with which the user's own browser starts each request and delivers each answer
//! (`--interactive`). The user opens it once; after that it continues by itself.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ambient::Ambient;
use axum::Router;
use axum::extract::{Form, OriginalUri, Query, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{DOCTYPE, PreEscaped, html};
use tokio::sync::{Mutex, mpsc, watch};

use super::outgoing::Outgoing;
use super::recording::{Delivered, Ending};
use crate::page::digest;

/// A request for the user's browser to start.
#[derive(Debug, Clone)]
struct Task {
    number: usize,
    about: String,
    /// What comes after it.
    next: Option<String>,
    outgoing: Outgoing,
}

#[derive(Debug)]
enum Brought {
    Message {
        path: String,
        binding: &'static str,
        fields: HashMap<String, String>,
    },
    Stuck,
}

#[derive(Debug, Clone, Default)]
enum Now {
    #[default]
    Waiting,
    Task(Box<Task>),
    Over,
}

#[derive(Debug)]
struct Inner {
    now: watch::Sender<Now>,
    /// What each request of the run tests, in order.
    abouts: OnceLock<Vec<String>>,
    bring: mpsc::UnboundedSender<Brought>,
    brought: Mutex<mpsc::UnboundedReceiver<Brought>>,
}

/// The page that is open in the user's browser. Clones share their state.
#[derive(Debug, Clone)]
pub(super) struct InteractiveBrowser(Arc<Inner>);

impl Default for InteractiveBrowser {
    fn default() -> Self {
        let (bring, brought) = mpsc::unbounded_channel();
        Self(Arc::new(Inner {
            now: watch::Sender::default(),
            abouts: OnceLock::new(),
            bring,
            brought: Mutex::new(brought),
        }))
    }
}

impl InteractiveBrowser {
    /// Sets what each request of the run tests, so that the page can say how many there are and what
    /// comes next.
    pub(super) fn announce(&self, abouts: Vec<String>) {
        let _ = self.0.abouts.set(abouts);
    }

    fn abouts(&self) -> &[String] {
        self.0.abouts.get().map_or(&[], Vec::as_slice)
    }

    /// Lets the user's browser start a request, and waits for the answer that it delivers.
    pub(super) async fn ask(
        &self,
        about: &str,
        outgoing: &Outgoing,
        base: &str,
        patience: Duration,
        ambient: &Ambient,
    ) -> Ending {
        let mut brought = self.0.brought.lock().await;
        while brought.try_recv().is_ok() {}
        self.0.now.send_modify(|now| {
            let number = match &now {
                Now::Task(task) => task.number + 1,
                Now::Waiting | Now::Over => 1,
            };
            *now = Now::Task(Box::new(Task {
                number,
                about: about.to_owned(),
                next: self.abouts().get(number).cloned(),
                outgoing: outgoing.clone(),
            }));
        });
        match tokio::time::timeout(patience, brought.recv()).await {
            Ok(Some(Brought::Message {
                path,
                binding,
                mut fields,
            })) => {
                let parameter = ["SAMLResponse", "SAMLRequest"]
                    .into_iter()
                    .find(|name| fields.contains_key(*name))
                    .unwrap_or("SAMLResponse");
                Ending::Answer(Delivered {
                    to: format!("{}{path}", base.trim_end_matches('/')),
                    binding: binding.to_owned(),
                    parameter: parameter.to_owned(),
                    field: fields.remove(parameter).unwrap_or_default(),
                    relay_state: fields.remove("RelayState"),
                    query: None,
                    at: ambient.now(),
                })
            }
            Ok(Some(Brought::Stuck)) => Ending::Page {
                url: outgoing.url.clone(),
                status: 0,
                text: "a page of the identity provider, as the user reported".to_owned(),
            },
            Ok(None) | Err(_) => Ending::NotTried {
                why: format!(
                    "the user's browser did not answer within {} s",
                    patience.as_secs()
                ),
            },
        }
    }

    /// Records that there are no more requests.
    pub(super) fn is_over(&self) {
        self.0.now.send_replace(Now::Over);
    }
}

/// Returns the routes of this page and of the URLs to which answers are delivered.
pub(super) fn routes(interactive: InteractiveBrowser) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/go", get(start_request))
        .route("/stuck", post(report_stuck))
        .route("/acs", get(receive_by_query).post(receive_by_form))
        .route("/acs/second", get(receive_by_query).post(receive_by_form))
        .route("/slo", get(receive_by_query).post(receive_by_form))
        .with_state(interactive)
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}";

const SCRIPT: &str = "document.forms[0].submit()";

/// Returns the page, with a policy that allows its own style and script only: its texts contain what
/// the identity provider sends. Forms may lead anywhere, because the identity provider redirects.
fn page(title: &str, content: &maud::Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; frame-ancestors 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    (
        [(CONTENT_SECURITY_POLICY, policy)],
        Html(page.into_string()),
    )
        .into_response()
}

async fn show(State(interactive): State<InteractiveBrowser>) -> Response {
    let now = interactive.0.now.borrow().clone();
    let total = interactive.abouts().len();
    let content = match now {
        Now::Waiting => html! { p { "Nothing to do yet." } a href="/" { "Look again" } },
        Now::Over => html! { p { "That was all. The terminal has the report." } },
        Now::Task(task) => html! {
            p { "Request " (task.number) @if total > 0 { " of " (total) } ": " (task.about) "." }
            p { a href="/go" { "Start it" } ", sign on as you are asked to, and come back here if it ends on a page of the identity provider." }
            form method="post" action="/stuck" { button type="submit" { "It ended on a page of the identity provider" } }
            @match &task.next {
                Some(next) => p { "Next: " (next) ". It starts by itself after this one." },
                None => p { "This is the last request." },
            }
        },
    };
    page("rehearsal check idp", &content)
}

#[derive(serde::Deserialize)]
struct After {
    after: Option<usize>,
}

/// Starts the current request, or the next one as soon as there is one.
async fn start_request(
    State(interactive): State<InteractiveBrowser>,
    Query(after): Query<After>,
) -> Response {
    let mut now = interactive.0.now.subscribe();
    let next = now.wait_for(|now| match now {
        Now::Task(task) => after.after.is_none_or(|after| task.number > after),
        Now::Over => true,
        Now::Waiting => false,
    });
    let next = tokio::time::timeout(Duration::from_secs(60), next).await;
    let task = match next {
        Ok(Ok(now)) => match &*now {
            Now::Task(task) => task.clone(),
            Now::Waiting | Now::Over => return Redirect::to("/").into_response(),
        },
        _ => return Redirect::to("/").into_response(),
    };
    let outgoing = &task.outgoing;
    if outgoing.fields.is_empty() {
        return Redirect::to(&outgoing.url).into_response();
    }
    let content = html! {
        form method="post" action=(outgoing.url) {
            @for (name, value) in &outgoing.fields { input type="hidden" name=(name) value=(value); }
            button type="submit" autofocus { "Continue" }
        }
        script { (PreEscaped(SCRIPT)) }
    };
    page("Continue", &content)
}

async fn report_stuck(State(interactive): State<InteractiveBrowser>) -> Response {
    takes(&interactive, Brought::Stuck)
}

/// Accepts the answer that the browser delivers, and redirects it to the next request.
fn takes(interactive: &InteractiveBrowser, what: Brought) -> Response {
    // Read the number before the trial is notified: it may set the next request at once.
    let number = match &*interactive.0.now.borrow() {
        Now::Task(task) => task.number,
        Now::Waiting | Now::Over => 0,
    };
    let _ = interactive.0.bring.send(what);
    Redirect::to(&format!("/go?after={number}")).into_response()
}

async fn receive_by_query(
    State(interactive): State<InteractiveBrowser>,
    OriginalUri(uri): OriginalUri,
    Query(fields): Query<HashMap<String, String>>,
) -> Response {
    brought(&interactive, uri.path(), "HTTP-Redirect", fields)
}

async fn receive_by_form(
    State(interactive): State<InteractiveBrowser>,
    OriginalUri(uri): OriginalUri,
    Form(fields): Form<HashMap<String, String>>,
) -> Response {
    brought(&interactive, uri.path(), "HTTP-POST", fields)
}

fn brought(
    interactive: &InteractiveBrowser,
    path: &str,
    binding: &'static str,
    fields: HashMap<String, String>,
) -> Response {
    let what = Brought::Message {
        path: path.to_owned(),
        binding,
        fields,
    };
    takes(interactive, what)
}
