//! Kills `sp serve` repeatedly by SIGKILL under load. Afterwards every answered
//! request has its complete effect exactly once, and unanswered requests have
//! left no partial effect.
//!
//! The load is mixed: SCIM creates, disables and deletes users and adds them to
//! a group; users activate licenses by SAML.
//!
//! `REHEARSAL_KILLS` sets the number of kills [default: 3].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ambient::{Ambient, Rng, SystemClock};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::database::TestDatabase;
use crate::parties::{Dns, Parties, Person, Tenant, step, text};
use crate::process::{ANYWHERE, Process};
use crate::reconciliation;

/// Number of concurrent clients.
const CLIENTS: usize = 4;

/// Number of answers after which the process is killed.
const ANSWERS: usize = 40;

/// State that a user must have after the kill.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// Exists with this ID and is in the group.
    Present {
        /// ID that the server assigned.
        id: String,
        /// True if the user has activated a license.
        is_licensed: bool,
    },
    /// Disabled, with this ID, and without a license.
    Disabled(String),
    /// The user was deleted.
    Absent,
    /// The last request about this user got no answer.
    Unknown,
}

/// The expected state according to the answers of the portal.
#[derive(Default)]
struct Answers {
    users: Mutex<BTreeMap<String, Expected>>,
    count: watch::Sender<usize>,
}

impl Answers {
    fn note(&self, name: &str, expected: Expected) {
        self.users.lock().unwrap().insert(name.to_owned(), expected);
    }

    fn count_answer(&self) {
        self.count.send_modify(|count| *count += 1);
    }
}

/// The portal under load, from the view of a client.
struct Portal {
    client: Client,
    parties: Parties,
    tenant: Tenant,
    base: String,
    scim: String,
    token: String,
    group: String,
    answers: Answers,
}

impl Portal {
    /// Sends a request; `None` if there was no answer because the process
    /// is dead.
    async fn send(&self, method: Method, url: String, body: &Value) -> Option<Value> {
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let answer = request.json(body).send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        assert!(status.is_success(), "{status} {text}");
        self.answers.count_answer();
        Some(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn send_scim(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        self.send(method, format!("{}{path}", self.scim), body)
            .await
    }

    /// Activates a desktop license of a user with a signed Response.
    async fn activate(&self, name: &str) -> Option<()> {
        let url = format!("{}/desktop/v1/activations", self.base);
        let new = json!({"email": name, "device": {"id": name}});
        let begun = self.send(Method::POST, url, &new).await?;
        let person = Person::new(name, &["g-users"]);
        let (path, body) = self
            .parties
            .answer_activation(&self.tenant, &begun, &person);
        let url = format!("{}{path}", self.base);
        let ended = self.send(Method::POST, url, &body).await?;
        assert!(ended["license"].is_object(), "{ended}");
        Some(())
    }

    /// Creates a user in the group, some with a license; then disables or
    /// deletes some of them.
    async fn play(&self, name: &str, n: usize) -> Option<()> {
        let note = |expected| self.answers.note(name, expected);
        note(Expected::Unknown);
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "externalId": format!("id-of-{name}"),
        });
        let user = self.send_scim(Method::POST, "/Users", &user).await?;
        let id = text(&user["id"]);
        let patch = |operation: Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [operation],
            })
        };
        let join = patch(json!({"op": "add", "path": "members", "value": [{"value": id}]}));
        let path = format!("/Groups/{}", self.group);
        self.send_scim(Method::PATCH, &path, &join).await?;
        let present = |is_licensed| Expected::Present {
            id: id.clone(),
            is_licensed,
        };
        note(present(false));
        if n.is_multiple_of(2) {
            note(Expected::Unknown);
            self.activate(name).await?;
            note(present(true));
        }
        let path = format!("/Users/{id}");
        match n % 5 {
            2 | 3 => {
                note(Expected::Unknown);
                self.send_scim(Method::DELETE, &path, &Value::Null).await?;
                note(Expected::Absent);
            }
            4 => {
                note(Expected::Unknown);
                let disable = patch(json!({"op": "replace", "path": "active", "value": false}));
                self.send_scim(Method::PATCH, &path, &disable).await?;
                note(Expected::Disabled(id));
            }
            _ => {}
        }
        Some(())
    }
}

