//! The identity provider that `check sp` plays: its key, its metadata, and the server that
//! publishes the metadata.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ambient::Ambient;
use axum::Router;
use axum::routing::get;
use faults::MoreKeys;
use jiff::{SignedDuration, Timestamp};
use saml::keys::SigningKey;
use saml::message::NameIdFormat;
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use url::Url;

use super::publication::{KeyUse, Publication};
use super::published::Published;
use super::references::ReferenceServer;
use super::starts::Starts;
use crate::check::played::Played;
use crate::check::played_keys::{PlayError, load_more_keys};
use crate::key_pair::KeyPair;

/// The identity provider that the check plays.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The entity ID, which is also the URL of the metadata.
    pub entity_id: String,
    /// Location of the `SingleSignOnService`.
    pub sso_url: Url,
    /// Location of the `SingleLogoutService`.
    pub slo_url: Url,
    /// The signing key whose certificate is in the metadata.
    pub key: SigningKey,
    /// A signing key that is not in the metadata, for the faults.
    pub foreign: SigningKey,
    /// An EC signing key that is not in the metadata, for the faults.
    pub(in crate::check) foreign_ec: SigningKey,
    /// Further signing keys in the metadata; `None` if it announces only [`Self::key`].
    pub(super) more_keys: Option<MoreKeys>,
    /// The server for the external references of the faults; `None` if no faults are sent.
    pub(in crate::check) references: Option<ReferenceServer>,
    /// The checks since the service provider last started a login.
    pub(super) starts: Starts,
    /// The metadata document that the server publishes.
    pub(super) published: Published,
    /// How the service provider fetches the metadata again; `None` if it does not.
    pub(super) refetch: Option<Refetch>,
}

/// How a service provider fetches metadata again.
#[derive(Debug, Clone, Copy)]
pub struct Refetch {
    /// How long to wait until the service provider has fetched changed metadata.
    pub wait: Duration,
    /// True if the service provider requires metadata that [`Provider::key`] signed.
    pub is_signed: bool,
    /// The clock skew that the service provider may allow.
    pub skew: SignedDuration,
}

impl Refetch {
    /// Creates a `Refetch` with a clock skew of five minutes, the most that service providers
    /// allow.
    pub fn new(wait: Duration, is_signed: bool) -> Self {
        Self {
            wait,
            is_signed,
            skew: SignedDuration::from_mins(5),
        }
    }
}

