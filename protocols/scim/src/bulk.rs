//! Bulk requests (RFC 7644 §3.7): several operations in one request, with references by `bulkId`
//! between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::resource::member;
use crate::{Error, ScimType, messages};

/// HTTP method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Creates a resource.
    Post,
    /// Replaces a resource.
    Put,
    /// Changes parts of a resource.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl Method {
    const ALL: [(&str, Self); 4] = [
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// Returns the name of the HTTP method.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, method)| *method == self);
        found.map_or("POST", |(name, _)| name)
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// HTTP method.
    pub method: Method,
    /// Path below the base URL: `/Users`, `/Users/{id}`, `/Users/bulkId:x`.
    pub path: String,
    /// The client's temporary id for the resource that a POST creates.
    pub bulk_id: Option<String>,
    /// Required version (entity tag) of the resource, as in If-Match.
    pub version: Option<String>,
    /// Body of the operation.
    pub data: Value,
}

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Number of errors after which the remaining operations are not processed.
    pub fail_on_errors: Option<usize>,
    /// Operations in the order of the request.
    pub operations: Vec<Operation>,
}

/// The id of each created resource, by its `bulkId`.
pub type Created = BTreeMap<String, String>;

const MARK: &str = "bulkId:";

impl Request {
    /// Reads the body of a bulk request.
    ///
    /// # Errors
    /// `invalidSyntax`; the detail names the operation by its number.
    pub fn parse(body: &Value) -> Result<Self, Error> {
        let syntax = |detail: String| Error::of(ScimType::InvalidSyntax, detail);
        let is_bulk = member(body, "schemas")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|urn| urn == messages::BULK_REQUEST));
        if !is_bulk {
            return Err(syntax(format!(
                "expected a body with schemas [\"{}\"]",
                messages::BULK_REQUEST
            )));
        }
        let fail_on_errors = match member(body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .filter(|number| *number > 0)
                    .and_then(|number| usize::try_from(number).ok())
                    .ok_or_else(|| {
                        syntax(format!(
                            "expected failOnErrors to be a number from 1, got {value}"
                        ))
                    })?,
            ),
        };
        let listed = member(body, "Operations")
            .and_then(Value::as_array)
            .ok_or_else(|| syntax("expected a list Operations".into()))?;
        let mut operations: Vec<Operation> = Vec::with_capacity(listed.len());
        for (index, one) in listed.iter().enumerate() {
            let read = operation(one)
                .map_err(|detail| syntax(format!("operation {}: {detail}", index + 1)))?;
            let is_twin = |other: &Operation| other.bulk_id == read.bulk_id;
            if read.bulk_id.is_some() && operations.iter().any(is_twin) {
                return Err(syntax(format!(
                    "operation {}: expected a bulkId that no other operation has",
                    index + 1
                )));
            }
            operations.push(read);
        }
        Ok(Self {
            fail_on_errors,
            operations,
        })
    }
}

fn operation(one: &Value) -> Result<Operation, String> {
    let text = |name: &str| match member(one, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("expected {name} to be a text, got {other}")),
    };
    let name = text("method")?.unwrap_or_default();
    let (_, method) = *Method::ALL
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        .ok_or_else(|| format!("expected the method POST, PUT, PATCH or DELETE, got {name:?}"))?;
    let path = text("path")?.ok_or("expected a path, found none")?;
    let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
    if method == Method::Post && bulk_id.is_none() {
        return Err("expected a bulkId, which every POST has, found none".into());
    }
    let data = member(one, "data").cloned().unwrap_or(Value::Null);
    if method != Method::Delete && data.is_null() {
        return Err(format!("expected data to {}, found none", method.name()));
    }
    Ok(Operation {
        method,
        path,
        bulk_id,
        version: text("version")?,
        data,
    })
}

impl Operation {
    /// Returns the `bulkId`s to which path and data refer.
    pub fn references(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        found.extend(
            self.path
                .split('/')
                .filter_map(|part| part.strip_prefix(MARK))
                .map(str::to_owned),
        );
        collect(&self.data, &mut found);
        found
    }

    /// Returns the operation with known references replaced by ids.
    #[must_use]
    pub fn resolve_references(&self, created: &Created) -> Self {
        let path: Vec<&str> = self
            .path
            .split('/')
            .map(|part| refers(part, created).unwrap_or(part))
            .collect();
        Self {
            path: path.join("/"),
            data: resolve(&self.data, created),
            ..self.clone()
        }
    }

    /// Returns the operation without references to resources that do not exist yet. Operations that
    /// refer to each other start like this.
    #[must_use]
    pub fn without_references(&self) -> Self {
        Self {
            data: prune(&self.data).unwrap_or_else(|| json!({})),
            ..self.clone()
        }
    }
}

