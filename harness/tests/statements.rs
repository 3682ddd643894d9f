//! The number of SQL statements of a login: see docs/decisions/0010-statements-per-login.md.
#![allow(clippy::unwrap_used)]

mod running;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use browser::{Browser, Page};
use running::rehearsal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

/// Statements of a login of a user who has a session at the identity provider, at both parties.
/// `BEGIN` and `COMMIT` are not in the log, and not counted.
const WITH_SESSION: usize = 12;
/// Statements of a login with the password.
const WITH_PASSWORD: usize = 28;

/// Number of measured logins. The fewest statements count, because work in the background, such
/// as provisioning, may add some of its own.
const LOGINS: usize = 5;

/// A running `rehearsal up` that logs its statements to a file.
struct Logged<'a> {
    log: &'a Path,
    ready: Value,
    _process: Child,
}

impl<'a> Logged<'a> {
    async fn start(folder: &'a Path, log: &'a Path) -> Self {
        let mut command = Command::from(rehearsal(&["up", "--json"]));
        let mut process = command
            .env("RUST_LOG", "error,sqlx::query=debug")
            .env("XDG_RUNTIME_DIR", folder)
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut text = String::new();
        let ready = loop {
            text.push_str(&lines.next_line().await.unwrap().unwrap());
            if let Ok(ready) = serde_json::from_str(&text) {
                break ready;
            }
        };
        Self {
            log,
            ready,
            _process: process,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).unwrap().as_str().unwrap()
    }

    /// Returns the logged statements.
    fn statements(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.log).unwrap();
        let lines = log.lines().filter(|line| line.contains("sqlx::query"));
        lines.map(str::to_owned).collect()
    }

    async fn log_in(&self, browser: &Browser) {
        let mut start: Url = self.text("/sp/sso_start_url").parse().unwrap();
        let name = self.text("/idp/sso_login/username");
        // A page that reads nothing from the database.
        let query = [("email", name), ("return_to", "/healthz")];
        start.query_pairs_mut().extend_pairs(query);
        let mut page = browser.open(start).await.unwrap();
        if let Some(mut form) = page.login_form() {
            form.fill_in(name, self.text("/idp/sso_login/password"));
            page = browser.submit(&form).await.unwrap();
        }
        let landed: Page = browser.submit(&page.saml_form().unwrap()).await.unwrap();
        assert_eq!(landed.url.path(), "/healthz", "{}", landed.text());
    }

    /// Logs in several times and returns the statements of the login with the fewest.
    async fn log_in_with_fewest(&self, browser: impl Fn() -> Browser) -> Vec<String> {
        let mut fewest: Option<Vec<String>> = None;
        for _ in 0..LOGINS {
            let browser = browser();
            let before = self.statements().len();
            self.log_in(&browser).await;
            let added = self.statements().split_off(before);
            fewest = Some(match fewest {
                Some(fewest) if fewest.len() <= added.len() => fewest,
                _ => added,
            });
        }
        fewest.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_needs_no_more_statements_than_the_decision_record_says() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let up = Logged::start(folder.path(), &log).await;
    let new = || Browser::new("test").unwrap();

    let known = new();
    up.log_in(&known).await;
    let with_session = up.log_in_with_fewest(|| known.clone()).await;
    assert!(!with_session.is_empty(), "nothing was logged");
    let listed = with_session.join("\n");
    assert!(with_session.len() <= WITH_SESSION, "{listed}");

    let with_password = up.log_in_with_fewest(new).await;
    let listed = with_password.join("\n");
    assert!(with_password.len() <= WITH_PASSWORD, "{listed}");
}
