//! The services of `docker-compose.yml` as processes of this machine: PostgreSQL, the
//! portal, the identity provider, the simulation page and a scenario run, each with the
//! command and the environment of the compose file. No container engine is needed.
//!
//! The properties of a container are mapped: each port is a free port of this machine, the
//! same in every variable; folders are in a temporary folder; the host `database` is a
//! PostgreSQL server of the test; `sp`, `mock-idp` and `desktop-sim` are links to the one
//! binary, as in the image. Host names below `localhost` stay, because browsers and
//! Rehearsal's clients resolve them to this machine.
#![allow(dead_code, clippy::unwrap_used)] // each test uses what it needs

mod compose;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use test_postgres::Server;
use tokio::process::{Child, Command};
use url::Url;

use compose::Service;

/// The PostgreSQL server of the test requires a password; that of compose does not
/// (`POSTGRES_HOST_AUTH_METHOD: trust`).
const NO_PASSWORD: &str = "none";

/// The secret of the simulation page, as a user would set it in the shell.
const PAGE_SECRET: &str = "secret-of-the-simulation-page";

/// The running services. They are stopped when this is dropped.
pub(crate) struct Topology {
    /// Stopped before the database.
    parties: Vec<Child>,
    services: BTreeMap<String, Service>,
    mapping: Mapping,
    /// The target file of the scenario run, with the ports of this machine.
    pub(crate) target: Value,
    /// URL of the simulation page with its secret.
    pub(crate) simulation: String,
    database: Server,
    folder: tempfile::TempDir,
}

/// Maps ports and folders of the containers to this machine.
struct Mapping {
    ports: BTreeMap<u16, u16>,
    folders: Vec<(String, PathBuf)>,
    database: Option<(String, u16)>,
}

impl Topology {
    /// Starts the database, the portal, the identity provider and the simulation page, and
    /// waits until they answer. `variables` are those that a user would set in the shell.
    /// None if PostgreSQL cannot be started here, which is an error if `CI` is set.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let page_secret = [("REHEARSAL_SIMULATION_CONTROL_SECRET", PAGE_SECRET)];
        let variables = variables
            .iter()
            .chain(&page_secret)
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let database = match Server::start() {
            Ok(server) => server,
            Err(error) => {
                let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
                assert!(!is_ci, "{error}");
                println!("skipped: {error}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let services = compose::read(&root().join("docker-compose.yml"), &variables);
        let answers_at = option_of(&services["simulation"], "--public-url");
        let mut mapping = Mapping {
            ports: BTreeMap::new(),
            folders: Vec::new(),
            database: None,
        };
        mapping.map_folders(&services, folder.path());
        create_database(&services["database"], &database).await;
        mapping.database = Some((
            database.url().host_str().unwrap().to_owned(),
            database.url().port().unwrap(),
        ));
        let target = target_file(&services["scenarios"]);
        let target = mapping.apply(&std::fs::read_to_string(target).unwrap());
        let mut topology = Self {
            parties: Vec::new(),
            target: serde_json::from_str(&target).unwrap(),
            simulation: String::new(),
            services,
            mapping,
            database,
            folder,
        };
        let simulation = topology.mapping.apply(&answers_at);
        for (service, url) in [
            ("portal", topology.address("sp", "base_url") + "/readyz"),
            ("idp", topology.address("idp", "base_url") + "/readyz"),
            ("simulation", simulation.clone() + "/healthz"),
        ] {
            let child = topology.command(service).spawn().unwrap();
            topology.parties.push(child);
            topology.wait_for(service, &url).await;
        }
        topology.simulation = format!("{simulation}/{PAGE_SECRET}");
        Some(topology)
    }

    /// Returns the command of a service with its environment.
    pub(crate) fn command(&mut self, name: &str) -> Command {
        let words = self.services[name].command.clone();
        self.command_in(name, &words)
    }

    /// Returns a command in the container of a service: `docker compose exec SERVICE
    /// WORDS…`.
    pub(crate) fn command_in(&mut self, name: &str, words: &[impl AsRef<str>]) -> Command {
        let service = &self.services[name];
        let target = container_path(&self.services["scenarios"]);
        let file = self.folder.path().join("target.json");
        std::fs::write(&file, self.target.to_string()).unwrap();
        let words: Vec<String> = words
            .iter()
            .map(|word| match word.as_ref() {
                word if word == target => file.display().to_string(),
                word => self.mapping.apply(word),
            })
            .collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        // The image has links to one binary, which behaves according to the name it is
        // called by.
        command.arg0(&words[0]).args(&words[1..]);
        command.kill_on_drop(true).current_dir(self.folder.path());
        for (name, value) in &service.environment {
            command.env(name, self.mapping.apply(value));
        }
        command
    }

    /// Returns the path of the target file in the containers.
    pub(crate) fn target_path(&self) -> String {
        container_path(&self.services["scenarios"])
    }

    /// Returns the token of the management API, which the identity provider generated.
    pub(crate) fn admin_token(&mut self) -> String {
        let file = self.variable("idp", "MOCK_IDP_ADMIN_TOKEN_FILE").unwrap();
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// Returns the target file with the secrets of the control ports, which the parties generated.
    pub(crate) fn target_with_secrets(&mut self) -> Value {
        let mut target = self.target.clone();
        for (party, service, variable) in [
            ("sp", "portal", "SP_CONTROL_SECRET_FILE"),
            ("idp", "idp", "MOCK_IDP_CONTROL_SECRET_FILE"),
        ] {
            let file = self.variable(service, variable).unwrap();
            target[party]["control_secret"] = std::fs::read_to_string(file).unwrap().into();
        }
        target
    }

    /// Returns a variable of a service, with ports and folders of this machine.
    pub(crate) fn variable(&mut self, service: &str, name: &str) -> Option<String> {
        let value = self.services[service].environment.get(name)?;
        Some(self.mapping.apply(value))
    }

    /// Returns a URL of the target file, such as `("sp", "base_url")`.
    pub(crate) fn address(&self, party: &str, name: &str) -> String {
        self.target[party][name].as_str().unwrap().to_owned()
    }

    /// Waits until a service answers, because a process has no other sign that it is ready.
    async fn wait_for(&mut self, service: &str, url: &str) {
        let client = reqwest::Client::builder()
            .dns_resolver(ambient::LocalhostResolver)
            .no_proxy()
            .build()
            .unwrap();
        let mut watch = tokio::time::interval(Duration::from_millis(50));
        loop {
            watch.tick().await;
            let answer = client.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.parties.last_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{service} ended before it was ready: {ended:?}"
            );
        }
    }
}

impl Mapping {
    /// Maps the folders of the containers to folders below that of the test.
    fn map_folders(&mut self, services: &BTreeMap<String, Service>, folder: &Path) {
        for service in services.values() {
            let home = "/home/rehearsal".to_owned();
            for place in service.folders.iter().chain([&home]) {
                if self.folders.iter().any(|(known, _)| known == place) {
                    continue;
                }
                let here = folder.join(place.trim_start_matches('/'));
                std::fs::create_dir_all(&here).unwrap();
                self.folders.push((place.clone(), here));
            }
        }
        // Replace inner folders before outer ones.
        self.folders
            .sort_by_key(|(place, _)| std::cmp::Reverse(place.len()));
    }

    /// Replaces addresses and folders in a text of the compose file.
    fn apply(&mut self, text: &str) -> String {
        if let (Ok(mut url), Some((host, port))) = (Url::parse(text), &self.database)
            && url.host_str() == Some("database")
        {
            url.set_host(Some(host)).unwrap();
            url.set_port(Some(*port)).unwrap();
            if url.password().is_none() {
                url.set_password(Some(NO_PASSWORD)).unwrap();
            }
            return url.into();
        }
        let mut text = text.replace("0.0.0.0:", "127.0.0.1:");
        // In one pass, so that replaced text is not replaced again.
        let places: Vec<String> = self
            .folders
            .iter()
            .map(|(place, _)| regex::escape(place))
            .collect();
        let inside = format!("(^|[^A-Za-z0-9.])({})(/|$)", places.join("|"));
        text = Regex::new(&inside)
            .unwrap()
            .replace_all(&text, |found: &Captures<'_>| {
                // In `sqlite:///data/x`, the third slash belongs to the path.
                let known = self.folders.iter().find(|(place, _)| *place == found[2]);
                let here = known.map_or(Path::new(&found[2]), |(_, here)| here.as_path());
                format!("{}{}{}", &found[1], here.display(), &found[3])
            })
            .into_owned();
        let port = Regex::new(r"([A-Za-z0-9.\]]):([0-9]{4,5})\b").unwrap();
        port.replace_all(&text, |found: &Captures<'_>| {
            let Ok(number) = found[2].parse::<u16>() else {
                return found[0].to_owned();
            };
            let free = *self.ports.entry(number).or_insert_with(free_port);
            format!("{}:{free}", &found[1])
        })
        .into_owned()
    }
}

