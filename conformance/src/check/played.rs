//! A party that a check plays: its listener, its keys and its metadata, which
//! it serves. What else it answers, each check says itself.

use std::path::Path;

use ambient::Ambient;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use saml::keys::SigningKey;
use tokio::net::TcpListener;

use super::played_keys::{self, PlayError};

/// A party that listens and answers nobody yet.
pub(super) struct Played {
    listener: TcpListener,
    /// Its address, without a slash at the end.
    pub(super) base: String,
    /// Its key.
    pub(super) key: SigningKey,
    /// A key that its metadata doesn't name.
    pub(super) foreign: SigningKey,
}

impl Played {
    /// Takes a port of the loopback interface, 0 for a free one. A key kept in
    /// `key_file` is used again, so that whoever was set up once goes on
    /// knowing it.
    ///
    /// # Errors
    /// [`PlayError`].
    pub(super) async fn at(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let listen = |reason| PlayError::Listen { port, reason };
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (key, foreign) = played_keys::keys(key_file, ambient).await?;
        Ok(Self {
            listener,
            base: format!("http://{address}"),
            key,
            foreign,
        })
    }

    /// Its entity identifier, which is its metadata's address.
    pub(super) fn entity_id(&self) -> String {
        format!("{}/metadata", self.base)
    }

    /// Serves its metadata and the rest until the process ends.
    pub(super) fn serve(self, metadata: String, rest: Router) {
        let shown = move || async move {
            let media_type = [(header::CONTENT_TYPE, "application/samlmetadata+xml")];
            (media_type, metadata)
        };
        let router = Router::new().route("/metadata", get(shown)).merge(rest);
        tokio::spawn(async move { axum::serve(self.listener, router).await });
    }
}
