//! `bench scim`: the portal's SCIM server over HTTP with a durable SQLite database, at
//! several sizes, with the database as the limit; and the largest size compared with the
//! smallest.
//!
//! Work and limit are measured alternately in short rounds with the same number of clients.
//! A 2xx answer to a write means that the data is on the disk. The database is filled
//! directly; everything that is measured goes through the portal.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ambient::Ambient;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sp::store::selection::{Condition, Field, Operand, Order, Selection, Test};
use sp::store::{Store, groups, members, users};

use super::{Measured, compute_measurement};

const FILTER: &str = "GET /Users?filter=userName eq …";
const READ: &str = "GET /Users/{id}";
const CREATE: &str = "POST /Users";
const COMMIT: &str = "one row written and synchronized to the disk";
/// Number of clients that send requests at the same time.
const CALLERS: usize = 8;
/// Duration of one round of work or limit.
const ROUND: Duration = Duration::from_millis(250);

/// Why the measurement is not possible.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The portal cannot be started.
    #[error(transparent)]
    Start(#[from] sp::StartError),
    /// The database cannot be filled.
    #[error(transparent)]
    Store(#[from] sp::store::StoreError),
    /// A request failed.
    #[error(transparent)]
    Exchange(#[from] reqwest::Error),
    /// The folder for the database cannot be created.
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    /// The portal answered with something else than the measurement needs.
    #[error("expected {0}, got {1}")]
    Answer(String, String),
}

type Result<T> = std::result::Result<T, BenchError>;

/// A portal with a directory of one size.
struct Bench {
    portal: sp::Running,
    /// The folder of the database, deleted when this is dropped.
    _folder: tempfile::TempDir,
    client: Client,
    base: String,
    token: String,
    store: Store,
    business: String,
    users: usize,
    next: AtomicUsize,
    created: AtomicUsize,
}

/// Measures at each of these sizes, and compares the last with the first.
///
/// # Errors
/// [`BenchError`].
pub async fn measure(sizes: &[usize], time: Duration) -> Result<Vec<Measured>> {
    let mut benches = Vec::with_capacity(sizes.len());
    for size in sizes {
        benches.push(Bench::new(*size).await?);
    }
    let mut all = Vec::new();
    for bench in &benches {
        all.extend(bench.measure_at_this_size(time).await?);
    }
    if let [small, .., large] = benches.as_slice() {
        all.extend(large.compare_with_smaller(small, time).await?);
    }
    if let Some(large) = benches.last() {
        all.extend(large.measure_groups(time).await?);
    }
    for bench in benches {
        bench.store.close().await;
        bench.portal.shutdown().await;
    }
    Ok(all)
}

/// Creates a business account with SCIM; returns base URL and bearer token.
async fn create_tenant(portal: &sp::Running) -> Result<(String, String)> {
    let client = Client::builder().cookie_store(true).build()?;
    let control = portal.control_url().unwrap_or_default();
    let root = portal.base_url();
    let post_key = async |order: Value| -> Result<String> {
        let answer = client
            .post(format!("{control}/control/license-keys"))
            .json(&order)
            .send()
            .await
            // The URL contains the secret of the control port.
            .map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        let body = answer.text().await.map_err(reqwest::Error::without_url)?;
        let sold: Value = serde_json::from_str(&body).unwrap_or_default();
        match sold["key"].as_str() {
            Some(key) => Ok(key.to_owned()),
            None => Err(BenchError::Answer(
                "the control port to create a license key".to_owned(),
                format!("HTTP {}: {body}", status.as_u16()),
            )),
        }
    };
    let send = async |method: Method, url: String, body: Value| -> Result<Value> {
        let answer = client.request(method, &url).json(&body).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        if !status.is_success() {
            let got = format!("HTTP {}: {body}", status.as_u16());
            return Err(BenchError::Answer(format!("{url} to answer 2xx"), got));
        }
        Ok(serde_json::from_str(&body).unwrap_or_default())
    };
    let credentials = json!({"email": "owner@bench.example", "password": "Wq7-otter-quarry-81"});
    send(
        Method::POST,
        format!("{root}/api/accounts"),
        credentials.clone(),
    )
    .await?;
    send(Method::POST, format!("{root}/api/session"), credentials).await?;
    let key = post_key(json!({"seats": 5})).await?;
    let organization = json!({"name": "Bench", "country": "CH"});
    let new = json!({"key": key, "organization": organization});
    send(Method::POST, format!("{root}/api/license-keys"), new).await?;
    let page = format!("{root}/api/business/idp-integration");
    send(Method::POST, format!("{page}/start"), json!({})).await?;
    let made = send(Method::POST, format!("{page}/scim/token"), json!({})).await?;
    let shown = send(
        Method::PUT,
        format!("{page}/scim"),
        json!({"enabled": true}),
    )
    .await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(&shown["scim"]["base_url"]), text(&made["token"])))
}

