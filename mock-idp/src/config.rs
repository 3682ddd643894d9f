//! All settings of the identity provider. No other module reads the environment.

use std::net::SocketAddr;
use std::sync::Arc;

use ambient::ControlSecret;
use jiff::SignedDuration;
use url::Url;

use crate::timer::{SystemTimer, Timer};

/// Settings of an identity provider. [`Config::default`] listens on a free loopback port and
/// stores its data in the file `mock-idp.db`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on for SAML, the console and the management API; port 0 chooses a free
    /// port.
    pub listen: SocketAddr,
    /// Address of the control port; `None` for no control port.
    pub control_listen: Option<SocketAddr>,
    /// The secret of the control port; `None` for a random one.
    pub control_secret: Option<ControlSecret>,
    /// URL at which others reach the identity provider, if it is not the address it listens on
    /// (behind a proxy, with TLS, in a container).
    pub public_url: Option<Url>,
    /// URL of the simulation page (license keys, DNS, clock, faults), which every page links at
    /// its foot.
    pub simulation_url: Option<Url>,
    /// URL of the database: `sqlite://path?mode=rwc`.
    pub database_url: String,
    /// True: every change is on the disk before its request is answered. Use false only for a
    /// database that is thrown away.
    pub durable: bool,
    /// Bearer token of the management API; `None` for a random one.
    pub admin_token: Option<String>,
    /// Signing key of new environments; `None` for a new key for each.
    pub signing_key: Option<KeyMaterial>,
    /// Certificate authorities, in PEM, that are trusted in addition to the system's, for
    /// provisioning targets and for metadata that is imported by URL.
    pub trusted_roots: Vec<String>,
    /// Lifetime of a user's SSO session.
    pub session_lifetime: SignedDuration,
    /// Time for which a sign-on page can be submitted.
    pub flow_lifetime: SignedDuration,
    /// Number of wrong passwords in a row that lock an account.
    pub lock_after: i64,
    /// Duration of a lock, unless an administrator unlocks the account before.
    pub lock_duration: SignedDuration,
    /// Memory of a password hash (Argon2id with two passes), in KiB. The default is OWASP's
    /// minimum. Use less only for a database that is thrown away.
    pub password_memory: u32,
    /// Lifetime of an access token of a worker application.
    pub token_lifetime: SignedDuration,
    /// Number of attempts of a provisioning operation before it counts as failed.
    pub push_attempts: i64,
    /// Number of users that are provisioned at the same time. With 1, a target assigns the ids in
    /// the same order in each run.
    pub users_at_once: usize,
    /// Timer for faults that delay an answer.
    pub timer: Arc<dyn Timer>,
}

/// A private key and its certificate, both in PEM.
#[derive(Clone)]
pub struct KeyMaterial {
    /// Private key, PKCS#8.
    pub private_key: String,
    /// Certificate, X.509.
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
            control_secret: None,
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
            password_memory: 19 * 1024,
            token_lifetime: SignedDuration::from_hours(1),
            push_attempts: 8,
            users_at_once: 4,
            timer: Arc::new(SystemTimer),
        }
    }
}
