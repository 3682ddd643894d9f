//! Rehearsal's own identity provider issues the tokens, and its own portal accepts them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ambient::Ambient;
use rehearsal::World;
use rehearsal::check::oauth::{Authentication, Client, ClientKey, Federated, Metadata, Settings};
use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::Http;
use rehearsal::check::scim::{Judge, Options, catalogue};
use rehearsal::check::{CheckReport, Verdict};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::oauth_ids;
use super::server::Key;

/// A worker of the identity provider.
struct Worker {
    id: String,
    secret: String,
}

/// The worlds' servers, and what the worker's tokens are for.
struct Own {
    world: World,
    scim: Url,
    issuer: String,
}

impl Own {
    async fn start() -> Self {
        let (world, scim, _) = crate::start_portal().await;
        let idp = world.rehearsal.idp_url().to_string();
        let environment = world.directory.environment.clone();
        let issuer = format!("{}/{environment}/as", idp.trim_end_matches('/'));
        Self {
            world,
            scim,
            issuer,
        }
    }

    async fn manage(&mut self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.world.at_management(method, path, Some(body)).await;
        let answer = answer.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {answer}");
        answer.body.clone()
    }

    async fn create_worker(&mut self, audience: &str, settings: Value) -> Worker {
        let mut worker = json!({"name": format!("SCIM client of {audience} {settings}"),
            "protocol": "OPENID_CONNECT", "enabled": true,
            "resource": {"audience": audience, "scopes": ["scim"]}});
        for (name, value) in settings.as_object().unwrap() {
            worker[name] = value.clone();
        }
        let made = self.manage(Method::POST, "/applications", worker).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/applications/{id}/secret");
        // The first secret is revoked; the next two are valid at the same time.
        let secret = self.manage(Method::POST, &path, json!({})).await;
        let secret = secret["secret"].as_str().unwrap().to_owned();
        Worker { id, secret }
    }

    async fn accept(&mut self, worker: &Worker) {
        let new = json!({"issuer": self.issuer, "audience": self.scim, "clients": [worker.id],
            "scope": "scim"});
        let path = "/scim/issuers";
        let done = self
            .world
            .at_configurator("Ada", Method::POST, path, Some(new));
        let done = done.await.unwrap();
        assert_eq!(done.status, 201, "{done}");
    }

    async fn create_client(&self, worker: &Worker, way: Authentication) -> Client {
        let access = Access::default();
        let metadata = Metadata::fetch(&self.issuer, &access).await.unwrap();
        let settings = Settings {
            token_url: metadata.token_endpoint().unwrap(),
            metadata: Some(metadata),
            client_id: worker.id.clone(),
            authentication: way,
            scope: None,
            audience: None,
            assertion_audience: None,
            second_secret: None,
            revoked_secret: None,
            expired_token: None,
            other_audience_token: None,
        };
        Client::start(settings, &access, &Ambient::real())
            .await
            .unwrap()
            .0
    }

    async fn run_judge(&self, client: Client, only: &[&str]) -> CheckReport {
        let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
        let wire = Http::to(self.scim.clone(), Access::default()).unwrap();
        let judge = Judge {
            wire: &wire,
            base: self.scim.to_string(),
            credentials: Credentials::OAuth(Arc::new(client)),
            options: Options::default(),
            read_only: false,
            runner: Runner {
                selection: Selection::new(&only, &[], &catalogue()).unwrap(),
                ..Runner::default()
            },
            ambient: Ambient::real(),
        };
        judge.judge().await.unwrap()
    }
}

