//! The OpenAPI 3.1 document of the JSON API, `/api/openapi.json`. The
//! operations come from the table of routes, those of SCIM from `scim.rs`, the
//! schemas from `schemas.json`.

mod route;
mod scim;

pub(super) use route::{Access, QueryParameter, Route, Success, router};

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{accounts, business, configurator, desktop};

const SCHEMAS: &str = include_str!("schemas.json");

/// Query parameter of operations that can lock users out: the client confirms
/// that it has read the warnings.
pub(super) const CONFIRM: &[QueryParameter] = &[QueryParameter {
    name: "confirm",
    kind: "boolean",
    description: "true: apply the change although it has warnings",
}];

/// Returns all schemas by name.
fn schemas() -> Value {
    serde_json::from_str(SCHEMAS).unwrap_or(Value::Null)
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn content(media_type: &str, schema: &str) -> Value {
    json!({media_type: {"schema": reference(schema)}})
}

/// Returns the parameters of a path.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'));
    names
        .map(|(name, _)| {
            let schema = json!({"type": "string"});
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect()
}

/// Returns the general meaning of an error status.
fn description(status: u16) -> &'static str {
    match status {
        400 => "The request is invalid: `code` and `detail` say why.",
        401 => "The caller is not logged in, or the credentials are wrong.",
        403 => "The caller may not do this.",
        404 => "There is no such resource.",
        409 => "The state of the resource does not allow this.",
        410 => "The resource has expired or was cancelled.",
        412 => "The version in If-Match is not the current one, or If-None-Match names it.",
        413 => {
            "The body is larger than the server reads, or a PATCH has too many operations for a long list."
        }
        415 => "The media type of the body is not supported.",
        422 => "The value is malformed.",
        429 => "Too many requests: Retry-After says how long to wait.",
        500 => "Internal error of the portal: see its log.",
        501 => "The server does not support this.",
        502 => "Cannot reach another server, which the request names.",
        _ => "The request is refused.",
    }
}

/// Returns the error statuses of this operation.
fn refusals(route: &Route) -> Vec<u16> {
    let mut all = vec![400, 500];
    all.extend(match route.access {
        Access::Public => &[][..],
        Access::Session => &[401],
        Access::Admin => &[401, 403, 409],
    });
    // Only `/api` is protected against cross-site requests.
    let is_guarded = route.path.starts_with("/api/") && route.method != Method::GET;
    if is_guarded {
        all.extend([403, 415]);
    }
    if route.body.is_some() {
        all.push(413);
    }
    all.extend(route.refusals);
    all.sort_unstable();
    all.dedup();
    all
}

fn errors(statuses: &[u16], media_type: &str, schema: &str) -> Map<String, Value> {
    statuses
        .iter()
        .map(|&status| {
            let content = content(media_type, schema);
            let response = json!({"description": description(status), "content": content});
            (status.to_string(), response)
        })
        .collect()
}

fn operation(route: &Route) -> Value {
    let mut parameters = path_parameters(&route.path);
    parameters.extend(route.query.iter().map(|one| {
        json!({
            "name": one.name,
            "in": "query",
            "required": false,
            "description": one.description,
            "schema": {"type": one.kind},
        })
    }));
    let (status, schema) = match route.success {
        Success::Ok(schema) => ("200", Some(schema)),
        Success::Created(schema) => ("201", Some(schema)),
        Success::NoContent => ("204", None),
    };
    let mut success = json!({"description": "Done."});
    if let Some(schema) = schema {
        success["content"] = content("application/json", schema);
    }
    let mut responses = errors(&refusals(route), "application/problem+json", "Problem");
    responses.insert(status.to_owned(), success);
    let security = match route.access {
        Access::Public => json!([]),
        Access::Session | Access::Admin => json!([{"session": []}]),
    };
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(&route.method, &route.path),
        "tags": [tag(&route.path)],
        "security": security,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = route.body {
        // An empty body is read as `{}`.
        let required = schemas()[schema]["required"].is_array();
        let content = content("application/json", schema);
        operation["requestBody"] = json!({"required": required, "content": content});
    }
    operation
}

fn tag(path: &str) -> &str {
    let mut parts = path.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    match first {
        "api" => parts.next().unwrap_or_default(),
        _ => first,
    }
}

fn operation_id(method: &Method, path: &str) -> String {
    let mut id = method.as_str().to_lowercase();
    let words = path.split(|sign: char| !sign.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        id.push_str(&first.to_uppercase());
        id.push_str(rest);
    }
    id
}

/// Returns the operations of `/api` that need protection against cross-site
/// requests.
pub(super) fn guarded_routes() -> Vec<Route> {
    [
        accounts::routes(),
        business::routes(),
        configurator::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the document of a portal with this base URL.
pub(super) fn document(base_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in guarded_routes().into_iter().chain(desktop::routes()) {
        let at = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        at[route.method.as_str().to_lowercase()] = operation(&route);
    }
    for (path, method, operation) in scim::operations() {
        let at = paths.entry(path).or_insert_with(|| json!({}));
        at[method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portal: accounts, licenses, IdP integration, desktop activation and SCIM",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Timestamps are RFC 3339 in UTC. Errors of /api and /desktop are problem details (RFC 9457), those of /scim are SCIM errors (RFC 7644, section 3.12).",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": super::caller::SESSION,
                    "description": "The cookie that POST /api/session sets.",
                },
                "scimToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of step 5 of the configurator.",
                },
            },
            "schemas": schemas(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_named_schema_exists_and_each_is_used() {
        let document = document("https://portal.example");
        let text = document.to_string();
        let mut used = std::collections::BTreeSet::new();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            let schema = &document["components"]["schemas"][name];
            assert!(schema.is_object(), "{name}");
            used.insert(name);
        }
        let schemas = document["components"]["schemas"].as_object();
        for name in schemas.into_iter().flatten().map(|(name, _)| name) {
            assert!(used.contains(name.as_str()), "{name} is not used");
        }
    }

    #[test]
    fn each_operation_has_a_summary_and_an_id_of_its_own() {
        let document = document("https://portal.example");
        let mut ids = std::collections::BTreeSet::new();
        for operations in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in operations.1.as_object().into_iter().flatten() {
                let at = format!("{method} {}", operations.0);
                assert_ne!(operation["summary"], "", "{at}");
                assert!(ids.insert(operation["operationId"].to_string()), "{at}");
            }
        }
    }
}
