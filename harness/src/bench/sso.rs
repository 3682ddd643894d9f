//! Responses of the mock IdP on one core, with the plain signature as the limit; and the
//! cost of users at its start.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use ambient::Ambient;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};

use super::saml::{BenchError, bench_error};
use super::{Measured, beside, median, resident_megabytes};

const SP: &str = "https://portal.example/0f3b6f1c-7a55-4d0c-8f63-1f1f6f2f7b21";

fn config(directory: &Path, key: &mock_idp::KeyMaterial) -> mock_idp::Config {
    let database = directory.join("idp.db");
    mock_idp::Config {
        database_url: format!("sqlite://{}?mode=rwc", database.display()),
        durable: false,
        admin_token: Some("bench".to_owned()),
        signing_key: Some(key.clone()),
        ..mock_idp::Config::default()
    }
}

struct Administrator {
    http: Client,
    at: String,
}

impl Administrator {
    async fn make(&self, path: &str, body: Value) -> Result<String, BenchError> {
        let answer = self
            .http
            .post(format!("{}{path}", self.at))
            .bearer_auth("bench")
            .json(&body)
            .send()
            .await
            .map_err(bench_error)?;
        let made: Value = answer.json().await.map_err(bench_error)?;
        let id = made["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| bench_error(format!("POST {path}: {made}")))
    }
}

/// Creates an environment with one application like that of the guide, and one user in two
/// groups; returns its id.
async fn set_up_environment(base: &str) -> Result<(Administrator, String), BenchError> {
    let http = Client::builder().no_proxy().build().map_err(bench_error)?;
    let mut administrator = Administrator {
        http,
        at: format!("{base}/v1"),
    };
    let env = administrator
        .make("/environments", json!({"name": "Bench"}))
        .await?;
    administrator.at = format!("{base}/v1/environments/{env}");
    let user = json!({"username": "grace", "email": "grace.hopper@lumen.example",
        "name": {"given": "Grace", "family": "Hopper"}});
    let user = administrator.make("/users", user).await?;
    for name in ["Admins", "Product Users"] {
        let group = administrator.make("/groups", json!({"name": name})).await?;
        let at = format!("/users/{user}/memberOfGroups");
        administrator.make(&at, json!({"id": group})).await?;
    }
    let application = json!({"name": "Portal", "spEntityId": SP, "acsUrls": [format!("{SP}/acs")], "enabled": true});
    let application = administrator.make("/applications", application).await?;
    for (name, value) in [
        ("displayname", "${user.name.given + ' ' + user.name.family}"),
        ("groups", "${user.memberOfGroupIDs}"),
        ("name", "${user.username}"),
        ("objectidentifier", "${user.id}"),
    ] {
        let at = format!("/applications/{application}/attributes");
        administrator
            .make(&at, json!({"name": name, "value": value}))
            .await?;
    }
    Ok((administrator, env))
}

fn runtime() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(bench_error)
}

/// `bench sso`: from the cookie of a session to the signed Response; the limit is the plain
/// signature of the same key.
///
/// # Errors
/// [`BenchError`].
pub fn sso(now: Timestamp, time: Duration) -> Result<Measured, BenchError> {
    let material = mock_idp::generate_key("Bench", now).map_err(bench_error)?;
    let certificate =
        ::saml::keys::Certificate::parse(&material.certificate).map_err(bench_error)?;
    let key =
        ::saml::keys::SigningKey::new(&material.private_key, certificate).map_err(bench_error)?;
    let directory = tempfile::tempdir().map_err(bench_error)?;
    let runtime = runtime()?;
    let (idp, answers) = runtime.block_on(async {
        let idp = mock_idp::start(config(directory.path(), &material), Ambient::real())
            .await
            .map_err(bench_error)?;
        let (_, env) = set_up_environment(idp.base_url()).await?;
        let answers = idp
            .prepare_answers(&env, SP, "grace")
            .await
            .map_err(bench_error)?;
        let field = answers.answer().await.map_err(bench_error)?;
        Ok::<_, BenchError>((idp, (answers, field)))
    })?;
    let (answers, field) = answers;
    let data = [7_u8; 512];
    let name = format!("sso: cookie to signed answer of {} bytes", field.len());
    let measured = beside(
        (&name, || {
            black_box(runtime.block_on(answers.answer()).is_ok());
        }),
        ("raw RSA-2048 signature with SHA-256", || {
            black_box(key.sign(key.algorithm(), black_box(&data)).is_ok());
        }),
        time,
    );
    runtime.block_on(idp.shutdown());
    Ok(measured)
}

/// `bench sso --users N`: the start with N users until the IdP is ready; the limit is the
/// start without users.
///
/// # Errors
/// [`BenchError`].
pub fn start_up(now: Timestamp, users: usize) -> Result<Measured, BenchError> {
    let key = mock_idp::generate_key("Bench", now).map_err(bench_error)?;
    let runtime = runtime()?;
    let (empty, full) = (
        tempfile::tempdir().map_err(bench_error)?,
        tempfile::tempdir().map_err(bench_error)?,
    );
    for (directory, count) in [(&empty, 0), (&full, users)] {
        runtime.block_on(async {
            let idp = mock_idp::start(config(directory.path(), &key), Ambient::real())
                .await
                .map_err(bench_error)?;
            let (administrator, _) = set_up_environment(idp.base_url()).await?;
            for number in 0..count {
                let user = json!({"username": format!("user{number}"), "email": format!("user{number}@lumen.example")});
                administrator.make("/users", user).await?;
            }
            idp.shutdown().await;
            Ok::<_, BenchError>(())
        })?;
    }
    let started = |directory: &Path| {
        runtime.block_on(async {
            let start = Instant::now();
            let idp = mock_idp::start(config(directory, &key), Ambient::real())
                .await
                .map_err(bench_error)?;
            let ready = reqwest::get(format!("{}/readyz", idp.base_url()))
                .await
                .map_err(bench_error)?;
            let took = start.elapsed();
            idp.shutdown().await;
            if ready.status().is_success() {
                Ok(took)
            } else {
                Err(bench_error("expected it to be ready"))
            }
        })
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        without.push(started(empty.path())?.as_secs_f64());
        with.push(started(full.path())?.as_secs_f64());
    }
    let slowest = with.iter().copied().fold(0.0, f64::max);
    let (with, without) = (median(with), median(without));
    Ok(Measured {
        name: format!("start: from nothing to ready with {users} users"),
        ops_per_sec: 1.0 / with,
        limit_ops_per_sec: 1.0 / without,
        limit_name: "start with one user".to_owned(),
        ratio: without / with,
        p50_us: with * 1e6,
        p99_us: slowest * 1e6,
        rss_mb: resident_megabytes(),
    })
}
