//! Searches users and groups in one request (RFC 7644 §3.4.3). The answer lists
//! users first; each type is sorted as requested.

use axum::extract::State;
use scim::{ListQuery, ListResponse};

use super::answer::{Outcome, list_response};
use super::body::Json;
use super::caller::Caller;
use crate::Portal;
use crate::configurator::scim::ScimAccess;
use crate::directory::{DirectoryError, Page, groups, users};

/// Prefix of a cursor that points into the groups.
const GROUPS: &str = "groups.";

pub(super) async fn search_all(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Json(body, _): Json,
) -> Outcome {
    let query = ListQuery::from_search(&body)?;
    let found = match &query.cursor {
        None => search_by_index(&portal, &access, &query).await?,
        Some(cursor) => search_by_cursor(&portal, &access, &query, cursor).await?,
    };
    Ok(list_response(&found))
}

type Kinds = (Option<ListResponse>, Option<ListResponse>);

/// Combines the results for both types. A filter on an attribute that only one
/// type has matches nothing of the other; a filter that is invalid for both
/// types is an error.
fn either(
    users: Result<ListResponse, DirectoryError>,
    groups: Result<ListResponse, DirectoryError>,
) -> Result<Kinds, DirectoryError> {
    let known = |listed| match listed {
        Ok(listed) => Ok(Ok(listed)),
        Err(DirectoryError::Scim(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    };
    match (known(users)?, known(groups)?) {
        (Err(error), Err(_)) => Err(error.into()),
        (users, groups) => Ok((users.ok(), groups.ok())),
    }
}

fn total(listed: Option<&ListResponse>) -> usize {
    listed.map_or(0, |listed| listed.total_results)
}

async fn search_by_index(
    portal: &Portal,
    access: &ScimAccess,
    query: &ListQuery,
) -> Result<ListResponse, DirectoryError> {
    let page = Page::of(query);
    let users = users::list(portal, access, query).await;
    let (before, taken) = match &users {
        Ok(users) => (users.total_results, users.resources.len()),
        Err(_) => (0, 0),
    };
    let rest = ListQuery {
        start_index: page.offset.saturating_sub(before) + 1,
        count: Some(page.limit - taken),
        ..query.clone()
    };
    let groups = groups::list(portal, access, &rest).await;
    let (users, groups) = either(users, groups)?;
    let total_results = total(users.as_ref()) + total(groups.as_ref());
    let resources = [users, groups].into_iter().flatten();
    Ok(ListResponse {
        total_results,
        start_index: Some(query.start_index),
        next_cursor: None,
        resources: resources.flat_map(|listed| listed.resources).collect(),
    })
}

async fn search_by_cursor(
    portal: &Portal,
    access: &ScimAccess,
    query: &ListQuery,
    cursor: &str,
) -> Result<ListResponse, DirectoryError> {
    let none = ListQuery {
        cursor: None,
        count: Some(0),
        ..query.clone()
    };
    let at = |cursor: &str| ListQuery {
        cursor: Some(cursor.to_owned()),
        ..query.clone()
    };
    let among_groups = cursor.strip_prefix(GROUPS);
    let (users, groups) = match among_groups {
        None => (
            users::list(portal, access, &at(cursor)).await,
            groups::list(portal, access, &none).await,
        ),
        Some(rest) => (
            users::list(portal, access, &none).await,
            groups::list(portal, access, &at(rest)).await,
        ),
    };
    let (users, groups) = either(users, groups)?;
    let total_results = total(users.as_ref()) + total(groups.as_ref());
    let some_groups = total(groups.as_ref()) > 0;
    let page = if among_groups.is_some() {
        groups
    } else {
        users
    };
    let (resources, next) = page.map_or((Vec::new(), None), |page| {
        (page.resources, page.next_cursor)
    });
    let next_cursor = match (among_groups, next) {
        (Some(_), next) => next.map(|next| format!("{GROUPS}{next}")),
        // After the last page of users, continue with the groups.
        (None, None) if some_groups => Some(GROUPS.to_owned()),
        (None, next) => next,
    };
    Ok(ListResponse {
        total_results,
        start_index: None,
        next_cursor,
        resources,
    })
}
