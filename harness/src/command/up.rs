//! `rehearsal up`: starts the parties and keeps them running until the command is stopped.

mod summary;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::ControlSecret;
use ambient::arguments::whole_number;
use ambient::ready_file::ReadyFile;
use anyhow::Context as _;
use clap::Args;
use jiff::SignedDuration;
use rehearsal::organization::TrustedMetadata;
use rehearsal::ready::{LicenseKey, SimulationPage};
use rehearsal::seed::Seed;
use rehearsal::simulation::{self, Controls, KeyOrder};
use rehearsal::{Options, Ready, World};
use saml::keys::Certificate;
use saml::metadata::{IdpMetadata, MetadataError, Selection, SpMetadata};

use super::checks_folder::ChecksFolder;
use super::outputs;
use super::signals::Signals;
use super::target_file::StateFile;

/// Number of seats of the license keys that are created at the start.
const SEATS: u32 = 5;

/// Arguments of `rehearsal up`.
#[derive(Args)]
pub(crate) struct Up {
    /// Port of the portal [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    sp_port: u16,
    /// Port of the identity provider [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    idp_port: u16,
    /// Port of the name server [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    dns_port: u16,
    /// Port of the simulation page: license keys, DNS, clock, faults [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    simulation_port: u16,
    /// Serve the portal and the identity provider by HTTPS. `tls.ca_file` of the ready file
    /// names the certificate of their authority
    #[arg(long)]
    tls: bool,
    /// Database of the portal (sqlite://PATH?mode=rwc or postgres://…); the identity
    /// provider's database is next to a SQLite file [default: temporary]
    #[arg(long, value_name = "URL", env = "REHEARSAL_DATABASE_URL")]
    database_url: Option<String>,
    /// Make the demo organization trust this identity provider instead of the simulated one
    #[arg(long, value_name = "FILE|URL", conflicts_with = "empty")]
    idp_metadata: Option<String>,
    /// Register this service provider as an application of the simulated
    /// identity provider, with the guide's attribute mappings; repeatable
    #[arg(long, value_name = "FILE|URL", conflicts_with = "empty")]
    sp_metadata: Vec<String>,
    /// Entity ID to take from metadata with several entities; repeatable
    #[arg(long, value_name = "E", conflicts_with = "empty")]
    entity_id: Vec<String>,
    /// Set-up as one file, TOML or JSON: seats, domains, groups, users,
    /// applications, faults (`rehearsal schema seed`)
    #[arg(long, value_name = "FILE", conflicts_with = "empty")]
    seed: Option<PathBuf>,
    /// Number that makes ids, tokens and keys the same at each start, and so the URLs of the metadata.
    /// For tests only: anybody who knows the number has the keys
    #[arg(long, value_name = "N", conflicts_with = "database_url", value_parser = whole_number::<u64>(0..=u64::MAX))]
    key_seed: Option<u64>,
    /// Start without the demo organization, to follow the guide by hand
    #[arg(long)]
    empty: bool,
    /// Write addresses and credentials to this file when everything is ready; it is
    /// removed at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Print addresses and credentials as JSON, also on a terminal
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    checks: ChecksFolder,
}

