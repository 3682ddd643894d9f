//! The frame of all pages (head, navigation, workspace selector), and small
//! parts that pages share.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::super::caller::{SESSION, cookie};
use super::super::no_store;
use super::super::problem::Problem;
use super::assets::{SCRIPT_AT, STYLE_AT};
use super::form_token;
use crate::Portal;
use crate::accounts::{self, Role, Who, Workspace};
use crate::configurator::By;
use crate::refusal;
use crate::store::{self, StoreError};
use crate::words;

/// Request header with which a page's script requests a fragment of a page.
const FRAGMENT: &str = "x-fragment";

/// True if a page's script requests a fragment.
pub(super) fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key(FRAGMENT)
}

/// Returns an HTML document. `access` describes what the user may see; the
/// script compares it with `/session/access`.
fn document(title: &str, access: Option<&str>, body: &Markup) -> Html<String> {
    Html(
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – My Account" }
                    link rel="stylesheet" href=(STYLE_AT.as_str());
                    script src=(SCRIPT_AT.as_str()) defer {}
                }
                body data-access=[access] {
                    (body)
                    @if let Some(url) = ambient::simulation_link() {
                        footer.simulation { a href=(url) { (ambient::SIMULATION_LINK_TEXT) } }
                    }
                }
            }
        }
        .into_string(),
    )
}

/// Returns a page for users who are not logged in.
pub(super) fn alone(title: &str, content: &Markup) -> Html<String> {
    document(
        title,
        None,
        &html! {
            header.top { a.brand href="/" { "My Account" } }
            main.alone { div.card { h1 { (title) } (content) } }
        },
    )
}

/// Returns a page with one message.
pub(in crate::http) fn message(title: &str, text: &str) -> Html<String> {
    message_with_link(title, text, ("/dashboard", "To the dashboard"))
}

/// Returns the page after a logout.
pub(in crate::http) fn farewell(title: &str, text: &str) -> Html<String> {
    message_with_link(title, text, ("/login", "Sign in again"))
}

fn message_with_link(title: &str, text: &str, (to, words): (&str, &str)) -> Html<String> {
    alone(
        title,
        &html! { p { (text) } p { a.button.plain href=(to) { (words) } } },
    )
}

/// The logged-in user who requests a page.
pub(super) struct Visitor {
    pub(super) who: Who,
    /// Form token for the page.
    pub(super) token: String,
    /// True if the user is an administrator of a business account that has the
    /// page IdP Integration.
    pub(super) integration: bool,
}

impl Visitor {
    /// Returns a text that changes whenever the user's access changes.
    fn access_fingerprint(&self) -> String {
        match self.who.workspace() {
            Some(workspace) => format!("{} of {}", workspace.role.as_str(), workspace.id),
            None => "of nothing".to_owned(),
        }
    }

    /// Returns the selected business account if the user is its administrator.
    pub(super) fn admin_of(&self) -> Option<&Workspace> {
        self.who
            .workspace()
            .filter(|workspace| workspace.role == Role::Admin)
    }
}

impl axum::extract::FromRequestParts<Portal> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        portal: &Portal,
    ) -> Result<Self, Response> {
        match find_visitor(portal, &parts.headers).await {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) if wants_fragment(&parts.headers) => Err(session_over()),
            // An administrator may have received the link to a problem: return
            // to it after the login.
            Ok(None) if parts.uri.path().starts_with(refusal::PAGE) => {
                let to = parts.uri.path().replace(['?', '&', '#', '%'], "");
                Err(no_store(Redirect::to(&format!("/login?return_to={to}"))))
            }
            Ok(None) => Err(no_store(Redirect::to("/login"))),
            Err(error) => Err(Problem::from(error).into_response()),
        }
    }
}

