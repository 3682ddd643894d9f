//! The identity provider that is played: its key, its metadata, and a
//! listener that serves the metadata.

use std::path::Path;

use ambient::Ambient;
use axum::Router;
use axum::routing::get;
use saml::keys::SigningKey;
use saml::message::NameIdFormat;
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use url::Url;

use crate::check::played::Played;
use crate::check::played_keys::PlayError;

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
    /// [`PlayError`].
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let played = Played::at(port, key_file, ambient).await?;
        let provider = Self {
            entity_id: played.entity_id(),
            sso_url: Url::parse(&format!("{}/sso", played.base))
                .map_err(|error| PlayError::Key(error.to_string()))?,
            key: played.key.clone(),
            foreign: played.foreign.clone(),
        };
        let rest = Router::new().route("/sso", get(explain).post(explain));
        played.serve(provider.metadata(), rest);
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
