//! Starts the parties in this process: their configuration, keys and databases.

use std::net::SocketAddr;
use std::path::PathBuf;

use ambient::Ambient;
use mock_idp::KeyMaterial;
use tempfile::TempDir;
use url::Url;

use super::keys::{self, Owner};
use super::scratch_database::ScratchDatabase;
use super::tls::Door;
use super::{Options, StartError};
use crate::control_port::ControlPort;
use crate::recorder::RecordingProxy;
use crate::social::SocialProviders;

/// A free loopback port.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Where the parties listen and store their data.
pub(super) struct Places {
    pub(super) options: Options,
    /// The portal's database on a PostgreSQL server, if only this world uses it.
    pub(super) scratch_database: Option<ScratchDatabase>,
    pub(super) folder: TempDir,
    /// Certificates of the authorities that the parties trust, in PEM.
    pub(super) roots: Vec<String>,
}

/// What clients reach instead of the server itself: a recording proxy or a TLS server.
#[derive(Clone, Copy)]
pub(super) struct Front<'f> {
    proxy: Option<&'f RecordingProxy>,
    door: Option<&'f Door>,
}

impl<'f> Front<'f> {
    pub(super) fn of(proxy: Option<&'f RecordingProxy>, door: Option<&'f Door>) -> Self {
        Self { proxy, door }
    }

    /// Returns the public URL of the server, with this host name.
    fn url(self, host: Option<&str>) -> Option<Url> {
        let mut url = self
            .door
            .map(Door::url)
            .or(self.proxy.map(RecordingProxy::url))?;
        if host.is_some() {
            url.set_host(host).ok()?;
        }
        Some(url)
    }

    /// Returns the port of the server itself: any free one if the TLS server takes the
    /// wanted port.
    fn port(self, wanted: u16) -> u16 {
        if self.door.is_some() { 0 } else { wanted }
    }

    /// Sets the address of the server from now on; None if it is stopped.
    pub(super) fn pass_on_to(self, address: Option<SocketAddr>) {
        if let Some(proxy) = self.proxy {
            proxy.pass_on_to(address.map(http));
        }
        if let Some(door) = self.door {
            door.pass_on_to(address);
        }
    }
}

pub(super) async fn start_portal(
    places: &Places,
    ambient: &Ambient,
    front: Front<'_>,
    dns: SocketAddr,
    social: &SocialProviders,
) -> Result<sp::Running, StartError> {
    let listen = SocketAddr::new(FREE.ip(), front.port(places.options.portal_port));
    let default = sp::Config::default();
    let config = sp::Config {
        listen,
        control_listen: Some(FREE),
        public_url: front.url(places.options.portal_host.as_deref()),
        trusted_roots: places.roots.clone(),
        database_url: places.portal_database(),
        durable: places.outlast_this(),
        password_memory: places.password_memory(default.password_memory),
        dns_servers: vec![dns],
        signing_key: places
            .generate_key(Owner::Portal, ambient.now())
            .await?
            .map(|key| sp::KeyMaterial {
                private_key: key.private_key,
                certificate: key.certificate,
            }),
        social: social.configuration(),
        simulation_url: places.options.simulation_url.clone(),
        metadata_retry: places
            .options
            .metadata_retry
            .unwrap_or(default.metadata_retry),
        ..default
    };
    let running = sp::start(config, ambient.clone()).await?;
    front.pass_on_to(Some(running.address()));
    Ok(running)
}

pub(super) async fn start_idp(
    places: &Places,
    ambient: &Ambient,
    front: Front<'_>,
) -> Result<mock_idp::Running, StartError> {
    let listen = SocketAddr::new(FREE.ip(), front.port(places.options.idp_port));
    let default = mock_idp::Config::default();
    let config = mock_idp::Config {
        listen,
        control_listen: Some(FREE),
        public_url: front.url(places.options.idp_host.as_deref()),
        trusted_roots: places.roots.clone(),
        database_url: places.idp_database(),
        durable: places.outlast_this(),
        signing_key: places.generate_key(Owner::Idp, ambient.now()).await?,
        simulation_url: places.options.simulation_url.clone(),
        password_memory: places.password_memory(default.password_memory),
        // With a seed, the portal assigns the ids in the same order in each run.
        users_at_once: match places.options.seed {
            Some(_) => 1,
            None => default.users_at_once,
        },
        ..default
    };
    let running = mock_idp::start(config, ambient.clone()).await?;
    front.pass_on_to(Some(running.address()));
    Ok(running)
}

impl Places {
    /// Returns the path of the authority's certificate file.
    pub(super) fn authority_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// True if the databases are kept when this process has ended.
    fn outlast_this(&self) -> bool {
        self.options.database_url.is_some()
    }

    /// Returns the memory of a password hash, in KiB: less than the default in a database that is
    /// thrown away, whose passwords are test data.
    fn password_memory(&self, default: u32) -> u32 {
        if self.outlast_this() { default } else { 1024 }
    }

    /// Generates a key; None if the databases are kept, because they contain the keys too.
    async fn generate_key(
        &self,
        owner: Owner,
        now: jiff::Timestamp,
    ) -> std::io::Result<Option<KeyMaterial>> {
        if self.outlast_this() {
            return Ok(None);
        }
        Ok(Some(
            keys::get_or_generate(owner, self.options.seed, now).await?,
        ))
    }

    fn portal_database(&self) -> String {
        let scratch = self.scratch_database.as_ref().map(ScratchDatabase::url);
        let given = self.options.database_url.as_deref().or(scratch);
        given.map_or_else(|| self.temporary("portal"), str::to_owned)
    }

    /// Returns the URL of the IdP's database: next to the portal's if that is a SQLite
    /// file.
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

pub(super) fn address(party: &'static str, given: Option<&str>) -> Result<Url, StartError> {
    let given = given.unwrap_or_default();
    Url::parse(given).map_err(|_| StartError::Address {
        party,
        got: given.to_owned(),
    })
}

/// Returns the control port of a party of this process, which contains its secret.
pub(super) fn control_port(
    party: &'static str,
    given: Option<&str>,
) -> Result<ControlPort, StartError> {
    Ok(ControlPort::new(&address(party, given)?, None))
}
