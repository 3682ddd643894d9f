//! Parties that run already: their addresses, and the powers that they give.
//! What `rehearsal up --ready-file` writes is a target; for parties that run
//! each on its own, a file with the same names does.
//!
//! A power that a target doesn't give (a control port, a name server) makes
//! the scenarios that need it "not run", with the reason.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Ambient, Clock as _, Rng, SimulatedClock};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Party, Rehearsal, StartError};
use crate::dns::{NameServer, Zones};
use crate::judge::{Failed, Outcome};
use crate::recorder::{Actor, Recorder, RecordingProxy};
use crate::trust::{Trust, TrustError};

/// How often a party is asked whether it is ready.
const TICK: Duration = Duration::from_millis(100);

/// A target as it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    sp: Place,
    idp: Place,
    #[serde(default)]
    dns: Names,
    #[serde(skip)]
    trust: Trust,
    /// A name server of the run's own, where the portal asks.
    #[serde(skip)]
    server: Option<Arc<NameServer>>,
}

/// A party's addresses.
#[derive(Debug, Clone, Deserialize)]
struct Place {
    base_url: Url,
    control_url: Option<Url>,
    /// The IdP's: what its management API takes.
    admin_token: Option<String>,
}

/// How TXT records come to the portal's eyes.
#[derive(Debug, Clone, Default, Deserialize)]
struct Names {
    /// A name server that takes dynamic updates (RFC 2136).
    address: Option<SocketAddr>,
    /// Where the portal asks and the run has to answer.
    serve: Option<SocketAddr>,
}

/// Why a target can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It isn't JSON of this form.
    #[error(
        "expected what `rehearsal up --ready-file` writes, with sp.base_url and idp.base_url: {0}"
    )]
    Form(#[from] serde_json::Error),
    /// The authority that it names.
    #[error(transparent)]
    Authority(#[from] TrustError),
    /// A party isn't there.
    #[error("expected {party} ready at {url} in time, {came}; is it running?")]
    Unreachable {
        /// The name of the party.
        party: &'static str,
        /// Where it was asked.
        url: String,
        /// What came.
        came: String,
    },
    /// The name server can't listen where the portal asks.
    #[error("expected to serve names at {address} (dns.serve): {source}")]
    Names {
        /// The address to listen on.
        address: SocketAddr,
        /// The machine's answer.
        source: std::io::Error,
    },
}

impl Target {
    /// The portal's address.
    pub(crate) fn portal_url(&self) -> String {
        self.sp.base_url.to_string()
    }

    /// Reads a target; `admin_token` stands in for one that it doesn't name.
    ///
    /// # Errors
    /// [`TargetError::Form`], [`TargetError::Authority`].
    pub fn read(text: &str, admin_token: Option<String>) -> Result<Self, TargetError> {
        let told: Value = serde_json::from_str(text)?;
        let trust = Trust::of(&told)?;
        let mut target: Self = serde_json::from_value(told)?;
        target.trust = trust;
        target.idp.admin_token = target.idp.admin_token.or(admin_token);
        Ok(target)
    }

    /// Waits until both parties are ready, for so long at most, and serves
    /// names where the portal asks for them.
    ///
    /// # Errors
    /// [`TargetError`], naming who isn't there.
    pub async fn awaited(mut self, patience: Duration) -> Result<Self, TargetError> {
        if let Some(address) = self.dns.serve {
            let server = NameServer::start_at(address).await;
            match server {
                Ok(server) => self.server = Some(Arc::new(server)),
                // Another server is there already (in compose, the simulation
                // page's), and the target says that it takes updates.
                Err(error)
                    if error.kind() == std::io::ErrorKind::AddrInUse
                        && self.dns.address == Some(address) => {}
                Err(source) => return Err(TargetError::Names { address, source }),
            }
        }
        for (party, place) in [("the portal", &self.sp), ("the IdP", &self.idp)] {
            let mut came = "no answer came".to_owned();
            let asking = async {
                let mut ticks = tokio::time::interval(TICK);
                loop {
                    ticks.tick().await;
                    match is_ready(&self.trust, &place.base_url).await {
                        Ok(()) => return,
                        Err(error) => came = error,
                    }
                }
            };
            if tokio::time::timeout(patience, asking).await.is_err() {
                return Err(TargetError::Unreachable {
                    party,
                    url: place.base_url.to_string(),
                    came,
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

    /// The time that it is for the portal; the machine's, when it doesn't say.
    async fn clock(&self) -> SimulatedClock {
        let clock = SimulatedClock::running();
        if let Some(now) = self.told_time().await {
            // A simulated clock takes every instant.
            let _ = clock.set(now);
        }
        clock
    }

    async fn told_time(&self) -> Option<Timestamp> {
        let url = self.sp.control_url.as_ref()?.join("/sim/clock").ok()?;
        let told: Value = client()
            .ok()?
            .get(url)
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()?;
        told["now"].as_str()?.parse().ok()
    }
}

impl Rehearsal {
    /// The parties of a target. Nothing is started but a proxy for what the
    /// desktop app says.
    ///
    /// # Errors
    /// [`StartError::Machine`] when no port is free.
    pub async fn reach(target: &Target) -> Result<Self, StartError> {
        let recorder = Recorder::default();
        let proxy = RecordingProxy::open(Actor::Portal, recorder.clone(), &target.trust).await?;
        proxy.pass_on_to(Some(target.sp.base_url.clone()));
        Ok(Self {
            ambient: Ambient::new(Arc::new(target.clock().await), Rng::from_os()),
            dns: target.zones(),
            recorder,
            own: None,
            trust: target.trust.clone(),
            portal: Party {
                proxy: Some(proxy),
                door: None,
                running: None,
                url: target.sp.base_url.clone(),
                control: target.sp.control_url.clone(),
            },
            idp: Party {
                proxy: None,
                door: None,
                running: None,
                url: target.idp.base_url.clone(),
                control: target.idp.control_url.clone(),
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
        Ok(answer) => Err(format!("{} came", answer.status())),
        Err(error) => Err(format!("the exchange failed: {error}")),
    }
}

/// Sets a party's clock by its control port.
pub(crate) async fn set_clock(control: &Url, now: Timestamp) -> Outcome {
    let url = control.join("/sim/clock")?;
    let request = client()?.put(url).json(&json!({"now": now.to_string()}));
    let answer = request.send().await?;
    match answer.status().as_u16() {
        200 => Ok(()),
        409 => Err(Failed::NotRun(format!(
            "the clock behind {control} follows the machine's and can't be set"
        ))),
        status => Err(Failed::mismatch(
            format!("the clock behind {control} to be set"),
            format!("{status} {}", answer.text().await?),
        )),
    }
}
