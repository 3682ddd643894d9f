//! The portal's state, handed to every handler.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ambient::Ambient;
use jiff::Timestamp;
use saml::keys::SigningKey;
use url::Url;

use crate::accounts::Throttle;
use crate::configurator::Refreshes;
use crate::configurator::scim::Callers;
use crate::directory::ResourceTypes;
use crate::directory::sync_log::SyncLog;
use crate::licensing::LicenseKey;
use crate::rate_limit::RateLimits;
use crate::store::Store;
use crate::{Config, dns};

/// What a running portal is made of. Cheap to clone.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

/// The parts, reached through [`Portal`].
pub struct Inner {
    /// Every knob.
    pub config: Config,
    /// Clock and chance.
    pub ambient: Ambient,
    /// The database.
    pub store: Store,
    /// Domain verification's eyes.
    pub resolver: dns::TxtResolver,
    /// Reached through [`Portal::fetcher`].
    pub fetcher: OnceLock<reqwest::Client>,
    /// The address that the world reaches the portal at, without a slash at the end.
    pub base_url: String,
    /// Wrong passwords, counted.
    pub throttle: Throttle,
    /// Fetches of identity providers' metadata.
    pub metadata_refreshes: Refreshes,
    /// Which SCIM callers were let in.
    pub scim_callers: Callers,
    /// How many SCIM requests each tenant may send.
    pub scim_rates: RateLimits,
    /// What SCIM resources look like.
    pub resource_types: ResourceTypes,
    /// The key for AuthnRequests, once it was wanted.
    pub request_key: tokio::sync::OnceCell<SigningKey>,
    /// The key for licenses, once it was wanted.
    pub license_key: tokio::sync::OnceCell<LicenseKey>,
    /// SCIM requests that aren't written to the sync log yet.
    pub sync_log: SyncLog,
}

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Portal")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Portal {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Fetches IdP metadata by URL and asks social providers. Made when first
    /// wanted: it reads the machine's root certificates.
    ///
    /// # Errors
    /// When TLS can't be set up on this machine, or a trusted root is no
    /// certificate.
    pub fn fetcher(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(made) = self.fetcher.get() {
            return Ok(made);
        }
        let made = reqwest::Client::builder()
            .dns_resolver(ambient::LocalhostResolver)
            .tls_certs_merge(self.roots()?)
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()?;
        Ok(self.fetcher.get_or_init(|| made))
    }

    fn roots(&self) -> Result<Vec<reqwest::Certificate>, reqwest::Error> {
        let given = self.config.trusted_roots.iter();
        given
            .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()))
            .collect()
    }

    /// The instant it is now.
    pub fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// Whether the world reaches the portal by TLS.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The origin that browsers name when our own pages post to us.
    pub fn origin(&self) -> String {
        Url::parse(&self.base_url).map_or_else(
            |_| self.base_url.clone(),
            |url| url.origin().ascii_serialization(),
        )
    }

    /// The service provider's names for this tenant.
    pub fn service_provider(&self, tenant_id: &str) -> ServiceProvider {
        let base = &self.base_url;
        ServiceProvider {
            entity_id: format!("{base}/{tenant_id}"),
            acs_url: format!("{base}/webapp/sso/acs/{tenant_id}"),
            slo_url: format!("{base}/webapp/sso/slo/{tenant_id}"),
            metadata_url: format!("{base}/saml/metadata/{tenant_id}"),
            scim_base_url: format!("{base}/scim/{tenant_id}/v2"),
        }
    }
}

impl std::ops::Deref for Portal {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What step 4 and 5 give to the IdP, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Service Provider Entity ID.
    pub entity_id: String,
    /// Assertion Consumer Service URL.
    pub acs_url: String,
    /// Single Logout URL, by either binding.
    pub slo_url: String,
    /// Where they stand as SAML metadata.
    pub metadata_url: String,
    /// SCIM Base URL.
    pub scim_base_url: String,
}
