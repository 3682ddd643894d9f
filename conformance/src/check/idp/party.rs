//! The service provider that is played: its key, its metadata, and a listener
//! that serves the metadata, takes answers that a person's browser brings, and
//! notices who fetches the bait.

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
    /// Its entity identifier, which is its metadata's address.
    pub entity_id: String,
    /// Its assertion consumer services.
    pub acs: Vec<String>,
    /// Its single logout service.
    pub slo: String,
    /// Its key.
    pub key: SigningKey,
    /// A key that its metadata doesn't name.
    pub foreign: SigningKey,
    /// What a person's browser brings.
    pub(super) interactive: InteractiveBrowser,
    base: String,
    bait: Arc<AtomicUsize>,
}

impl Party {
    /// Starts it on a port of the loopback interface, 0 for a free one. A key
    /// kept in `key_file` is used again, so that an identity provider which
    /// was set up once goes on knowing it.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let played = Played::at(port, key_file, ambient).await?;
        let base = &played.base;
        let bait = Arc::new(AtomicUsize::new(0));
        let party = Self {
            entity_id: played.entity_id(),
            acs: vec![format!("{base}/acs"), format!("{base}/acs/second")],
            slo: format!("{base}/slo"),
            key: played.key.clone(),
            foreign: played.foreign.clone(),
            interactive: InteractiveBrowser::default(),
            base: base.clone(),
            bait: bait.clone(),
        };
        let rest = Router::new()
            .route(
                "/bait",
                get(move || async move {
                    bait.fetch_add(1, Ordering::SeqCst);
                    "bait"
                }),
            )
            .merge(interactive::routes(party.interactive.clone()));
        played.serve(party.metadata(), rest);
        Ok(party)
    }

    /// Its metadata, for the identity provider to register.
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

    /// An address that nobody has a reason to fetch.
    pub(super) fn bait(&self) -> String {
        format!("{}/bait", self.base)
    }

    /// How often the bait was fetched.
    pub(super) fn bites(&self) -> usize {
        self.bait.load(Ordering::SeqCst)
    }

    /// Where a person begins.
    pub fn desk_url(&self) -> String {
        format!("{}/", self.base)
    }

    /// Its names and addresses.
    pub(super) fn played(&self) -> recording::Played {
        recording::Played {
            entity_id: self.entity_id.clone(),
            acs: self.acs.clone(),
            slo: self.slo.clone(),
        }
    }
}