/// Returns a port that is free for TCP and UDP at the moment. It is below the range from
/// which the system takes ports for clients and for port 0, because another test could get
/// one of those before the service listens.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() % 6000;
    loop {
        let offset = begin + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(offset % 12_000).unwrap();
        let is_free = std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
            && std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok();
        if is_free {
            return port;
        }
    }
}

/// Creates the database, as the entry point of the image does with its variables.
async fn create_database(service: &Service, server: &Server) {
    let variable = |name: &str, or: &str| {
        let given = service.environment.get(name);
        given.cloned().unwrap_or_else(|| or.to_owned())
    };
    let user = variable("POSTGRES_USER", "postgres");
    let password = variable("POSTGRES_PASSWORD", NO_PASSWORD).replace('\'', "''");
    let database = variable("POSTGRES_DB", &user);
    let options = sqlx::postgres::PgConnectOptions::from_url(server.url()).unwrap();
    let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
    for sql in [
        format!("CREATE ROLE \"{user}\" LOGIN SUPERUSER PASSWORD '{password}'"),
        format!("CREATE DATABASE \"{database}\" OWNER \"{user}\""),
    ] {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Returns the path of the target file in the container of the scenarios.
fn container_path(scenarios: &Service) -> String {
    option_of(scenarios, "--target")
}

/// Returns the file of the repository that the image contains at this path.
fn target_file(scenarios: &Service) -> PathBuf {
    let path = container_path(scenarios);
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    let copied = dockerfile.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.first() == Some(&"COPY") && words.last() == Some(&path.as_str());
        is_it.then(|| {
            words[words.len() - 2]
                .trim_start_matches("/src/")
                .to_owned()
        })
    });
    root().join(copied.unwrap_or_else(|| panic!("no COPY to {path} in the Dockerfile")))
}

/// Returns the value of an option in the command of a service.
fn option_of(service: &Service, option: &str) -> String {
    let at = service.command.iter().position(|word| word == option);
    let at = at.unwrap_or_else(|| panic!("no {option} in {:?}", service.command));
    service.command[at + 1].clone()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
