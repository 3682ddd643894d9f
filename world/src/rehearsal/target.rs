//! Parties that are already running: their addresses and capabilities. The ready file of
//! `rehearsal up` is a target; for parties that run separately, write a file with the same
//! members.
//!
//! If a target lacks a capability (a control port, a name server), the scenarios that need
//! it are reported as "not run", with the reason.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Ambient, Clock as _, Rng, SimulatedClock};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Party, Rehearsal, StartError};
use crate::control_port::{ControlPort, ControlPortError};
use crate::dns::{NameServer, Zones};
use crate::judge::{Failed, Outcome};
use crate::recorder::{Actor, Recorder, RecordingProxy};
use crate::trust::{Trust, TrustError};

/// Interval at which a party is asked whether it is ready.
const TICK: Duration = Duration::from_millis(100);

/// The content of a target file.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    sp: Place,
    idp: Place,
    #[serde(default)]
    dns: Names,
    #[serde(skip)]
    trust: Trust,
    /// The name server of this run, which the portal of the target queries.
    #[serde(skip)]
    server: Option<Arc<NameServer>>,
}

/// The addresses of a party.
#[derive(Debug, Clone, Deserialize)]
struct Place {
    base_url: Url,
    #[serde(skip)]
    control: Option<ControlPort>,
    /// The bearer token of the IdP's management API.
    admin_token: Option<String>,
}