fn refers<'c>(text: &str, created: &'c Created) -> Option<&'c str> {
    created.get(text.strip_prefix(MARK)?).map(String::as_str)
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => match text.strip_prefix(MARK) {
            Some(id) => {
                found.insert(id.to_owned());
            }
            // A reference inside the filter of a PATCH path.
            None => found.extend(
                text.split("\"bulkId:")
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .map(str::to_owned),
            ),
        },
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

fn resolve(value: &Value, created: &Created) -> Value {
    match value {
        Value::String(text) => match refers(text, created) {
            Some(id) => id.into(),
            None => {
                let mut text = text.clone();
                for (bulk_id, id) in created {
                    let quoted = format!("\"{MARK}{bulk_id}\"");
                    if text.contains(&quoted) {
                        text = text.replace(&quoted, &format!("\"{id}\""));
                    }
                }
                text.into()
            }
        },
        Value::Array(values) => values.iter().map(|value| resolve(value, created)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), resolve(value, created)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn prune(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.starts_with(MARK) => None,
        Value::Array(values) => Some(values.iter().filter_map(prune).collect()),
        Value::Object(members) => {
            let refers = |value: &Value| value.as_str().is_some_and(|text| text.starts_with(MARK));
            if members.get("value").is_some_and(refers) {
                return None;
            }
            Some(
                members
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), prune(value)?)))
                    .collect::<serde_json::Map<_, _>>()
                    .into(),
            )
        }
        other => Some(other.clone()),
    }
}

/// Result of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// HTTP method of the operation.
    pub method: Method,
    /// `bulkId` of the operation.
    pub bulk_id: Option<String>,
    /// URL of the resource; `None` if it was not created.
    pub location: Option<String>,
    /// Version (entity tag) of the resource.
    pub version: Option<String>,
    /// HTTP status of the operation.
    pub status: u16,
    /// The error, if the operation failed.
    pub error: Option<Error>,
}

impl Outcome {
    fn to_json(&self) -> Value {
        let mut one = json!({"method": self.method.name()});
        let texts = [
            ("bulkId", &self.bulk_id),
            ("location", &self.location),
            ("version", &self.version),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                one[name] = text.as_str().into();
            }
        }
        one["status"] = self.status.to_string().into();
        if let Some(error) = &self.error {
            one["response"] = error.to_json();
        }
        one
    }
}

/// Returns the BulkResponse message.
pub fn response(outcomes: &[Outcome]) -> Value {
    let told: Vec<Value> = outcomes.iter().map(Outcome::to_json).collect();
    json!({"schemas": [messages::BULK_RESPONSE], "Operations": told})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_resolved_and_left_out() {
        let body = json!({
            "schemas": [messages::BULK_REQUEST],
            "failOnErrors": 1,
            "Operations": [{
                "method": "post", "path": "/Groups", "bulkId": "g",
                "data": {"displayName": "a bulkId:x is no reference",
                         "members": [{"value": "bulkId:u1"}, {"value": "7"}]},
            }, {
                "method": "PATCH", "path": "/Groups/bulkId:g",
                "data": {"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:u2\"]"}]},
            }],
        });
        let request = Request::parse(&body).unwrap();
        let names =
            |operation: &Operation| -> Vec<String> { operation.references().into_iter().collect() };
        assert_eq!(names(&request.operations[0]), ["u1"]);
        assert_eq!(names(&request.operations[1]), ["g", "u2"]);
        let created: Created = [("g", "G"), ("u1", "U1"), ("u2", "U2")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into();
        let group = request.operations[0].resolve_references(&created);
        assert_eq!(group.data["members"][0]["value"], "U1");
        let patch = request.operations[1].resolve_references(&created);
        assert_eq!(patch.path, "/Groups/G");
        assert_eq!(
            patch.data["Operations"][0]["path"],
            "members[value eq \"U2\"]"
        );
        let begun = request.operations[0].without_references();
        assert_eq!(begun.data["members"], json!([{"value": "7"}]));
    }

    #[test]
    fn an_invalid_bulk_request_is_refused_with_the_reason() {
        let with = |operation: Value| {
            let body = json!({"schemas": [messages::BULK_REQUEST], "Operations": [operation]});
            Request::parse(&body).unwrap_err().detail
        };
        assert!(Request::parse(&json!({"Operations": []})).is_err());
        assert!(with(json!({"method": "GET", "path": "/Users"})).contains("got \"GET\""));
        assert!(with(json!({"method": "POST", "path": "/Users", "data": {}})).contains("bulkId"));
        assert!(with(json!({"method": "PUT", "path": "/Users/1"})).contains("data"));
        assert!(with(json!({"method": "DELETE"})).contains("path"));
    }
}