impl Up {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        outputs::require_file("--ready-file", self.ready_file.as_deref())?;
        let ready_file = self.ready_file.as_deref();
        let ready_file = ready_file.map(ReadyFile::prepare).transpose()?;
        let readable = !self.json && ambient::terminal::is_out_terminal();
        if readable {
            let _ = writeln!(
                ambient::terminal::err(),
                "Starting the portal, the identity provider and the name server …"
            );
        }
        if self.key_seed.is_some() {
            let _ = writeln!(
                ambient::terminal::err(),
                "warning: with --key-seed, anybody who knows the number can compute the keys and tokens; use it for tests only"
            );
        }
        // From here on, a signal ends the run in an orderly way.
        let mut signals = Signals::listen()?;
        let started = tokio::select! {
            started = self.start() => started?,
            _ = signals.next() => return Ok(true),
        };
        let files = self.announce(&started.ready, ready_file, readable)?;
        signals.next().await;
        // Remove the files first: every URL in them must have a running party.
        drop(files);
        tokio::select! {
            () = started.site.stop_checks() => {}
            _ = signals.next() => {}
        }
        drop(started.page);
        started.world.rehearsal.shutdown().await;
        Ok(true)
    }

    /// Starts the parties and the simulation page, and sets up the organization.
    async fn start(&self) -> anyhow::Result<Started> {
        let seed = self.read_seed()?;
        let address = (std::net::Ipv4Addr::LOCALHOST, self.simulation_port);
        let page = simulation::Page::bind(address).await.with_context(|| {
            format!(
                "cannot serve the simulation page on 127.0.0.1:{}; choose another --simulation-port",
                self.simulation_port
            )
        })?;
        let mut world = World::with(self.options(&page)).await?;
        self.set_up(&mut world, &seed).await?;
        let mut ready = world.ready();
        let secret = ControlSecret::generate(world.rehearsal.ambient.rng());
        ready.simulation = Some(SimulationPage {
            url: secret.add_to(page.url().as_str()),
            control_secret: Some(secret.reveal().to_owned()),
        });
        let zones = world.rehearsal.dns.clone();
        let controls = Controls::read(&ready.to_json(), None, Some(zones))?;
        ready.sp.license_keys = sell_keys(&controls).await?;
        let social = world.rehearsal.social()?.controls().clone();
        let site = simulation::Site::new(controls, Some(social), Some(secret));
        let site = Arc::new(site.with_checks(self.checks.checks()?));
        Ok(Started {
            page: page.serve(Arc::clone(&site)),
            site,
            world,
            ready,
        })
    }

    fn read_seed(&self) -> anyhow::Result<Seed> {
        let Some(path) = &self.seed else {
            return Ok(Seed::default());
        };
        let text = ambient::text_file::read(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Seed::read(&text).with_context(|| {
            let hint = ambient::text_file::quotes_hint(&text);
            format!("invalid seed {}{hint}", path.display())
        })
    }

    fn options(&self, page: &simulation::Page) -> Options {
        Options {
            seed: self.key_seed,
            portal_port: self.sp_port,
            idp_port: self.idp_port,
            dns_port: self.dns_port,
            database_url: self.database_url.clone(),
            unrecorded: true,
            tls: self.tls,
            simulation_url: Some(page.url().clone()),
            ..Options::default()
        }
    }

    async fn set_up(&self, world: &mut World, seed: &Seed) -> anyhow::Result<()> {
        let patience = Duration::from_secs(30);
        if !self.empty {
            world
                .demo_organization(seed.plan())
                .await
                .context("cannot set up the demo organization")?;
        }
        if let Some(place) = &self.idp_metadata {
            let metadata = super::read_metadata("--idp-metadata", place, patience).await?;
            let trust = async {
                let source = read_trusted_metadata(&metadata, &self.entity_id, place)?;
                world.trusts_one_of("Ada", &source).await?;
                anyhow::Ok(())
            };
            trust
                .await
                .with_context(|| format!("cannot trust the identity provider of {place}"))?;
        }
        let mut documents = BTreeMap::new();
        for application in &seed.applications {
            if let Some(place) = &application.metadata {
                let document =
                    super::read_metadata("metadata of the seed", place, patience).await?;
                documents.insert(application.name.clone(), document);
            }
        }
        world
            .apply_seed(seed, &documents)
            .await
            .context("cannot set up what the seed describes")?;
        for place in &self.sp_metadata {
            let metadata = super::read_metadata("--sp-metadata", place, patience).await?;
            let chosen = chosen_entities(SpMetadata::entity_ids(&metadata), &self.entity_id);
            let register = async {
                for entity_id in chosen {
                    let selection = Selection {
                        entity_id,
                        signed_by: None,
                    };
                    let read = SpMetadata::read(&metadata, &selection).map_err(name_option)?;
                    world.registers_one_of(place, &metadata, entity_id).await?;
                    warn_left_out(place, &read.left_out);
                }
                anyhow::Ok(())
            };
            register
                .await
                .with_context(|| format!("cannot register the service provider of {place}"))?;
        }
        Ok(())
    }

    /// Writes the files and prints the addresses.
    fn announce(
        &self,
        ready: &Ready,
        mut ready_file: Option<ReadyFile>,
        readable: bool,
    ) -> anyhow::Result<Files> {
        let json = serde_json::to_string_pretty(ready)?;
        if let Some(file) = &mut ready_file {
            file.publish(&ready.to_json())?;
        }
        let files = Files {
            _state: StateFile::write(&ready.to_json(), self.ready_file.as_deref()),
            _ready: ready_file,
        };
        let mut out = ambient::terminal::out();
        if readable {
            write!(out, "{}", summary::text(ready, self.ready_file.as_deref()))?;
        } else {
            writeln!(ambient::terminal::out_json(), "{json}")?;
            let _ = writeln!(ambient::terminal::err(), "ready; stop with Ctrl-C");
        }
        Ok(files)
    }
}