/// How TXT records can be published for the portal.
#[derive(Debug, Clone, Default, Deserialize)]
struct Names {
    /// Address of a name server that accepts dynamic updates (RFC 2136).
    address: Option<SocketAddr>,
    /// Address that the portal queries, at which this run has to serve DNS.
    serve: Option<SocketAddr>,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The file is not JSON with the required members.
    #[error(
        "invalid target file: expected the JSON that `rehearsal up --ready-file` writes, with \
         sp.base_url and idp.base_url: {0}"
    )]
    Form(#[from] serde_json::Error),
    /// The certificate authority of the target cannot be used.
    #[error(transparent)]
    Authority(#[from] TrustError),
    /// The address or the secret of a control port is invalid.
    #[error(transparent)]
    Control(#[from] ControlPortError),
    /// A party is not ready in time.
    #[error(
        "{party} is not ready at {url}: {got}; check that it is running, or wait longer (--wait)"
    )]
    Unreachable {
        /// The party.
        party: &'static str,
        /// The URL of the party.
        url: String,
        /// What was observed instead.
        got: String,
    },
    /// The name server cannot listen at the address that the portal queries.
    #[error("cannot serve DNS at {address} (dns.serve): {source}")]
    Names {
        /// The address to listen at.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl Target {
    /// Returns the portal's URL.
    pub fn portal_url(&self) -> String {
        self.sp.base_url.to_string()
    }

    /// Reads a target; `admin_token` is used if the target contains none.
    ///
    /// # Errors
    /// [`TargetError::Form`], [`TargetError::Authority`], [`TargetError::Control`].
    pub fn read(text: &str, admin_token: Option<String>) -> Result<Self, TargetError> {
        let document: Value = serde_json::from_str(text)?;
        let trust = Trust::of(&document)?;
        let (sp, idp) = (
            ControlPort::of_party(&document, "sp")?,
            ControlPort::of_party(&document, "idp")?,
        );
        let mut target: Self = serde_json::from_value(document)?;
        (target.sp.control, target.idp.control) = (sp, idp);
        target.trust = trust;
        target.idp.admin_token = target.idp.admin_token.or(admin_token);
        Ok(target)
    }

    /// Waits at most `patience` until both parties are ready. Serves DNS if the target asks
    /// for it.
    ///
    /// # Errors
    /// [`TargetError`], with the name of the party that is not ready.
    pub async fn wait_until_ready(mut self, patience: Duration) -> Result<Self, TargetError> {
        if let Some(address) = self.dns.serve {
            let server = NameServer::start_at(address).await;
            match server {
                Ok(server) => self.server = Some(Arc::new(server)),
                // Another server already listens there (in docker compose, that of the
                // simulation page), and the target says that it accepts updates.
                Err(error)
                    if error.kind() == std::io::ErrorKind::AddrInUse
                        && self.dns.address == Some(address) => {}
                Err(source) => return Err(TargetError::Names { address, source }),
            }
        }
        for (party, place) in [("the portal", &self.sp), ("the IdP", &self.idp)] {
            let mut got = "no answer".to_owned();
            let asking = async {
                let mut ticks = tokio::time::interval(TICK);
                loop {
                    ticks.tick().await;
                    match is_ready(&self.trust, &place.base_url).await {
                        Ok(()) => return,
                        Err(error) => got = error,
                    }
                }
            };
            if tokio::time::timeout(patience, asking).await.is_err() {
                return Err(TargetError::Unreachable {
                    party,
                    url: place.base_url.to_string(),
                    got,
                });
            }
        }
        Ok(self)
    }

    fn zones(&self) -> Zones {
        match (&self.server, self.dns.address) {
            (Some(server), _) => Zones::Own(Arc::clone(server)),
            (None, Some(address)) => Zones::At(address),
            (None, None) => Zones::Unknown,
        }
    }

    /// Returns a clock with the portal's time, or with the machine's time if the portal
    /// does not tell it.
    async fn create_clock(&self) -> SimulatedClock {
        let clock = SimulatedClock::from_system_time();
        if let Some(now) = self.fetch_portal_time().await {
            // A simulated clock accepts every time.
            let _ = clock.set(now);
        }
        clock
    }

    async fn fetch_portal_time(&self) -> Option<Timestamp> {
        let control = self.sp.control.as_ref()?;
        let document: Value = control
            .request(&client().ok()?, Method::GET, "/sim/clock")
            .ok()?
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()?;
        document["now"].as_str()?.parse().ok()
    }
}

impl Rehearsal {
    /// Returns the parties of a target. Starts only a recording proxy for the requests of
    /// the desktop app.
    ///
    /// # Errors
    /// [`StartError::Machine`] when no port is free.
    pub async fn reach(target: &Target) -> Result<Self, StartError> {
        let recorder = Recorder::default();
        let proxy = RecordingProxy::open(Actor::Portal, recorder.clone(), &target.trust).await?;
        proxy.pass_on_to(Some(target.sp.base_url.clone()));
        Ok(Self {
            ambient: Ambient::new(Arc::new(target.create_clock().await), Rng::from_os()),
            dns: target.zones(),
            recorder,
            own: None,
            trust: target.trust.clone(),
            portal: Party {
                proxy: Some(proxy),
                door: None,
                running: None,
                url: target.sp.base_url.clone(),
                control: target.sp.control.clone(),
            },
            idp: Party {
                proxy: None,
                door: None,
                running: None,
                url: target.idp.base_url.clone(),
                control: target.idp.control.clone(),
            },
            admin_token: target.idp.admin_token.clone().unwrap_or_default(),
            moved: SignedDuration::ZERO,
            published: std::sync::Mutex::default(),
        })
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .dns_resolver(ambient::LocalhostResolver)
        .no_proxy()
        .build()
}

async fn is_ready(trust: &Trust, base: &Url) -> Result<(), String> {
    let url = base.join("/readyz").map_err(|error| error.to_string())?;
    let client = trust.client().build().map_err(|error| error.to_string())?;
    let answer = client.get(url).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answered {}", answer.status())),
        Err(error) => Err(format!("the request failed: {error}")),
    }
}

/// Sets the clock of a party by its control port.
pub(crate) async fn set_clock(control: &ControlPort, now: Timestamp) -> Outcome {
    let request = control.request(&client()?, Method::PUT, "/sim/clock")?;
    let request = request.json(&json!({"now": now.to_string()}));
    let answer = request.send().await?;
    match answer.status().as_u16() {
        200 => Ok(()),
        409 => Err(Failed::NotRun(format!(
            "the clock behind {control} is that of the machine and cannot be set"
        ))),
        status => Err(Failed::mismatch(
            format!("the clock behind {control} to be set"),
            format!("{status} {}", answer.text().await?),
        )),
    }
}
