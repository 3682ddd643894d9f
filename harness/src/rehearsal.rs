//! The parties, started together in this process on free loopback ports: the
//! portal, the IdP and the name server, a tap in front of each server.

use std::net::SocketAddr;
use std::sync::Arc;

use ambient::{Ambient, Chance, SimulatedClock};
use tempfile::TempDir;
use url::Url;

use crate::dns::NameServer;
use crate::social::SocialProviders;
use crate::witness::{Actor, Recorder, Tap};

/// A free loopback port.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// How a rehearsal is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Ids, tokens and secrets repeat with the seed; without one the operating
    /// system draws them.
    pub seed: Option<u64>,
    /// The portal's port; 0 takes a free one.
    pub portal_port: u16,
    /// The IdP's port; 0 takes a free one.
    pub idp_port: u16,
    /// The name server's port; 0 takes a free one.
    pub dns_port: u16,
    /// Where the portal keeps its data, and the IdP beside it when it is a
    /// file; without one a temporary folder does.
    pub database_url: Option<String>,
    /// Whether the parties are reached directly, without taps: faster, and
    /// nothing is recorded.
    pub untapped: bool,
}

/// Why the parties didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port or a folder.
    #[error("expected free ports on 127.0.0.1 and a writable temporary folder: {0}")]
    Machine(#[from] std::io::Error),
    /// The portal.
    #[error("the portal didn't start: {0}")]
    Portal(#[from] sp::StartError),
    /// The identity provider.
    #[error("the IdP didn't start: {0}")]
    Idp(#[from] mock_idp::StartError),
    /// An address that a party gave of itself.
    #[error("expected a URL as the address of {party}, got {got:?}")]
    Address {
        /// Whose.
        party: &'static str,
        /// What it gave.
        got: String,
    },
}

/// Running parties. They stop when this is dropped.
///
/// A Rust test has its own identity provider and portal by one call, on free
/// ports and throw-away databases, as many at once as it likes:
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use harness::{Options, Rehearsal};
///
/// let rehearsal = Rehearsal::start(Options {
///     seed: Some(7),    // ids and secrets repeat
///     untapped: true,   // reached directly: nothing is recorded
///     ..Options::default()
/// })
/// .await?;
/// let idp = rehearsal.idp_url();
/// let answer = reqwest::get(idp.join("/readyz")?).await?;
/// assert!(answer.status().is_success());
///
/// // Its management API is PingOne's.
/// let made = reqwest::Client::new()
///     .post(idp.join("/v1/environments")?)
///     .bearer_auth(rehearsal.idp_admin_token())
///     .json(&serde_json::json!({"name": "Mine", "region": "EU", "type": "SANDBOX"}))
///     .send()
///     .await?;
/// assert!(made.status().is_success());
/// rehearsal.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// [`World`](crate::World) adds what people do: `World::with(options)`, then
/// `demo_organization`, and there is a whole organization to sign on in.
pub struct Rehearsal {
    /// Clock and chance that all parties share.
    pub ambient: Ambient,
    /// The zones.
    pub dns: NameServer,
    /// Apple, Google and Facebook.
    pub social: SocialProviders,
    /// What was said.
    pub recorder: Recorder,
    places: Places,
    portal: Party<sp::Running>,
    idp: Party<mock_idp::Running>,
    admin_token: String,
}

/// A server and the tap in front of it.
struct Party<T> {
    tap: Option<Tap>,
    running: Option<T>,
    url: Url,
    control: Url,
}

/// Where the parties listen and keep their data.
struct Places {
    options: Options,
    folder: TempDir,
}

impl Rehearsal {
    /// Starts the parties, each on its own port and database.
    ///
    /// # Errors
    /// [`StartError`], naming the party.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let chance = options.seed.map_or_else(Chance::from_os, Chance::seeded);
        let ambient = Ambient::new(Arc::new(SimulatedClock::running()), chance);
        let recorder = Recorder::default();
        let dns = NameServer::start(options.dns_port).await?;
        let social = SocialProviders::start(ambient.clone()).await?;
        let (portal_tap, idp_tap) = if options.untapped {
            (None, None)
        } else {
            (
                Some(Tap::open(Actor::Portal, recorder.clone()).await?),
                Some(Tap::open(Actor::Idp, recorder.clone()).await?),
            )
        };
        let places = Places {
            options,
            folder: tempfile::tempdir()?,
        };
        let (portal, idp) = tokio::try_join!(
            start_portal(
                &places,
                &ambient,
                portal_tap.as_ref(),
                dns.address(),
                &social
            ),
            start_idp(&places, &ambient, idp_tap.as_ref()),
        )?;
        let admin_token = idp.admin_token().to_owned();
        Ok(Self {
            ambient,
            dns,
            social,
            recorder,
            places,
            portal: Party {
                tap: portal_tap,
                url: address("the portal", Some(portal.base_url()))?,
                control: address("the portal's control port", portal.control_url())?,
                running: Some(portal),
            },
            idp: Party {
                tap: idp_tap,
                url: address("the IdP", Some(idp.base_url()))?,
                control: address("the IdP's control port", idp.control_url())?,
                running: Some(idp),
            },
            admin_token,
        })
    }

    /// The address that the world knows the portal by.
    pub fn portal_url(&self) -> Url {
        self.portal.url.clone()
    }

    /// The portal's control port.
    pub fn portal_control_url(&self) -> &Url {
        &self.portal.control
    }

    /// The address that the world knows the IdP by.
    pub fn idp_url(&self) -> Url {
        self.idp.url.clone()
    }

    /// The IdP's control port.
    pub fn idp_control_url(&self) -> &Url {
        &self.idp.control
    }

    /// What the IdP's management API takes as bearer token.
    pub fn idp_admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Stops the portal and starts it again on the same database and address.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn restart_portal(&mut self) -> Result<(), StartError> {
        if let Some(tap) = &self.portal.tap {
            tap.pass_on_to(None);
        }
        if let Some(running) = self.portal.running.take() {
            running.shutdown().await;
        }
        let running = start_portal(
            &self.places,
            &self.ambient,
            self.portal.tap.as_ref(),
            self.dns.address(),
            &self.social,
        )
        .await?;
        self.portal.control = address("the portal's control port", running.control_url())?;
        self.portal.running = Some(running);
        Ok(())
    }

    /// Stops the portal: nobody answers at its address any more.
    pub async fn stop_portal(&mut self) {
        if let Some(tap) = &self.portal.tap {
            tap.pass_on_to(None);
        }
        if let Some(running) = self.portal.running.take() {
            running.shutdown().await;
        }
    }

    /// Stops the IdP: nobody answers at its address any more.
    pub async fn stop_idp(&mut self) {
        if let Some(tap) = &self.idp.tap {
            tap.pass_on_to(None);
        }
        if let Some(running) = self.idp.running.take() {
            running.shutdown().await;
        }
    }

    /// Stops every party, letting each finish what it is at.
    pub async fn shutdown(mut self) {
        if let Some(running) = self.idp.running.take() {
            running.shutdown().await;
        }
        if let Some(running) = self.portal.running.take() {
            running.shutdown().await;
        }
    }
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal")
            .field("portal", &self.portal_url().as_str())
            .field("idp", &self.idp_url().as_str())
            .finish_non_exhaustive()
    }
}

