//! Validates request bodies with the schemas of the OpenAPI document before a handler stores
//! them. So the stored values have the types that the document states.
//!
//! It checks types, enumerated values, limits of numbers, and the required members of nested
//! objects. The handlers check the required members of the resource itself, because they know
//! its former values. `null` means that a member is absent and is removed before the handler
//! runs, except in a PATCH, where it removes the member (RFC 7396).

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::super::LARGEST_BODY;
use super::hal::Problem;
use super::openapi::SCHEMAS;
use super::route::{Route, Said};
use crate::refusal::Refused;

/// Returns the schema for the body of a route. The body of a PATCH is a part of a resource, so
/// it is validated with the schema of the resource.
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
    if !kind.is_empty() && !kind.contains("json") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        let text = format!("The body is longer than {LARGEST_BODY} bytes, or incomplete.");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Problem::new(status, "REQUEST_TOO_LARGE", text).into_response();
    };
    let is_required = SCHEMAS[schema]["required"].is_array() && parts.method != Method::PATCH;
    if bytes.is_empty() && is_required {
        return Problem::from(Refused::required("body")).into_response();
    }
    if bytes.is_empty() {
        return next
            .run(Request::from_parts(parts, Body::from(bytes)))
            .await;
    }
    let mut value = match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => value,
        Err(error) => return Problem::not_json(&error).into_response(),
    };
    if let Err(refused) = agrees(&value, &SCHEMAS[schema], "") {
        return Problem::from(refused).into_response();
    }
    if parts.method == Method::PATCH || !remove_nulls(&mut value, &SCHEMAS[schema]) {
        return next
            .run(Request::from_parts(parts, Body::from(bytes)))
            .await;
    }
    let mut request = Request::from_parts(parts, Body::from(value.to_string()));
    request.headers_mut().remove(header::CONTENT_LENGTH);
    next.run(request).await
}

/// Returns the schema to which a `$ref` points.
fn resolve_reference(schema: &Value) -> &Value {
    let name = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    name.map_or(schema, |name| &SCHEMAS[name])
}

/// Removes all members that the schema has and that are `null`. Returns true if there were any.
fn remove_nulls(value: &mut Value, schema: &Value) -> bool {
    let schema = resolve_reference(schema);
    let mut found = false;
    if let Some(members) = value.as_object_mut() {
        let before = members.len();
        members
            .retain(|name, member| !(member.is_null() && schema["properties"][name].is_object()));
        found = members.len() < before;
        for (name, member) in members {
            found |= remove_nulls(member, &schema["properties"][name]);
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        found |= remove_nulls(item, &schema["items"]);
    }
    found
}

/// Checks that a value matches the schema; `place` names the value in the error. A member that
/// is `null` counts as absent; a body or a list item that is `null` has the wrong type.
fn agrees(value: &Value, schema: &Value, place: &str) -> Result<(), Refused> {
    let schema = resolve_reference(schema);
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
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        return Err(invalid(
            place,
            &format!("one of {}", allowed.join(", ")),
            value,
        ));
    }
    let bound = |name: &str| schema[name].as_f64();
    if let Some(number) = value.as_f64() {
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            return Err(invalid(place, &format!("{least} or more"), value));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            return Err(invalid(place, &format!("{most} or less"), value));
        }
    }
    // Not for the resource itself: its handler has the previous values.
    let required = schema["required"].as_array().filter(|_| !place.is_empty());
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if value[name].is_null() {
            return Err(Refused::required(&format!("{place}.{name}")));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        agrees(item, &schema["items"], place)?;
    }
    let is_required = |name: &String| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|it| it == name))
    };
    for (name, member) in value.as_object().into_iter().flatten() {
        let known = &schema["properties"][name];
        // The server ignores read-only members, which it sets itself.
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
        if member.is_null() {
            if is_required(name) {
                return Err(Refused::required(&place));
            }
            continue;
        }
        agrees(member, schema, &place)?;
    }
    Ok(())
}

fn invalid(place: &str, expected: &str, value: &Value) -> Refused {
    Refused::invalid(
        place,
        format!("invalid value: expected {expected}, got {value}"),
    )
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
            json!(null),
            json!([]),
            json!({"name": {}}),
            json!({"name": "Users", "description": 1}),
            json!({"name": "Users", "population": "x"}),
            json!({"name": "Users", "population": {"id": 0}}),
            json!({"name": "Users", "population": {"id": null}}),
            json!({"name": "Users", "population": {}}),
        ] {
            assert!(is_refused("Group", group.clone()), "{group}");
        }
        let mut group = json!({
            "name": "Users", "description": null, "population": null, "other": null,
            "customData": {"kept": null},
        });
        assert!(remove_nulls(&mut group, &SCHEMAS["Group"]));
        let expected = json!({"name": "Users", "other": null, "customData": {"kept": null}});
        assert_eq!(group, expected);
        assert!(!remove_nulls(&mut group, &SCHEMAS["Group"]));
        assert!(is_refused("Enabled", json!({"enabled": "yes"})));
        assert!(is_refused("Environment", json!({"name": "x", "type": 0})));
        assert!(is_refused("Rule", json!({"populations": [null]})));
        assert!(!is_refused("User", json!({"password": null})));
        assert!(is_refused("User", json!({"username": null})));
        for days in [0, 3651] {
            assert!(is_refused("Key", json!({"validityPeriod": days})));
        }
        assert!(is_refused("Key", json!({"usageType": "COOKING"})));
        assert!(!is_refused("Key", json!({"validityPeriod": 3650})));
    }
}
