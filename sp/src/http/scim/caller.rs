//! Authenticates SCIM requests by the tenant's bearer token (RFC 6750 §2.1),
//! applies the rate limit and checks the `Accept` header.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use scim::{ListQuery, MEDIA_TYPE, Projection, ScimType};

use super::super::caller::bearer_token;
use super::answer::Failure;
use crate::Portal;
use crate::configurator::scim::ScimAccess;
use crate::configurator::scim_caller::authenticate;
use crate::directory::DirectoryError;

/// The challenge to a token that is not accepted (RFC 6750 §3).
const INVALID_TOKEN: &str = "Bearer realm=\"scim\", error=\"invalid_token\"";

/// A SCIM client with a valid bearer token of the tenant.
pub(super) struct Caller(pub(super) ScimAccess);

impl FromRequestParts<Portal> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Failure> {
        let path: Path<HashMap<String, String>> = Path::from_request_parts(parts, portal)
            .await
            .map_err(|error| scim::Error::new(400, error.to_string()))?;
        let tenant = path.get("tenant").map(String::as_str).unwrap_or_default();
        let token = bearer_token(&parts.headers).ok_or_else(|| {
                Failure::unauthorized(
                    "missing header: expected Authorization: Bearer with the token of step 5 of the configurator",
                    "Bearer realm=\"scim\"",
                )
            })?;
        let access = authenticate(portal, tenant, token)
            .await
            .map_err(DirectoryError::from)?;
        let access = access.ok_or_else(|| {
            Failure::unauthorized(
                "invalid bearer token: it is unknown or was replaced, or SCIM is disabled for this tenant; \
                 create a new one in step 5 of the configurator",
                INVALID_TOKEN,
            )
        })?;
        // The reason is for the administrator: it is in the audit log.
        let access = access.map_err(|_| {
            Failure::unauthorized(
                "invalid access token: an administrator finds the reason in the audit log",
                INVALID_TOKEN,
            )
        })?;
        portal
            .scim_rates
            .take(&access.tenant_id, portal.now())
            .map_err(Failure::too_many_requests)?;
        if !reads_json(&parts.headers) {
            let detail =
                format!("invalid Accept header: it must permit {MEDIA_TYPE} or application/json");
            return Err(scim::Error::new(406, detail).into());
        }
        Ok(Self(access))
    }
}

/// True if the `Accept` header permits the server's media types (RFC 7644
/// §3.8).
fn reads_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return true;
    }
    ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let is_refused = parts.any(|part| {
            part.strip_prefix("q=")
                .and_then(|weight| weight.parse::<f64>().ok())
                .is_some_and(|weight| weight <= 0.0)
        });
        let ours = [MEDIA_TYPE, "application/json", "application/*", "*/*"];
        !is_refused && ours.iter().any(|known| known.eq_ignore_ascii_case(media))
    })
}

/// Query parameters.
pub(super) struct Parameters(HashMap<String, String>);

impl FromRequestParts<Portal> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Failure> {
        let query: Query<HashMap<String, String>> = Query::from_request_parts(parts, portal)
            .await
            .map_err(|error| scim::Error::of(ScimType::InvalidSyntax, error.body_text()))?;
        Ok(Self(query.0))
    }
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Reads the parameters `attributes` and `excludedAttributes`.
    pub(super) fn projection(&self) -> Result<Projection, Failure> {
        Ok(Projection::parse(
            self.get("attributes"),
            self.get("excludedAttributes"),
        )?)
    }

    /// The parameters of a list or search.
    pub(super) fn list(&self) -> Result<ListQuery, Failure> {
        Ok(ListQuery::parse(|name| self.get(name))?)
    }
}
