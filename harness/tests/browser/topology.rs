//! The parties as docker-compose.yml has them: the portal and the identity
//! provider as processes of their own, under compose's names and with
//! compose's settings; ports and databases are free ones.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rehearsal::World;
use rehearsal::rehearsal::target::Target;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Outcome;

/// The organization's domain, as in the guide's walk.
const DOMAIN: &str = "lumen.example";

/// The ports that compose's settings name.
const PORTS: [&str; 5] = ["8080", "8081", "8090", "8091", "5354"];

/// How long the parties may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes that run; they end when this is dropped.
pub(crate) struct Topology {
    /// The desktop app's binary.
    pub(crate) desktop: PathBuf,
    target: String,
    parties: Vec<Child>,
    _postgres: Option<test_postgres::Database>,
    _folder: TempDir,
}

impl Topology {
    /// Starts the parties; nothing where they are not built beside the command.
    pub(crate) async fn start() -> Outcome<Option<Self>> {
        let binaries = ["sp", "mock-idp", "desktop-sim"].map(beside);
        let [Some(sp), Some(idp), Some(desktop)] = binaries else {
            println!("skipped: sp, mock-idp and desktop-sim are not built beside the command");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let ports = free_ports()?;
        let compose = read("../docker-compose.yml")?;
        let file = |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());
        // Compose's portal is on PostgreSQL, its identity provider on SQLite.
        let postgres = test_postgres::fresh_database().await;
        let portal_database = match &postgres {
            Some(database) => database.url().to_owned(),
            None => file("portal.db"),
        };
        let own = |party, variable: &str, database| -> Outcome<BTreeMap<String, String>> {
            let mut settings = settings_of(&compose, party, &ports)?;
            // Compose's own addresses are all of the machine's.
            for value in settings.values_mut() {
                *value = value.replace("0.0.0.0:", "127.0.0.1:");
            }
            settings.insert(variable.to_owned(), database);
            Ok(settings)
        };
        let portal = own("portal", "SP_DATABASE_URL", portal_database)?;
        let provider = own("idp", "MOCK_IDP_DATABASE_URL", file("idp.db"))?;
        let parties = vec![serve(&sp, &portal)?, serve(&idp, &provider)?];
        Ok(Some(Self {
            desktop,
            target: with_ports(&read("../scripts/compose-target.json")?, &ports),
            parties,
            _postgres: postgres,
            _folder: folder,
        }))
    }

    /// An organization of its own among them.
    pub(crate) async fn world(&self) -> Outcome<World> {
        let target = Target::read(&self.target, Some("demo".to_owned()))?;
        let target = target.awaited(PATIENCE).await?;
        Ok(World::among(&target, DOMAIN.to_owned()).await?)
    }

    /// Ends the parties.
    pub(crate) async fn end(mut self) -> Outcome {
        for party in &mut self.parties {
            party.kill().await?;
        }
        Ok(())
    }
}

fn read(path: &str) -> Outcome<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// A binary of another crate, built beside the command.
fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_rehearsal")).with_file_name(name);
    path.exists().then_some(path)
}

/// A free port for each of [`PORTS`].
fn free_ports() -> Outcome<BTreeMap<&'static str, u16>> {
    let held: Vec<TcpListener> = PORTS
        .iter()
        .map(|_| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))
        .collect::<Result<_, _>>()?;
    let free = held.iter().map(|it| Ok(it.local_addr()?.port()));
    let free: Vec<u16> = free.collect::<Outcome<_>>()?;
    Ok(PORTS.into_iter().zip(free).collect())
}

fn with_ports(text: &str, ports: &BTreeMap<&str, u16>) -> String {
    ports.iter().fold(text.to_owned(), |text, (port, free)| {
        text.replace(&format!(":{port}"), &format!(":{free}"))
    })
}

/// The environment of a service: the lines `NAME: value` below `environment:`.
fn settings_of(
    compose: &str,
    service: &str,
    ports: &BTreeMap<&str, u16>,
) -> Outcome<BTreeMap<String, String>> {
    let lines = compose.lines();
    let mut lines = lines.skip_while(|line| *line != format!("  {service}:"));
    if lines.next().is_none() {
        bail!("docker-compose.yml has no service {service}");
    }
    let settings: BTreeMap<String, String> = lines
        .take_while(|line| line.starts_with("    ") || line.trim().is_empty())
        .skip_while(|line| *line != "    environment:")
        .skip(1)
        .take_while(|line| line.starts_with("      "))
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), with_ports(plain(value), ports)))
        .collect();
    if settings.is_empty() {
        bail!("docker-compose.yml has no environment for {service}");
    }
    Ok(settings)
}

/// A value without quotes; of `${NAME:-default}`, the default.
fn plain(value: &str) -> &str {
    let value = value.trim_matches('"');
    let default = value.strip_prefix("${").and_then(|it| it.split_once(":-"));
    default.map_or(value, |(_, default)| default.trim_end_matches('}'))
}

fn serve(program: &Path, settings: &BTreeMap<String, String>) -> Outcome<Child> {
    Command::new(program)
        .arg("serve")
        .envs(settings)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))
}