async fn start_portal(
    places: &Places,
    ambient: &Ambient,
    tap: Option<&Tap>,
    dns: SocketAddr,
    social: &SocialProviders,
) -> Result<sp::Running, StartError> {
    let listen = SocketAddr::new(FREE.ip(), places.options.portal_port);
    let config = sp::Config {
        listen,
        control_listen: Some(FREE),
        public_url: tap.map(Tap::url),
        database_url: places.portal_database(),
        durable: places.outlast_this(),
        password_memory: if places.outlast_this() {
            19 * 1024
        } else {
            1024
        },
        dns_servers: vec![dns],
        signing_key: places.portal_key(ambient.now()).await?,
        social: social.configuration(),
        ..sp::Config::default()
    };
    let running = sp::start(config, ambient.clone()).await?;
    if let Some(tap) = tap {
        tap.pass_on_to(Some(http(running.address())));
    }
    Ok(running)
}

async fn start_idp(
    places: &Places,
    ambient: &Ambient,
    tap: Option<&Tap>,
) -> Result<mock_idp::Running, StartError> {
    let listen = SocketAddr::new(FREE.ip(), places.options.idp_port);
    let config = mock_idp::Config {
        listen,
        control_listen: Some(FREE),
        public_url: tap.map(Tap::url),
        database_url: places.idp_database(),
        durable: places.outlast_this(),
        signing_key: places.signing_key(ambient.now()).await?,
        ..mock_idp::Config::default()
    };
    let running = mock_idp::start(config, ambient.clone()).await?;
    if let Some(tap) = tap {
        tap.pass_on_to(Some(http(running.address())));
    }
    Ok(running)
}

