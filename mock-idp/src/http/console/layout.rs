//! The layout of every page: the head, the navigation, and the message about the last action.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use super::document::{Lost, document, mark};
use super::form::{Form, readable_name};
use super::session::Administrator;
use crate::Idp;
use crate::store::resources::{Kind, Resource};

/// The answer of a page's handler.
pub(super) type Shown = Result<Response, Lost>;

/// The place of a page in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Here {
    #[default]
    Start,
    Applications,
    Provisioning,
    Users,
    Groups,
    Populations,
    Environment,
    Certificates,
    Misbehavior,
}

/// An entry of the navigation: name, path, place.
type Entry = (&'static str, &'static str, Here);
const NAVIGATION: [(&str, &[Entry]); 3] = [
    (
        "Connections",
        &[
            ("Applications", "/applications", Here::Applications),
            ("Provisioning", "/provisioning", Here::Provisioning),
        ],
    ),
    (
        "Identities",
        &[
            ("Users", "/users", Here::Users),
            ("Groups", "/groups", Here::Groups),
            ("Populations", "/populations", Here::Populations),
        ],
    ),
    (
        "Settings",
        &[
            ("Environment Properties", "/environment", Here::Environment),
            (
                "Certificates & Key Pairs",
                "/certificates",
                Here::Certificates,
            ),
            ("Misbehavior", "/misbehavior", Here::Misbehavior),
        ],
    ),
];

/// Messages about the last action, by the value of the query parameter `done`.
const DONE: [(&str, &str); 10] = [
    ("created", "Created."),
    ("saved", "Changes saved."),
    ("deleted", "Deleted."),
    ("enabled", "Enabled."),
    ("disabled", "Disabled."),
    ("added", "Added."),
    ("removed", "Removed."),
    ("syncing", "Synchronization started."),
    ("again", "Another attempt was started."),
    (
        "renewed",
        "A new secret was created. The old one is invalid.",
    ),
];

/// The state of a request to a console page of an environment.
pub(super) struct Console {
    pub idp: Idp,
    pub env: Resource,
    who: Administrator,
    done: Option<&'static str>,
}

#[derive(Deserialize)]
struct Done {
    done: Option<String>,
}

fn done_of(parts: &Parts) -> Option<&'static str> {
    let Query(Done { done }) = Query::try_from_uri(&parts.uri).ok()?;
    let done = done?;
    DONE.iter()
        .find(|(key, _)| *key == done)
        .map(|(_, words)| *words)
}

impl FromRequestParts<Idp> for Console {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, idp: &Idp) -> Result<Self, Response> {
        let who = Administrator::from_request_parts(parts, idp).await?;
        let params = RawPathParams::from_request_parts(parts, idp)
            .await
            .map_err(IntoResponse::into_response)?;
        let id = params.iter().find(|(name, _)| *name == "env");
        let id = id.map_or("", |(_, id)| id);
        let env = idp.get("", Kind::Environment, id).await;
        Ok(Self {
            env: env.map_err(|refused| Lost(refused).into_response())?,
            idp: idp.clone(),
            done: done_of(parts),
            who,
        })
    }
}

/// The content of a page of an environment.
pub(super) struct Sheet<'s> {
    pub here: Here,
    pub title: &'s str,
    /// Parent pages in the breadcrumb: name, path within the environment.
    pub above: &'s [(&'s str, &'s str)],
    /// Buttons next to the title.
    pub actions: Markup,
    pub body: Markup,
    /// Form of the page, if there is one. If it has errors, the HTTP status is 422.
    pub form: Option<&'s Form>,
}

impl Default for Sheet<'_> {
    fn default() -> Self {
        Self {
            here: Here::Start,
            title: "",
            above: &[],
            actions: Markup::default(),
            body: Markup::default(),
            form: None,
        }
    }
}

impl Console {
    /// Returns the path of a page of the environment.
    pub(super) fn at(&self, path: &str) -> String {
        format!("/console/{}{path}", self.env.id)
    }

    /// Returns the id of the environment.
    pub(super) fn env_id(&self) -> &str {
        &self.env.id
    }

    /// Redirects to another page, which shows the message about this action.
    pub(super) fn done(&self, path: &str, what: &str) -> Response {
        debug_assert!(DONE.iter().any(|(key, _)| *key == what), "{what}");
        Redirect::to(&format!("{}?done={what}", self.at(path))).into_response()
    }

    /// Renders a form that posts to a path of the environment. The browser's own checks are
    /// off, so that the server reports all errors at once.
    pub(super) fn form(&self, path: &str, content: &Markup) -> Markup {
        html! {
            form method="post" action=(self.at(path)) novalidate { (self.token()) (content) }
        }
    }

    /// Renders such a form that can contain files.
    pub(super) fn upload(&self, path: &str, content: &Markup) -> Markup {
        html! {
            form method="post" action=(self.at(path)) enctype="multipart/form-data" novalidate {
                (self.token()) (content)
            }
        }
    }