/// Returns the id of the business account of the SCIM base URL.
async fn find_business_id(store: &Store, base: &str) -> Result<String> {
    let tenant = base.rsplit('/').nth(1).unwrap_or_default();
    let mut db = store.read().await?;
    let row = sp::store::tenants::find_by_id(&mut db, tenant).await?;
    row.map(|row| row.business_id)
        .ok_or_else(|| BenchError::Answer("a tenant".into(), base.to_owned()))
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn user_name(number: usize) -> String {
    format!("user{number}@bench.example")
}

fn resource(number: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("ext-{number}"),
        "userName": user_name(number),
        "name": {"familyName": format!("Family{number}"), "givenName": "Given"},
        "displayName": format!("Given Family{number}"),
        "active": true,
        "emails": [{"value": user_name(number), "type": "work", "primary": true}],
    })
}

impl Bench {
    async fn new(users: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}/portal.db?mode=rwc", folder.path().display());
        let config = sp::Config {
            database_url: url.clone(),
            control_listen: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0))),
            password_memory: 8,
            ..sp::Config::default()
        };
        let portal = sp::start(config, Ambient::real()).await?;
        let (base, token) = create_tenant(&portal).await?;
        let store = Store::open(&url, true).await?;
        let bench = Self {
            portal,
            _folder: folder,
            client: Client::new(),
            business: find_business_id(&store, &base).await?,
            base,
            token,
            store,
            users,
            next: AtomicUsize::new(0),
            created: AtomicUsize::new(0),
        };
        bench.fill().await?;
        Ok(bench)
    }

    /// Fills the directory.
    async fn fill(&self) -> Result<()> {
        let mut tx = self.store.write().await?;
        for number in 0..self.users {
            let at = 1_767_225_600_000_000 + i64::try_from(number).unwrap_or_default() * 1000;
            let row = users::UserRow {
                id: id(number),
                business_id: self.business.clone(),
                user_name: user_name(number),
                email: Some(user_name(number)),
                external_id: Some(format!("ext-{number}")),
                display_name: Some(format!("Given Family{number}")),
                active: 1,
                source: "scim".into(),
                resource: resource(number).to_string(),
                version: 1,
                created: at,
                last_modified: at,
                grouped: 0,
            };
            users::insert(&mut tx, &row).await?;
        }
        Ok(tx.commit().await.map_err(sp::store::StoreError::from)?)
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    /// Sends a request and reads the whole answer.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<()> {
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if status.is_success() {
            return Ok(());
        }
        Err(BenchError::Answer(
            "a success".into(),
            format!("{status} {}", String::from_utf8_lossy(&body)),
        ))
    }

    /// Returns the number of a user; successive calls are far apart in the directory.
    fn any(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919) % self.users
    }

    /// `GET /Users?filter=userName eq …`.
    async fn send_filter(&self) -> Result<()> {
        let name = user_name(self.any());
        let path = format!("/Users?filter=userName%20eq%20%22{name}%22");
        self.send(self.ask(Method::GET, &path)).await
    }

    /// `GET /Users/{id}`.
    async fn send_read(&self) -> Result<()> {
        let path = format!("/Users/{}", id(self.any()));
        self.send(self.ask(Method::GET, &path)).await
    }

    /// `POST /Users`.
    async fn send_create(&self) -> Result<()> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        let mut new = resource(self.users + number);
        new["userName"] = format!("new{number}@bench.example").into();
        self.send(self.post("/Users", &new)).await
    }

    async fn measure_at_this_size(&self, time: Duration) -> Result<Vec<Measured>> {
        let name = |what: &str| format!("{what}, {} users", self.users);
        let sql = "the same look-up by SQL, in process";
        let filtered = measure_alternately(
            (&name(FILTER), async || self.send_filter().await),
            (sql, async || {
                self.look_up(Field::UserName, user_name(self.any())).await
            }),
            time,
        )
        .await?;
        let read = measure_alternately(
            (&name(READ), async || self.send_read().await),
            (sql, async || self.look_up(Field::Id, id(self.any())).await),
            time,
        )
        .await?;
        let create = measure_alternately(
            (&name(CREATE), async || self.send_create().await),
            (COMMIT, async || self.commit().await),
            time,
        )
        .await?;
        Ok(vec![filtered, read, create])
    }

    /// Measures the cost of size: each kind of request here, alternating with the same
    /// request at a smaller directory.
    async fn compare_with_smaller(&self, small: &Self, time: Duration) -> Result<Vec<Measured>> {
        let name = |what: &str| format!("{what}, {} users beside {}", self.users, small.users);
        let limit = format!("the same with {} users", small.users);
        Ok(vec![
            measure_alternately(
                (&name(FILTER), async || self.send_filter().await),
                (&limit, async || small.send_filter().await),
                time,
            )
            .await?,
            measure_alternately(
                (&name(READ), async || self.send_read().await),
                (&limit, async || small.send_read().await),
                time,
            )
            .await?,
            measure_alternately(
                (&name(CREATE), async || self.send_create().await),
                (&limit, async || small.send_create().await),
                time,
            )
            .await?,
        ])
    }

    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.ask(Method::POST, path)
            .header("content-type", "application/scim+json")
            .body(body.to_string())
    }

    async fn look_up(&self, field: Field, value: String) -> Result<()> {
        let condition = Condition::Has(field, vec![(Test::Equal, Operand::Text(value))]);
        let selection = Selection {
            business_id: &self.business,
            condition: &condition,
            order: Order::CREATED,
            after: None,
            offset: 0,
            limit: 2,
        };
        let mut db = self.store.read().await?;
        let found = users::select(&mut db, &selection).await?;
        if found.len() == 1 {
            return Ok(());
        }
        Err(BenchError::Answer(
            "one user".into(),
            found.len().to_string(),
        ))
    }

    /// Writes one row and commits: the minimum cost of a durable write.
    async fn commit(&self) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let row = members::BusinessRow {
            id: format!("raw{number}"),
            name: String::new(),
            details: String::new(),
            created: 0,
        };
        let mut tx = self.store.write().await?;
        members::insert_business(&mut tx, &row).await?;
        Ok(tx.commit().await.map_err(sp::store::StoreError::from)?)
    }

    /// Adds and removes one member, in a group of ten and in one of up to 50,000.
    async fn measure_groups(&self, time: Duration) -> Result<Vec<Measured>> {
        let large = self.users.saturating_sub(CALLERS).min(50_000);
        for (group, size) in [("small", 10.min(large)), ("large", large)] {
            let mut tx = self.store.write().await?;
            let row = groups::GroupRow {
                id: group.into(),
                business_id: self.business.clone(),
                display_name: group.into(),
                external_id: None,
                resource: json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                    "displayName": group,
                })
                .to_string(),
                version: 1,
                created: 0,
                last_modified: 0,
            };
            groups::insert(&mut tx, &row).await?;
            for number in 0..size {
                groups::join(&mut tx, group, &id(number), "User").await?;
            }
            tx.commit().await.map_err(sp::store::StoreError::from)?;
        }
        let turn = AtomicUsize::new(0);
        let patch = async |group: &str| {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            let who = id(self.users - 1 - turn / 2 % CALLERS);
            let operation = if turn.is_multiple_of(2) {
                json!({"op": "add", "path": "members", "value": [{"value": who}]})
            } else {
                json!({"op": "remove", "path": format!("members[value eq \"{who}\"]")})
            };
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [operation],
            });
            let request = self
                .ask(Method::PATCH, &format!("/Groups/{group}"))
                .header("content-type", "application/scim+json")
                .body(body.to_string());
            self.send(request).await
        };
        let small = measure_alternately(
            ("PATCH one member, group of 10", async || {
                patch("small").await
            }),
            (COMMIT, async || self.commit().await),
            time,
        )
        .await?;
        let large = measure_alternately(
            (&format!("PATCH one member, group of {large}"), async || {
                patch("large").await
            }),
            ("the same in the group of 10", async || patch("small").await),
            time,
        )
        .await?;
        Ok(vec![small, large])
    }
}

