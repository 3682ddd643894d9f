//! Every knob of the identity provider, in one place; nothing else reads the
//! environment.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use url::Url;

use crate::timer::{SystemTimer, Timer};

/// How an identity provider is set up. [`Config::default`] listens on a free
/// loopback port; only `database_url` must be given.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the protocol's listener binds; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the control port binds; none without one.
    pub control_listen: Option<SocketAddr>,
    /// The address that the world reaches it at, when it isn't the one it
    /// listens on (a proxy, TLS, a container).
    pub public_url: Option<Url>,
    /// The page with the simulation's controls (license keys, DNS, clock,
    /// faults), which every page links at its foot.
    pub simulation_url: Option<Url>,
    /// `sqlite://path?mode=rwc`.
    pub database_url: String,
    /// Whether every answered change is on the disk before the answer. Only a
    /// database that is thrown away may do without.
    pub durable: bool,
    /// The bearer token of the management API; random when none is given.
    pub admin_token: Option<String>,
    /// The key that new environments sign with; a new one each without it.
    pub signing_key: Option<KeyMaterial>,
    /// Certificate authorities, in PEM, that provisioning's targets and metadata by URL are trusted by
    /// besides the machine's.
    pub trusted_roots: Vec<String>,
    /// How long a person's session lasts.
    pub session_lifetime: SignedDuration,
    /// How long a login page waits for its person.
    pub flow_lifetime: SignedDuration,
    /// Wrong passwords in a row that lock an account.
    pub lock_after: i64,
    /// How long a locked account stays so, unless an administrator opens it.
    pub lock_duration: SignedDuration,
    /// How long a worker's token lasts.
    pub token_lifetime: SignedDuration,
    /// How often a push is tried before it is called failed.
    pub push_attempts: i64,
    /// What lets time pass where a fault asks for it.
    pub timer: Arc<dyn Timer>,
}

/// A private key with its certificate, both in PEM.
#[derive(Clone)]
pub struct KeyMaterial {
    /// PKCS#8.
    pub private_key: String,
    /// X.509.
    pub certificate: String,
}

impl std::fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyMaterial")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control_listen: None,
            public_url: None,
            simulation_url: None,
            database_url: "sqlite://mock-idp.db?mode=rwc".to_owned(),
            durable: true,
            admin_token: None,
            signing_key: None,
            trusted_roots: Vec::new(),
            session_lifetime: SignedDuration::from_hours(8),
            flow_lifetime: SignedDuration::from_mins(15),
            lock_after: 10,
            lock_duration: SignedDuration::from_mins(15),
            token_lifetime: SignedDuration::from_hours(1),
            push_attempts: 8,
            timer: Arc::new(SystemTimer),
        }
    }
}
