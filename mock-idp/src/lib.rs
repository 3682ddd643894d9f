//! An identity provider with the concepts and names of PingOne: directory, SAML applications,
//! attribute mappings, single sign-on, SCIM provisioning, and misbehavior on demand.
//!
//! All it has about a service provider is what an administrator configured over HTTP. Modules:
//! `http` calls `directory`, `applications`, `sso`, `provisioning` and `misbehavior`, which
//! call `store`; `expression` is the language of attribute mappings. To add a function of that
//! language see `expression`, a fault the crate `faults`, a resource of the management API
//! `http/management`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod administrator;
mod answers;
mod applications;
pub mod command;
mod config;
mod directory;
mod expression;
mod flavor;
mod http;
mod idp;
mod misbehavior;
mod provisioning;
mod refusal;
mod snapshot;
mod sso;
mod store;
mod timer;
mod transport;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock};

use ambient::server::{self, Patience};
use ambient::{Ambient, ControlSecret};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use answers::Answers;
pub use applications::keys::generate as generate_key;
pub use config::{Config, KeyMaterial};
pub use flavor::FlavorError;
pub(crate) use idp::Idp;
pub use store::StoreError;
pub use timer::{SystemTimer, Timer};

/// Style sheet of the console, for pages of other crates that should look the same.
pub const CONSOLE_STYLE: &str = include_str!("http/console/style.css");

/// The identity provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Store(StoreError),
    /// A file with the data of a flavor is invalid.
    #[error(transparent)]
    Flavor(#[from] FlavorError),
    /// It cannot listen on an address.
    #[error("cannot listen on {at}: {source}")]
    Listen {
        /// The address that is in use or not available.
        at: SocketAddr,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

/// A running identity provider. It stops when this value is dropped; [`Running::shutdown`] also
/// waits until it has stopped.
pub struct Running {
    idp: Idp,
    address: SocketAddr,
    control_url: Option<String>,
    control_secret: ControlSecret,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running(mock-idp at {})", self.base_url())
    }
}

impl Running {
    /// Returns the base URL of the identity provider, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.idp.base_url
    }

    /// Returns the address it listens on, for a proxy in front of it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL of the control port, if there is one. It contains the secret.
    pub fn control_url(&self) -> Option<&str> {
        self.control_url.as_deref()
    }

    /// Returns the secret of the control port, if there is one.
    pub fn control_secret(&self) -> Option<&str> {
        self.control_url.as_ref()?;
        Some(self.control_secret.reveal())
    }

    /// Returns the bearer token of the management API.
    pub fn admin_token(&self) -> &str {
        &self.idp.admin_token
    }

    /// Returns the URL of its database.
    pub fn database_url(&self) -> &str {
        &self.idp.config.database_url
    }

    /// Finishes the requests in progress, then stops.
    pub async fn shutdown(mut self) {
        self.idp.stop.cancel();
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
        self.idp.store.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.idp.stop.cancel();
    }
}

async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source| StartError::Listen { at, source };
    let listener = TcpListener::bind(at).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Starts an identity provider.
///
/// # Errors
/// [`StartError`] if the database cannot be opened, or it cannot listen on an address.
pub async fn start(config: Config, ambient: Ambient) -> Result<Running, StartError> {
    flavor::check()?;
    let store = store::Store::open(&config.database_url, config.durable).await?;
    let (listener, bound) = bind(config.listen).await?;
    let control = match config.control_listen {
        Some(at) => Some(bind(at).await?),
        None => None,
    };
    let base_url = config.public_url.as_ref().map_or_else(
        || format!("http://{bound}"),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    );
    let admin_token = config
        .admin_token
        .clone()
        .unwrap_or_else(|| ambient.rng().token(24));
    let control_secret = config.control_secret.clone();
    let control_secret = control_secret.unwrap_or_else(|| ControlSecret::generate(ambient.rng()));
    let stop = CancellationToken::new();
    let rng = ambient.rng().clone();
    let idp = Idp::new(idp::Shared {
        store,
        ambient,
        base_url,
        admin_token,
        config,
        signers: Mutex::new(HashMap::new()),
        remembered: sso::session_cache::Remembered::default(),
        misbehavior: misbehavior::Misbehavior::new(rng),
        signals: provisioning::Signals::new(),
        set_ups: provisioning::set_up::SetUps::default(),
        target_tokens: provisioning::tokens::Tokens::default(),
        http: OnceLock::new(),
        plain_http: OnceLock::new(),
        stop: stop.clone(),
    });
    let serve = |listener: TcpListener, router: axum::Router| {
        let stop = stop.clone();
        let listener = http::Breakable(listener);
        tokio::spawn(server::serve(listener, router, stop, Patience::default()))
    };
    let mut tasks = vec![
        serve(listener, http::router(idp.clone())),
        tokio::spawn(provisioning::run(idp.clone())),
    ];
    let control_url = control.map(|(listener, bound)| {
        let router = http::control_router(idp.clone(), control_secret.clone());
        tasks.push(serve(listener, router));
        control_secret.add_to(&format!("http://{bound}"))
    });
    Ok(Running {
        idp,
        address: bound,
        control_url,
        control_secret,
        tasks,
    })
}
