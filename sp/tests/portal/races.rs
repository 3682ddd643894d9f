//! Concurrent requests to two `sp` processes with one PostgreSQL database. No
//! request is answered with a server error. Whatever the order of a login and
//! the SCIM change that removes the user, no disabled or deleted user keeps a
//! license, session or membership. What may happen once happens once.
//!
//! `REHEARSAL_RACE_ROUNDS` sets the number of rounds [default: 3].

use std::collections::BTreeMap;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::desktop::begin_activation;
use crate::parties::{Browser, Parties, Person, Tenant, step, text};
use crate::reconciliation;
use crate::replicas::Replicas;

/// Number of concurrent users per round.
const AT_ONCE: usize = 6;

fn rounds() -> usize {
    let rounds = std::env::var("REHEARSAL_RACE_ROUNDS");
    rounds.map_or(3, |rounds| rounds.parse().unwrap())
}

/// Two portals and a SCIM client.
struct Race {
    replicas: Replicas,
    tenant: Tenant,
    scim: Scim,
}

struct Scim {
    base: String,
    token: String,
    client: Client,
}

impl Scim {
    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn create_user(&self, email: &str) -> String {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": email,
            "externalId": format!("id-of-{email}"),
        });
        let (status, user) = self.send(Method::POST, "/Users", &user).await;
        assert_eq!(status, 201, "{user}");
        text(&user["id"])
    }

    /// Creates the users group of step 3 by SCIM.
    async fn create_users_group(&self) -> String {
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Desktop Users",
            "externalId": "g-users",
        });
        let (status, group) = self.send(Method::POST, "/Groups", &group).await;
        assert_eq!(status, 201, "{group}");
        format!("/Groups/{}", text(&group["id"]))
    }

    async fn patch(&self, path: &str, operation: Value) -> u16 {
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        });
        self.send(Method::PATCH, path, &patch).await.0
    }
}

impl Race {
    async fn prepare() -> Option<Self> {
        Self::with_seats(10_000).await
    }

    async fn with_seats(seats: u32) -> Option<Self> {
        let replicas = Replicas::start().await?;
        let (admin, tenant) = replicas.parties.create_integration(seats).await;
        let enabled = json!({"enabled": true});
        admin.put(&step("scim"), &enabled).await.is(200);
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        let scim = Scim {
            base: text(&page["scim"]["base_url"]),
            token: text(&made["token"]),
            client: Client::new(),
        };
        Some(Self {
            replicas,
            tenant,
            scim,
        })
    }

    fn parties(&self) -> &Parties {
        &self.replicas.parties
    }

    /// Returns the SCIM client for one of the two processes, alternating.
    fn scim_at(&self, n: usize) -> Scim {
        let first = &self.parties().browser().base;
        let base = match n % 2 {
            0 => self.scim.base.clone(),
            _ => self.scim.base.replace(first, &self.replicas.second_url),
        };
        Scim {
            base,
            token: self.scim.token.clone(),
            client: Client::new(),
        }
    }

    /// Returns a browser for one of the two processes, alternating.
    fn app_at(&self, n: usize) -> Browser {
        match n % 2 {
            0 => self.parties().browser(),
            _ => self.app(),
        }
    }

    fn app(&self) -> Browser {
        Browser {
            base: self.replicas.second_url.clone(),
            ..self.parties().browser()
        }
    }

    /// Runs an activation and a browser login concurrently with this change of
    /// the user.
    async fn race_login_of_new_user(&self, email: &str, change: impl AsyncFn(String) -> u16) {
        let id = self.scim.create_user(email).await;
        self.race_login(email, id, change).await;
    }

    async fn race_login(&self, email: &str, id: String, change: impl AsyncFn(String) -> u16) {
        let (app, browser) = (self.app(), self.app());
        let person = Person::new(email, &["g-users"]);
        let (path, body) =
            begin_activation(&app, self.parties(), &self.tenant, &person, email).await;
        let (request, relay_state) = browser.start_sso(email).await;
        let xml = self
            .parties()
            .idp
            .sign_response(&self.tenant, &request, &person);
        let acs = self
            .tenant
            .acs_url
            .replace(&self.parties().browser().base, &browser.base);
        let (activated, logged_in, changed) = futures::join!(
            app.post(&path, &body),
            browser.post_response(&acs, &xml, &relay_state),
            change(id)
        );
        assert!(matches!(changed, 200 | 204), "{changed}");
        let status = activated.status.as_u16();
        assert!(matches!(status, 200 | 403), "{status} {}", activated.body);
        let status = logged_in.status.as_u16();
        assert!(matches!(status, 303 | 403), "{status} {}", logged_in.body);
    }

    /// Fails if the database is in a state that no order of the
    /// requests allows.
    async fn reconcile(&self) {
        let pool = reconciliation::open_pool(&self.replicas.database).await;
        reconciliation::check_no_orphan_rows(&pool).await;
        pool.close().await;
    }
}

