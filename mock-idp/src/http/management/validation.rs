//! Holds the bodies of requests against the schemas of the OpenAPI document,
//! before a handler stores them: what the document calls a text is a text.
//!
//! Types only. Which members are required, and which values a text may have,
//! is the handlers' to say: they know the value from before.

use std::sync::LazyLock;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::super::LARGEST_BODY;
use super::hal::Problem;
use super::openapi;
use super::route::{Route, Said};
use crate::refusal::Refused;

static SCHEMAS: LazyLock<Value> = LazyLock::new(openapi::schemas);

/// The schema that a route's bodies are held against: for a PATCH, whose body
/// is a part of a resource, that of the resource.
pub(super) fn schema_of(route: &Route) -> Option<&'static str> {
    match (route.takes?, &route.method, route.said) {
        ("Partial", &Method::PATCH, Said::One(schema)) => Some(schema),
        (schema, _, _) => Some(schema),
    }
}

pub(super) async fn check(
    State(schema): State<&'static str>,
    request: Request,
    next: Next,
) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.contains("json") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        let text = format!("The body is longer than {LARGEST_BODY} bytes, or broke off.");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Problem::new(status, "REQUEST_TOO_LARGE", text).into_response();
    };
    // What is no JSON is the handler's to refuse.
    if let Ok(value) = serde_json::from_slice(&bytes)
        && let Err(refused) = agrees(&value, &SCHEMAS[schema], "")
    {
        return Problem::from(refused).into_response();
    }
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

/// Whether a value has the schema's type; `place` names it for the error. `null`
/// stands for a member that is absent.
fn agrees(value: &Value, schema: &Value, place: &str) -> Result<(), Refused> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return agrees(value, &SCHEMAS[name], place);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let mut outcomes = any.iter().map(|one| agrees(value, one, place));
        if outcomes.any(|outcome| outcome.is_ok()) {
            return Ok(());
        }
        let types: Vec<&str> = any.iter().filter_map(|one| one["type"].as_str()).collect();
        return Err(wrong(&types.join(" or "), value, place));
    }
    let Some(expected) = schema["type"].as_str() else {
        return Ok(());
    };
    let is_right = match expected {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !is_right {
        return Err(wrong(expected, value, place));
    }
    for item in value.as_array().into_iter().flatten() {
        agrees(item, &schema["items"], place)?;
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let known = &schema["properties"][name];
        // The server ignores what it writes itself.
        if known["readOnly"] == true {
            continue;
        }
        let schema = if known.is_null() {
            &schema["additionalProperties"]
        } else {
            known
        };
        let place = match place {
            "" => name.clone(),
            place => format!("{place}.{name}"),
        };
        agrees(member, schema, &place)?;
    }
    Ok(())
}

fn wrong(expected: &str, value: &Value, place: &str) -> Refused {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let place = if place.is_empty() { "body" } else { place };
    Refused::invalid(
        place,
        format!("invalid type: expected {expected}, got {got}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_another_type_are_refused_wherever_they_are() {
        let is_refused = |schema: &str, value: Value| agrees(&value, &SCHEMAS[schema], "").is_err();
        assert!(!is_refused(
            "Group",
            json!({"name": "Users", "population": {"id": "x"}})
        ));
        assert!(!is_refused(
            "Group",
            json!({"name": "Users", "description": null, "other": 1})
        ));
        assert!(!is_refused(
            "Group",
            json!({"name": "Users", "id": 7, "_links": []})
        ));
        for group in [
            json!([]),
            json!({"name": {}}),
            json!({"name": "Users", "description": 1}),
            json!({"name": "Users", "population": "x"}),
            json!({"name": "Users", "population": {"id": 0}}),
        ] {
            assert!(is_refused("Group", group.clone()), "{group}");
        }
        assert!(is_refused("Enabled", json!({"enabled": "yes"})));
        assert!(is_refused("Environment", json!({"name": "x", "type": 0})));
    }
}
