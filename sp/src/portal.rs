//! The state of the running portal, which every handler receives.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ambient::Ambient;
use jiff::Timestamp;
use saml::keys::SigningKey;
use url::Url;

use crate::accounts::Throttle;
use crate::configurator::Refreshes;
use crate::configurator::issuer_token::IssuerKeys;
use crate::configurator::scim::Callers;
use crate::directory::ResourceTypes;
use crate::directory::sync_log::SyncLog;
use crate::licensing::LicenseKey;
use crate::rate_limit::RateLimits;
use crate::store::Store;
use crate::{Config, dns};

/// The shared state of a running portal. A clone is a new reference to the same
/// state.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

/// The parts of the state; read them through [`Portal`].
pub struct Inner {
    /// The settings the portal was started with.
    pub config: Config,
    /// The clock and the random number generator.
    pub ambient: Ambient,
    /// The database.
    pub store: Store,
    /// Looks up the DNS TXT records of domain verification.
    pub resolver: dns::TxtResolver,
    /// The HTTP client; use [`Portal::fetcher`], which creates it.
    pub fetcher: OnceLock<reqwest::Client>,
    /// The public base URL of the portal, without a slash at the end.
    pub base_url: String,
    /// Counts wrong passwords, to delay further attempts.
    pub throttle: Throttle,
    /// Running and failed fetches of identity providers' metadata.
    pub metadata_refreshes: Refreshes,
    /// A cache of the SCIM bearer tokens that were accepted.
    pub scim_callers: Callers,
    /// The keys of authorization servers whose access tokens are accepted.
    pub scim_issuer_keys: IssuerKeys,
    /// The SCIM rate limits of the tenants.
    pub scim_rates: RateLimits,
    /// The SCIM resource types and schemas (RFC 7643 §6 and §7).
    pub resource_types: ResourceTypes,
    /// The key that signs SAML messages; created or loaded at first use.
    pub request_key: tokio::sync::OnceCell<SigningKey>,
    /// The key that signs licenses; created or loaded at first use.
    pub license_key: tokio::sync::OnceCell<LicenseKey>,
    /// SCIM requests that are not yet written to the sync log in the database.
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

    /// Returns the HTTP client for IdP metadata URLs and social identity
    /// providers. Creates it at the first call, because that reads the
    /// machine's root certificates.
    ///
    /// # Errors
    /// If TLS cannot be set up on this machine, or a text in `trusted_roots` is
    /// not a certificate.
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

    /// The current time of the portal's clock, which may be simulated.
    pub fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// True if the public base URL is an HTTPS URL.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The portal's own origin, as browsers send it in the `Origin` header when
    /// a page of the portal posts a form.
    pub fn origin(&self) -> String {
        Url::parse(&self.base_url).map_or_else(
            |_| self.base_url.clone(),
            |url| url.origin().ascii_serialization(),
        )
    }

    /// Returns the SAML and SCIM addresses of this tenant.
    pub fn service_provider(&self, tenant_id: &str) -> ServiceProvider {
        let base = &self.base_url;
        ServiceProvider {
            entity_id: format!("{base}/{tenant_id}"),
            acs_url: format!("{base}/webapp/sso/acs/{tenant_id}"),
            slo_url: format!("{base}/webapp/sso/slo/{tenant_id}"),
            metadata_url: format!("{base}/saml/metadata/{tenant_id}"),
            scim_base_url: format!("{base}/scim/{tenant_id}/v2"),
            revocation_url: format!("{base}/webapp/sso/revocation/{tenant_id}"),
        }
    }
}

impl std::ops::Deref for Portal {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The addresses that steps 4 and 5 of the configurator show, for the
/// administrator to copy into the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Service Provider Entity ID.
    pub entity_id: String,
    /// Assertion Consumer Service URL.
    pub acs_url: String,
    /// Single Logout URL, for both HTTP-Redirect and HTTP-POST binding.
    pub slo_url: String,
    /// URL of the SAML metadata document that contains the three addresses
    /// above.
    pub metadata_url: String,
    /// SCIM Base URL.
    pub scim_base_url: String,
    /// URL of Universal Logout, where the identity provider ends all sessions of a person.
    pub revocation_url: String,
}
