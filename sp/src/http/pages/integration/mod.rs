//! The page IdP Integration (the configurator), its look-ups and its forms.
//!
//! Each form has one action; [`perform`] is the table of actions. Each calls
//! the same domain function as the JSON API and returns to the page. A refused
//! form keeps its values and shows the error next to the field.

mod paste_summary;
mod saml_step;
mod scim_issuers;
mod steps;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::super::caller::Address;
use super::super::no_store;
use super::super::problem::Problem;
use super::form::{Attempt, Posted};
use super::form_token;
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::configurator::groups::GroupEntered;
use crate::configurator::{
    self, By, ConfiguratorError, Entered, Step, StepState, Warning, application, backup_login,
    domains, groups, saml, scim, users,
};
use crate::directory::sync_log;
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::scim_log::ScimLogRow;
use crate::store::tenants::TokenRow;
use crate::store::{self, StoreError};
use crate::words::sentence;

const PAGE: &str = "/profile/business/idp_integration";

/// Paths where metadata is entered; their body limit is larger.
pub(in crate::http) const METADATA_PATHS: [&str; 2] = [
    "/profile/business/idp_integration/saml",
    "/profile/business/idp_integration/understood",
];

/// Returns the path that an action of the configurator posts to.
fn to(act: &str) -> String {
    format!("{PAGE}/{act}")
}

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route(PAGE, get(show))
        .route(&format!("{PAGE}/understood"), post(describe_pasted_text))
        .route(&format!("{PAGE}/lookup/{{domain}}"), get(look_up))
        .route(&format!("{PAGE}/{{act}}"), post(act))
}

/// The data of the page.
struct View<'a> {
    portal: &'a Portal,
    admin: &'a AdminVisitor,
    entered: Option<Entered>,
    /// E-mails that can be chosen as backup login.
    members: Vec<String>,
    /// The refused form, if any.
    attempt: Attempt,
    step: Option<Step>,
    /// A new bearer token, which is shown once.
    token: Option<String>,
    /// The valid bearer tokens.
    tokens: Vec<TokenRow>,
    /// The authorization servers whose access tokens are accepted.
    issuers: Vec<ScimIssuerRow>,
    /// The newest SCIM request.
    last_call: Option<ScimLogRow>,
    /// True if a SCIM request has ever written something.
    provisioned: bool,
    done: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    step: Option<String>,
    done: Option<String>,
}

async fn show(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(shown): Query<Shown>,
) -> Response {
    let step = step_of(shown.step.as_deref().unwrap_or_default());
    answer_with_view(&portal, &admin, Attempt::default(), step, None, shown.done).await
}

fn step_of(id: &str) -> Option<Step> {
    Step::ALL.into_iter().find(|step| step.id() == id)
}