    /// Renders a button that posts hidden fields.
    pub(super) fn button(&self, path: &str, hidden: &[(&str, &str)], button: &Markup) -> Markup {
        html! {
            form.inline method="post" action=(self.at(path)) {
                (self.token())
                @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
                (button)
            }
        }
    }

    /// Renders a switch that posts `enabled` when it is pressed.
    pub(super) fn switch(&self, path: &str, name: &str, on: bool) -> Markup {
        let wanted = if on { "false" } else { "true" };
        let state = if on { "true" } else { "false" };
        self.button(
            path,
            &[("enabled", wanted)],
            &html! {
                button.switch type="submit" role="switch" aria-checked=(state) {
                    span.visually-hidden { (name) }
                }
                span.state aria-hidden="true" { @if on { "Enabled" } @else { "Disabled" } }
            },
        )
    }

    /// Renders the button of a deletion or another action that cannot be undone. It is hidden
    /// until the user opens it and reads the warning.
    pub(super) fn deletion(&self, path: &str, name: &str, warning: &str) -> Markup {
        html! {
            details.danger {
                summary { (name) "…" }
                p { (warning) }
                (self.button(path, &[], &html! { button.destroy type="submit" { (name) } }))
            }
        }
    }

    fn token(&self) -> Markup {
        html! { input type="hidden" name="form_token" value=(self.who.form_token); }
    }

    /// Renders the page.
    pub(super) fn show(&self, sheet: &Sheet<'_>) -> Response {
        let status = match sheet.form {
            Some(form) if form.is_refused() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        };
        let content = html! {
            nav.crumbs aria-label="Breadcrumb" {
                ol {
                    li { a href=(self.at("/applications")) { (self.env.name) } }
                    @for (name, path) in sheet.above {
                        li { a href=(self.at(path)) { (name) } }
                    }
                }
            }
            div.title { h1 { (sheet.title) } (sheet.actions) }
            @if let Some(done) = self.done { p.done role="status" { (done) } }
            @if let Some(form) = sheet.form { (problems(form, &sheet.body)) }
            (sheet.body)
        };
        let title = format!("{} · {}", sheet.title, self.env.name);
        let page = html! {
            button.menu type="button" popovertarget="menu" { "Menu" }
            div.frame {
                nav.side #menu popover aria-label="Console" { (self.navigation(sheet.here)) }
                main #main tabindex="-1" { (content) }
            }
        };
        whole(status, &title, &self.who, Some(&self.env), &page)
    }

    fn navigation(&self, here: Here) -> Markup {
        html! {
            ul {
                @for (section, entries) in NAVIGATION {
                    li {
                        a.section href=(self.at(entries[0].1)) { (section) }
                        ul {
                            @for (name, path, place) in entries {
                                li {
                                    a href=(self.at(path)) aria-current=[(*place == here).then_some("page")] { (name) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the errors of a form, for the place above it. They name the fields as their labels in
/// `body` do.
pub(super) fn problems(form: &Form, body: &Markup) -> Markup {
    html! {
        @if form.is_refused() {
            div.problems role="alert" {
                h2 { "Not saved: correct these fields" }
                ul {
                    @for (field, words) in form.all_wrong() {
                        li { a href={ "#" (field) } { (name_of(field, body)) ": " (words) } }
                    }
                }
            }
        }
    }
}

/// Returns the label of a field, or its readable name if `body` has no label for it.
fn name_of(field: &str, body: &Markup) -> Markup {
    let label = format!("<label for=\"{}\">", html! { (field) }.into_string());
    let found = body
        .0
        .split_once(&label)
        .and_then(|(_, rest)| rest.split('<').next());
    match found.map(str::trim).filter(|it| !it.is_empty()) {
        Some(label) => PreEscaped(label.to_owned()),
        None => html! { (readable_name(field)) },
    }
}

/// Renders a page outside of any environment, such as the start page.
pub(super) fn desk(
    status: StatusCode,
    title: &str,
    who: &Administrator,
    actions: &Markup,
    content: &Markup,
) -> Response {
    let page = html! {
        main.desk #main tabindex="-1" { div.title { h1 { (title) } (actions) } (content) }
    };
    whole(status, title, who, None, &page)
}

fn whole(
    status: StatusCode,
    title: &str,
    who: &Administrator,
    env: Option<&Resource>,
    page: &Markup,
) -> Response {
    let body = html! {
        a.skip href="#main" { "Skip to the content" }
        header.top {
            a.brand href="/console" { (mark()) "Identity Console" }
            @if let Some(env) = env {
                a.environment href="/console" title="Choose another environment" {
                    span.visually-hidden { "Environment: " } (env.name)
                }
            }
            form.inline method="post" action="/console/sign-off" {
                input type="hidden" name="form_token" value=(who.form_token);
                button.quiet type="submit" { "Sign Off" }
            }
        }
        (page)
    };
    document(status, title, &body)
}
