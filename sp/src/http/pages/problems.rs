//! The page Sign-in problems: why users were refused, for administrators.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::no_store;
use super::super::problem::Problem;
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::refusal::{self, PAGE, Page};

const TITLE: &str = "Sign-in problems";

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route(PAGE, get(list))
        .route(&format!("{PAGE}/{{reference}}"), get(show_problem))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    page: Option<String>,
}

async fn list(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(asked): Query<Asked>,
) -> Response {
    let search = asked.q.trim().to_owned();
    let number = asked.page.and_then(|page| page.parse().ok()).unwrap_or(1);
    let business_id = &admin.workspace.id;
    let read = async {
        // A complete reference number also finds the refusal of a domain that
        // belongs to no business account, which no list contains.
        if search.to_uppercase().starts_with("R-")
            && let Some(found) = refusal::find_by_reference(&portal, business_id, &search).await?
        {
            return Ok(Err(found));
        }
        let query = refusal::Query {
            search: search.clone(),
            page: number,
        };
        refusal::list(&portal, business_id, &query).await.map(Ok)
    };
    let page = match read.await {
        Ok(Ok(page)) => page,
        Ok(Err(found)) => return shell::onward(&refusal::path(&found.reference)),
        Err(error) => return Problem::from(error).into_response(),
    };
    let days = portal.config.sign_in_problems_age.as_hours() / 24;
    let content = html! {
        p.lead {
            "Refused sign-ins: who, why, and what to do. Each refused user sees a reference number like "
            code { "R-0123456789" } ". The newest "
            (portal.config.sign_in_problems_kept) " problems are kept, for " (days) " days."
        }
        (search_form(&search))
        @if page.problems.is_empty() { (empty_list(&search, days)) } @else { (table(&page)) (pager(&page, &search)) }
    };
    no_store(shell::page(&admin.visitor, PAGE, TITLE, &content))
}

fn search_form(search: &str) -> Markup {
    html! {
        form.filters method="get" action=(PAGE) role="search" {
            div {
                label for="q" { "Reference, e-mail address or code" }
                input id="q" name="q" type="search" value=(search) autocomplete="off" spellcheck="false";
            }
            button.plain type="submit" { "Search" }
            @if !search.is_empty() { a href=(PAGE) { "Show all" } }
        }
    }
}

fn empty_list(search: &str, days: i64) -> Markup {
    html! {
        div.card {
            @if search.is_empty() {
                p { "No user was refused in the last " (days) " days. When a user can’t sign in or activate Parallels Desktop, the reason and what to do about it appear here." }
            } @else {
                p { "No sign-in problem matches " strong { (search) } "." }
                p.hint { "Check the reference letter by letter. A problem of an address whose domain isn’t in step 1 is found only by its whole reference." }
            }
        }
    }
}

fn table(page: &Page) -> Markup {
    html! {
        div.card.scroll tabindex="0" role="region" aria-label=(TITLE) {
            table.stack.problems {
                caption { (page.total) @if page.total == 1 { " problem" } @else { " problems" } ", the newest first" }
                thead { tr { th { "When" } th { "Who" } th { "Why" } th { "What to do" } th { "Reference" } } }
                tbody { @for problem in &page.problems { tr {
                    td { (shell::instant(problem.at)) }
                    td data-name="Who" { (who(problem)) br; span.hint { (problem.flow.label()) } }
                    td data-name="Why" { code { (problem.code) } p.reason { (shell::prose(reason(problem))) } }
                    td data-name="What to do" { (shell::prose(&problem.remedy)) " " a href=(problem.place.path()) { (problem.place.label()) } }
                    td data-name="Reference" { a href=(refusal::path(&problem.reference)) { code { (problem.reference) } } }
                } } }
            }
        }
    }
}

/// Returns the reason without the code, which the page shows above it.
fn reason(problem: &refusal::Problem) -> &str {
    let private = problem.private.as_str();
    let without = private.strip_prefix(problem.code.as_str());
    let without = without.and_then(|rest| rest.strip_prefix(": "));
    without.unwrap_or(private)
}

fn who(problem: &refusal::Problem) -> Markup {
    html! {
        @match &problem.who {
            Some(who) => {
                (who)
                @if !problem.who_verified { " " span.badge.amber { "not verified" } }
            }
            None => "unknown",
        }
    }
}

fn pager(page: &Page, search: &str) -> Markup {
    let to = |number: i64| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", search)
            .append_pair("page", &number.to_string())
            .finish();
        format!("{PAGE}?{query}")
    };
    html! {
        @if page.pages > 1 {
            nav.row aria-label="Pages" {
                @if page.number > 1 { a.button.plain.small rel="prev" href=(to(page.number - 1)) { "Newer" } }
                span { "Page " (page.number) " of " (page.pages) }
                @if page.number < page.pages { a.button.plain.small rel="next" href=(to(page.number + 1)) { "Older" } }
            }
        }
    }
}

async fn show_problem(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Path(reference): Path<String>,
) -> Response {
    let problem = match refusal::find_by_reference(&portal, &admin.workspace.id, &reference).await {
        Ok(Some(problem)) => problem,
        Ok(None) => {
            let content = html! {
                p { "There is no sign-in problem " code { (reference) } " of " strong { (admin.workspace.name) } "." }
                p.hint { "It may be older than the portal keeps, or belong to another business account: choose another workspace above, if you have one." }
                a.button.plain href=(PAGE) { "All sign-in problems" }
            };
            let page = shell::page(&admin.visitor, PAGE, TITLE, &content);
            return shell::answer(StatusCode::NOT_FOUND, page);
        }
        Err(error) => return Problem::from(error).into_response(),
    };
    let content = html! {
        p { a href=(PAGE) { "← All sign-in problems" } }
        div.card {
            h2 { "Why" }
            p { code { (problem.code) } }
            p.reason { (shell::prose(reason(&problem))) }
            h3 { "What to do" }
            p { (shell::prose(&problem.remedy)) }
            p { a.button.plain href=(problem.place.path()) { (problem.place.label()) } }
        }
        div.card {
            h2 { "What is known" }
            dl.facts {
                dt { "When" } dd { (shell::instant(problem.at)) }
                dt { "Who" } dd { (who(&problem)) }
                dt { "Attempted" } dd { (problem.flow.label()) }
                @if let Some(domain) = &problem.domain { dt { "Domain" } dd { (domain) } }
                @if !problem.address.is_empty() { dt { "Network address" } dd { (problem.address) } }
                dt { "Text shown to the user" } dd { (shell::prose(&problem.public)) }
            }
            @if !problem.facts.is_empty() {
                h3 { "The identity provider’s message" }
                @if problem.facts.iter().any(|fact| !fact.verified) {
                    p.hint { "Values marked “not verified” are from a message whose signature the portal did not accept: anybody may have written them." }
                }
                dl.facts {
                    @for fact in &problem.facts {
                        dt { (fact.name) }
                        dd {
                            (fact.value)
                            @if !fact.verified { " " span.badge.amber { "not verified" } }
                        }
                    }
                }
            }
        }
        p.hint { "The " a href="/audit" { "Audit Log" } " contains it as “Sign-in refused”." }
    };
    let title = format!("Sign-in problem {}", problem.reference);
    no_store(shell::page(&admin.visitor, PAGE, &title, &content))
}
