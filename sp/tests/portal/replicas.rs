//! Two `sp` processes with one PostgreSQL database and one public URL.

use std::sync::Arc;

use ambient::{Ambient, Rng, SystemClock};

use crate::database::TestDatabase;
use crate::parties::{Dns, Parties};
use crate::process::{ANYWHERE, Process};

/// The two portals and their environment.
pub(crate) struct Replicas {
    /// Environment of the first portal.
    pub(crate) parties: Parties,
    /// Address of the second portal.
    pub(crate) second_url: String,
    _processes: [Process; 2],
    _folders: [tempfile::TempDir; 2],
    pub(crate) database: TestDatabase,
}

impl Replicas {
    /// Starts both; `None` if PostgreSQL cannot be started on this machine.
    pub(crate) async fn start() -> Option<Self> {
        let database = TestDatabase::postgres().await?;
        let dns = Dns::start().await;
        let resolver = dns.address.to_string();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let options = ["--dns-server", resolver.as_str()];
        let first = Process::start_on(database.url(), folders[0].path(), ANYWHERE, &options).await;
        let base = first.place.base.clone();
        let options = [&options[..], &["--public-url", base.as_str()]].concat();
        // The second process reports the public URL of both, so choose its
        // listening port here.
        let listener = std::net::TcpListener::bind(ANYWHERE).unwrap();
        let listen = listener.local_addr().unwrap().to_string();
        drop(listener);
        let second = Process::start_on(database.url(), folders[1].path(), &listen, &options).await;
        assert_eq!(
            second.place.base, base,
            "both processes have the same public URL"
        );
        // The processes use the system clock.
        let ambient = Ambient::new(Arc::new(SystemClock), Rng::from_seed(7));
        Some(Self {
            parties: Parties::around(first.place.clone(), ambient, dns),
            second_url: format!("http://{listen}"),
            _processes: [first, second],
            _folders: folders,
            database,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_database_never_grant_more_seats_than_there_are() {
    let Some(replicas) = Replicas::start().await else {
        return;
    };
    let parties = &replicas.parties;
    let (admin, tenant) = parties.create_integration(100).await;
    let portals = [parties.browser().base, replicas.second_url.clone()];
    crate::desktop::activate_more_devices_than_seats(parties, &admin, &tenant, &portals).await;
    // Licenses and sessions of one portal are visible at the other one.
    let mut at_second = admin.clone();
    at_second.base.clone_from(&portals[1]);
    let listed = at_second.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"].as_array().unwrap().len(), 100);
}
