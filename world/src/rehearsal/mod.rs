//! The running parties: the portal, the IdP and the name server. They are started together
//! in this process on free loopback ports, with a proxy in front of each server; or they
//! run elsewhere and are only reached there ([`target`]).

mod keys;
mod options;
mod scratch_database;
mod startup;
pub mod target;
mod tls;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Ambient, Rng, SimulatedClock};
use jiff::SignedDuration;
use url::Url;

use crate::control_port::ControlPort;
use crate::dns::{NameServer, Zones};
use crate::judge::{Failed, Outcome};
use crate::recorder::{Actor, Recorder, RecordingProxy};
use crate::social::SocialProviders;
use crate::trust::Trust;
pub use options::{Options, StartError};
use scratch_database::ScratchDatabase;
pub use scratch_database::ScratchDatabaseError;
use startup::{Front, Places, address, control_port, start_idp, start_portal};
use tls::{Authority, Door};

/// Running parties. They stop when this is dropped.
///
/// A Rust test gets its own identity provider and portal by one call, on free ports and
/// with temporary databases. Several can run at the same time:
///
/// ```
/// # use world as rehearsal; // which exports it
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rehearsal::{Options, Rehearsal};
///
/// let rehearsal = Rehearsal::start(Options {
///     seed: Some(7),    // ids and secrets repeat
///     unrecorded: true,   // reached directly: nothing is recorded
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
/// [`World`](crate::World) adds what people do: `World::with(options)` and then
/// `demo_organization` set up an organization whose users can sign on.
pub struct Rehearsal {
    /// The clock and the random numbers that all parties share.
    pub ambient: Ambient,
    /// The DNS zones of the organizations.
    pub dns: Zones,
    /// The recorded exchanges between the parties.
    pub recorder: Recorder,
    /// The parties of this process; None when they run elsewhere.
    own: Option<Own>,
    portal: Party<sp::Running>,
    idp: Party<mock_idp::Running>,
    admin_token: String,
    /// Duration by which the clocks were moved.
    moved: SignedDuration,
    /// Published TXT records: name and value.
    published: Mutex<Vec<(String, String)>>,
    /// The certificate authorities that the parties are trusted by.
    pub(crate) trust: Trust,
}

/// What only the parties of this process have.
struct Own {
    places: Places,
    social: SocialProviders,
    dns: Arc<NameServer>,
    authority: Option<Authority>,
}

/// A server, with the proxy or the TLS server in front of it.
struct Party<T> {
    proxy: Option<RecordingProxy>,
    door: Option<Door>,
    running: Option<T>,
    url: Url,
    control: Option<ControlPort>,
}

impl<T> Party<T> {
    fn front(&self) -> Front<'_> {
        Front::of(self.proxy.as_ref(), self.door.as_ref())
    }
}

/// Returns the error for an action that is not possible with parties that run elsewhere.
fn not_ours(what: &str) -> Failed {
    Failed::NotRun(format!("{what}: the target's parties run elsewhere"))
}

/// Opens the TLS servers in front of the portal and of the identity provider, if there is an
/// authority for their certificates.
async fn open_tls_servers(
    authority: Option<&Authority>,
    options: &Options,
) -> std::io::Result<(Option<Door>, Option<Door>)> {
    let Some(authority) = authority else {
        return Ok((None, None));
    };
    let portal = authority.open_door(options.portal_port, options.portal_host.as_deref());
    let portal = portal.await?;
    let idp = authority.open_door(options.idp_port, options.idp_host.as_deref());
    Ok((Some(portal), Some(idp.await?)))
}

/// Opens the recording proxies in front of the portal and of the identity provider. They cannot
/// read what is sent over TLS.
async fn open_proxies(
    recorder: &Recorder,
    options: &Options,
) -> std::io::Result<(Option<RecordingProxy>, Option<RecordingProxy>)> {
    if options.unrecorded || options.tls {
        return Ok((None, None));
    }
    let portal = RecordingProxy::open(Actor::Portal, recorder.clone(), &Trust::Nobody).await?;
    let idp = RecordingProxy::open(Actor::Idp, recorder.clone(), &Trust::Nobody).await?;
    Ok((Some(portal), Some(idp)))
}