async fn find_visitor(portal: &Portal, headers: &HeaderMap) -> Result<Option<Visitor>, StoreError> {
    let Some(cookie) = cookie(headers, SESSION) else {
        return Ok(None);
    };
    let who = if wants_fragment(headers) {
        accounts::find_session_user(portal, cookie).await?
    } else {
        accounts::use_session(portal, cookie).await?
    };
    let Some(who) = who else {
        return Ok(None);
    };
    let integration = match who.workspace() {
        Some(workspace) if workspace.role == Role::Admin => {
            let mut db = portal.store.read().await?;
            store::subscriptions::has_per_user(&mut db, &workspace.id).await?
        }
        _ => false,
    };
    Ok(Some(Visitor {
        who,
        token: form_token::token_of(cookie),
        integration,
    }))
}

/// Returns 401, on which the script reloads the page.
fn session_over() -> Response {
    no_store(StatusCode::UNAUTHORIZED)
}

/// `/session/access`: the script of an open page requests it to reload the
/// page when the user has lost the session or access rights.
pub(super) async fn show_access(visitor: Visitor) -> Response {
    no_store(visitor.access_fingerprint())
}

/// An administrator of the selected business account. Other users get a page
/// that says why they have no access.
pub(super) struct AdminVisitor {
    pub(super) visitor: Visitor,
    pub(super) workspace: Workspace,
}

impl AdminVisitor {
    pub(super) fn by<'a>(&'a self, address: &'a str) -> By<'a> {
        By {
            business_id: &self.workspace.id,
            actor: self.visitor.who.email(),
            address,
            who: Some(&self.visitor.who),
            confirmed: false,
        }
    }
}

impl axum::extract::FromRequestParts<Portal> for AdminVisitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        portal: &Portal,
    ) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, portal).await?;
        if let Some(workspace) = visitor.admin_of().cloned() {
            return Ok(Self { visitor, workspace });
        }
        if wants_fragment(&parts.headers) {
            return Err(session_over());
        }
        let content = match visitor.who.workspace() {
            Some(workspace) => html! {
                p { "Only administrators of " strong { (workspace.name) } " have access to this page. Ask one of them." }
            },
            None => html! {
                p { "You have no business account yet." }
                p { a.button href="/register-key" { "Register Key" } }
            },
        };
        let page = page(&visitor, "", "Only for administrators", &content);
        Err(no_store((StatusCode::FORBIDDEN, page)))
    }
}

/// Returns the entries of the menu.
fn menu(visitor: &Visitor) -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let mut menu = vec![(
        "My Account",
        vec![
            ("/dashboard", "Dashboard"),
            ("/register-key", "Register Key"),
        ],
    )];
    if visitor.admin_of().is_some() {
        let mut profile = vec![
            ("/profile/business/general", "Business Profile"),
            ("/profile/business/users", "Users"),
        ];
        // The menu item IdP Integration becomes available as soon as a per-user license key is
        // registered.
        if visitor.integration {
            profile.push(("/profile/business/idp_integration", "IdP Integration"));
            profile.push((refusal::PAGE, "Sign-in problems"));
        }
        menu.push(("Business account", profile));
        menu.push((
            "Product",
            vec![
                ("/subscriptions", "Subscriptions"),
                ("/licenses", "Licenses"),
                ("/audit", "Audit Log"),
                ("/scim-log", "SCIM Sync Log"),
            ],
        ));
    }
    menu
}

