//! Runs `sp serve` as a process; after a kill all answered requests are in
//! the database.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::parties::{Browser, PASSWORD, Place, step};

/// A free port on loopback.
pub(crate) const ANYWHERE: &str = "127.0.0.1:0";

pub(crate) struct Process {
    child: Child,
    pub(crate) place: Place,
}

impl Process {
    /// Starts the process with this database, on a free port.
    async fn serve(database: &TestDatabase) -> Self {
        Self::start_on(database.url(), database.folder(), ANYWHERE, &[]).await
    }

    /// Starts the process with a database, an address and further options. Its
    /// output is written to the folder.
    pub(crate) async fn start_on(
        database: &str,
        folder: &Path,
        listen: &str,
        options: &[&str],
    ) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_sp"));
        Self::run(command, database, folder, listen, options).await
    }

    /// Starts the process with another command that accepts the
    /// portal's arguments.
    pub(crate) async fn run(
        mut command: Command,
        database: &str,
        folder: &Path,
        listen: &str,
        options: &[&str],
    ) -> Self {
        let ready = folder.join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let mut child = command
            .args(["serve", "--listen", listen, "--control-listen", ANYWHERE])
            .args(["--database-url", database, "--ready-file"])
            .arg(&ready)
            .args(options)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The process reports its port in the ready file only.
        let mut watch = tokio::time::interval(Duration::from_millis(10));
        let text = loop {
            watch.tick().await;
            if let Ok(text) = std::fs::read_to_string(&ready) {
                break text;
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "expected a portal, it ended: {ended:?}");
        };
        let ready: Value = serde_json::from_str(&text).unwrap();
        Self {
            child,
            place: Place {
                base: ready["base_url"].as_str().unwrap().to_owned(),
                control: ready["control_url"].as_str().unwrap().to_owned(),
            },
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            client: reqwest::Client::builder()
                .cookie_store(true)
                .build()
                .unwrap(),
            base: self.place.base.clone(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_portal_killed_half_way_through_the_configurator_loses_nothing() {
    let database = TestDatabase::create().await;
    let credentials = json!({"email": "jo@mail.example", "password": PASSWORD});
    let process = Process::serve(&database).await;
    let jo = process.browser();
    jo.post("/api/accounts", &credentials).await.is(201);
    jo.post("/api/session", &credentials).await.is(200);
    let control = Browser {
        base: process.place.control.clone(),
        ..process.browser()
    };
    let key = control
        .post("/control/license-keys", &json!({"seats": 3}))
        .await
        .is(201);
    let order = json!({"key": key["key"], "organization": {"name": "Corp"}});
    jo.post("/api/license-keys", &order).await.is(201);
    jo.post(&step("start"), &Value::Null).await.is(200);
    jo.post(&step("domains"), &json!({"domain": "corp.example"}))
        .await
        .is(201);
    let groups = json!({"admins": {"name": "A", "id": "1"}, "users": {"name": "U", "id": "2"}});
    let before = jo.put(&step("groups"), &groups).await.is(200);
    // The system clock cannot be set.
    control
        .put("/control/clock", &json!({"advance_seconds": 1}))
        .await
        .problem(409, "clock-fixed");
    drop(process); // SIGKILL

    let process = Process::serve(&database).await;
    let jo = process.browser();
    jo.post("/api/session", &credentials).await.is(200);
    let after = jo.get("/api/business/idp-integration").await.is(200);
    for member in ["status", "steps", "domains", "groups", "backup_login"] {
        assert_eq!(after[member], before[member], "{member}");
    }
}

#[tokio::test]
async fn a_portal_ends_after_sigterm() {
    let database = TestDatabase::create().await;
    let mut process = Process::serve(&database).await;
    process.browser().get("/readyz").await.is(200);
    let id = process.child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let ended = tokio::task::spawn_blocking(move || process.child.wait().unwrap());
    assert!(ended.await.unwrap().success());
}

#[tokio::test]
async fn a_portal_that_cannot_start_says_why_in_one_line() {
    let database = TestDatabase::create().await;
    let taken = std::net::TcpListener::bind(ANYWHERE).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Command::new(env!("CARGO_BIN_EXE_sp"))
        .args(["serve", "--listen", &address])
        .args(["--database-url", database.url()])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let text = String::from_utf8(ended.stderr).unwrap();
    let messages: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("sp: "))
        .collect();
    assert_eq!(messages.len(), 1, "{text}");
    assert_eq!(messages[0].matches(&address).count(), 1, "{text}");
    assert_eq!(messages[0].matches("in use").count(), 1, "{text}");
    assert!(!text.contains("backtrace"), "{text}");
}