/// Compares the database with the answers. Returns the number of users, of
/// users with a license, and of disabled users.
async fn reconcile(database: &TestDatabase, answers: &Answers) -> (usize, usize, usize) {
    let pool = reconciliation::open_pool(database).await;
    reconciliation::check_no_orphan_rows(&pool).await;
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT user_name, id FROM users")
        .fetch_all(&pool)
        .await
        .unwrap();
    let stored: BTreeMap<String, String> = rows.iter().cloned().collect();
    assert_eq!(stored.len(), rows.len(), "no user name twice");
    let texts = async |sql: &'static str| -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap()
    };
    let set = |texts: &[String]| -> BTreeSet<String> { texts.iter().cloned().collect() };
    let members = set(&texts("SELECT member_id FROM memberships").await);
    let disabled = set(&texts("SELECT id FROM users WHERE active = 0").await);
    let licenses = texts("SELECT user_id FROM licenses WHERE revoked IS NULL").await;
    let licensed = set(&licenses);
    assert_eq!(licensed.len(), licenses.len(), "no license twice");
    for (name, expected) in answers.users.lock().unwrap().iter() {
        match expected {
            Expected::Present { id, is_licensed } => {
                assert_eq!(stored.get(name), Some(id), "{name}");
                assert!(members.contains(id), "{name}");
                assert!(!disabled.contains(id), "{name}");
                assert_eq!(licensed.contains(id), *is_licensed, "{name}");
            }
            Expected::Disabled(id) => {
                assert!(disabled.contains(id), "{name}");
                assert!(!licensed.contains(id), "{name}");
            }
            Expected::Absent => assert_eq!(stored.get(name), None, "{name}"),
            Expected::Unknown => {}
        }
    }
    let figures = (stored.len(), licensed.len(), disabled.len());
    pool.close().await;
    figures
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "the nightly run reports its figures")]
async fn a_portal_killed_under_load_keeps_every_answered_write() {
    let kills = std::env::var("REHEARSAL_KILLS");
    let kills: usize = kills.map_or(3, |kills| kills.parse().unwrap());
    let database = TestDatabase::create().await;
    let dns = Dns::start().await;
    let resolver = dns.address.to_string();
    let options = ["--dns-server", resolver.as_str()];
    let serve = async |listen: &str| {
        Process::start_on(database.url(), database.folder(), listen, &options).await
    };
    let mut process = serve(ANYWHERE).await;
    let base = process.place.base.clone();
    // Keep the address, because the SSO settings contain it.
    let address = base.strip_prefix("http://").unwrap();
    let ambient = Ambient::new(Arc::new(SystemClock), Rng::from_seed(7));
    let parties = Parties::around(process.place.clone(), ambient, dns);
    let (admin, tenant) = parties.create_integration(1_000_000).await;
    let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
    let page = admin.get("/api/business/idp-integration").await.is(200);
    let mut portal = Portal {
        client: Client::new(),
        parties,
        tenant,
        base: base.clone(),
        scim: text(&page["scim"]["base_url"]),
        token: text(&made["token"]),
        group: String::new(),
        answers: Answers::default(),
    };
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Group",
    });
    let group = portal
        .send_scim(Method::POST, "/Groups", &group)
        .await
        .unwrap();
    portal.group = text(&group["id"]);
    let mut figures = (0, 0, 0);
    for kill in 0..kills {
        portal.answers.count.send_replace(0);
        let mut count = portal.answers.count.subscribe();
        let clients = futures::future::join_all((0..CLIENTS).map(|client| {
            let portal = &portal;
            async move {
                for n in 0.. {
                    let name = format!("user-{kill}-{client}-{n}@corp.example");
                    if portal.play(&name, n + kill).await.is_none() {
                        return;
                    }
                }
            }
        }));
        let end = async {
            count.wait_for(|count| *count >= ANSWERS).await.unwrap();
            drop(process); // SIGKILL
        };
        futures::join!(clients, end);
        process = serve(address).await;
        portal.client = Client::new();
        figures = reconcile(&database, &portal.answers).await;
    }
    let (users, licensed, disabled) = figures;
    println!("{kills} kills: {users} users, {licensed} with a license, {disabled} disabled");
}