/// Measures `work` and `limit` alternately for about `time`, each with [`CALLERS`] clients.
async fn measure_alternately<W, L>(
    (name, work): (&str, W),
    (limit_name, limit): (&str, L),
    time: Duration,
) -> Result<Measured>
where
    W: AsyncFn() -> Result<()>,
    L: AsyncFn() -> Result<()>,
{
    let mut latencies = Vec::new();
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    // The first round is for warming up and is not counted.
    run_round(&work, &mut Vec::new()).await?;
    run_round(&limit, &mut Vec::new()).await?;
    let start = Instant::now();
    while start.elapsed() < time || rates.len() < 3 {
        limits.push(run_round(&limit, &mut Vec::new()).await?);
        rates.push(run_round(&work, &mut latencies).await?);
    }
    Ok(compute_measurement(
        name, limit_name, latencies, rates, limits,
    ))
}

async fn run_round<W>(work: &W, latencies: &mut Vec<Duration>) -> Result<f64>
where
    W: AsyncFn() -> Result<()>,
{
    let start = Instant::now();
    let caller = async || -> Result<Vec<Duration>> {
        let mut mine = Vec::new();
        while start.elapsed() < ROUND {
            let before = Instant::now();
            work().await?;
            mine.push(before.elapsed());
        }
        Ok(mine)
    };
    let callers = (0..CALLERS).map(|_| caller());
    let mut done = 0_u32;
    for mine in futures::future::try_join_all(callers).await? {
        done += u32::try_from(mine.len()).unwrap_or(u32::MAX);
        latencies.extend(mine);
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}
