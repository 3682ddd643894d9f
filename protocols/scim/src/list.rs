//! Queries and list answers (RFC 7644 §3.4.2, §3.4.3).

use serde_json::Value;

use crate::filter::{self, Filter};
use crate::resource::member;
use crate::{AttributePath, Error, Projection, ScimType, messages};

/// A query, by GET or by POST to `.search`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// Filter for the resources.
    pub filter: Option<Filter>,
    /// Position of the first resource of the page, from 1.
    pub start_index: usize,
    /// Largest number of resources on the page.
    pub count: Option<usize>,
    /// Start of the page for cursor pagination (RFC 9865); an empty text means the first page.
    pub cursor: Option<String>,
    /// Attribute to sort by.
    pub sort_by: Option<AttributePath>,
    /// True to sort in descending order.
    pub descending: bool,
    /// Attributes to return.
    pub projection: Projection,
}

impl ListQuery {
    /// Reads the query parameters, which `parameter` returns by name.
    ///
    /// # Errors
    /// `invalidFilter` or `invalidValue`; the detail names the parameter.
    pub fn parse<'v>(parameter: impl Fn(&str) -> Option<&'v str>) -> Result<Self, Error> {
        let number = |name: &str| -> Result<Option<i64>, Error> {
            let Some(text) = parameter(name) else {
                return Ok(None);
            };
            text.trim().parse().map(Some).map_err(|_| {
                Error::of(
                    ScimType::InvalidValue,
                    format!("expected {name} to be a whole number, got {text:?}"),
                )
            })
        };
        let sort_by =
            match parameter("sortBy") {
                None => None,
                Some(text) => Some(AttributePath::parse(text).map_err(|detail| {
                    Error::of(ScimType::InvalidPath, format!("sortBy: {detail}"))
                })?),
            };
        let descending = match parameter("sortOrder") {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("ascending") => false,
            Some(text) if text.eq_ignore_ascii_case("descending") => true,
            Some(text) => {
                return Err(Error::of(
                    ScimType::InvalidValue,
                    format!("expected sortOrder to be ascending or descending, got {text:?}"),
                ));
            }
        };
        let positive = |number: i64| usize::try_from(number).unwrap_or(0);
        let cursor = parameter("cursor").map(str::to_owned);
        if cursor.is_some() && parameter("startIndex").is_some() {
            return Err(Error::of(
                ScimType::InvalidValue,
                "expected startIndex or cursor, got both: a query pages one way or the other",
            ));
        }
        Ok(Self {
            cursor,
            filter: parameter("filter").map(filter::parse).transpose()?,
            start_index: number("startIndex")?.map_or(1, positive).max(1),
            count: number("count")
                .map_err(|error| match parameter("cursor") {
                    Some(_) => Error::of(ScimType::InvalidCount, error.detail),
                    None => error,
                })?
                .map(positive),
            sort_by,
            descending,
            projection: Projection::parse(
                parameter("attributes"),
                parameter("excludedAttributes"),
            )?,
        })
    }

    /// Reads the body of a `.search` request (RFC 7644 §3.4.3).
    ///
    /// # Errors
    /// As [`ListQuery::parse`], and `invalidSyntax` when it is not a SearchRequest.
    pub fn from_search(body: &Value) -> Result<Self, Error> {
        let is_search = member(body, "schemas")
            .and_then(Value::as_array)
            .is_some_and(|all| all.contains(&messages::SEARCH_REQUEST.into()));
        if !is_search {
            return Err(Error::of(
                ScimType::InvalidSyntax,
                format!(
                    "expected a body with schemas [\"{}\"]",
                    messages::SEARCH_REQUEST
                ),
            ));
        }
        let texts: Vec<(&str, String)> = [
            "filter",
            "startIndex",
            "count",
            "cursor",
            "sortBy",
            "sortOrder",
            "attributes",
            "excludedAttributes",
        ]
        .into_iter()
        .filter_map(|name| {
            let text = match member(body, name)? {
                Value::String(text) => text.clone(),
                Value::Array(names) => {
                    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                    names.join(",")
                }
                Value::Null => return None,
                other => other.to_string(),
            };
            Some((name, text))
        })
        .collect();
        Self::parse(|name| {
            texts
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| text.as_str())
        })
    }
}

/// A page of resources.
#[derive(Debug, Clone, PartialEq)]
pub struct ListResponse {
    /// Number of resources on all pages.
    pub total_results: usize,
    /// Position of the first resource of this page, from 1; `None` for cursor pagination (RFC 9865
    /// §2.1).
    pub start_index: Option<usize>,
    /// Cursor of the next page, for cursor pagination.
    pub next_cursor: Option<String>,
    /// The resources, each as JSON text.
    pub resources: Vec<String>,
}

impl ListResponse {
    /// Returns the ListResponse message as JSON text. The resources are inserted unchanged.
    pub fn to_text(&self) -> String {
        use std::fmt::Write as _;
        let length: usize = self.resources.iter().map(|one| one.len() + 1).sum();
        let mut text = String::with_capacity(length + 256);
        let _ = write!(
            text,
            r#"{{"schemas":["{}"],"totalResults":{}"#,
            messages::LIST_RESPONSE,
            self.total_results
        );
        if let Some(start) = self.start_index {
            let _ = write!(text, r#","startIndex":{start}"#);
        }
        if let Some(cursor) = &self.next_cursor {
            let _ = write!(text, r#","nextCursor":{}"#, Value::from(cursor.as_str()));
        }
        let _ = write!(
            text,
            r#","itemsPerPage":{},"Resources":["#,
            self.resources.len()
        );
        for (number, resource) in self.resources.iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            text.push_str(resource);
        }
        text.push_str("]}");
        text
    }
}
