//! Posted `multipart/form-data` (RFC 7578): its parts by name, in their order.

use axum::body::Bytes;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};

/// Why parts can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is not of that form at all.
    #[error(transparent)]
    Form(#[from] MultipartRejection),
    /// It breaks off, or is too large.
    #[error(transparent)]
    Part(#[from] MultipartError),
}

impl Unreadable {
    /// The status and the words of a plain answer.
    pub(super) fn told(&self) -> (StatusCode, String) {
        match self {
            Self::Form(error) => (error.status(), error.body_text()),
            Self::Part(error) => (error.status(), error.body_text()),
        }
    }
}

/// Whether the headers announce it.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
}

/// Every part: its name and what it holds.
///
/// # Errors
/// [`Unreadable`].
pub(super) async fn parts(request: Request) -> Result<Vec<(String, Bytes)>, Unreadable> {
    let mut multipart = Multipart::from_request(request, &()).await?;
    let mut parts = Vec::new();
    while let Some(part) = multipart.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        parts.push((name, part.bytes().await?));
    }
    Ok(parts)
}
