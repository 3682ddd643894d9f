//! The SCIM operations (RFC 7644) of the OpenAPI document. Their routes are in
//! `http/scim`; a test compares both.
//!
//! The schemas permit more than the server accepts: attribute names ignore case
//! and extensions add attributes, which JSON Schema cannot express. `/Schemas`
//! has the exact definitions.

use axum::http::Method;
use serde_json::{Value, json};

use super::{content, errors, operation_id, path_parameters};

/// An operation: method, path below `/scim/{tenant}/v2`, summary, schema of the
/// body, status and schema of the answer.
type Row = (
    Method,
    &'static str,
    &'static str,
    Option<&'static str>,
    u16,
    Option<&'static str>,
);

const OPERATIONS: [Row; 21] = [
    (
        Method::GET,
        "/Users",
        "List or search users",
        None,
        200,
        Some("ScimList"),
    ),
    (
        Method::POST,
        "/Users",
        "Create a user",
        Some("ScimUser"),
        201,
        Some("ScimUser"),
    ),
    (
        Method::POST,
        "/Users/.search",
        "Search users",
        Some("ScimSearch"),
        200,
        Some("ScimList"),
    ),
    (
        Method::GET,
        "/Users/{id}",
        "Read a user",
        None,
        200,
        Some("ScimUser"),
    ),
    (
        Method::PUT,
        "/Users/{id}",
        "Replace a user",
        Some("ScimUser"),
        200,
        Some("ScimUser"),
    ),
    (
        Method::PATCH,
        "/Users/{id}",
        "Change a user",
        Some("ScimPatch"),
        200,
        Some("ScimUser"),
    ),
    (
        Method::DELETE,
        "/Users/{id}",
        "Delete a user",
        None,
        204,
        None,
    ),
    (
        Method::GET,
        "/Groups",
        "List or search groups",
        None,
        200,
        Some("ScimList"),
    ),
    (
        Method::POST,
        "/Groups",
        "Create a group",
        Some("ScimGroup"),
        201,
        Some("ScimGroup"),
    ),
    (
        Method::POST,
        "/Groups/.search",
        "Search groups",
        Some("ScimSearch"),
        200,
        Some("ScimList"),
    ),
    (
        Method::GET,
        "/Groups/{id}",
        "Read a group",
        None,
        200,
        Some("ScimGroup"),
    ),
    (
        Method::PUT,
        "/Groups/{id}",
        "Replace a group",
        Some("ScimGroup"),
        200,
        Some("ScimGroup"),
    ),
    (
        Method::PATCH,
        "/Groups/{id}",
        "Change a group; 204 if it has too many members to return",
        Some("ScimPatch"),
        200,
        Some("ScimGroup"),
    ),
    (
        Method::DELETE,
        "/Groups/{id}",
        "Delete a group",
        None,
        204,
        None,
    ),
    (
        Method::POST,
        "/.search",
        "Search users and groups",
        Some("ScimSearch"),
        200,
        Some("ScimList"),
    ),
    (
        Method::POST,
        "/Bulk",
        "Carry out several operations in one request",
        Some("ScimBulkRequest"),
        200,
        Some("ScimBulkResponse"),
    ),
    (
        Method::GET,
        "/ServiceProviderConfig",
        "Read what the server supports",
        None,
        200,
        Some("ScimServiceProviderConfig"),
    ),
    (
        Method::GET,
        "/ResourceTypes",
        "List the resource types",
        None,
        200,
        Some("ScimList"),
    ),
    (
        Method::GET,
        "/ResourceTypes/{name}",
        "Read a resource type",
        None,
        200,
        Some("ScimDefinition"),
    ),
    (
        Method::GET,
        "/Schemas",
        "List the schemas",
        None,
        200,
        Some("ScimList"),
    ),
    (
        Method::GET,
        "/Schemas/{id}",
        "Read a schema",
        None,
        200,
        Some("ScimDefinition"),
    ),
];

const MEDIA_TYPE: &str = ::scim::MEDIA_TYPE;

/// Returns path, method in lower case, and operation.
pub(super) fn operations() -> impl Iterator<Item = (String, String, Value)> {
    OPERATIONS.into_iter().map(|row| {
        let path = format!("/scim/{{tenant}}/v2{}", row.1);
        let method = row.0.as_str().to_lowercase();
        let operation = operation(&path, row);
        (path, method, operation)
    })
}

fn query(names: &[&str]) -> impl Iterator<Item = Value> {
    let is_number = |name: &str| matches!(name, "startIndex" | "count");
    let parameters = names.iter().map(move |&name| {
        let kind = if is_number(name) { "integer" } else { "string" };
        json!({"name": name, "in": "query", "required": false, "schema": {"type": kind}})
    });
    parameters.collect::<Vec<_>>().into_iter()
}

fn operation(path: &str, row: Row) -> Value {
    let (method, below, summary, body, status, answer) = row;
    let is_discovery = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"]
        .iter()
        .any(|prefix| below.starts_with(prefix));
    let is_list = method == Method::GET && matches!(below, "/Users" | "/Groups");
    let is_one = below.starts_with("/Users/{") || below.starts_with("/Groups/{");
    let mut statuses = vec![400, 401, 406, 429, 500];
    let mut parameters = path_parameters(path);
    if is_discovery {
        statuses.push(403);
    }
    if below.contains('{') {
        statuses.push(404);
    }
    if is_list {
        parameters.extend(query(&[
            "filter",
            "sortBy",
            "sortOrder",
            "startIndex",
            "count",
            "cursor",
        ]));
    }
    if body.is_some() {
        statuses.extend([413, 415]);
    }
    let writes_one = (is_one && method != Method::GET) || status == 201;
    if writes_one {
        statuses.push(409);
    }
    if is_one && method != Method::GET {
        statuses.push(412);
    }
    if (is_list || is_one || status == 201) && status != 204 {
        parameters.extend(query(&["attributes", "excludedAttributes"]));
    }
    statuses.sort_unstable();
    let mut responses = errors(&statuses, MEDIA_TYPE, "ScimError");
    let mut success = json!({"description": "Done."});
    if let Some(schema) = answer {
        success["content"] = content(MEDIA_TYPE, schema);
    }
    responses.insert(status.to_string(), success);
    if method == Method::PATCH && below.starts_with("/Groups") {
        responses.insert("204".to_owned(), json!({"description": "Done."}));
    }
    let mut operation = json!({
        "summary": summary,
        "operationId": operation_id(&method, path),
        "tags": ["scim"],
        "security": [{"scimToken": []}],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = body {
        let content = json!({
            MEDIA_TYPE: {"schema": super::reference(schema)},
            "application/json": {"schema": super::reference(schema)},
        });
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}
