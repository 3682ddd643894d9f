//! The database fails temporarily: a full disk, a locked file, an unreachable
//! server. Requests fail with the reason, `/readyz` reports it, and the portal
//! recovers without a restart.

use std::process::Command;

use serde_json::json;
use sp::store::Store;
use sqlx::Connection as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::database::TestDatabase;
use crate::parties::{Browser, PASSWORD};
use crate::process::{ANYWHERE, Process};

/// Limits the file size of a process, to simulate a full disk.
pub(crate) fn limit_files(process: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let pid = process.to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status();
    assert!(set.unwrap().success(), "prlimit");
}

async fn register(browser: &Browser, n: usize) -> u16 {
    let account = json!({"email": format!("jo{n}@mail.example"), "password": PASSWORD});
    let answer = browser.post("/api/accounts", &account).await;
    answer.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_whose_disk_was_full_writes_again_without_a_restart() {
    let database = TestDatabase::sqlite();
    // Otherwise the signal SIGXFSZ would end the process when a file is
    // too large.
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]);
    command.arg(env!("CARGO_BIN_EXE_sp"));
    let folder = database.folder();
    let process = Process::run(command, database.url(), folder, ANYWHERE, &[]).await;
    let browser = process.browser();
    browser.get("/readyz").await.is(200);
    limit_files(process.id(), "1");
    // Each request fails, and none of them affects the next one.
    for n in 0..3 {
        assert_eq!(register(&browser, n).await, 500);
        let ready = browser.get("/readyz").await;
        ready.is(503);
        assert!(
            ready.body.contains("cannot write to the database"),
            "{}",
            ready.body
        );
    }
    limit_files(process.id(), "unlimited");
    browser.get("/readyz").await.is(200);
    for n in 0..3 {
        assert_eq!(register(&browser, n).await, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_behind_a_locked_file_fail_with_the_first_one() {
    let database = TestDatabase::sqlite();
    let store = Store::open(database.url(), false).await.unwrap();
    let mut locker = sqlx::AnyConnection::connect(database.url()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut locker)
        .await
        .unwrap();
    // All of them are waiting before the first one fails.
    let waits = (0..20).map(|_| store.write());
    for outcome in futures::future::join_all(waits).await {
        let error = outcome.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("locked"), "{error}");
    }
    sqlx::query("ROLLBACK").execute(&mut locker).await.unwrap();
    store.try_write().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_portal_whose_database_file_is_deleted_reports_it_until_it_is_back() {
    let database = TestDatabase::sqlite();
    let process = Process::start_on(database.url(), database.folder(), ANYWHERE, &[]).await;
    let browser = process.browser();
    browser.get("/readyz").await.is(200);
    let file = database.folder().join("portal.db");
    let away = database.folder().join("away.db");
    std::fs::rename(&file, &away).unwrap();
    // Data that it would store now would be lost when the process ends.
    assert_eq!(register(&browser, 1).await, 500);
    let ready = browser.get("/readyz").await;
    ready.is(503);
    assert!(ready.body.contains("deleted or moved"), "{}", ready.body);
    assert!(ready.body.contains("portal.db"), "{}", ready.body);
    std::fs::write(&file, "").unwrap();
    let ready = browser.get("/readyz").await;
    assert!(ready.body.contains("replaced"), "{}", ready.body);
    std::fs::rename(&away, &file).unwrap();
    browser.get("/readyz").await.is(200);
    assert_eq!(register(&browser, 1).await, 201);
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_at_once() {
    let database = TestDatabase::sqlite();
    let file = database.folder().join("portal.db");
    std::fs::write(&file, "This is a letter. ".repeat(1000)).unwrap();
    let error = Store::open(database.url(), false).await.unwrap_err();
    assert!(
        error.to_string().contains("expected an SQLite file"),
        "{error}"
    );
}

/// A server on loopback that forwards everything to another server.
struct Forwarder {
    address: std::net::SocketAddr,
    target: String,
    task: JoinHandle<()>,
}

impl Forwarder {
    async fn start(address: std::net::SocketAddr, target: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let to = target.to_owned();
        // Ending this task also ends all forwarded connections.
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let to = to.clone();
                connections.spawn(async move {
                    let Ok(mut to) = TcpStream::connect(to).await else {
                        return;
                    };
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
        Self {
            address,
            target: target.to_owned(),
            task,
        }
    }

    async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    async fn restart(&mut self) {
        let target = self.target.clone();
        *self = Self::start(self.address, &target).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_whose_database_server_is_gone_names_the_reason_and_recovers() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let mut url: url::Url = database.url().parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut forwarder = Forwarder::start(ANYWHERE.parse().unwrap(), &server).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(forwarder.address.port())).unwrap();
    let store = Store::open(url.as_str(), true).await.unwrap();
    store.try_write().await.unwrap();
    forwarder.stop().await;
    let refused = format!("connection refused by {}; start", forwarder.address);
    let waits = (0..30).map(|_| store.try_write());
    for outcome in futures::future::join_all(waits).await {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("cannot reach the database"), "{error}");
        assert!(error.contains(&refused), "{error}");
    }
    forwarder.restart().await;
    store.try_write().await.unwrap();
    store.close().await;
}

/// Returns why a portal with this database does not start.
async fn why_unusable(url: &str) -> String {
    Store::open(url, true).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_portal_says_at_the_start_why_the_database_server_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = closed.local_addr().unwrap();
    drop(closed);
    let refused = format!("postgres://sp:secret-word@{server}/sp");
    let unknown = "postgres://sp:secret-word@db.invalid/sp";
    let (refused, unknown) = tokio::join!(why_unusable(&refused), why_unusable(unknown));
    let wanted = format!("connection refused by {server}; start PostgreSQL");
    assert!(refused.contains(&wanted), "{refused}");
    assert!(unknown.contains("host db.invalid not found"), "{unknown}");
    assert!(!format!("{refused}{unknown}").contains("secret-word"));
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let mut url: url::Url = database.url().parse().unwrap();
    let server = url.host_str().unwrap().to_owned();
    url.set_path("/none");
    let error = why_unusable(url.as_str()).await;
    assert!(error.contains("database none not found at"), "{error}");
    assert!(
        error.contains(&server) && error.contains("createdb none"),
        "{error}"
    );
    url.set_username("nobody").unwrap();
    let error = why_unusable(url.as_str()).await;
    assert!(
        error.contains("refuses the user") && error.contains("nobody"),
        "{error}"
    );
}