/// Returns a page for logged-in users; `at` is its path in the menu.
pub(super) fn page(visitor: &Visitor, at: &str, title: &str, content: &Markup) -> Html<String> {
    let who = &visitor.who;
    let selected = who.workspace().map(|workspace| workspace.id.as_str());
    document(
        title,
        Some(&visitor.access_fingerprint()),
        &html! {
            a.skip href="#content" { "Skip to the content" }
            header.top {
                a.brand href="/dashboard" { "My Account" }
                button.menu.plain.small type="button" popovertarget="menu" { "Menu" }
                @if !who.workspaces.is_empty() {
                    form method="post" action="/workspace" {
                        (form_token::hidden(&visitor.token))
                        label.badge for="workspace" { "Workspace" }
                        select id="workspace" name="workspace" data-submit {
                            @for workspace in &who.workspaces {
                                option value=(workspace.id) selected[selected == Some(&workspace.id)] { (workspace.name) }
                            }
                        }
                        button.plain.small.nojs type="submit" { "Switch" }
                    }
                }
                div.account {
                    span { (who.email()) }
                    form method="post" action="/logout" {
                        (form_token::hidden(&visitor.token))
                        button.plain.small type="submit" { "Sign Out" }
                    }
                }
            }
            div.frame {
                nav.main #menu popover aria-label="Main menu" {
                    @for (heading, entries) in menu(visitor) {
                        h2 { (heading) }
                        ul { @for (to, name) in entries {
                            li { a href=(to) aria-current=[(at == to).then_some("page")] { (name) } }
                        } }
                    }
                }
                main id="content" { h1 { (title) } (content) }
            }
        },
    )
}

/// Returns the message for the action that was just completed.
pub(super) fn done(code: Option<&str>) -> Markup {
    let text = match code.unwrap_or_default() {
        "registered-key" => "The license key is registered.",
        "registered" => "Your account is registered. Sign in with it.",
        "member-added" => "The user was added. They can sign in with this e-mail address.",
        "subscription-changed" => "The subscription is changed.",
        "device-released" => "The device is released. The user can activate another one.",
        "start" => "The configuration has started. Begin with step 1.",
        "domains" => "The domain is added. Now add its TXT record.",
        "verify" => "The domain is verified.",
        "end-token" => "The token no longer works.",
        "add-issuer" => "The SCIM endpoint accepts its access tokens.",
        "remove-issuer" => "Its access tokens no longer work.",
        "remove-domain" => "The domain is removed.",
        "activate" => "The integration is active: users of your domains sign in with SSO.",
        "deactivate" => "The integration is no longer active.",
        "signed-out-everywhere" => "All sessions of this account have ended.",
        "" => return html! {},
        _ => "Saved.",
    };
    html! { p.say.good role="status" { (text) } }
}

/// Returns a text in which backticks mark names and values.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Returns a read-only value with a button to copy it.
pub(super) fn copyable(id: &str, label: &str, value: &str) -> Markup {
    html! {
        dl.given {
            dt { (label) }
            dd.copy {
                code id=(id) { (value) }
                button.plain.small.js-only type="button" data-copy=(id) aria-label=(format!("Copy {label}")) { "Copy" }
            }
        }
    }
}

/// Returns a form for an irreversible action. It is hidden until the user opens
/// it, and names the consequence. `fields` are its hidden fields.
pub(super) fn confirmation_form(
    to: &str,
    label: &str,
    consequence: &str,
    fields: &Markup,
) -> Markup {
    html! {
        details.confirm {
            summary.button.plain.small { (label) "…" }
            div {
                p { (consequence) }
                form method="post" action=(to) {
                    (fields)
                    button.danger.small type="submit" { (label) }
                }
            }
        }
    }
}

/// Returns a word as a colored badge.
pub(super) fn badge(word: &str) -> Markup {
    let color = match word {
        "active" | "verified" | "green" | "Done" => "green",
        "disabled" | "failed" | "expired" | "cancelled" => "red",
        "pending" | "timed-out" | "in-grace" | "not-started" | "Check" => "amber",
        _ => "",
    };
    html! { span class=(format!("badge {color}")) { (word) } }
}

/// Returns a timestamp to the minute.
pub(super) fn instant(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (words::moment(at)) } }
}

/// Returns the page with this status.
pub(super) fn answer(status: StatusCode, page: Html<String>) -> Response {
    no_store((status, page))
}

/// Redirects to the page that shows the result.
pub(super) fn onward(to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
