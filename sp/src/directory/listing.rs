//! Pages of what was asked for.

use scim::filter::{Filter, Operator};
use scim::schema::ResourceType;
use scim::{ListQuery, ListResponse};
use serde_json::Value;

use super::Result;

/// Which part of the resources goes into the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many to skip.
    pub offset: usize,
    /// How many to take.
    pub limit: usize,
}

impl Page {
    /// How many resources a page has when the client does not say.
    pub const DEFAULT: usize = 100;
    /// How many it has at most.
    pub const LARGEST: usize = 500;

    /// The page a query asks for.
    pub fn of(query: &ListQuery) -> Self {
        Self {
            offset: query.start_index - 1,
            limit: query.count.unwrap_or(Self::DEFAULT).min(Self::LARGEST),
        }
    }
}

/// The value an equality on one attribute asks for: what an index can answer.
pub(super) fn looked_up<'f>(filter: &'f Filter, of: &ResourceType) -> Option<(&'f str, &'f str)> {
    match filter {
        Filter::Compare(path, Operator::Equal, Value::String(value))
            if path.sub.is_none()
                && path
                    .schema
                    .as_deref()
                    .is_none_or(|urn| urn.eq_ignore_ascii_case(of.schema.id)) =>
        {
            Some((&path.name, value))
        }
        Filter::And(a, b) => looked_up(a, of).or_else(|| looked_up(b, of)),
        _ => None,
    }
}

/// Whether a filter speaks of an attribute.
pub(super) fn mentions(filter: &Filter, name: &str) -> bool {
    match filter {
        Filter::Or(a, b) | Filter::And(a, b) => mentions(a, name) || mentions(b, name),
        Filter::Not(inner) => mentions(inner, name),
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::ValuePath(path, _) => {
            path.name.eq_ignore_ascii_case(name)
        }
    }
}

/// Filters, sorts and cuts.
pub(super) fn chosen(
    resources: Vec<Value>,
    query: &ListQuery,
    of: &ResourceType,
) -> Result<ListResponse> {
    let mut kept = Vec::new();
    for resource in resources {
        let matches = match &query.filter {
            Some(filter) => scim::filter::matches(filter, &resource, of)?,
            None => true,
        };
        if matches {
            kept.push(resource);
        }
    }
    query.sort(&mut kept);
    let page = Page::of(query);
    Ok(ListResponse {
        total_results: kept.len(),
        start_index: query.start_index,
        resources: kept
            .into_iter()
            .skip(page.offset)
            .take(page.limit)
            .collect(),
    })
}

/// A filter must be good even where nothing is there to be filtered.
pub(super) fn proven(query: &ListQuery, of: &ResourceType) -> Result<()> {
    if let Some(filter) = &query.filter {
        scim::filter::matches(filter, &Value::Object(serde_json::Map::new()), of)?;
    }
    Ok(())
}
