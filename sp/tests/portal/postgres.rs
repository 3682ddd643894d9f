//! The same walk on PostgreSQL, where one can be started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::parties::{Parties, Person};

/// A PostgreSQL of this test's own, on a socket in its own folder.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    as_postgres: bool,
}

impl Postgres {
    pub(crate) fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let root = Command::new("id").arg("-u").output();
        let as_postgres = root.is_ok_and(|id| id.stdout.starts_with(b"0\n"));
        let postgres = Self {
            folder,
            as_postgres,
        };
        if as_postgres {
            postgres.plain(
                "chown",
                &["-R", "postgres", &postgres.path("").to_string_lossy()],
            )?;
        }
        let data = postgres.path("data");
        let data = data.to_string_lossy();
        let socket = postgres.path("");
        postgres.run("initdb", &["-D", &data, "-A", "trust", "--no-sync"])?;
        let options = format!("-k {} -h '' -c fsync=off", socket.display());
        postgres.run(
            "pg_ctl",
            &[
                "-D",
                &data,
                "-o",
                &options,
                "-l",
                &format!("{}/log", socket.display()),
                "-w",
                "start",
            ],
        )?;
        Ok(postgres)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        let socket = self
            .path("")
            .display()
            .to_string()
            .trim_end_matches('/')
            .replace('/', "%2F");
        let user = if self.as_postgres {
            "postgres".to_owned()
        } else {
            std::env::var("USER").unwrap_or_default()
        };
        format!("postgres://{user}@{socket}/postgres")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        if !self.as_postgres {
            return self.plain(program, arguments);
        }
        let mut line = vec!["-u", "postgres", "--", program];
        line.extend(arguments);
        self.plain("runuser", &line)
    }

    fn plain(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let status = Command::new(program)
            .args(arguments)
            .current_dir(Path::new("/"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("{program}: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{program} ended with {status}"))
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.path("data");
        let _ = self.run(
            "pg_ctl",
            &["-D", &data.to_string_lossy(), "-m", "immediate", "stop"],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)] // how a test says that it didn't run
async fn the_portal_runs_on_postgresql_as_on_sqlite() {
    let postgres = match Postgres::start() {
        Ok(postgres) => postgres,
        Err(reason) => {
            eprintln!("skipped: PostgreSQL can't be started here: {reason}");
            return;
        }
    };
    let parties = Parties::on(postgres.url(), tempfile::tempdir().unwrap()).await;
    let (admin, tenant) = parties.integrated(100).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.sso("anna@corp.example").await;
    let anna = Person::named("anna@corp.example", &["g-admins"]);
    let xml = parties.idp.says(&tenant, &request, &anna);
    browser
        .posts(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(303);
    assert_eq!(
        browser.get("/whoami").await.is(200)["roles"],
        json!(["admin"])
    );
    // A second replica on the same database, behind the same address.
    let config = sp::Config {
        public_url: Some(parties.portal().base_url().parse().unwrap()),
        control_listen: None,
        ..parties.config.clone()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let config = sp::Config { listen, ..config };
    let chance = parties.ambient.chance().fork();
    let second = sp::start(config, parties.ambient.with_chance(chance))
        .await
        .unwrap();
    // What one replica took in, the other doesn't take again, nor either of
    // them at once; sessions are both's.
    let at_second = tenant
        .acs_url
        .replace(parties.portal().base_url(), &format!("http://{listen}"));
    let unasked = json!({"unsolicited": true});
    let path = crate::parties::step("saml-settings");
    admin.put(&path, &unasked).await.is(200);
    let xml = parties.idp.says_unasked(&tenant, "_first", &anna);
    let statuses = |answers: Vec<crate::parties::Answer>| {
        let all = answers.iter().map(|answer| answer.status.as_u16());
        let mut all: Vec<u16> = all.collect();
        all.sort_unstable();
        all
    };
    let visitor = parties.browser();
    let first = visitor.posts(&tenant.acs_url, &xml, "").await;
    let again = parties.browser().posts(&at_second, &xml, "").await;
    assert_eq!(statuses(vec![first, again]), [303, 403]);
    let xml = parties.idp.says_unasked(&tenant, "_at-once", &anna);
    let (one, other) = (parties.browser(), parties.browser());
    let (one, other) = futures::join!(
        one.posts(&tenant.acs_url, &xml, ""),
        other.posts(&at_second, &xml, "")
    );
    assert_eq!(statuses(vec![one, other]), [303, 403]);
    second.shutdown().await;
    admin.get("/api/business/audit").await.is(200);
    admin.get("/api/business/subscriptions").await.is(200);
}