impl Rehearsal {
    /// Starts the parties, each on its own port and database.
    ///
    /// # Errors
    /// [`StartError`], with the name of the party.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        options.check_hosts()?;
        let rng = options.seed.map_or_else(Rng::from_os, Rng::from_seed);
        let ambient = Ambient::new(Arc::new(SimulatedClock::from_system_time()), rng);
        let recorder = Recorder::default();
        let dns = Arc::new(NameServer::start(options.dns_port).await?);
        // Each party gets its own random stream, so that none changes the numbers of
        // another.
        let fork = || ambient.with_rng(ambient.rng().fork());
        let social = SocialProviders::start(fork()).await?;
        let authority = options.tls.then(Authority::new).transpose()?;
        let (portal_door, idp_door) = open_tls_servers(authority.as_ref(), &options).await?;
        let (portal_proxy, idp_proxy) = open_proxies(&recorder, &options).await?;
        let scratch_database = match &options.database_server {
            Some(server) => Some(ScratchDatabase::create(server).await?),
            None => None,
        };
        let places = Places {
            options,
            scratch_database,
            folder: ambient::private_folder::create_temporary("rehearsal-")?,
            roots: authority.iter().map(Authority::certificate).collect(),
        };
        if let Some(authority) = &authority {
            std::fs::write(places.authority_file(), authority.certificate())?;
        }
        let (portal_ambient, idp_ambient) = (fork(), fork());
        let (portal, idp) = tokio::try_join!(
            start_portal(
                &places,
                &portal_ambient,
                Front::of(portal_proxy.as_ref(), portal_door.as_ref()),
                dns.address(),
                &social
            ),
            start_idp(
                &places,
                &idp_ambient,
                Front::of(idp_proxy.as_ref(), idp_door.as_ref())
            ),
        )?;
        let admin_token = idp.admin_token().to_owned();
        let trust = match &authority {
            Some(authority) => Trust::Only(authority.root()?),
            None => Trust::Nobody,
        };
        Ok(Self {
            trust,
            ambient,
            dns: Zones::Own(Arc::clone(&dns)),
            recorder,
            own: Some(Own {
                places,
                social,
                dns,
                authority,
            }),
            moved: SignedDuration::ZERO,
            published: Mutex::default(),
            portal: Party {
                proxy: portal_proxy,
                door: portal_door,
                url: address("the portal", Some(portal.base_url()))?,
                control: Some(control_port(
                    "the portal's control port",
                    portal.control_url(),
                )?),
                running: Some(portal),
            },
            idp: Party {
                proxy: idp_proxy,
                door: idp_door,
                url: address("the IdP", Some(idp.base_url()))?,
                control: Some(control_port("the IdP's control port", idp.control_url())?),
                running: Some(idp),
            },
            admin_token,
        })
    }

    /// Returns the portal's public URL.
    pub fn portal_url(&self) -> Url {
        self.portal.url.clone()
    }

    /// Returns the portal's URL for the desktop app: that of a recording proxy, if there is
    /// one.
    pub fn portal_url_of_app(&self) -> Url {
        let proxy = self.portal.proxy.as_ref();
        proxy.map_or_else(|| self.portal_url(), RecordingProxy::url)
    }

    /// Returns the portal's control port.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the target does not contain it.
    pub fn portal_control(&self) -> Outcome<&ControlPort> {
        let control = self.portal.control.as_ref();
        control.ok_or_else(|| missing_document_error("the portal's control port (sp.control_url)"))
    }

    /// Returns the IdP's public URL.
    pub fn idp_url(&self) -> Url {
        self.idp.url.clone()
    }

    /// Returns the IdP's control port.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the target does not contain it.
    pub fn idp_control(&self) -> Outcome<&ControlPort> {
        let control = self.idp.control.as_ref();
        control.ok_or_else(|| missing_document_error("the IdP's control port (idp.control_url)"))
    }

    /// Returns the path of the certificate authority's certificate, in PEM. The file exists
    /// while the parties run. None without HTTPS.
    pub fn authority_file(&self) -> Option<PathBuf> {
        let own = self.own.as_ref()?;
        own.authority.as_ref()?;
        Some(own.places.authority_file())
    }

    /// Returns the bearer token of the IdP's management API.
    pub fn idp_admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Returns the simulated Apple, Google and Facebook, to choose their errors.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the parties run elsewhere.
    pub fn social(&self) -> Outcome<&SocialProviders> {
        let own = self.own.as_ref();
        Ok(&own
            .ok_or_else(|| not_ours("cannot choose the error of a social provider"))?
            .social)
    }

    /// True if this process started the parties; false if they run elsewhere.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops the portal and starts it again with the same database and URL.
    ///
    /// # Errors
    /// [`StartError`], or [`Failed::NotRun`] if the parties run elsewhere.
    pub async fn restart_portal(&mut self) -> Outcome {
        self.stop_portal().await?;
        let Some(own) = &self.own else {
            return Err(not_ours("cannot start the portal again"));
        };
        let running = start_portal(
            &own.places,
            &self.ambient.with_rng(self.ambient.rng().fork()),
            self.portal.front(),
            own.dns.address(),
            &own.social,
        )
        .await?;
        let control = control_port("the portal's control port", running.control_url())?;
        self.portal.control = Some(control);
        self.portal.running = Some(running);
        Ok(())
    }

    /// Stops the portal; its URL no longer answers.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the parties run elsewhere.
    pub async fn stop_portal(&mut self) -> Outcome {
        if !self.is_own() {
            return Err(not_ours("cannot stop the portal"));
        }
        self.portal.front().pass_on_to(None);
        if let Some(running) = self.portal.running.take() {
            running.shutdown().await;
        }
        Ok(())
    }

    /// Stops the IdP; its URL no longer answers.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the parties run elsewhere.
    pub async fn stop_idp(&mut self) -> Outcome {
        if !self.is_own() {
            return Err(not_ours("cannot stop the IdP"));
        }
        self.idp.front().pass_on_to(None);
        if let Some(running) = self.idp.running.take() {
            running.shutdown().await;
        }
        Ok(())
    }

    /// Moves the clocks of all parties forward by their control ports (`/sim/clock`). A
    /// stopped party needs no request, because it shares the clock of this process.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if a party uses the clock of the machine.
    pub async fn advance_clocks(&mut self, by: SignedDuration) -> Outcome {
        let then = self.ambient.now() + by;
        let mut controls = Vec::new();
        if !self.is_own() || self.portal.running.is_some() {
            controls.push(self.portal_control()?.clone());
        }
        if !self.is_own() || self.idp.running.is_some() {
            controls.push(self.idp_control()?.clone());
        }
        let moved = self.ambient.clock().set(then);
        moved.map_err(|error| Failed::NotRun(error.to_string()))?;
        // Remembered so that `shutdown` can set the clock of a target back.
        self.moved += by;
        for control in controls {
            target::set_clock(&control, then).await?;
        }
        Ok(())
    }

    /// Publishes a TXT record. It is removed when the parties are stopped.
    ///
    /// # Errors
    /// The same as [`Zones::publish_txt`].
    pub async fn publish_txt(&self, name: &str, value: &str) -> Outcome {
        self.dns.publish_txt(name, value).await?;
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        published.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Stops all parties; requests in progress are answered first. Parties that run
    /// elsewhere keep running: their clock is set back, and the published TXT records are
    /// removed.
    pub async fn shutdown(mut self) {
        let published = std::mem::take(&mut self.published);
        let published = published
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (name, value) in published.iter().filter(|_| !self.is_own()) {
            if let Err(error) = self.dns.remove_txt(name, Some(value)).await {
                tracing::error!(%error, name, "cannot remove a TXT record from the name server");
            }
        }
        if !self.is_own() && !self.moved.is_zero() {
            let back = SignedDuration::ZERO - self.moved;
            if let Err(error) = self.advance_clocks(back).await {
                tracing::error!(%error, "cannot set the target's clock back");
            }
        }
        if let Some(running) = self.idp.running.take() {
            running.shutdown().await;
        }
        if let Some(running) = self.portal.running.take() {
            running.shutdown().await;
        }
        let own = self.own.as_mut();
        if let Some(database) = own.and_then(|own| own.places.scratch_database.take()) {
            database.remove().await;
        }
    }
}

fn missing_document_error(what: &str) -> Failed {
    Failed::NotRun(format!("the target does not contain {what}"))
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal")
            .field("portal", &self.portal_url().as_str())
            .field("idp", &self.idp_url().as_str())
            .finish_non_exhaustive()
    }
}
