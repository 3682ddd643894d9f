//! Queries and their answers (RFC 7644 §3.4.2, §3.4.3).

use serde_json::{Value, json};

use crate::filter::{self, Filter};
use crate::resource::member;
use crate::{AttributePath, Error, Projection, ScimType, messages};

/// A query, by GET or by POST to `.search`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// Which resources.
    pub filter: Option<Filter>,
    /// The first one's number, from 1.
    pub start_index: usize,
    /// How many at most.
    pub count: Option<usize>,
    /// In the order of this attribute.
    pub sort_by: Option<AttributePath>,
    /// Last first.
    pub descending: bool,
    /// Which attributes.
    pub projection: Projection,
}

impl ListQuery {
    /// From the parameters of a query, looked up by name.
    ///
    /// # Errors
    /// `invalidFilter` or `invalidValue`, naming the parameter.
    pub fn parse<'v>(parameter: impl Fn(&str) -> Option<&'v str>) -> Result<Self, Error> {
        let number = |name: &str| -> Result<Option<i64>, Error> {
            let Some(text) = parameter(name) else {
                return Ok(None);
            };
            text.trim().parse().map(Some).map_err(|_| {
                Error::of(
                    ScimType::InvalidValue,
                    format!("expected {name} to be a whole number, came {text:?}"),
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
                    format!("expected sortOrder to be ascending or descending, came {text:?}"),
                ));
            }
        };
        let positive = |number: i64| usize::try_from(number).unwrap_or(0);
        Ok(Self {
            filter: parameter("filter").map(filter::parse).transpose()?,
            start_index: number("startIndex")?.map_or(1, positive).max(1),
            count: number("count")?.map(positive),
            sort_by,
            descending,
            projection: Projection::parse(
                parameter("attributes"),
                parameter("excludedAttributes"),
            )?,
        })
    }

    /// From the body of a `.search` (RFC 7644 §3.4.3).
    ///
    /// # Errors
    /// As [`ListQuery::parse`], and `invalidSyntax` when it is no search request.
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

    /// Sorts resources as asked: letter case does not matter, and those
    /// without a value come last (RFC 7644 §3.4.2.3).
    pub fn sort(&self, resources: &mut [Value]) {
        let Some(path) = &self.sort_by else {
            return;
        };
        let key = |resource: &Value| -> Option<String> {
            let holder = match &path.schema {
                Some(urn) => member(resource, urn).or(Some(resource)),
                None => Some(resource),
            };
            let value = member(holder?, &path.name)?;
            let value = match value {
                Value::Array(values) => {
                    let primary = values
                        .iter()
                        .find(|one| one["primary"] == Value::Bool(true));
                    primary.or_else(|| values.first())?
                }
                other => other,
            };
            let value = match (&path.sub, value) {
                (Some(sub), value) => member(value, sub)?,
                (None, Value::Object(_)) => member(value, "value")?,
                (None, value) => value,
            };
            Some(
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_lowercase),
            )
        };
        resources.sort_by(|a, b| match (key(a), key(b)) {
            (Some(a), Some(b)) if self.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    }
}

/// A page of resources.
#[derive(Debug, Clone, PartialEq)]
pub struct ListResponse {
    /// How many there are altogether.
    pub total_results: usize,
    /// The number of the first one here, from 1.
    pub start_index: usize,
    /// The resources.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// The message.
    pub fn to_json(&self) -> Value {
        json!({
            "schemas": [messages::LIST_RESPONSE],
            "totalResults": self.total_results,
            "startIndex": self.start_index,
            "itemsPerPage": self.resources.len(),
            "Resources": self.resources,
        })
    }
}
