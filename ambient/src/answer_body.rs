//! Reads the bodies of other servers' answers up to a size limit, because an endless one would
//! fill the memory.

/// A body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the limit, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLong(usize),
    /// The connection ended in the middle of the body.
    #[error("the connection ended before the whole body was received: {0}")]
    Broken(#[from] reqwest::Error),
}

/// Reads a text of at most `limit` bytes, in the encoding that the answer declares.
///
/// # Errors
/// As [`read`].
pub async fn read_text(mut answer: reqwest::Response, limit: usize) -> Result<String, BodyError> {
    let headers = std::mem::take(answer.headers_mut());
    let mut whole = axum::http::Response::new(read(answer, limit).await?);
    *whole.headers_mut() = headers;
    Ok(reqwest::Response::from(whole).text().await?)
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    async fn answer(path: &str) -> reqwest::Response {
        let endless = async || {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(999)));
            Body::from_stream(chunks)
        };
        let latin = async || {
            (
                [("content-type", "text/html; charset=iso-8859-1")],
                b"J\xf6rg",
            )
        };
        let router = Router::new()
            .route("/endless", get(endless))
            .route("/latin", get(latin));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        reqwest::get(url).await.unwrap()
    }

    #[tokio::test]
    async fn an_endless_answer_is_read_up_to_the_limit() {
        let error = read(answer("/endless").await, 5000).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLong(5000)));
        let error = read_text(answer("/endless").await, 5000).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLong(5000)));
    }

    #[tokio::test]
    async fn a_text_is_decoded_as_the_answer_declares() {
        assert_eq!(read_text(answer("/latin").await, 5).await.unwrap(), "Jörg");
    }
}