async fn answer_with_view(
    portal: &Portal,
    admin: &AdminVisitor,
    attempt: Attempt,
    step: Option<Step>,
    token: Option<String>,
    done: Option<String>,
) -> Response {
    if !admin.visitor.integration {
        let content = html! {
            p.say.warn { "IdP Integration needs a Business Edition key with per-user licensing." }
            a.button href="/register-key" { "Register Key" }
        };
        let page = shell::page(&admin.visitor, PAGE, "IdP Integration", &content);
        return shell::answer(StatusCode::CONFLICT, page);
    }
    let read = async {
        let business_id = &admin.workspace.id;
        let calls = sync_log::list_by_business(portal, business_id, 1).await?;
        let mut db = portal.store.read().await?;
        let members = store::members::list_by_business(&mut db, business_id).await?;
        let Some(entered) = configurator::load_entered_values(&mut db, business_id).await? else {
            return Ok((None, members, Vec::new(), Vec::new(), None, false));
        };
        let entered = configurator::review(&mut db, entered).await?;
        let tokens = scim::list_tokens(portal, &mut db, &entered.tenant.id).await?;
        let issuers = configurator::scim_issuers::list(&mut db, &entered.tenant.id).await?;
        let provisioned = store::scim_log::has_write(&mut db, business_id).await?;
        let last_call = calls.into_iter().next();
        let read = (
            Some(entered),
            members,
            tokens,
            issuers,
            last_call,
            provisioned,
        );
        Ok::<_, StoreError>(read)
    };
    match read.await {
        Ok((entered, members, tokens, issuers, last_call, provisioned)) => {
            let status = attempt.status();
            let view = View {
                portal,
                admin,
                entered,
                members: members
                    .into_iter()
                    .filter(|member| member.last_login.is_some())
                    .map(|member| member.email)
                    .collect(),
                attempt,
                step,
                token,
                tokens,
                issuers,
                last_call,
                provisioned,
                done,
            };
            shell::answer(status, page(&view))
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Result of an action.
enum Came {
    /// The action was completed.
    Done,
    /// A new bearer token, to be shown once.
    Token(String),
    /// The domain's TXT record was not found.
    NotVerified,
}

/// Returns the step that an action belongs to.
fn belongs_to(act: &str) -> Option<Step> {
    Some(match act {
        "domains" | "verify" | "remove-domain" => Step::Domains,
        "application" => Step::Application,
        "groups" => Step::Groups,
        "saml" | "saml-settings" => Step::Saml,
        "scim" | "scim-token" | "end-token" | "add-issuer" | "remove-issuer" => Step::Scim,
        "users" => Step::Users,
        "backup-login" => Step::BackupLogin,
        _ => return None,
    })
}

async fn perform(
    portal: &Portal,
    by: By<'_>,
    act: &str,
    form: &Posted,
) -> Result<Came, ConfiguratorError> {
    match act {
        "start" => drop(configurator::start(portal, by).await?),
        "activate" => drop(configurator::activate(portal, by).await?),
        "deactivate" => drop(configurator::deactivate(portal, by).await?),
        "domains" => drop(domains::add(portal, by, form.get("domain")).await?),
        "verify" => {
            let row = domains::verify(portal, by, form.get("which")).await?;
            if row.status != "verified" {
                return Ok(Came::NotVerified);
            }
        }
        "remove-domain" => domains::remove(portal, by, form.get("which")).await?,
        "application" => {
            application::confirm(portal, by, form.is_ticked("done")).await?;
        }
        "groups" => {
            let group = |which: &str| GroupEntered {
                name: form.get(&format!("{which}_name")).to_owned(),
                id: form.get(&format!("{which}_id")).to_owned(),
            };
            let (admins, users) = (group("admins"), group("users"));
            groups::enter(portal, by, Some(admins), Some(users)).await?;
        }
        "saml" => drop(saml::enter(portal, by, saml_step::source(form)).await?),
        "saml-settings" => {
            saml::settle(portal, by, saml_step::settings(form)).await?;
        }
        "scim" => {
            let new = scim::NewScim {
                enabled: Some(form.is_ticked("enabled")),
                done: Some(form.is_ticked("done")),
                rules: form.given("rules").map(str::to_owned),
            };
            scim::enter(portal, by, new).await?;
        }
        "scim-token" => return Ok(Came::Token(scim::new_token(portal, by).await?)),
        "end-token" => scim::end_token(portal, by, form.get("which")).await?,
        "add-issuer" => {
            let new = scim_issuers::read_new_issuer(form);
            configurator::scim_issuers::add(portal, by, new).await?;
        }
        "remove-issuer" => {
            configurator::scim_issuers::remove(portal, by, form.get("which")).await?;
        }
        "users" => drop(users::confirm(portal, by, form.is_ticked("done")).await?),
        "backup-login" => {
            backup_login::choose(portal, by, form.get("backup_login")).await?;
        }
        _ => return Err(ConfiguratorError::NotStarted),
    }
    Ok(Came::Done)
}

async fn act(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: AdminVisitor,
    Path(act): Path<String>,
    posted: Posted,
) -> Response {
    let step = belongs_to(&act);
    if posted.is_ticked("back") {
        let attempt = Attempt {
            typed: posted,
            problem: None,
        };
        return answer_with_view(&portal, &admin, attempt, step, None, None).await;
    }
    let by = By {
        confirmed: posted.is_ticked("confirm"),
        ..admin.by(&address)
    };
    let to = |done: &str| {
        shell::onward(&match step {
            Some(step) => format!("{PAGE}?step={0}&done={done}#step-{0}", step.id()),
            None => format!("{PAGE}?done={done}"),
        })
    };
    match perform(&portal, by, &act, &posted).await {
        Ok(Came::Token(token)) => {
            answer_with_view(&portal, &admin, Attempt::default(), step, Some(token), None).await
        }
        Ok(Came::Done) => to(&act),
        Ok(Came::NotVerified) => to("not-verified"),
        Err(ConfiguratorError::ConfirmationRequired(warnings)) => shell::answer(
            StatusCode::CONFLICT,
            confirm(&admin, &act, posted, &warnings),
        ),
        Err(error) => {
            let attempt = Attempt::with_problem(posted, error);
            answer_with_view(&portal, &admin, attempt, step, None, None).await
        }
    }
}

/// Returns the page that asks for confirmation before an action with warnings.
/// It contains the same form again.
fn confirm(admin: &AdminVisitor, act: &str, posted: Posted, warnings: &[Warning]) -> Html<String> {
    let attempt = Attempt {
        typed: posted,
        problem: None,
    };
    let (title, anyway) = match act {
        "activate" => ("Activate anyway?", "Activate anyway"),
        "deactivate" => ("Deactivate anyway?", "Deactivate anyway"),
        "remove-domain" => ("Remove anyway?", "Remove anyway"),
        _ => ("Save anyway?", "Save anyway"),
    };
    let content = html! {
        div.say.warn role="alert" {
            @for warning in warnings { p { (shell::prose(&sentence(&warning.message))) } }
        }
        p { "Nothing is changed yet." }
        form method="post" action=(format!("{PAGE}/{act}")) {
            (form_token::hidden(&admin.visitor.token))
            (attempt.again())
            div.row {
                button.plain type="submit" name="back" value="1" { "Back" }
                button.danger type="submit" name="confirm" value="1" { (anyway) }
            }
        }
    };
    shell::page(&admin.visitor, PAGE, title, &content)
}

/// Describes the content of a pasted text: as a fragment for the script, or as
/// the whole page again.
async fn describe_pasted_text(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    if shell::wants_fragment(&headers) {
        let field = posted.get("field").to_owned();
        let said = paste_summary::of(&field, posted.get(&field), portal.now());
        return no_store(Html(said.into_string()));
    }
    let attempt = Attempt {
        typed: posted,
        problem: None,
    };
    answer_with_view(&portal, &admin, attempt, Some(Step::Saml), None, None).await
}

/// Looks up the TXT record for the open page. Nothing is stored.
async fn look_up(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Path(domain): Path<String>,
) -> Response {
    match domains::look(&portal, &admin.workspace.id, &domain).await {
        Ok((status, detail)) => {
            let said = html! { (shell::badge(status)) " " (detail) };
            no_store(Html(said.into_string()))
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

fn page(view: &View<'_>) -> Html<String> {
    let content = match &view.entered {
        None => html! {
            p.lead { "Let the users of your organization sign in and activate Parallels Desktop with single sign-on (SAML 2.0), and keep them in sync with your directory (SCIM 2.0)." }
            div.card {
                h2 { "Seven steps" }
                ol { @for step in Step::ALL { li { (step.title()) } } }
                p.hint { "You can stop at any time and continue later: nothing you enter is lost." }
                (view.button("start", "Start Configuring", "button"))
            }
        },
        Some(entered) => {
            let now = view.portal.now();
            let first_grey = entered.grey(now).first().copied();
            html! {
                (view.head(entered))
                @for (number, step) in Step::ALL.into_iter().enumerate() {
                    @let missing = step.list_missing_actions(entered, now);
                    @let state = entered.state(step, now);
                    @let (mark, word) = marks(state);
                    @let open = view.step == Some(step) || (view.step.is_none() && first_grey == Some(step))
                        || (view.step.is_none() && state == StepState::Amber);
                    // A section of one step: a click on its title expands it.
                    details class=(format!("step {}", state.as_str())) id=(format!("step-{}", step.id())) open[open] {
                        summary {
                            span.n aria-hidden="true" { (mark) }
                            strong { "(" (number + 1) ") " (step.title()) }
                            (shell::badge(word))
                        }
                        div {
                            @if view.step == Some(step) { (view.just_done(entered)) }
                            @if !missing.is_empty() { p.say.warn { "To make this step green: " (missing.join("; ")) "." } }
                            (warning_list(entered.warnings(step)))
                            (steps::section(view, entered, step))
                        }
                    }
                }
            }
        }
    };
    let content = html! {
        @if view.step.is_none() { (shell::done(view.done.as_deref())) (view.attempt.alert(&[])) }
        (content)
    };
    shell::page(&view.admin.visitor, PAGE, "IdP Integration", &content)
}

/// Returns the symbol and the word for the state of a step.
fn marks(state: StepState) -> (&'static str, &'static str) {
    match state {
        StepState::Green => ("✓", "Done"),
        StepState::Amber => ("!", "Check"),
        StepState::Grey => ("·", "To do"),
    }
}

/// Returns the warnings as HTML.
pub(super) fn warning_list(warnings: &[Warning]) -> Markup {
    html! {
        @for warning in warnings { p.say.warn { (shell::prose(&sentence(&warning.message))) } }
    }
}

impl View<'_> {
    /// Returns the refused form if it belongs to this step.
    fn attempt(&self, step: Step) -> Attempt {
        if self.step == Some(step) {
            self.attempt.clone()
        } else {
            Attempt::default()
        }
    }

    /// Returns the message for the completed action, or the reason why a domain is not verified.
    fn just_done(&self, entered: &Entered) -> Markup {
        let looked_up = entered
            .domains
            .iter()
            .filter(|row| row.status != "verified")
            .max_by_key(|row| row.checked);
        match looked_up {
            Some(row) if self.is_done("not-verified") => html! {
                p.say.warn role="status" { "Not verified yet: " (row.detail) "." }
            },
            _ => shell::done(self.done.as_deref()),
        }
    }

    /// True if this action was just completed.
    fn is_done(&self, act: &str) -> bool {
        self.done.as_deref() == Some(act)
    }

    fn hidden(&self) -> Markup {
        form_token::hidden(&self.admin.visitor.token)
    }

    /// Returns a form that consists of one button.
    fn button(&self, act: &str, label: &str, class: &str) -> Markup {
        html! {
            form method="post" action=(format!("{PAGE}/{act}")) {
                (self.hidden())
                button class=(class) type="submit" { (label) }
            }
        }
    }

    /// Returns the status and the button to activate or deactivate, with
    /// its consequences.
    fn head(&self, entered: &Entered) -> Markup {
        let now = self.portal.now();
        let status = entered.status(now);
        html! {
            p.lead {
                (entered.green(now)) " of 7 steps green. Status: " (shell::badge(status))
                " · " a href=(crate::refusal::PAGE) { "Sign-in problems" }
            }
            (warning_list(&entered.warnings))
            @if status == "active" {
                div.card {
                    h2 { "The integration is active" }
                    (shell::confirmation_form(&format!("{PAGE}/deactivate"), "Deactivate",
                        "Users of your domains can’t sign in with SSO or activate more devices until you activate the integration again; local users sign in with their passwords. Licenses that were granted stay, and provisioning continues.",
                        &self.hidden()))
                }
            } @else if status == "configured" {
                div.card {
                    h2 { "Ready to be activated" }
                    p { "When you activate:" }
                    ul {
                        li { "users of your verified domains sign in with SSO only" }
                        li { "members of the admins group administer this business account" }
                        li { "of the local users only the backup login, " strong { (backup_login::email_to_show(entered)) } ", can still use a password" }
                        li { "members of the users group can activate Parallels Desktop" }
                    }
                    (self.button("activate", "Activate Integration", "button"))
                }
            } @else {
                p.hint { "Activate Integration appears here when all seven steps are green." }
            }
        }
    }
}
