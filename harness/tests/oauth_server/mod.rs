//! The checks SCIM-OAUTH: no finding at correct servers, for each way of client authentication;
//! at servers with one flaw, exactly the findings of that flaw; and runs in which tokens end.

mod own_parties;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;

use ambient::Ambient;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use jiff::SignedDuration;
use rehearsal::check::oauth::{Authentication, Client, ClientKey, Federated, Metadata, Settings};
use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::{Judge, Options, catalogue};
use rehearsal::check::{CheckReport, Verdict};

use crate::mutant_scim::BASE;
use server::{CLIENT, Flaw, REVOKED, SECOND, SECRET, Servers};

/// A way of client authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Basic,
    Post,
    SecretJwt,
    KeyJwt,
    Federated,
}

/// Starts the authorization server.
async fn start(make: impl FnOnce(String) -> Servers) -> Arc<Servers> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let servers = Arc::new(make(base));
    let (about, keys, token) = (servers.clone(), servers.clone(), servers.clone());
    let router = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(async move || axum::Json(about.metadata())),
        )
        .route("/jwks", get(async move || axum::Json(keys.jwks())))
        .route(
            "/token",
            post(async move |headers: HeaderMap, body: String| token.token(&headers, &body)),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    servers
}

async fn create_client(servers: &Servers, way: Way) -> Client {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    std::fs::write(&path, &servers.client.pem).unwrap();
    let now = servers.ambient.now();
    let key = || ClientKey::read(&path, None, now).unwrap();
    let secret = SECRET.to_owned();
    let authentication = match way {
        Way::Basic => Authentication::SecretBasic(secret),
        Way::Post => Authentication::SecretPost(secret),
        Way::SecretJwt => Authentication::SecretJwt(secret),
        Way::KeyJwt => Authentication::PrivateKeyJwt(key()),
        Way::Federated => Authentication::Federated(Federated::Signed {
            issuer: "https://workloads.example".to_owned(),
            subject: "workload-1".to_owned(),
            key: key(),
        }),
    };
    let access = Access::default();
    let metadata = Metadata::fetch(&servers.base, &access).await.unwrap();
    let has_secrets = matches!(way, Way::Basic | Way::Post);
    let given = |secret: &str| has_secrets.then(|| secret.to_owned());
    let settings = Settings {
        token_url: metadata.token_endpoint().unwrap(),
        metadata: Some(metadata),
        client_id: CLIENT.to_owned(),
        authentication,
        scope: None,
        audience: None,
        assertion_audience: None,
        second_secret: given(SECOND),
        revoked_secret: given(REVOKED),
        expired_token: Some(servers.access_token(None, now.as_second() - 3600)),
        other_audience_token: Some(
            servers.access_token(Some("api://other"), now.as_second() + 3600),
        ),
    };
    let started = Client::start(settings, &access, &servers.ambient).await;
    started.unwrap().0
}

/// Judges with these checks only.
async fn run_judge(servers: &Servers, client: Arc<Client>, only: &[&str]) -> CheckReport {
    let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
    let judge = Judge {
        wire: servers,
        base: BASE.to_owned(),
        credentials: Credentials::OAuth(client),
        options: Options::default(),
        read_only: false,
        runner: Runner {
            selection: Selection::new(&only, &[], &catalogue()).unwrap(),
            ..Runner::default()
        },
        ambient: servers.ambient.clone(),
    };
    judge.judge().await.unwrap()
}

fn of(report: &CheckReport, verdict: Verdict) -> BTreeSet<String> {
    let all = report.outcomes.iter().filter(|it| it.verdict == verdict);
    all.map(|it| it.check.id.clone()).collect()
}

fn oauth_ids() -> BTreeSet<String> {
    let all = catalogue().into_iter().map(|it| it.id);
    all.filter(|id| id.starts_with("SCIM-OAUTH-")).collect()
}

#[tokio::test]
async fn correct_servers_have_no_finding_by_any_way_of_authentication() {
    let mut passed = BTreeSet::new();
    for way in [
        Way::Basic,
        Way::Post,
        Way::SecretJwt,
        Way::KeyJwt,
        Way::Federated,
    ] {
        let servers = start(|base| Servers::new(base, None, Ambient::real())).await;
        let client = Arc::new(create_client(&servers, way).await);
        let report = run_judge(&servers, client.clone(), &["SCIM-OAUTH-"]).await;
        for verdict in [Verdict::Fail, Verdict::Warn] {
            assert_eq!(of(&report, verdict), BTreeSet::new(), "{way:?}");
        }
        let json = report.json().to_string();
        for secret in client.secrets() {
            assert!(!json.contains(&secret), "{way:?}: the report has {secret}");
        }
        passed.extend(of(&report, Verdict::Pass));
    }
    assert_eq!(passed, oauth_ids(), "each is judged by some way");
}

