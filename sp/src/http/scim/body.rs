//! Reads the JSON body of a SCIM request.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use scim::{MEDIA_TYPE, ScimType};
use serde_json::Value;

use super::answer::Failure;
use crate::Portal;

/// A JSON body and its length in bytes.
pub(super) struct Json(pub(super) Value, pub(super) usize);

impl FromRequest<Portal> for Json {
    type Rejection = Failure;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Failure> {
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media = media
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if ![MEDIA_TYPE, "application/json"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(media))
        {
            let detail =
                format!("expected Content-Type {MEDIA_TYPE} or application/json, got {media:?}");
            return Err(scim::Error::new(415, detail).into());
        }
        let bytes = Bytes::from_request(request, portal)
            .await
            .map_err(|error| match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    scim::Error::new(413, "the body is larger than the limit of this server")
                }
                _ => scim::Error::of(ScimType::InvalidSyntax, error.body_text()),
            })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            scim::Error::of(
                ScimType::InvalidSyntax,
                format!("expected a JSON document: {error}"),
            )
        })?;
        Ok(Self(value, bytes.len()))
    }
}
