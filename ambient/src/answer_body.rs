//! Reads the bodies of other servers' answers up to a size limit, because an endless one would
//! fill the memory.

/// A body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the limit, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLong(usize),
    /// The connection ended in the middle of the body.
    #[error("the connection ended in the middle: {0}")]
    Broken(#[from] reqwest::Error),
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`BodyError`] if it is larger, or if the connection ends.
pub async fn read(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
