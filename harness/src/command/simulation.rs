//! `rehearsal simulation`: serves the simulation page for parties that run elsewhere, as in
//! docker compose.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use ambient::{Ambient, ControlSecret, Rng, SimulatedClock};
use anyhow::Context as _;
use clap::Args;
use rehearsal::simulation::{Controls, Page, Site};
use rehearsal::social::SocialControls;
use rehearsal::{NameServer, Zones};
use serde_json::{Value, json};
use url::Url;

use super::checks_folder::ChecksFolder;
use super::signals::Signals;
use super::target_file::{TargetArgument, admin_token};

/// Arguments of `rehearsal simulation`.
#[derive(Args)]
pub(crate) struct Simulation {
    #[command(flatten)]
    target: TargetArgument,
    /// Address to serve the page at
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:0",
        env = "REHEARSAL_SIMULATION_LISTEN"
    )]
    listen: SocketAddr,
    /// Address to serve DNS at, for the portal's look-ups [default: none]
    #[arg(long, value_name = "ADDR", env = "REHEARSAL_SIMULATION_DNS_LISTEN")]
    dns_listen: Option<SocketAddr>,
    /// URL at which browsers reach the page [default: that of --listen]
    #[arg(long, value_name = "URL", env = "REHEARSAL_SIMULATION_PUBLIC_URL")]
    public_url: Option<Url>,
    /// Secret of the page, at least 22 letters and digits [default: random at each start]
    #[arg(
        long,
        value_name = "SECRET",
        env = "REHEARSAL_SIMULATION_CONTROL_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    control_secret: Option<String>,
    #[command(flatten)]
    checks: ChecksFolder,
}

impl Simulation {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let target = self.target.read().await?;
        require_parties(&target)?;
        let mut signals = Signals::listen()?;
        let zones = match self.dns_listen {
            Some(address) => {
                let server = NameServer::start_at(address).await.with_context(|| {
                    format!("cannot serve DNS at {address}; choose another --dns-listen")
                })?;
                Some(Zones::Own(Arc::new(server)))
            }
            None => None,
        };
        let dns = zones.as_ref().and_then(Zones::address);
        let controls = Controls::read(&target, admin_token(), zones)?;
        let page = Page::bind(self.listen).await.with_context(|| {
            format!("cannot listen on {}; choose another --listen", self.listen)
        })?;
        let url = self
            .public_url
            .clone()
            .unwrap_or_else(|| page.url().clone());
        let clock = Ambient::new(Arc::new(SimulatedClock::from_system_time()), Rng::from_os());
        let social = SocialControls::at(url.join("/social/")?, clock.clone());
        let secret = ControlSecret::of_options(self.control_secret, None)?;
        let site = Site::new(controls, None, secret)
            .known_as(&url)
            .with_social(social, clock)
            .with_checks(self.checks.checks()?);
        let site = Arc::new(site);
        let address = site.secret().add_to(url.as_str());
        let _served = page.serve(Arc::clone(&site));
        let ready = json!({
            "url": address,
            "control_secret": site.secret().reveal(),
            "dns": dns.map(|address| json!({"address": address})),
        });
        writeln!(ambient::terminal::out_json(), "{ready}")?;
        let _ = write!(ambient::terminal::err(), "{}", summary(&target, &address));
        signals.next().await;
        tokio::select! {
            () = site.stop_checks() => {}
            _ = signals.next() => {}
        }
        Ok(true)
    }
}

/// The members of a target without which the page has nothing to control.
const NEEDED: [&str; 4] = [
    "sp.base_url",
    "sp.control_url",
    "idp.base_url",
    "idp.control_url",
];

/// Refuses a target without the addresses of both parties.
fn require_parties(target: &Value) -> anyhow::Result<()> {
    let is_missing = |name: &&str| {
        let pointer = format!("/{}", name.replace('.', "/"));
        target.pointer(&pointer).and_then(Value::as_str).is_none()
    };
    let missing: Vec<&str> = NEEDED.into_iter().filter(is_missing).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "invalid target file: {} not found; expected the addresses of both parties, such as {{\"sp\": {{\"base_url\": \"http://127.0.0.1:8080\", \"control_url\": \"http://127.0.0.1:8090\"}}, \"idp\": {{…}}}}. `sp serve` and `mock-idp serve` print these members without \"sp\" and \"idp\"",
        missing.join(", ")
    );
    Ok(())
}

/// Returns the text that says where to open what and as whom to log in. In docker compose
/// it is printed last, when everything it names is ready.
fn summary(target: &Value, page: &str) -> String {
    let address = |party: &str| {
        let address = target.pointer(&format!("/{party}/base_url"));
        let address = address.and_then(Value::as_str).unwrap_or("unknown address");
        address.trim_end_matches('/').to_owned()
    };
    let token = target.pointer("/idp/admin_token").and_then(Value::as_str);
    let token = token.map(str::to_owned).or_else(admin_token);
    let token = token.as_deref().unwrap_or("the management API's token");
    format!(
        "Rehearsal is ready.\n  \
         Portal            {}\n  \
         Identity Console  {}/console\n                    \
         sign on as administrator / {token}\n  \
         Simulation page   {page}\n",
        address("sp"),
        address("idp"),
    )
}
