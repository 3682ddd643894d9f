//! The mock IdP's answers on one core, beside the raw signature; and what
//! users cost at its start.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use ambient::Ambient;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};

use super::saml::{Unready, unready};
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
    async fn make(&self, path: &str, body: Value) -> Result<String, Unready> {
        let answer = self
            .http
            .post(format!("{}{path}", self.at))
            .bearer_auth("bench")
            .json(&body)
            .send()
            .await
            .map_err(unready)?;
        let made: Value = answer.json().await.map_err(unready)?;
        let id = made["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| unready(format!("POST {path}: {made}")))
    }
}

/// An environment with one application as the guide has it, and one user in
/// two groups; its id.
async fn furnished(base: &str) -> Result<(Administrator, String), Unready> {
    let http = Client::builder().no_proxy().build().map_err(unready)?;
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

fn runtime() -> Result<tokio::runtime::Runtime, Unready> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unready)
}

/// `bench sso`: from a live session's cookie to the signed answer, beside the
/// raw signature of the same key.
///
/// # Errors
/// [`Unready`].
pub fn sso(now: Timestamp, time: Duration) -> Result<Measured, Unready> {
    let material = mock_idp::generate_key("Bench", now).map_err(unready)?;
    let certificate = ::saml::keys::Certificate::parse(&material.certificate).map_err(unready)?;
    let key = ::saml::keys::SigningKey::new(&material.private_key, certificate).map_err(unready)?;
    let directory = tempfile::tempdir().map_err(unready)?;
    let runtime = runtime()?;
    let (idp, answers) = runtime.block_on(async {
        let idp = mock_idp::start(config(directory.path(), &material), Ambient::real())
            .await
            .map_err(unready)?;
        let (_, env) = furnished(idp.base_url()).await?;
        let answers = idp.answers(&env, SP, "grace").await.map_err(unready)?;
        let field = answers.answer().await.map_err(unready)?;
        Ok::<_, Unready>((idp, (answers, field)))
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

/// `bench sso --users N`: from nothing to ready with so many users, beside the
/// same without them.
///
/// # Errors
/// [`Unready`].
pub fn start_up(now: Timestamp, users: usize) -> Result<Measured, Unready> {
    let key = mock_idp::generate_key("Bench", now).map_err(unready)?;
    let runtime = runtime()?;
    let (empty, full) = (
        tempfile::tempdir().map_err(unready)?,
        tempfile::tempdir().map_err(unready)?,
    );
    for (directory, count) in [(&empty, 0), (&full, users)] {
        runtime.block_on(async {
            let idp = mock_idp::start(config(directory.path(), &key), Ambient::real())
                .await
                .map_err(unready)?;
            let (administrator, _) = furnished(idp.base_url()).await?;
            for number in 0..count {
                let user = json!({"username": format!("user{number}"), "email": format!("user{number}@lumen.example")});
                administrator.make("/users", user).await?;
            }
            idp.shutdown().await;
            Ok::<_, Unready>(())
        })?;
    }
    let started = |directory: &Path| {
        runtime.block_on(async {
            let start = Instant::now();
            let idp = mock_idp::start(config(directory, &key), Ambient::real())
                .await
                .map_err(unready)?;
            let ready = reqwest::get(format!("{}/readyz", idp.base_url()))
                .await
                .map_err(unready)?;
            let took = start.elapsed();
            idp.shutdown().await;
            if ready.status().is_success() {
                Ok(took)
            } else {
                Err(unready("expected it to be ready"))
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
