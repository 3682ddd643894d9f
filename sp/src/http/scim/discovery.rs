//! What the SCIM server says of itself (RFC 7644 §4).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use scim::discovery::{self, Capabilities};
use scim::messages;
use serde_json::{Value, json};

use super::{Caller, Failure, Outcome, Parameters, message};
use crate::Portal;
use crate::configurator::scim::ScimAccess;
use crate::directory::Page;

fn base_url(portal: &Portal, access: &ScimAccess) -> String {
    portal.service_provider(&access.tenant_id).scim_base_url
}

pub(super) async fn service_provider_config(
    State(portal): State<Portal>,
    Caller(access): Caller,
) -> Response {
    let capabilities = Capabilities {
        max_results: Page::LARGEST,
        documentation_uri: None,
    };
    let base = base_url(&portal, &access);
    message(
        StatusCode::OK,
        &discovery::service_provider_config(&capabilities, &base),
    )
}

fn all(documents: Vec<Value>) -> Response {
    message(
        StatusCode::OK,
        &json!({
            "schemas": [messages::LIST_RESPONSE],
            "totalResults": documents.len(),
            "startIndex": 1,
            "itemsPerPage": documents.len(),
            "Resources": documents,
        }),
    )
}

/// Discovery takes no filter (RFC 7644 §4).
fn unfiltered(parameters: &Parameters) -> Result<(), Failure> {
    if parameters.contains_key("filter") {
        return Err(Failure(scim::Error::new(
            403,
            "expected no filter at this endpoint, came one",
        )));
    }
    Ok(())
}

pub(super) async fn resource_types(
    State(portal): State<Portal>,
    Caller(access): Caller,
    parameters: Parameters,
) -> Outcome {
    unfiltered(&parameters)?;
    let base = base_url(&portal, &access);
    Ok(all(discovery::RESOURCE_TYPES
        .iter()
        .map(|one| one.to_json(&base))
        .collect()))
}

pub(super) async fn resource_type(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, name)): Path<(String, String)>,
) -> Outcome {
    let found = discovery::RESOURCE_TYPES
        .iter()
        .find(|one| one.name == name);
    let found = found.ok_or_else(|| {
        scim::Error::new(
            404,
            format!("there is no resource type {name}: User and Group are"),
        )
    })?;
    Ok(message(
        StatusCode::OK,
        &found.to_json(&base_url(&portal, &access)),
    ))
}

pub(super) async fn schemas(
    State(portal): State<Portal>,
    Caller(access): Caller,
    parameters: Parameters,
) -> Outcome {
    unfiltered(&parameters)?;
    let base = base_url(&portal, &access);
    Ok(all(discovery::SCHEMAS
        .iter()
        .map(|one| one.to_json(&base))
        .collect()))
}

pub(super) async fn schema(
    State(portal): State<Portal>,
    Caller(access): Caller,
    Path((_, id)): Path<(String, String)>,
) -> Outcome {
    let found = discovery::SCHEMAS
        .iter()
        .find(|one| one.id.eq_ignore_ascii_case(&id));
    let found = found.ok_or_else(|| {
        scim::Error::new(
            404,
            format!("there is no schema {id}: GET /Schemas has them all"),
        )
    })?;
    Ok(message(
        StatusCode::OK,
        &found.to_json(&base_url(&portal, &access)),
    ))
}
