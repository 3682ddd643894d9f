//! The identity provider that is played: its key, its metadata, and a
//! listener that serves the metadata.

use std::path::Path;

use ambient::Ambient;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use saml::keys::{Certificate, SigningKey};
use saml::message::NameIdFormat;
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use url::Url;

/// Why the identity provider can't be played.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The port is taken, or may not be used.
    #[error("expected to listen on port {port}: {reason}")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        reason: std::io::Error,
    },
    /// The key could not be made or read.
    #[error("expected a signing key: {0}")]
    Key(String),
}

/// The identity provider that is played.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its entity identifier.
    pub entity_id: String,
    /// Where requests come to.
    pub sso_url: Url,
    /// Its key.
    pub key: SigningKey,
    /// A key that its metadata doesn't name, for the faults.
    pub foreign: SigningKey,
}

impl Provider {
    /// Starts it on a port of the loopback interface, 0 for a free one. A key
    /// kept in `key_file` is used again, so that a service provider which was
    /// set up once goes on trusting it.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, ProviderError> {
        let listen = |reason| ProviderError::Listen { port, reason };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let key_file = key_file.map(Path::to_owned);
        let now = ambient.now();
        let made = tokio::task::spawn_blocking(move || {
            let key = match key_file {
                Some(path) => kept(&path, now)?,
                None => pair(&mock_idp::generate_key("Rehearsal check", now)?)?,
            };
            let foreign = pair(&mock_idp::generate_key("Rehearsal check", now)?)?;
            Ok::<_, String>((key, foreign))
        });
        let (key, foreign) = made
            .await
            .map_err(|error| ProviderError::Key(error.to_string()))?
            .map_err(ProviderError::Key)?;
        let base = format!("http://{address}");
        let provider = Self {
            entity_id: format!("{base}/metadata"),
            sso_url: Url::parse(&format!("{base}/sso"))
                .map_err(|error| ProviderError::Key(error.to_string()))?,
            key,
            foreign,
        };
        let metadata = provider.metadata();
        let router = Router::new()
            .route(
                "/metadata",
                get(move || async move {
                    (
                        [(header::CONTENT_TYPE, "application/samlmetadata+xml")],
                        metadata,
                    )
                }),
            )
            .route("/sso", get(explain).post(explain));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(provider)
    }

    /// Its metadata, for the service provider to trust.
    pub fn metadata(&self) -> String {
        let endpoint = |binding: &str| Endpoint {
            binding: binding.to_owned(),
            location: self.sso_url.to_string(),
            response_location: None,
        };
        IdpMetadata {
            entity_id: self.entity_id.clone(),
            signing_certificates: vec![self.key.certificate().clone()],
            sso: vec![endpoint(names::HTTP_REDIRECT), endpoint(names::HTTP_POST)],
            slo: Vec::new(),
            name_id_formats: vec![NameIdFormat::EmailAddress],
            want_authn_requests_signed: false,
            valid_until: None,
            cache_duration: None,
        }
        .to_xml()
    }
}

async fn explain() -> &'static str {
    "This is the identity provider that `rehearsal check sp` plays. It answers the logins that the check starts itself."
}

fn pair(material: &mock_idp::KeyMaterial) -> Result<SigningKey, String> {
    let certificate =
        Certificate::parse(&material.certificate).map_err(|error| error.to_string())?;
    SigningKey::new(&material.private_key, certificate).map_err(|error| error.to_string())
}

/// The key of the file, or a new one kept there: private key, then certificate.
fn kept(path: &Path, now: jiff::Timestamp) -> Result<SigningKey, String> {
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
    if let Ok(text) = std::fs::read_to_string(path) {
        let (private_key, certificate) = text.split_once(CERTIFICATE).ok_or_else(|| {
            format!(
                "expected a private key and a certificate in {}",
                path.display()
            )
        })?;
        return pair(&mock_idp::KeyMaterial {
            private_key: private_key.to_owned(),
            certificate: format!("{CERTIFICATE}{certificate}"),
        });
    }
    let material = mock_idp::generate_key("Rehearsal check", now)?;
    let text = format!("{}{}", material.private_key, material.certificate);
    write_private(path, &text).map_err(|error| format!("writing {}: {error}", path.display()))?;
    pair(&material)
}

/// Readable by its owner only.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
