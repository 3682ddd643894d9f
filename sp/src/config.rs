//! Every knob of the portal, in one place; nothing else reads the environment.

use std::net::SocketAddr;

use jiff::SignedDuration;
use scim::schema::Schema;
use url::Url;

use crate::rate_limit::Rate;

/// How a portal is set up. [`Config::default`] listens on a free loopback
/// port; only `database_url` must be given.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the protocol's listener binds; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the control port binds; none without one.
    pub control_listen: Option<SocketAddr>,
    /// The address that the world reaches the portal at, when it isn't the
    /// one it listens on (a proxy, TLS, a container).
    pub public_url: Option<Url>,
    /// The page with the simulation's controls (license keys, DNS, clock,
    /// faults), which every page links at its foot.
    pub simulation_url: Option<Url>,
    /// `sqlite://path?mode=rwc` or `postgres://…`.
    pub database_url: String,
    /// Whether SQLite has every answered change on the disk before the answer.
    /// Only a database that is thrown away may do without.
    pub durable: bool,
    /// The memory one password's hash takes (Argon2id's m), in KiB.
    pub password_memory: u32,
    /// Which DNS servers answer for domain verification; empty: the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// How long one DNS look-up may take before it is called timed-out.
    pub dns_timeout: SignedDuration,
    /// How far an IdP's clock may be off.
    pub clock_skew: SignedDuration,
    /// A session ends so long after its last use …
    pub session_idle: SignedDuration,
    /// … and so long after the login, used or not.
    pub session_lifetime: SignedDuration,
    /// How long a login at the IdP may take.
    pub sso_request_lifetime: SignedDuration,
    /// How long the former SCIM token still works after a rotation.
    pub scim_token_overlap: SignedDuration,
    /// How many SCIM requests a tenant may send; as many as it likes without.
    pub scim_rate: Option<Rate>,
    /// Extensions of SCIM users beside the enterprise one (RFC 7643 §3.3).
    pub scim_extensions: Vec<&'static Schema>,
    /// How long a desktop runs without asking the portal.
    pub license_grace: SignedDuration,
    /// How soon a desktop should ask again.
    pub license_revalidation: SignedDuration,
    /// How old a logout message may be.
    pub logout_lifetime: SignedDuration,
    /// The portal's own key for requests, logout and encrypted assertions;
    /// without one it makes an RSA key when it is first wanted.
    pub signing_key: Option<KeyMaterial>,
    /// Certificate authorities, in PEM, that IdP metadata by URL and social providers are trusted by
    /// besides the machine's.
    pub trusted_roots: Vec<String>,
    /// Where people may sign in by a social identity.
    pub social: Vec<SocialProvider>,
    /// How many refused sign-ins of one business account are kept.
    pub sign_in_problems_kept: u32,
    /// How long a refused sign-in is kept.
    pub sign_in_problems_age: SignedDuration,
    /// Wrong passwords for one account within a quarter of an hour before
    /// the next try must wait.
    pub login_attempts: u32,
}

/// An OpenID provider that the portal is registered at.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocialProvider {
    /// Stands in addresses: `apple`, `google`, `facebook`.
    pub id: String,
    /// Stands on the button.
    pub name: String,
    /// Its issuer; `/.well-known/openid-configuration` stands below it.
    pub issuer: Url,
    /// What the portal is registered as.
    pub client_id: String,
    /// The secret that goes with that.
    pub client_secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control_listen: None,
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
    /// PKCS#8, PEM.
    pub private_key: String,
    /// X.509, PEM.
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