/// Selects the entities of a metadata document: those that `--entity-id` names, or the only
/// one if the document contains none of them.
fn chosen_entities(
    ids: Result<Vec<String>, MetadataError>,
    wanted: &[String],
) -> Vec<Option<&str>> {
    let ids = ids.unwrap_or_default();
    let known = wanted.iter().filter(|it| ids.contains(it));
    let known: Vec<Option<&str>> = known.map(|it| Some(it.as_str())).collect();
    if known.is_empty() { vec![None] } else { known }
}

/// Adds the option that selects an entity to the error for a document with several.
fn name_option(error: MetadataError) -> anyhow::Error {
    match error {
        MetadataError::Aggregate { .. } => {
            anyhow::anyhow!("{error} (choose with --entity-id)")
        }
        error => error.into(),
    }
}

/// Reads the values of step 4 from an identity provider's metadata. Prints to standard
/// error what the portal does not use.
fn read_trusted_metadata(
    metadata: &str,
    wanted: &[String],
    place: &str,
) -> anyhow::Result<TrustedMetadata> {
    let chosen = chosen_entities(IdpMetadata::entity_ids(metadata), wanted);
    let [entity_id] = chosen.as_slice() else {
        anyhow::bail!(
            "invalid --entity-id: the organization trusts one identity provider, got several"
        );
    };
    let selection = Selection {
        entity_id: *entity_id,
        signed_by: None,
    };
    let read = IdpMetadata::read(metadata, &selection).map_err(name_option)?;
    warn_left_out(place, &read.left_out);
    let now = ambient::Ambient::real().now();
    let certificates = &read.metadata.signing_certificates;
    let last = certificates.iter().map(Certificate::not_after).max();
    if let Some(last) = last.filter(|last| *last <= now) {
        let _ = writeln!(
            ambient::terminal::err(),
            "warning: the signing certificate in {place} expired on {last}; the portal still accepts it (SAML uses the key, not the dates)"
        );
    }
    Ok(TrustedMetadata {
        xml: metadata.to_owned(),
        entity_id: entity_id.map(str::to_owned),
        is_expired: last.is_some_and(|last| last <= now),
    })
}

fn warn_left_out(place: &str, left_out: &[String]) {
    for part in left_out {
        let _ = writeln!(
            ambient::terminal::err(),
            "warning: not used of {place}: {part}"
        );
    }
}

/// All running parts of `up`.
struct Started {
    world: World,
    page: simulation::Served,
    site: Arc<simulation::Site>,
    ready: Ready,
}

/// The files that describe this run. They are removed when this is dropped.
struct Files {
    _state: Option<StateFile>,
    _ready: Option<ReadyFile>,
}

/// Creates a license key of each kind, for a user who follows the guide.
async fn sell_keys(controls: &Controls) -> anyhow::Result<Vec<LicenseKey>> {
    let now = controls.read_portal_clock().await?.now;
    let ended = now - SignedDuration::from_hours(24);
    let mut sold = Vec::new();
    for (kind, ends) in [
        ("per-user", None),
        ("per-device", None),
        ("per-user", Some(ended)),
    ] {
        let order = KeyOrder {
            seats: SEATS,
            licensing: kind.to_owned(),
            ends,
        };
        sold.push(LicenseKey {
            key: controls.create_key(&order).await?,
            kind: kind.to_owned(),
            seats: SEATS,
            is_expired: ends.is_some(),
        });
    }
    Ok(sold)
}
