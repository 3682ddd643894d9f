//! `sp serve` killed by SIGKILL under load, again and again: what was answered
//! is there, once and whole, and nothing else is left of what was not.
//!
//! `REHEARSAL_KILLS` sets the number of kills [default: 3].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ambient::{Ambient, Rng, SystemClock};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::database::TestDatabase;
use crate::parties::{Dns, Parties, text};
use crate::process::{ANYWHERE, Process};
use crate::reconciliation;

/// How many clients write at once.
const CLIENTS: usize = 4;

/// After how many answers the process is killed.
const ANSWERS: usize = 40;

/// What must be true of a user after the kill.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// There, by this id, and in the group.
    Present(String),
    /// It was deleted.
    Absent,
    /// The last request about this user got no answer.
    Unknown,
}

/// What the clients were answered.
#[derive(Default)]
struct Answers {
    users: Mutex<BTreeMap<String, Expected>>,
    count: watch::Sender<usize>,
}

impl Answers {
    fn note(&self, name: &str, expected: Expected) {
        self.users.lock().unwrap().insert(name.to_owned(), expected);
    }

    fn counted(&self) {
        self.count.send_modify(|count| *count += 1);
    }
}

#[derive(Clone)]
struct Scim {
    client: Client,
    base: String,
    token: String,
}

impl Scim {
    /// `None` when no answer came: the process is gone.
    async fn send(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let url = format!("{}{path}", self.base);
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let answer = request.json(body).send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        assert!(status.is_success(), "{status} {text}");
        Some(serde_json::from_str(&text).unwrap_or_default())
    }
}

/// Creates users, puts them into the group and deletes each third, until no
/// answer comes any more.
async fn write(scim: Scim, client: String, group: String, answers: Arc<Answers>) {
    for n in 0.. {
        let name = format!("{client}-{n}@corp.example");
        answers.note(&name, Expected::Unknown);
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
        });
        let Some(user) = scim.send(Method::POST, "/Users", &user).await else {
            return;
        };
        answers.counted();
        let id = text(&user["id"]);
        let join = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": id}]}],
        });
        let path = format!("/Groups/{group}");
        if scim.send(Method::PATCH, &path, &join).await.is_none() {
            return;
        }
        answers.counted();
        answers.note(&name, Expected::Present(id.clone()));
        if n % 3 == 2 {
            answers.note(&name, Expected::Unknown);
            let path = format!("/Users/{id}");
            if scim
                .send(Method::DELETE, &path, &Value::Null)
                .await
                .is_none()
            {
                return;
            }
            answers.counted();
            answers.note(&name, Expected::Absent);
        }
    }
}

/// Compares the database with what was answered.
async fn reconcile(database: &TestDatabase, answers: &Answers) {
    let pool = reconciliation::pool(database).await;
    reconciliation::nothing_is_left_behind(&pool).await;
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT user_name, id FROM users")
        .fetch_all(&pool)
        .await
        .unwrap();
    let stored: BTreeMap<String, String> = rows.iter().cloned().collect();
    assert_eq!(stored.len(), rows.len(), "no user name twice");
    let members: Vec<String> = sqlx::query_scalar("SELECT member_id FROM memberships")
        .fetch_all(&pool)
        .await
        .unwrap();
    let members: BTreeSet<String> = members.into_iter().collect();
    for (name, expected) in answers.users.lock().unwrap().iter() {
        match expected {
            Expected::Present(id) => {
                assert_eq!(stored.get(name), Some(id), "{name}");
                assert!(members.contains(id), "{name}");
            }
            Expected::Absent => assert_eq!(stored.get(name), None, "{name}"),
            Expected::Unknown => {}
        }
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_again_and_again_it_loses_nothing_that_it_answered() {
    let kills = std::env::var("REHEARSAL_KILLS");
    let kills: usize = kills.map_or(3, |kills| kills.parse().unwrap());
    let database = TestDatabase::fresh().await;
    let mut process = Process::on(database.url(), database.folder(), ANYWHERE, &[]).await;
    let ambient = Ambient::new(Arc::new(SystemClock), Rng::seeded(7));
    let parties = Parties::around(process.place.clone(), ambient, Dns::start().await);
    let (base, token) = parties.second_tenant().await;
    let path = base.strip_prefix(&process.place.base).unwrap().to_owned();
    let mut scim = Scim {
        client: Client::new(),
        base,
        token,
    };
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Group",
    });
    let group = scim.send(Method::POST, "/Groups", &group).await.unwrap();
    let group = text(&group["id"]);
    let answers = Arc::new(Answers::default());
    for kill in 0..kills {
        answers.count.send_replace(0);
        let mut count = answers.count.subscribe();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let client = format!("user-{kill}-{client}");
                let answers = Arc::clone(&answers);
                tokio::spawn(write(scim.clone(), client, group.clone(), answers))
            })
            .collect();
        count.wait_for(|count| *count >= ANSWERS).await.unwrap();
        drop(process); // SIGKILL
        for client in clients {
            client.await.unwrap();
        }
        process = Process::on(database.url(), database.folder(), ANYWHERE, &[]).await;
        scim.base = format!("{}{path}", process.place.base);
        scim.client = Client::new();
        reconcile(&database, &answers).await;
    }
}
