//! What every page has around it: the head, the navigation, what was just done.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::document::{Lost, document, mark};
use super::form::{Form, spoken};
use super::session::Administrator;
use crate::Idp;
use crate::store::resources::{Kind, Resource};

/// What a page is answered with.
pub(super) type Shown = Result<Response, Lost>;

/// Where a page stands in the navigation.
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

/// Sections of the navigation with their pages: name, path, place.
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

/// What was done just before: a page is told by `?done=…`.
const DONE: [(&str, &str); 10] = [
    ("created", "Created."),
    ("saved", "Changes saved."),
    ("deleted", "Deleted."),
    ("enabled", "Enabled."),
    ("disabled", "Disabled."),
    ("added", "Added."),
    ("removed", "Removed."),
    ("syncing", "Synchronization started."),
    ("again", "Another attempt is under way."),
    ("renewed", "There is a new secret. The former one is over."),
];

/// The console with an environment chosen.
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

/// A page within an environment.
pub(super) struct Sheet<'s> {
    pub here: Here,
    pub title: &'s str,
    /// The pages above this one: name, path within the environment.
    pub above: &'s [(&'s str, &'s str)],
    /// Beside the title.
    pub actions: Markup,
    pub body: Markup,
    /// The form on it, when there is one: refused, the page's status says so.
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
    /// An address within the environment.
    pub(super) fn at(&self, path: &str) -> String {
        format!("/console/{}{path}", self.env.id)
    }

    /// The environment's id.
    pub(super) fn env_id(&self) -> &str {
        &self.env.id
    }

    /// To another page, which says what was done.
    pub(super) fn done(&self, path: &str, what: &str) -> Response {
        debug_assert!(DONE.iter().any(|(key, _)| *key == what), "{what}");
        Redirect::to(&format!("{}?done={what}", self.at(path))).into_response()
    }

    /// A form that posts to a path of the environment. The browser's own
    /// checks are off: the server says everything that is wrong at once.
    pub(super) fn form(&self, path: &str, content: &Markup) -> Markup {
        html! {
            form method="post" action=(self.at(path)) novalidate { (self.token()) (content) }
        }
    }

    /// The same with files.
    pub(super) fn upload(&self, path: &str, content: &Markup) -> Markup {
        html! {
            form method="post" action=(self.at(path)) enctype="multipart/form-data" novalidate {
                (self.token()) (content)
            }
        }
    }

    /// One button that posts fields nobody sees.
    pub(super) fn button(&self, path: &str, hidden: &[(&str, &str)], button: &Markup) -> Markup {
        html! {
            form.inline method="post" action=(self.at(path)) {
                (self.token())
                @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
                (button)
            }
        }
    }

    /// A switch that is a form of its own: pressed, it posts `enabled`.
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

    /// A deletion, or what can be undone as little, behind a disclosure that says
    /// what it does.
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

    /// The page.
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
            @if let Some(form) = sheet.form { (problems(form)) }
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

/// What was wrong with a form, before it.
pub(super) fn problems(form: &Form) -> Markup {
    html! {
        @if form.is_refused() {
            div.problems role="alert" {
                h2 { "Nothing was saved yet" }
                ul {
                    @for (field, words) in form.all_wrong() {
                        li { a href={ "#" (field) } { (spoken(field)) ": " (words) } }
                    }
                }
            }
        }
    }
}

/// The start page's kind of page: signed on, no environment chosen.
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
