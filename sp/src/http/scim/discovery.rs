//! The discovery endpoints of the SCIM server (RFC 7644 §4).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use scim::discovery::{self, Capabilities};
use scim::messages;
use serde_json::{Value, json};

use super::answer::{Failure, Outcome, scim_response};
use super::caller::{Caller, Parameters};
use crate::Portal;
use crate::directory::{Page, bulk, cursor};

pub(super) async fn read_service_provider_config(
    Caller(access): Caller,
    parameters: Parameters,
) -> Outcome {
    refuse_filter(&parameters)?;
    let capabilities = Capabilities {
        max_results: Page::LARGEST,
        page_size: Page::DEFAULT,
        cursor_timeout: cursor::TIMEOUT,
        max_operations: bulk::MAX_OPERATIONS,
        max_payload: bulk::MAX_PAYLOAD,
        documentation_uri: None,
    };
    let mut document = discovery::service_provider_config(&capabilities, &access.base_url);
    access.rules.describe_service(&mut document);
    Ok(scim_response(StatusCode::OK, document.to_string()))
}

fn all(documents: Vec<Value>) -> Response {
    let list = json!({
        "schemas": [messages::LIST_RESPONSE],
        "totalResults": documents.len(),
        "startIndex": 1,
        "itemsPerPage": documents.len(),
        "Resources": documents,
    });
    scim_response(StatusCode::OK, list.to_string())
}

/// Refuses a filter: discovery endpoints do not support it (RFC 7644 §4).
fn refuse_filter(parameters: &Parameters) -> Result<(), Failure> {
    if parameters.get("filter").is_some() {
        let detail = "invalid query: filter is not supported at this endpoint";
        return Err(scim::Error::new(403, detail).into());
    }
    Ok(())
}

pub(super) async fn list_resource_types(
    State(portal): State<Portal>,
    Caller(access): Caller,
    parameters: Parameters,
) -> Outcome {
    refuse_filter(&parameters)?;
    let types = portal.resource_types.all();
    let documents = types.iter().map(|one| one.to_json(&access.base_url));
    Ok(all(documents.collect()))
}

pub(super) async fn read_resource_type(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, name)): Path<(String, String)>,
) -> Outcome {
    let types = portal.resource_types.all();
    let found = types.iter().find(|one| one.name == name);
    let found = found.ok_or_else(|| {
        scim::Error::new(
            404,
            format!("resource type {name} not found: expected User or Group"),
        )
    })?;
    let document = found.to_json(&access.base_url);
    Ok(scim_response(StatusCode::OK, document.to_string()))
}

pub(super) async fn list_schemas(
    State(portal): State<Portal>,
    Caller(access): Caller,
    parameters: Parameters,
) -> Outcome {
    refuse_filter(&parameters)?;
    let schemas = portal.resource_types.schemas();
    let documents = schemas.iter();
    let documents = documents.map(|one| access.rules.describe_schema(one, &access.base_url));
    Ok(all(documents.collect()))
}

pub(super) async fn read_schema(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, id)): Path<(String, String)>,
) -> Outcome {
    let schemas = portal.resource_types.schemas();
    let found = schemas.iter().find(|one| one.id.eq_ignore_ascii_case(&id));
    let found = found.ok_or_else(|| {
        scim::Error::new(
            404,
            format!("schema {id} not found: GET /Schemas lists all schemas"),
        )
    })?;
    let document = access.rules.describe_schema(found, &access.base_url);
    Ok(scim_response(StatusCode::OK, document.to_string()))
}
