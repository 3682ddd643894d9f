//! Reads posted `multipart/form-data` (RFC 7578): the parts with their names, in order.

use axum::body::Bytes;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};

/// The parts cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// The request is not `multipart/form-data`.
    #[error(transparent)]
    Form(#[from] MultipartRejection),
    /// A part is incomplete, invalid or too large.
    #[error(transparent)]
    Part(#[from] MultipartError),
}

impl Unreadable {
    /// Returns the status and text of a plain answer.
    pub(super) fn to_answer(&self) -> (StatusCode, String) {
        match self {
            Self::Form(error) => (error.status(), error.body_text()),
            Self::Part(error) => (error.status(), error.body_text()),
        }
    }
}

/// True if `Content-Type` is `multipart/form-data`.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
}

/// Returns the name and content of each part.
///
/// # Errors
/// [`Unreadable`] if the body is not valid `multipart/form-data`.
pub(super) async fn read_parts(request: Request) -> Result<Vec<(String, Bytes)>, Unreadable> {
    let mut multipart = Multipart::from_request(request, &()).await?;
    let mut parts = Vec::new();
    while let Some(part) = multipart.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        parts.push((name, part.bytes().await?));
    }
    Ok(parts)
}
