//! The bodies of other servers' answers, read up to a limit: one that never
//! ends would fill the memory.

/// Why a body can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More than the limit, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLong(usize),
    /// The connection broke off.
    #[error("it broke off: {0}")]
    Broken(#[from] reqwest::Error),
}

/// Reads a body of up to `limit` bytes.
pub(crate) async fn read(
    mut answer: reqwest::Response,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
