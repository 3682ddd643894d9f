//! Mutants of a list with more than 10,000 users, which exist only in the answers.

use serde_json::{Value, json};

use super::super::{Mutant, Refusal, ScimAnswer, ScimRequest, answer, error, is, parameter};
use super::does;

const TOTAL: u64 = 10_500;
const LIMIT: u64 = 10_000;

/// Returns the index of a page with one of all users, if the request asks for one.
fn start_of_page(request: &ScimRequest) -> Option<u64> {
    let is_page = is(request, "GET", "/Users")
        && parameter(request, "filter").is_none()
        && parameter(request, "count").as_deref() == Some("1");
    parameter(request, "startIndex")
        .filter(|_| is_page)?
        .parse()
        .ok()
}

/// Returns a page of the large list that begins with this user.
fn page_at(start: u64, user: Option<u64>) -> ScimAnswer {
    let users = user.into_iter().filter(|it| (1..=TOTAL).contains(it));
    let users: Vec<Value> = users
        .map(|it| json!({"id": format!("of-many-{it}")}))
        .collect();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": TOTAL,
        "startIndex": start,
        "itemsPerPage": users.len(),
        "Resources": users,
    });
    answer(200, &body)
}

/// Answers pages of a large list correctly.
pub(crate) fn answer_pages(request: &ScimRequest) -> Option<ScimAnswer> {
    let start = start_of_page(request)?;
    Some(page_at(start, Some(start)))
}

/// Answers pages of a large list, and refuses those beyond the limit.
pub(crate) fn refuse_pages(request: &ScimRequest, keyword: &'static str) -> Option<ScimAnswer> {
    let start = start_of_page(request)?;
    let refusal = Refusal(400, Some(keyword), "the result window is too large".into());
    Some(match start {
        ..=LIMIT => page_at(start, Some(start)),
        _ => answer(400, &error(&refusal)),
    })
}

pub(super) const MUTANTS: &[Mutant] = &[
    does("SCIM-PAGE-17", |_, a| refuse_pages(a, "invalidValue")),
    does("SCIM-PAGE-17", |_, a| {
        let start = start_of_page(a)?;
        Some(page_at(start, Some(start).filter(|it| *it <= LIMIT)))
    }),
    // Only the last page is empty.
    does("SCIM-PAGE-17", |_, a| {
        let start = start_of_page(a)?;
        Some(page_at(start, Some(start).filter(|it| *it < TOTAL)))
    }),
    // The first user instead of an error.
    does("SCIM-PAGE-17", |_, a| {
        let start = start_of_page(a)?;
        Some(page_at(start, Some(if start > LIMIT { 1 } else { start })))
    }),
    // The last page that it can return.
    does("SCIM-PAGE-17", |_, a| {
        let start = start_of_page(a)?.min(LIMIT);
        Some(page_at(start, Some(start)))
    }),
];