impl Provider {
    /// Starts the identity provider on a loopback port; 0 chooses a free one. If `key_file` exists,
    /// its key is used again, so that the service provider still trusts the identity provider.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let played = Played::bind(port, key_file, ambient).await?;
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let provider = Self {
            references: Some(start_references(loopback).await?),
            ..Self::of(&played)?
        };
        let rest = Router::new()
            .route("/sso", get(explain).post(explain))
            .route("/slo", get(explain).post(explain));
        provider.published.publish(provider.own_metadata().to_xml());
        played.serve_published(provider.published.clone(), rest);
        provider.with_issuer(ambient).await
    }

    /// Creates the provider at the address of a played party, without a server for external
    /// references.
    pub(in crate::check) fn of(played: &Played) -> Result<Self, PlayError> {
        let at = |path: &str| {
            let url = Url::parse(&format!("{}{path}", played.base));
            url.map_err(|error| PlayError::Key(error.to_string()))
        };
        Ok(Self {
            entity_id: played.entity_id(),
            sso_url: at("/sso")?,
            slo_url: at("/slo")?,
            key: played.key.clone(),
            foreign: played.foreign.clone(),
            foreign_ec: played.foreign_ec.clone(),
            more_keys: None,
            references: None,
            starts: Starts::default(),
            published: Published::new(String::new()),
            refetch: None,
        })
    }

    /// Returns this provider for a service provider that fetches the metadata from
    /// [`Self::entity_id`] again. Its metadata has a `cacheDuration`.
    ///
    /// # Errors
    /// [`PlayError::Key`] when the metadata cannot be signed.
    pub fn with_refetch(mut self, refetch: Refetch) -> Result<Self, PlayError> {
        self.refetch = Some(refetch);
        self.publish_own().map_err(PlayError::Key)?;
        Ok(self)
    }

    /// Returns this provider with metadata that announces a second RSA key and two EC keys after
    /// [`Self::key`]. The keys are those in the file if it exists; otherwise they are created, and
    /// stored there if `file` is given.
    ///
    /// # Errors
    /// [`PlayError::Key`].
    pub async fn with_more_keys(
        mut self,
        file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        self.more_keys = Some(load_more_keys(file, ambient).await?);
        self.published.publish(self.own_metadata().to_xml());
        Ok(self)
    }

    /// Publishes the metadata with the provider's own keys.
    pub(super) fn publish_own(&self) -> Result<(), String> {
        let is_signed = self.refetch.is_some_and(|it| it.is_signed);
        let mut own = Publication::of(self);
        for key in self
            .more_keys
            .iter()
            .flat_map(|it| [&it.rsa, &it.p256, &it.p384])
        {
            own = own.with(KeyUse::Signing, key);
        }
        // The time is not used, because this metadata has no `validUntil`.
        let document = own.to_xml(self, is_signed, Timestamp::UNIX_EPOCH)?;
        self.published.publish(document);
        Ok(())
    }

    /// Returns this provider with the server for external references at this address, which the
    /// service provider must be able to reach.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn with_references_at(
        mut self,
        at: SocketAddr,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        self.references = Some(start_references(at).await?);
        self.with_issuer(ambient).await
    }

    /// Replaces [`Self::foreign`] by a key whose certificate refers to its issuer's certificate at
    /// the server for external references (RFC 5280 §4.2.2.1).
    async fn with_issuer(mut self, ambient: &Ambient) -> Result<Self, PlayError> {
        let Some(references) = &self.references else {
            return Ok(self);
        };
        let (ambient, url) = (ambient.clone(), references.issuer_url());
        let made = tokio::task::spawn_blocking(move || {
            KeyPair::generate_with_issuer_at("Rehearsal check", &ambient, &url)?.signing_key()
        });
        let made = made.await.map_err(|error| error.to_string());
        self.foreign = made.and_then(|it| it).map_err(PlayError::Key)?;
        references.serve_key(self.foreign.certificate());
        Ok(self)
    }

    /// Returns the base URL of the external references in this check's fault.
    pub(super) fn elsewhere(&self, check: &str) -> String {
        match &self.references {
            Some(references) => references.address_for(check),
            // Port 9 (discard): no server listens there.
            None => "http://127.0.0.1:9".to_owned(),
        }
    }

    /// Returns the metadata that the service provider has to trust.
    pub fn metadata(&self) -> String {
        match self.refetch {
            Some(_) => self.published.document(),
            None => self.own_metadata().to_xml(),
        }
    }

    /// Returns the metadata with the provider's own keys, [`Self::key`] first.
    pub(super) fn own_metadata(&self) -> IdpMetadata {
        let more = self.more_keys.iter();
        let keys = [&self.key]
            .into_iter()
            .chain(more.flat_map(|it| [&it.rsa, &it.p256, &it.p384]));
        let endpoint = |binding: &str, location: &Url| Endpoint {
            binding: binding.to_owned(),
            location: location.to_string(),
            response_location: None,
        };
        let both = |location: &Url| {
            vec![
                endpoint(names::HTTP_REDIRECT, location),
                endpoint(names::HTTP_POST, location),
            ]
        };
        IdpMetadata {
            entity_id: self.entity_id.clone(),
            signing_certificates: keys.map(|it| it.certificate().clone()).collect(),
            sso: both(&self.sso_url),
            slo: both(&self.slo_url),
            name_id_formats: vec![NameIdFormat::EmailAddress],
            want_authn_requests_signed: false,
            valid_until: None,
            cache_duration: None,
        }
    }
}

async fn start_references(at: SocketAddr) -> Result<ReferenceServer, PlayError> {
    let port = at.port();
    let started = ReferenceServer::start(at).await;
    started.map_err(|reason| PlayError::Listen { port, reason })
}

async fn explain() -> &'static str {
    "This is the identity provider that `rehearsal check sp` plays. It answers the logins that the check starts itself."
}