/// Runs a race for several users concurrently, round by round.
async fn race(name: &str, race: &Race, one: impl AsyncFn(String)) {
    for round in 0..rounds() {
        let people = (0..AT_ONCE).map(|n| one(format!("{name}-{round}-{n}@corp.example")));
        futures::future::join_all(people).await;
        race.reconcile().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_disabled_during_a_login_keeps_neither_license_nor_session() {
    let Some(prepared) = Race::prepare().await else {
        return;
    };
    let (portal, scim) = (&prepared, &prepared.scim);
    race("disabled", portal, async |email| {
        let disable = async |id: String| {
            let operation = json!({"op": "replace", "path": "active", "value": false});
            scim.patch(&format!("/Users/{id}"), operation).await
        };
        portal.race_login_of_new_user(&email, disable).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_during_a_login_keeps_neither_license_nor_session() {
    let Some(prepared) = Race::prepare().await else {
        return;
    };
    let (portal, scim) = (&prepared, &prepared.scim);
    race("deleted", portal, async |email| {
        let delete = async |id: String| {
            let path = format!("/Users/{id}");
            scim.send(Method::DELETE, &path, &Value::Null).await.0
        };
        portal.race_login_of_new_user(&email, delete).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_while_joining_a_group_is_in_none() {
    let Some(prepared) = Race::prepare().await else {
        return;
    };
    let (portal, scim) = (&prepared, &prepared.scim);
    let group = scim.create_users_group().await;
    race("joining", portal, async |email| {
        let id = scim.create_user(&email).await;
        let join = json!({"op": "add", "path": "members", "value": [{"value": id}]});
        let path = format!("/Users/{id}");
        let (joined, deleted) = futures::join!(
            scim.patch(&group, join),
            scim.send(Method::DELETE, &path, &Value::Null)
        );
        assert!(matches!(joined, 200 | 204 | 400), "{joined}");
        assert_eq!(deleted.0, 204, "{}", deleted.1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_removed_from_the_group_during_a_login_keeps_neither_license_nor_session() {
    let Some(prepared) = Race::prepare().await else {
        return;
    };
    let (portal, scim) = (&prepared, &prepared.scim);
    let group = scim.create_users_group().await;
    race("removed", portal, async |email| {
        let id = scim.create_user(&email).await;
        let join = json!({"op": "add", "path": "members", "value": [{"value": id}]});
        assert!(matches!(scim.patch(&group, join).await, 200 | 204));
        let leave = async |id: String| {
            let path = format!("members[value eq \"{id}\"]");
            scim.patch(&group, json!({"op": "remove", "path": path}))
                .await
        };
        portal.race_login(&email, id, leave).await;
    })
    .await;
    // All users were removed, so nothing may be left.
    let pool = reconciliation::open_pool(&portal.replicas.database).await;
    for table in [
        "licenses WHERE revoked IS NULL",
        "sessions WHERE user_id IS NOT NULL",
    ] {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(count, 0, "{table}");
    }
    pool.close().await;
}

/// Counts the answers by status.
fn count_by_status(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn one_response_sent_many_times_at_once_activates_once() {
    let Some(race) = Race::prepare().await else {
        return;
    };
    for round in 0..rounds() {
        let email = format!("replay-{round}@corp.example");
        let person = Person::new(&email, &["g-users"]);
        let (path, body) =
            begin_activation(&race.app(), race.parties(), &race.tenant, &person, &email).await;
        let all = (0..AT_ONCE).map(async |n| {
            let answer = race.app_at(n).post(&path, &body).await;
            answer.status.as_u16()
        });
        let counts = count_by_status(futures::future::join_all(all).await);
        let expected = BTreeMap::from([(200, 1), (403, AT_ONCE - 1)]);
        assert_eq!(counts, expected, "round {round}");
    }
    race.reconcile().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_concurrent_users_gets_the_last_seat() {
    let Some(race) = Race::with_seats(1).await else {
        return;
    };
    for round in 0..rounds() {
        let emails: Vec<String> = (0..AT_ONCE)
            .map(|n| format!("seat-{round}-{n}@corp.example"))
            .collect();
        let ids =
            futures::future::join_all(emails.iter().map(|email| race.scim.create_user(email)));
        let ids = ids.await;
        let all = emails.iter().enumerate().map(async |(n, email)| {
            let app = race.app_at(n);
            let person = Person::new(email, &["g-users"]);
            let (path, body) =
                begin_activation(&app, race.parties(), &race.tenant, &person, email).await;
            app.post(&path, &body).await.status.as_u16()
        });
        let counts = count_by_status(futures::future::join_all(all).await);
        let expected = BTreeMap::from([(200, 1), (403, AT_ONCE - 1)]);
        assert_eq!(counts, expected, "round {round}");
        // Free the seat for the next round.
        for id in ids {
            let path = format!("/Users/{id}");
            let (status, body) = race.scim.send(Method::DELETE, &path, &Value::Null).await;
            assert_eq!(status, 204, "{body}");
        }
        race.reconcile().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_concurrent_changes_with_the_same_if_match_is_made() {
    let Some(race) = Race::prepare().await else {
        return;
    };
    let id = race.scim.create_user("version@corp.example").await;
    let path = format!("/Users/{id}");
    for round in 0..rounds() {
        let (_, user) = race.scim.send(Method::GET, &path, &Value::Null).await;
        let version = text(&user["meta"]["version"]);
        let all = (0..AT_ONCE).map(async |n| {
            let scim = race.scim_at(n);
            let patch = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "displayName", "value": format!("{round} {n}")}],
            });
            let url = format!("{}{path}", scim.base);
            let request = scim.client.patch(url).bearer_auth(&scim.token);
            let request = request.header("if-match", &version).json(&patch);
            request.send().await.unwrap().status().as_u16()
        });
        let counts = count_by_status(futures::future::join_all(all).await);
        let expected = BTreeMap::from([(200, 1), (412, AT_ONCE - 1)]);
        assert_eq!(counts, expected, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_concurrent_creations_of_one_name_succeeds() {
    let Some(race) = Race::prepare().await else {
        return;
    };
    for round in 0..rounds() {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("once-{round}@corp.example"),
        });
        let all = (0..AT_ONCE).map(async |n| {
            let scim = race.scim_at(n);
            scim.send(Method::POST, "/Users", &user).await.0
        });
        let counts = count_by_status(futures::future::join_all(all).await);
        let expected = BTreeMap::from([(201, 1), (409, AT_ONCE - 1)]);
        assert_eq!(counts, expected, "round {round}");
    }
    race.reconcile().await;
}
