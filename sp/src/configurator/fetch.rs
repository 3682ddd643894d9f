//! Fetches documents of other servers: metadata of identity providers, keys of issuers. The size is
//! limited, because an endless body would fill the memory.

use ambient::answer_body::{self, BodyError};
use reqwest::StatusCode;

use crate::Portal;

/// A document cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The request failed. The text is without the URL, which the caller names.
    #[error("{0}")]
    Exchange(String),
    /// The server answers with another status than success.
    #[error("it answers {0} instead of 200")]
    Status(StatusCode),
    /// The document is larger than the limit, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLong(usize),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Exchange(error.without_url().to_string())
    }
}

/// Fetches a document of at most `limit` bytes.
pub(super) async fn fetch(portal: &Portal, url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
    let http = portal
        .fetcher()
        .map_err(|error| FetchError::Exchange(error.to_string()))?;
    let response = http.get(url).send().await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status()));
    }
    answer_body::read(response, limit)
        .await
        .map_err(|error| match error {
            BodyError::TooLong(limit) => FetchError::TooLong(limit),
            BodyError::Broken(error) => error.into(),
        })
}
