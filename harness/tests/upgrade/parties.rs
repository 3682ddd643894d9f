//! The parties of today on the databases of an older version.

use std::net::SocketAddr;
use std::path::Path;

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use test_postgres::Database;

/// The ports of the databases' addresses: see `scripts/release/databases.sh`.
const PORTS: [&str; 2] = ["127.0.0.1:18080", "127.0.0.1:18081"];

/// The kind of the portal's database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// The running parties.
pub(crate) struct Parties {
    /// The content of `facts.json`, with the ports of this run.
    pub(crate) facts: Value,
    pub(crate) ambient: Ambient,
    portal: sp::Running,
    idp: mock_idp::Running,
    // Deleted after the parties have stopped.
    _postgres: Option<Database>,
    _folder: tempfile::TempDir,
}

impl Parties {
    /// Loads the databases and starts the parties, which migrate them. None if PostgreSQL cannot
    /// be started here, which is an error if `CI` is set.
    pub(crate) async fn start(version: &Path, kind: Kind) -> Option<Self> {
        ambient::sqlite::install_drivers();
        let from = version.join(match kind {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        });
        let addresses = [free_address(), free_address()];
        let read = |file: &str| {
            let text = std::fs::read_to_string(from.join(file)).unwrap();
            PORTS
                .iter()
                .zip(addresses)
                .fold(text, |text, (old, new)| text.replace(old, &new.to_string()))
        };
        let facts: Value = serde_json::from_str(&read("facts.json")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let sqlite =
            |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());

        let (portal_url, postgres) = match kind {
            Kind::Sqlite => (sqlite("portal.db"), None),
            Kind::Postgres => {
                let database = test_postgres::fresh_database().await?;
                (database.url().to_owned(), Some(database))
            }
        };
        let idp_url = sqlite("idp.db");
        load(&portal_url, &read("portal.sql")).await;
        load(&idp_url, &read("idp.sql")).await;
        let before = [
            count_migrations(&portal_url).await,
            count_migrations(&idp_url).await,
        ];

        // A moment after the databases were written: sessions and licenses are still valid.
        let written: Timestamp = facts["time"].as_str().unwrap().parse().unwrap();
        let ambient = Ambient::simulated(written + SignedDuration::from_secs(60), 1);
        let portal = sp::Config {
            listen: addresses[0],
            database_url: portal_url.clone(),
            ..sp::Config::default()
        };
        let idp = mock_idp::Config {
            listen: addresses[1],
            database_url: idp_url.clone(),
            admin_token: facts["ready"]["idp"]["admin_token"]
                .as_str()
                .map(str::to_owned),
            ..mock_idp::Config::default()
        };
        let parties = Self {
            portal: sp::start(portal, ambient.clone()).await.unwrap(),
            idp: mock_idp::start(idp, ambient.clone()).await.unwrap(),
            facts,
            ambient,
            _postgres: postgres,
            _folder: folder,
        };
        let after = [
            count_migrations(&portal_url).await,
            count_migrations(&idp_url).await,
        ];
        assert_eq!(after, [migrations("sp"), migrations("mock-idp")]);
        assert!(before[0] <= after[0] && before[1] <= after[1]);
        Some(parties)
    }

    pub(crate) async fn stop(self) {
        self.portal.shutdown().await;
        self.idp.shutdown().await;
    }
}

/// Returns an address at which no program listens at this moment.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn load(url: &str, sql: &str) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let loaded = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await;
    loaded.unwrap_or_else(|error| panic!("cannot load {url}: {error}"));
    connection.close().await.unwrap();
}

/// Returns the number of migrations that the database has.
async fn count_migrations(url: &str) -> usize {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    rows.iter().filter(|row| row.get::<i64, _>(0) > 0).count()
}

/// Returns the number of migrations that the program of today has.
fn migrations(party: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{party}/migrations"));
    std::fs::read_dir(folder).unwrap().count()
}
