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
use crate::provisioning::set_up::SetUps;
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
    /// Configurations of provisioning targets.
    pub set_ups: SetUps,
    /// Access tokens for provisioning targets.
    pub target_tokens: Tokens,
    pub http: OnceLock<reqwest::Client>,
    pub plain_http: OnceLock<reqwest::Client>,
    pub stop: CancellationToken,
}

impl Idp {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    /// Returns the HTTP client for a request to this URL: to a provisioning target, or for
    /// metadata by URL. It follows no redirects.
    pub(crate) fn http(&self, url: &str) -> Result<&reqwest::Client, reqwest::Error> {
        let scheme = url.split(':').next().unwrap_or_default();
        let is_plain = scheme.trim().eq_ignore_ascii_case("http");
        let client = if is_plain {
            &self.plain_http
        } else {
            &self.http
        };
        if let Some(made) = client.get() {
            return Ok(made);
        }
        let builder = reqwest::Client::builder();
        // Reading the machine's root certificates takes as long as a start of the identity
        // provider, and most of its memory. HTTP without TLS needs none.
        let builder = if is_plain {
            builder.tls_certs_only([])
        } else {
            let given = self.config.trusted_roots.iter();
            let roots: Vec<_> = given
                .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()))
                .collect::<Result<_, _>>()?;
            builder.tls_certs_merge(roots)
        };
        let made = builder
            .dns_resolver(ambient::LocalhostResolver)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .user_agent("PingOne-compatible mock IdP")
            .build()?;
        Ok(client.get_or_init(|| made))
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