/// The key that throwaway IdPs share: making one takes longer than a scenario.
static SHARED_KEY: tokio::sync::OnceCell<mock_idp::KeyMaterial> =
    tokio::sync::OnceCell::const_new();

/// The same for portals.
static SHARED_PORTAL_KEY: tokio::sync::OnceCell<mock_idp::KeyMaterial> =
    tokio::sync::OnceCell::const_new();

async fn new_key(
    name: &'static str,
    now: jiff::Timestamp,
) -> std::io::Result<mock_idp::KeyMaterial> {
    tokio::task::spawn_blocking(move || mock_idp::generate_key(name, now))
        .await
        .map_err(std::io::Error::other)?
        .map_err(std::io::Error::other)
}

impl Places {
    /// Whether the databases are to be kept when this process has ended.
    fn outlast_this(&self) -> bool {
        self.options.database_url.is_some()
    }

    async fn signing_key(
        &self,
        now: jiff::Timestamp,
    ) -> std::io::Result<Option<mock_idp::KeyMaterial>> {
        if self.outlast_this() {
            return Ok(None);
        }
        let make = || new_key("Rehearsal", now);
        Ok(Some(SHARED_KEY.get_or_try_init(make).await?.clone()))
    }

    async fn portal_key(&self, now: jiff::Timestamp) -> std::io::Result<Option<sp::KeyMaterial>> {
        if self.outlast_this() {
            return Ok(None);
        }
        let make = || new_key("Rehearsal portal", now);
        let key = SHARED_PORTAL_KEY.get_or_try_init(make).await?;
        Ok(Some(sp::KeyMaterial {
            private_key: key.private_key.clone(),
            certificate: key.certificate.clone(),
        }))
    }

    fn portal_database(&self) -> String {
        let given = self.options.database_url.clone();
        given.unwrap_or_else(|| self.temporary("portal"))
    }

    /// Beside the portal's, when that is a file.
    fn idp_database(&self) -> String {
        let file = self
            .options
            .database_url
            .as_deref()
            .and_then(|url| url.strip_prefix("sqlite://"));
        match file {
            Some(file) => {
                let path = file.split('?').next().unwrap_or(file);
                format!("sqlite://{path}-idp?mode=rwc")
            }
            None => self.temporary("idp"),
        }
    }

    fn temporary(&self, name: &str) -> String {
        let path = self.folder.path().join(format!("{name}.db"));
        format!("sqlite://{}?mode=rwc", path.display())
    }
}

fn http(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).expect("a socket address makes a URL")
}

fn address(party: &'static str, given: Option<&str>) -> Result<Url, StartError> {
    let given = given.unwrap_or_default();
    Url::parse(given).map_err(|_| StartError::Address {
        party,
        got: given.to_owned(),
    })
}
