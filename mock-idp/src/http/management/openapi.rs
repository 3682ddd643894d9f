//! The OpenAPI 3.1 document of the management API. Paths come from the table of routes, schemas
//! from `schemas.json`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::route::{Route, Said};

/// All schemas, by name. They are parsed once: parsing them for each route was most of a start.
pub(super) static SCHEMAS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schemas.json")).unwrap_or(Value::Null));

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn content(schema: Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn list(collection: &str, schema: &str) -> Value {
    json!({
        "allOf": [reference("List"), {
            "type": "object",
            "required": ["_embedded"],
            "properties": {"_embedded": {
                "type": "object",
                "required": [collection],
                "properties": {collection: {"type": "array", "items": reference(schema)}},
            }},
        }],
    })
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('{').skip(1).filter_map(|part| {
        let (name, _) = part.split_once('}')?;
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let in_query = route.query.iter().map(|name| {
        let kind = if *name == "limit" {
            "integer"
        } else {
            "string"
        };
        json!({"name": name, "in": "query", "required": false, "schema": {"type": kind}})
    });
    in_path.chain(in_query).collect()
}

fn body(route: &Route) -> Option<Value> {
    let schema = reference(route.takes?);
    let mut content = Map::new();
    if route.acts.iter().all(|act| act.is_empty()) || route.acts.contains(&"") {
        content.insert("application/json".into(), json!({"schema": schema}));
    }
    for act in route.acts.iter().filter(|act| !act.is_empty()) {
        let kind = if act.contains('/') {
            (*act).to_owned()
        } else {
            format!("application/vnd.pingidentity.{act}+json")
        };
        content.insert(kind, json!({"schema": schema}));
    }
    let required = SCHEMAS[route.takes?]["required"].is_array();
    Some(json!({"required": required, "content": content}))
}

fn operation(route: &Route) -> Value {
    let (status, said) = match route.said {
        Said::One(schema) => ("200", Some(reference(schema))),
        Said::Many(collection, schema) => ("200", Some(list(collection, schema))),
        Said::Made(schema) => ("201", Some(reference(schema))),
        Said::File(_) => ("200", None),
        Said::Nothing => ("204", None),
    };
    let mut well = json!({"description": route.summary});
    if let Some(schema) = said {
        well["content"] = content(schema);
    }
    if let Said::File(kind) = route.said {
        well["content"] = json!({kind: {"schema": {"type": "string"}}});
    }
    let failed = |description: &str| json!({"description": description, "content": content(reference("Error"))});
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "tags": [tag(&route.path)],
        "parameters": parameters(route),
        "responses": {
            status: well,
            "400": failed("The request is invalid. details lists the errors, field by field."),
            "401": failed("The access token is missing or expired."),
            "403": failed("A worker can access its own environment only."),
            "404": failed("The resource does not exist."),
        },
    });
    if let Some(body) = body(route) {
        operation["requestBody"] = body;
        operation["responses"]["413"] = failed("The body is too large.");
        operation["responses"]["415"] = failed("The media type of the body is not supported.");
    }
    if route.is_ours {
        operation["x-rehearsal-own"] = true.into();
    }
    operation
}

fn tag(path: &str) -> &str {
    let mut parts = path
        .split('/')
        .filter(|part| !part.is_empty() && !part.starts_with('{'));
    let first = parts.next().unwrap_or("environments");
    parts.next().unwrap_or(first)
}

fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    for part in route
        .path
        .split(['/', '{', '}', ':', '-'])
        .filter(|part| !part.is_empty())
    {
        let mut letters = part.chars();
        if let Some(first) = letters.next() {
            id.extend(first.to_uppercase());
            id.push_str(letters.as_str());
        }
    }
    id
}

/// Allows `null` for every optional member: a request may send it for a member that is absent.
fn allow_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        if required.contains(&json!(name)) || member["readOnly"] == true {
            continue;
        }
        allow_null(member);
        if member["$ref"].is_string() {
            *member = json!({"oneOf": [member.take(), {"type": "null"}]});
        } else if let Some(any) = member.get_mut("oneOf").and_then(Value::as_array_mut) {
            any.push(json!({"type": "null"}));
        } else if let Some(kind) = member["type"].as_str() {
            member["type"] = json!([kind, "null"]);
            if let Some(allowed) = member.get_mut("enum").and_then(Value::as_array_mut) {
                allowed.push(Value::Null);
            }
        }
    }
}

/// Returns the OpenAPI document for an identity provider with this base URL.
pub(super) fn document(base_url: &str, routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let at = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        at[route.method.as_str().to_lowercase()] = operation(route);
    }
    let mut schemas = SCHEMAS.clone();
    let taken = routes.iter().filter_map(|route| route.takes);
    for name in taken.collect::<BTreeSet<_>>() {
        if name != "Reference" {
            allow_null(&mut schemas[name]);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mock identity provider: management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "PingOne's resource names and forms. PingOne does not have the operations that are marked with x-rehearsal-own.",
        },
        "servers": [{"url": format!("{base_url}/v1")}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": format!("The admin token, or the access token of a worker: POST {base_url}/{{env}}/as/token with grant_type=client_credentials."),
            }},
            "schemas": schemas,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::routes;
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there_and_every_operation_has_its_own_id() {
        let document = document("https://idp.example", &routes());
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name}"
            );
        }
        let mut ids: Vec<String> = routes().iter().map(operation_id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
