//! All settings of the portal. Only `command.rs` reads environment variables.

use std::net::SocketAddr;

use ambient::ControlSecret;
use jiff::SignedDuration;
use scim::schema::Schema;
use url::Url;

use crate::rate_limit::Rate;

/// The settings of a portal. [`Config::default`] listens on a free loopback
/// port; only `database_url` must be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the public listener; port 0 takes a free port.
    pub listen: SocketAddr,
    /// Address of the control port, which must be a loopback address; `None`:
    /// no control port.
    pub control_listen: Option<SocketAddr>,
    /// The secret of the control port; `None` for a random one.
    pub control_secret: Option<ControlSecret>,
    /// Public base URL, if it differs from the listening address (behind a
    /// proxy, with TLS, in a container).
    pub public_url: Option<Url>,
    /// URL of the page with the simulation's controls (license keys, DNS,
    /// clock, faults). Every page of the portal links to it in its footer.
    pub simulation_url: Option<Url>,
    /// Database URL: `sqlite://path?mode=rwc` or `postgres://…`.
    pub database_url: String,
    /// If true, SQLite syncs every change to the disk before the portal
    /// answers. Set it to false only for a database that is deleted afterwards.
    pub durable: bool,
    /// Memory for one password hash (parameter m of Argon2id), in KiB.
    pub password_memory: u32,
    /// DNS servers for domain verification; if empty, those of the operating
    /// system.
    pub dns_servers: Vec<SocketAddr>,
    /// Timeout of one DNS look-up.
    pub dns_timeout: SignedDuration,
    /// Allowed clock skew between an identity provider and the portal.
    pub clock_skew: SignedDuration,
    /// A session ends after this time without a request.
    pub session_idle: SignedDuration,
    /// A session ends this long after the login, even if it is in use.
    pub session_lifetime: SignedDuration,
    /// How long an AuthnRequest is valid: the Response must arrive within this
    /// time.
    pub sso_request_lifetime: SignedDuration,
    /// How long the portal waits after a failed fetch of an identity provider's
    /// metadata before it tries again; each further failure doubles it.
    pub metadata_retry: SignedDuration,
    /// How long the previous SCIM bearer token stays valid after a rotation.
    pub scim_token_overlap: SignedDuration,
    /// SCIM rate limit per tenant; `None`: unlimited.
    pub scim_rate: Option<Rate>,
    /// Schema extensions of the SCIM User resource, besides the enterprise
    /// extension (RFC 7643 §3.3).
    pub scim_extensions: Vec<&'static Schema>,
    /// How long the desktop app works without a successful license check at the
    /// portal.
    pub license_grace: SignedDuration,
    /// Time after which the desktop app should check its license again.
    pub license_revalidation: SignedDuration,
    /// Maximum age of a SAML logout message.
    pub logout_lifetime: SignedDuration,
    /// The key pair that signs SAML requests and logout messages and decrypts
    /// assertions. If `None`, the portal creates an RSA key at first use.
    pub signing_key: Option<KeyMaterial>,
    /// Additional certificate authorities, in PEM, for the HTTPS connections to
    /// IdP metadata URLs and social identity providers. The machine's root
    /// certificates are trusted as well.
    pub trusted_roots: Vec<String>,
    /// The social identity providers that users can sign in with.
    pub social: Vec<SocialProvider>,
    /// Maximum number of refused sign-ins that are stored per business account.
    pub sign_in_problems_kept: u32,
    /// How long a refused sign-in is stored.
    pub sign_in_problems_age: SignedDuration,
    /// Number of wrong passwords for one account within 15 minutes after which
    /// further attempts are delayed.
    pub login_attempts: u32,
}

/// An OpenID Connect provider at which the portal is registered as a client.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocialProvider {
    /// Identifier in the portal's URLs: `apple`, `google`, `facebook`.
    pub id: String,
    /// Name on the sign-in button.
    pub name: String,
    /// Issuer URL. The discovery document is at this URL followed by
    /// `/.well-known/openid-configuration`.
    pub issuer: Url,
    /// OAuth client ID of the portal.
    pub client_id: String,
    /// OAuth client secret of the portal.
    pub client_secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control_listen: None,
            control_secret: None,
            public_url: None,
            simulation_url: None,
            database_url: "sqlite://portal.db?mode=rwc".to_owned(),
            durable: true,
            password_memory: 19 * 1024,
            dns_servers: Vec::new(),
            dns_timeout: SignedDuration::from_secs(5),
            clock_skew: SignedDuration::from_secs(60),
            session_idle: SignedDuration::from_hours(2),
            session_lifetime: SignedDuration::from_hours(12),
            sso_request_lifetime: SignedDuration::from_mins(15),
            metadata_retry: SignedDuration::from_mins(1),
            scim_token_overlap: SignedDuration::from_hours(24),
            scim_rate: None,
            scim_extensions: Vec::new(),
            license_grace: SignedDuration::from_hours(14 * 24),
            license_revalidation: SignedDuration::from_hours(24),
            logout_lifetime: SignedDuration::from_mins(5),
            signing_key: None,
            trusted_roots: Vec::new(),
            social: Vec::new(),
            sign_in_problems_kept: 1000,
            sign_in_problems_age: SignedDuration::from_hours(90 * 24),
            login_attempts: 10,
        }
    }
}

/// A key pair, RSA or EC.
#[derive(Clone)]
pub struct KeyMaterial {
    /// Private key: PKCS#8, PEM.
    pub private_key: String,
    /// Certificate: X.509, PEM.
    pub certificate: String,
}

impl std::fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyMaterial(…)")
    }
}

impl std::fmt::Debug for SocialProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocialProvider")
            .field("id", &self.id)
            .field("issuer", &self.issuer.as_str())
            .finish_non_exhaustive()
    }
}
