//! The number of SQL statements of a login: see docs/decisions/0010-statements-per-login.md.
#![allow(clippy::unwrap_used)]

mod running;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use browser::{Browser, Page};
use running::rehearsal;
use serde_json::Value;
use sqlx::{Connection as _, Row as _};
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
    async fn start(folder: &'a Path, log: &'a Path, more: &[&str]) -> Self {
        let arguments = [&["up", "--json"], more].concat();
        let mut command = Command::from(rehearsal(&arguments));
        let mut process = command
            .env("RUST_LOG", "error,sqlx::query=debug")
            .env("NO_COLOR", "1")
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
    let up = Logged::start(folder.path(), &log, &[]).await;
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

/// Returns the SQL of a line of the log: the summary if it is complete.
fn sql_of(line: &str) -> String {
    let quoted = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        values.next().unwrap().unwrap().trim().to_owned()
    };
    let complete = quoted("db.statement");
    if complete.is_empty() {
        quoted("summary")
    } else {
        complete
    }
}

/// Returns how SQLite runs a statement, one step per line; `None` if the database lacks its tables.
async fn plan(database: &mut sqlx::AnyConnection, sql: &str) -> Option<Vec<String>> {
    let explained = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explained.fetch_all(database).await.ok()?;
    Some(rows.iter().map(|row| row.get("detail")).collect())
}

/// Tables to which each login adds rows.
const GROWING: [&str; 6] = [
    "sso_requests",
    "seen_assertions",
    "sessions",
    "audit",
    "flows",
    "participants",
];

/// After many logins, a statement that reads all rows of former logins makes each login slower.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_a_login_reads_or_sorts_the_rows_of_former_logins() {
    ambient::sqlite::install_drivers();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let portal = folder.path().join("portal.db");
    let url = |path: &Path, mode: &str| format!("sqlite://{}?mode={mode}", path.display());
    let more = ["--database-url", &url(&portal, "rwc")];
    let up = Logged::start(folder.path(), &log, &more).await;
    let before = up.statements().len();
    let browser = Browser::new("test").unwrap();
    up.log_in(&browser).await;
    up.log_in(&browser).await;
    let statements = up.statements().split_off(before);
    assert!(statements.len() > WITH_PASSWORD, "{statements:?}");

    let idp = folder.path().join("portal.db-idp");
    let mut databases = Vec::new();
    for path in [&portal, &idp] {
        let database = sqlx::AnyConnection::connect(&url(path, "rw")).await;
        databases.push(database.unwrap());
    }
    let (mut read, mut slow) = (0, Vec::new());
    for line in &statements {
        let sql = sql_of(line);
        if !GROWING.iter().any(|table| sql.contains(table)) {
            continue;
        }
        read += 1;
        let mut plans = Vec::new();
        for database in &mut databases {
            plans.extend(plan(database, &sql).await);
        }
        assert!(!plans.is_empty(), "no database has the tables of: {sql}");
        // Both parties have a table `sessions`; the plan of the other one says nothing.
        let is_slow = |step: &String| step.starts_with("SCAN ") || step.contains("TEMP B-TREE");
        if plans.iter().all(|plan| plan.iter().any(is_slow)) {
            slow.push(format!("{sql}\n  {plans:?}"));
        }
    }
    assert!(read > 5, "only {read} statements read such tables");
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
