//! The service provider that is played: its key, its metadata, and a listener that serves the
//! metadata, accepts the answers that the user's browser delivers, and notices when an external
//! entity is fetched.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ambient::Ambient;
use axum::Router;
use axum::routing::get;
use saml::keys::SigningKey;
use saml::message::NameIdFormat;
use saml::metadata::{Endpoint, IndexedEndpoint, SpMetadata};
use saml::names;

use super::interactive::{self, InteractiveBrowser};
use super::recording;
use crate::check::played::Played;
use crate::check::played_keys::PlayError;

/// The service provider that is played.
#[derive(Debug, Clone)]
pub struct Party {
    /// Entity ID, which is the URL of its metadata.
    pub entity_id: String,
    /// URLs of its assertion consumer services.
    pub acs: Vec<String>,
    /// URL of its single logout service.
    pub slo: String,
    /// Signing key.
    pub key: SigningKey,
    /// A signing key that is not in its metadata.
    pub foreign: SigningKey,
    /// The answers that the user's browser delivers.
    pub(super) interactive: InteractiveBrowser,
    base: String,
    entity_fetches: Arc<AtomicUsize>,
}

impl Party {
    /// Starts the service provider on a port of the loopback interface; 0 chooses a free one. A key
    /// that `key_file` contains is used again, so that an identity provider that was configured
    /// once keeps trusting it.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let played = Played::bind(port, key_file, ambient).await?;
        let base = &played.base;
        let entity_fetches = Arc::new(AtomicUsize::new(0));
        let party = Self {
            entity_id: played.entity_id(),
            acs: vec![format!("{base}/acs"), format!("{base}/acs/second")],
            slo: format!("{base}/slo"),
            key: played.key.clone(),
            foreign: played.foreign.clone(),
            interactive: InteractiveBrowser::default(),
            base: base.clone(),
            entity_fetches: entity_fetches.clone(),
        };
        let rest = Router::new()
            .route(
                "/external-entity",
                get(move || async move {
                    entity_fetches.fetch_add(1, Ordering::SeqCst);
                    "external entity"
                }),
            )
            .merge(interactive::routes(party.interactive.clone()));
        played.serve(party.metadata(), rest);
        Ok(party)
    }

    /// Returns the metadata to register at the identity provider.
    pub fn metadata(&self) -> String {
        let endpoint = |location: &str, binding: &str| Endpoint {
            binding: binding.to_owned(),
            location: location.to_owned(),
            response_location: None,
        };
        let acs = self
            .acs
            .iter()
            .zip(0_u16..)
            .map(|(location, index)| IndexedEndpoint {
                endpoint: endpoint(location, names::HTTP_POST),
                index,
                is_default: index == 0,
            });
        SpMetadata {
            entity_id: self.entity_id.clone(),
            acs: acs.collect(),
            slo: vec![
                endpoint(&self.slo, names::HTTP_REDIRECT),
                endpoint(&self.slo, names::HTTP_POST),
            ],
            certificates: vec![self.key.certificate().clone()],
            encryption_certificates: Vec::new(),
            encryption_methods: Vec::new(),
            authn_requests_signed: false,
            want_assertions_signed: true,
            name_id_formats: vec![NameIdFormat::Unspecified],
            valid_until: None,
            cache_duration: None,
        }
        .to_xml()
    }

    /// Returns the URL in the external entity of a trial. Only an XML parser that resolves external
    /// entities fetches it.
    pub(super) fn external_entity_url(&self) -> String {
        format!("{}/external-entity", self.base)
    }

    /// Returns how often that URL was fetched.
    pub(super) fn external_entity_fetches(&self) -> usize {
        self.entity_fetches.load(Ordering::SeqCst)
    }

    /// Returns the URL that the user opens first.
    pub fn start_page_url(&self) -> String {
        format!("{}/", self.base)
    }

    /// Returns names and URLs for the recording.
    pub(super) fn to_recording(&self) -> recording::Played {
        recording::Played {
            entity_id: self.entity_id.clone(),
            acs: self.acs.clone(),
            slo: self.slo.clone(),
        }
    }
}
