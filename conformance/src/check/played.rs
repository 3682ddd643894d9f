//! A party that a check plays: its listener, its keys, and its metadata, which it serves. Each
//! check adds the other answers.

use std::path::Path;

use ambient::Ambient;
use axum::Router;
use axum::routing::get;
use saml::keys::SigningKey;
use tokio::net::TcpListener;

use super::played_keys::{self, PlayError};
use super::sp::Published;

/// A party whose port is bound, but which does not answer yet.
pub(super) struct Played {
    listener: TcpListener,
    /// Base URL without a slash at the end.
    pub(super) base: String,
    /// The party's signing key.
    pub(super) key: SigningKey,
    /// A signing key that is not in the party's metadata.
    pub(super) foreign: SigningKey,
    /// An EC signing key that is not in the party's metadata.
    pub(super) foreign_ec: SigningKey,
}

impl Played {
    /// Binds a port of the loopback interface; 0 chooses a free one. A key that `key_file` contains
    /// is used again, so that a target that was configured once keeps trusting the party.
    ///
    /// # Errors
    /// [`PlayError`].
    pub(super) async fn bind(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let listen = |reason| PlayError::Listen { port, reason };
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (key, foreign, foreign_ec) = played_keys::load_keys(key_file, ambient).await?;
        Ok(Self {
            listener,
            base: format!("http://{address}"),
            key,
            foreign,
            foreign_ec,
        })
    }

    /// Returns the entity ID, which is the URL of the metadata.
    pub(super) fn entity_id(&self) -> String {
        format!("{}/metadata", self.base)
    }

    /// Serves the metadata and the routes of `rest` until the process ends.
    pub(super) fn serve(self, metadata: String, rest: Router) {
        self.serve_published(Published::new(metadata), rest);
    }

    /// Serves metadata that can change, and the routes of `rest`, until the process ends.
    pub(super) fn serve_published(self, metadata: Published, rest: Router) {
        let shown = move || async move { metadata.serve() };
        let router = Router::new().route("/metadata", get(shown)).merge(rest);
        tokio::spawn(ambient::server::serve_to_the_end(self.listener, router));
    }
}