#[tokio::test]
async fn each_flaw_is_found_by_its_checks_and_by_no_other() {
    use Way::{Basic, KeyJwt};
    let flaws: [(Flaw, Way, &[&str]); 27] = [
        (Flaw::MetadataIssuer, Basic, &["SCIM-OAUTH-01"]),
        (Flaw::NoResponseTypes, Basic, &["SCIM-OAUTH-02"]),
        (Flaw::OffersNone, KeyJwt, &["SCIM-OAUTH-03"]),
        (Flaw::NoTokenType, Basic, &["SCIM-OAUTH-04"]),
        (Flaw::Cached, KeyJwt, &["SCIM-OAUTH-05"]),
        (Flaw::NoLifetime, Basic, &["SCIM-OAUTH-06"]),
        (Flaw::OtherError, Basic, &["SCIM-OAUTH-07"]),
        (Flaw::NoChallenge, Basic, &["SCIM-OAUTH-07"]),
        (Flaw::AnySecret, Basic, &["SCIM-OAUTH-08"]),
        (Flaw::NoAuthentication, Basic, &["SCIM-OAUTH-09"]),
        (Flaw::OneSecret, Basic, &["SCIM-OAUTH-10"]),
        (Flaw::RevokedLives, Basic, &["SCIM-OAUTH-11"]),
        (Flaw::AnyAudience, KeyJwt, &["SCIM-OAUTH-20"]),
        (Flaw::AnyIssuer, KeyJwt, &["SCIM-OAUTH-21"]),
        (Flaw::AnySubject, KeyJwt, &["SCIM-OAUTH-22"]),
        (Flaw::AssertionForever, KeyJwt, &["SCIM-OAUTH-23"]),
        (Flaw::NoExpiry, KeyJwt, &["SCIM-OAUTH-24"]),
        (Flaw::NotBefore, KeyJwt, &["SCIM-OAUTH-25"]),
        (Flaw::UnsignedAssertion, KeyJwt, &["SCIM-OAUTH-26"]),
        // Without verification, a signature of another key and one of other claims are the same.
        (
            Flaw::UnverifiedAssertion,
            KeyJwt,
            &["SCIM-OAUTH-27", "SCIM-OAUTH-28"],
        ),
        (Flaw::PublicKeyAsSecret, KeyJwt, &["SCIM-OAUTH-29"]),
        (Flaw::Replay, KeyJwt, &["SCIM-OAUTH-30"]),
        (
            Flaw::UnverifiedToken,
            Basic,
            &["SCIM-OAUTH-40", "SCIM-OAUTH-41", "SCIM-OAUTH-43"],
        ),
        (Flaw::UnsignedToken, Basic, &["SCIM-OAUTH-42"]),
        (Flaw::IssuerKeyAsSecret, Basic, &["SCIM-OAUTH-44"]),
        (Flaw::ExpiredToken, Basic, &["SCIM-OAUTH-45"]),
        (Flaw::OtherAudience, Basic, &["SCIM-OAUTH-46"]),
    ];
    let mut fired = BTreeSet::new();
    for (flaw, way, ids) in flaws {
        let servers = start(|base| Servers::new(base, Some(flaw), Ambient::real())).await;
        let client = Arc::new(create_client(&servers, way).await);
        let report = run_judge(&servers, client, &["SCIM-OAUTH-"]).await;
        let wanted: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut found = of(&report, Verdict::Fail);
        found.extend(of(&report, Verdict::Warn));
        assert_eq!(found, wanted, "{flaw:?}");
        fired.extend(wanted);
    }
    assert_eq!(fired, oauth_ids(), "each check has its flaw");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let start_of_time = "2026-03-01T09:00:00Z".parse().unwrap();
    let ambient = Ambient::simulated(start_of_time, 7);
    let servers = start(|base| {
        let mut servers = Servers::new(base, None, ambient).with_short_tokens(120, usize::MAX);
        servers.tick = SignedDuration::from_secs(15);
        servers
    })
    .await;
    let client = Arc::new(create_client(&servers, Way::KeyJwt).await);
    let report = run_judge(&servers, client.clone(), &["SCIM-FILTER-", "SCIM-OAUTH-4"]).await;
    assert_eq!(of(&report, Verdict::Fail), BTreeSet::new());
    assert!(client.renewals() > 3, "{}", client.renewals());
    assert!(of(&report, Verdict::Pass).contains("SCIM-OAUTH-45"));
    assert!(of(&report, Verdict::Pass).len() > 10);
}

#[tokio::test]
async fn a_token_that_ends_early_is_renewed_once_and_the_request_repeated() {
    let servers =
        start(|base| Servers::new(base, None, Ambient::real()).with_short_tokens(3600, 20)).await;
    let client = Arc::new(create_client(&servers, Way::Post).await);
    let report = run_judge(&servers, client.clone(), &["SCIM-CREATE-", "SCIM-PATCH-"]).await;
    assert_eq!(of(&report, Verdict::Fail), BTreeSet::new());
    assert!(client.renewals() > 3, "{}", client.renewals());
    assert!(of(&report, Verdict::Pass).len() > 10);
}
