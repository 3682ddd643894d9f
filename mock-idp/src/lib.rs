//! A Ping-like identity provider, with PingOne's concepts and names: directory,
//! SAML applications, attribute mappings, single sign-on, SCIM provisioning,
//! and misbehavior on demand.
//!
//! It knows no service provider but by what it was told over HTTP. Rooms:
//! `http` → `directory`, `applications`, `sso`, `provisioning`, `faults` →
//! `store`; `expression` is the mapping language. To add a function of the
//! language see `expression`, a fault `faults`, a resource of the management
//! API `http/management`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod administrator;
mod answer_body;
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

use ambient::Ambient;
use ambient::server::{self, Patience};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use answers::Answers;
pub use applications::keys::generate as generate_key;
pub use config::{Config, KeyMaterial};
pub(crate) use idp::Idp;
pub use store::StoreError;
pub use timer::{SystemTimer, Timer};

/// The console's style sheet, for pages that look the same.
pub const CONSOLE_STYLE: &str = include_str!("http/console/style.css");

/// Why the identity provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened.
    #[error(transparent)]
    Store(StoreError),
    /// An address is not to be had.
    #[error("expected to listen on {at}: {source}")]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A running identity provider. Dropped, it stops; [`Running::shutdown`] waits for that.
pub struct Running {
    idp: Idp,
    address: SocketAddr,
    control_url: Option<String>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running(mock-idp at {})", self.base_url())
    }
}

impl Running {
    /// Where it is reached, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.idp.base_url
    }

    /// Where it listens, which a proxy in front of it must know.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its control port is reached, when it has one.
    pub fn control_url(&self) -> Option<&str> {
        self.control_url.as_deref()
    }

    /// The bearer token of the management API.
    pub fn admin_token(&self) -> &str {
        &self.idp.admin_token
    }

    /// Its database.
    pub fn database_url(&self) -> &str {
        &self.idp.config.database_url
    }

    /// Stops, after the requests under way are answered.
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
/// [`StartError`] when the database or an address is not to be had.
pub async fn start(config: Config, ambient: Ambient) -> Result<Running, StartError> {
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
        target_tokens: provisioning::tokens::Tokens::default(),
        http: OnceLock::new(),
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
        tasks.push(serve(listener, http::control_router(idp.clone())));
        format!("http://{bound}")
    });
    Ok(Running {
        idp,
        address: bound,
        control_url,
        tasks,
    })
}
