//! Starts and stops a portal, in its own process or inside a test.

use std::net::SocketAddr;
use std::sync::OnceLock;

use ambient::server::{self, Patience};
use ambient::{Ambient, ControlSecret};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::accounts::Throttle;
use crate::configurator::Refreshes;
use crate::configurator::issuer_token::IssuerKeys;
use crate::configurator::scim::Callers;
use crate::directory::ResourceTypes;
use crate::directory::sync_log::{self, SyncLog};
use crate::dns::TxtResolver;
use crate::portal::{Inner, Portal};
use crate::rate_limit::RateLimits;
use crate::store::{Store, StoreError, to_microseconds};
use crate::{Config, http};

/// Why the portal cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is in use, or binding it is not permitted.
    #[error("cannot listen on {address}: {source}; choose another address or port 0")]
    Listen {
        /// The address of the listener or control port.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The control port sets the clock and replaces the state, so it must be
    /// reachable from this machine only.
    #[error("invalid control port address: expected a loopback address, got {0}")]
    ControlNotLoopback(SocketAddr),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The DNS configuration of the operating system cannot be read.
    #[error("cannot read the system's DNS configuration: {0}; set a server with --dns-server")]
    Dns(String),
}

/// A running portal. Dropping the value does not stop it; [`Running::shutdown`]
/// stops it after the current requests.
pub struct Running {
    base_url: String,
    address: SocketAddr,
    control_url: Option<String>,
    control_secret: ControlSecret,
    /// URL of the database.
    pub database_url: String,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    portal: Portal,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the URL of the control port, which contains the secret.
        f.debug_struct("Running")
            .field("base_url", &self.base_url)
            .field("database_url", &self.database_url)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// The public base URL, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The listening address, for a proxy in front of the portal.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL of the control port, if there is one. It contains the secret.
    pub fn control_url(&self) -> Option<&str> {
        self.control_url.as_deref()
    }

    /// The secret of the control port, if there is one.
    pub fn control_secret(&self) -> Option<&str> {
        self.control_url.as_ref()?;
        Some(self.control_secret.reveal())
    }

    /// Stops accepting connections, answers the pending requests and closes the
    /// database.
    pub async fn shutdown(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        // Requests that were answered during the shutdown are not in the sync
        // log yet.
        if let Err(error) = sync_log::write_down(&self.portal).await {
            tracing::warn!(%error, "cannot write the SCIM sync log");
        }
        self.portal.store.close().await;
    }
}

/// Starts a portal.
///
/// # Errors
/// See [`StartError`].
pub async fn start(config: Config, ambient: Ambient) -> Result<Running, StartError> {
    let listener = bind(config.listen).await?;
    let control = match config.control_listen {
        Some(address) if !address.ip().is_loopback() => {
            return Err(StartError::ControlNotLoopback(address));
        }
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let address = local(&listener, config.listen);
    let base_url = match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    let control_secret = config.control_secret.clone();
    let control_secret = control_secret.unwrap_or_else(|| ControlSecret::generate(ambient.rng()));
    let control_url = control
        .as_ref()
        .zip(config.control_listen)
        .map(|(listener, address)| format!("http://{}", local(listener, address)))
        .map(|base| control_secret.add_to(&base));
    let store = Store::open(&config.database_url, config.durable).await?;
    let resolver = TxtResolver::new(&config.dns_servers, config.dns_timeout)
        .map_err(|error| StartError::Dns(error.to_string()))?;
    let database_url = config.database_url.clone();
    let portal = Portal::new(Inner {
        scim_callers: Callers::default(),
        scim_issuer_keys: IssuerKeys::default(),
        scim_rates: RateLimits::new(config.scim_rate),
        resource_types: ResourceTypes::with(&config.scim_extensions),
        config,
        ambient,
        store,
        resolver,
        fetcher: OnceLock::new(),
        base_url: base_url.clone(),
        throttle: Throttle::default(),
        metadata_refreshes: Refreshes::default(),
        request_key: tokio::sync::OnceCell::new(),
        license_key: tokio::sync::OnceCell::new(),
        sync_log: SyncLog::default(),
    });
    let stop = CancellationToken::new();
    let mut tasks = vec![
        serve(listener, http::router(portal.clone()), stop.clone()),
        tidy(portal.clone(), stop.clone()),
        tokio::spawn(sync_log::keep(portal.clone(), stop.clone())),
    ];
    if let Some(listener) = control {
        let router = http::control_router(portal.clone(), control_secret.clone());
        tasks.push(serve(listener, router, stop.clone()));
    }
    tracing::info!(base_url, "the portal listens");
    Ok(Running {
        base_url,
        address,
        control_url,
        control_secret,
        database_url,
        stop,
        tasks,
        portal,
    })
}

async fn forget_expired(portal: &Portal) -> Result<(), StoreError> {
    sync_log::write_down(portal).await?;
    // Keep expired rows for one more day: setting the clock forward and back
    // must not make a replay possible.
    let before = portal.now() - jiff::SignedDuration::from_hours(24);
    let mut tx = portal.store.write().await?;
    crate::store::logins::forget_expired(&mut tx, to_microseconds(before)).await?;
    crate::store::removals::forget(&mut tx, to_microseconds(before)).await?;
    tx.commit().await?;
    crate::refusal::delete_expired(portal).await
}

/// Deletes expired rows every ten minutes.
fn tidy(portal: Portal, stop: CancellationToken) -> JoinHandle<()> {
    let mut rounds = tokio::time::interval(std::time::Duration::from_secs(600));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = rounds.tick() => if let Err(error) = forget_expired(&portal).await {
                    tracing::warn!(%error, "cannot delete expired rows");
                },
                () = stop.cancelled() => return,
            }
        }
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    let mut address = listener.local_addr().unwrap_or(asked);
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(server::serve(listener, router, stop, Patience::default()))
}