fn of(report: &CheckReport, verdict: Verdict) -> Vec<String> {
    let all = report.outcomes.iter().filter(|it| it.verdict == verdict);
    all.map(|it| format!("{} {}", it.check.id, it.actual))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_identity_provider_and_portal_pass_the_checks_of_oauth() {
    let mut own = Own::start().await;
    let key = Key::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    std::fs::write(&path, &key.pem).unwrap();
    let kid = Some("as-1".to_owned());
    let client_key = || ClientKey::read(&path, kid.clone(), Ambient::real().now()).unwrap();
    let outside = "https://workloads.example";
    let trusted = json!([{"issuer": outside, "subject": "workload-1", "jwks": key.jwks(),
        "audiences": [format!("{}/token", own.issuer)]}]);
    let by_secret_jwt = json!({"tokenEndpointAuthMethod": "CLIENT_SECRET_JWT"});
    let by_key = json!({"tokenEndpointAuthMethod": "PRIVATE_KEY_JWT", "jwks": key.jwks()});
    let federated = Federated::Signed {
        issuer: outside.to_owned(),
        subject: "workload-1".to_owned(),
        key: client_key(),
    };
    type Way<'w> = Box<dyn Fn(String) -> Authentication + 'w>;
    let ways: [(Value, Way<'_>); 5] = [
        (json!({}), Box::new(Authentication::SecretBasic)),
        (
            json!({"description": "post"}),
            Box::new(Authentication::SecretPost),
        ),
        (by_secret_jwt, Box::new(Authentication::SecretJwt)),
        (
            by_key,
            Box::new(|_| Authentication::PrivateKeyJwt(client_key())),
        ),
        (
            json!({"federatedCredentials": trusted}),
            Box::new(|_| Authentication::Federated(federated.clone())),
        ),
    ];
    let mut passed = BTreeSet::new();
    let audience = own.scim.to_string();
    for (settings, way) in ways {
        let worker = own.create_worker(&audience, settings.clone()).await;
        own.accept(&worker).await;
        let client = own.create_client(&worker, way(worker.secret.clone())).await;
        let report = own.run_judge(client, &["SCIM-OAUTH-", "SCIM-AUTH-"]).await;
        for verdict in [Verdict::Fail, Verdict::Warn] {
            assert_eq!(of(&report, verdict), Vec::<String>::new(), "{settings}");
        }
        let all = report
            .outcomes
            .iter()
            .filter(|it| it.verdict == Verdict::Pass);
        passed.extend(all.map(|it| it.check.id.clone()));
        // One issuer has one list of clients; each way has its own client here.
        let issuers = own.world.look_at_configurator("Ada").await.unwrap();
        let id = issuers.body["scim"]["issuers"][0]["id"].as_str().unwrap();
        let path = format!("/scim/issuers/{id}");
        let gone = own
            .world
            .at_configurator("Ada", Method::DELETE, &path, None);
        assert_eq!(gone.await.unwrap().status, 204);
    }
    // These need secrets and tokens that only the next test has.
    let needs_more = ["10", "11", "45", "46"].map(|it| format!("SCIM-OAUTH-{it}"));
    let expected: BTreeSet<String> = oauth_ids()
        .into_iter()
        .filter(|it| !needs_more.contains(it))
        .collect();
    let missing: Vec<&String> = expected.difference(&passed).collect();
    assert_eq!(missing, Vec::<&String>::new());
    own.world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_parties_rotate_secrets_and_refuse_tokens_for_another_api() {
    let mut own = Own::start().await;
    let audience = own.scim.to_string();
    let worker = own.create_worker(&audience, json!({})).await;
    own.accept(&worker).await;
    let other = own
        .create_worker("https://other.example/api", json!({}))
        .await;
    let other = own
        .create_client(&other, Authentication::SecretPost(other.secret.clone()))
        .await;
    let path = format!("/applications/{}/secret", worker.id);
    let until = "2999-01-01T00:00:00Z";
    let keep = json!({"previous": {"expiresAt": until}});
    let second = own.manage(Method::POST, &path, keep).await;
    let second = second["secret"].as_str().unwrap().to_owned();
    let access = Access::default();
    let metadata = Metadata::fetch(&own.issuer, &access).await.unwrap();
    let settings = Settings {
        token_url: metadata.token_endpoint().unwrap(),
        metadata: Some(metadata),
        client_id: worker.id.clone(),
        authentication: Authentication::SecretPost(second),
        scope: Some("scim".to_owned()),
        audience: None,
        assertion_audience: None,
        second_secret: Some(worker.secret.clone()),
        revoked_secret: Some("the-first-secret-was-revoked".to_owned()),
        expired_token: None,
        other_audience_token: Some(other.token()),
    };
    let started = Client::start(settings, &access, &Ambient::real()).await;
    let report = own.run_judge(started.unwrap().0, &["SCIM-OAUTH-"]).await;
    for verdict in [Verdict::Fail, Verdict::Warn] {
        assert_eq!(of(&report, verdict), Vec::<String>::new());
    }
    let passed = of(&report, Verdict::Pass);
    for number in ["10", "11", "46"] {
        let id = format!("SCIM-OAUTH-{number} ");
        assert!(
            passed.iter().any(|it| it.starts_with(&id)),
            "{id}: {passed:?}"
        );
    }
    own.world.rehearsal.shutdown().await;
}
