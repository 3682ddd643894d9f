//! The state of the identity provider that all requests share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ambient::Ambient;
use jiff::Timestamp;
use saml::keys::SigningKey;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::misbehavior::Misbehavior;
use crate::provisioning::Signals;
use crate::provisioning::tokens::Tokens;
use crate::sso::session_cache::Remembered;
use crate::store::Store;

/// The identity provider. Cheap to clone; all clones share the same state.
#[derive(Clone)]
pub(crate) struct Idp(Arc<Shared>);

pub(crate) struct Shared {
    pub store: Store,
    pub ambient: Ambient,
    pub config: Config,
    /// Base URL, without a slash at its end.
    pub base_url: String,
    pub admin_token: String,
    /// Decoded signing keys, by key id.
    pub signers: Mutex<HashMap<String, SigningKey>>,
    pub remembered: Remembered,
    pub misbehavior: Misbehavior,
    pub signals: Signals,
    /// Access tokens for provisioning targets.
    pub target_tokens: Tokens,
    pub http: OnceLock<reqwest::Client>,
    pub stop: CancellationToken,
}

impl Idp {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// Returns the HTTP client for provisioning targets and for metadata by URL. It is created
    /// at the first use, because that reads the system's root certificates.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(made) = self.http.get() {
            return Ok(made);
        }
        let given = self.config.trusted_roots.iter();
        let roots: Vec<_> = given
            .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()))
            .collect::<Result<_, _>>()?;
        let made = reqwest::Client::builder()
            .dns_resolver(ambient::LocalhostResolver)
            .tls_certs_merge(roots)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .user_agent("PingOne-compatible mock IdP")
            .build()?;
        Ok(self.http.get_or_init(|| made))
    }

    pub(crate) fn new_id(&self) -> String {
        self.ambient.rng().uuid().to_string()
    }
}

impl std::ops::Deref for Idp {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
