//! `rehearsal bench load login`: whole logins at our own portal and identity provider, and the
//! reasons why nothing can be measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::{complaints, operation};
use crate::running::{Ended, Up, run};

/// Our parties, and the options of a login at them.
struct Parties {
    up: Up,
    start: String,
    _folder: tempfile::TempDir,
}

impl Parties {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let up = Up::start_in(folder.path(), &[]).await;
        let start = format!("{}?email={{user}}", up.text("/sp/sso_start_url"));
        Self {
            up,
            start,
            _folder: folder,
        }
    }

    async fn load(&self, password: &str, more: &[&str]) -> Ended {
        let mut arguments = vec!["bench", "load", "login", "--quiet", "--json", "-"];
        arguments.extend(["--start-url", &self.start, "--count", "6"]);
        arguments.extend(["--user", self.up.text("/idp/sso_login/username")]);
        arguments.extend(["--password", password]);
        if !more.contains(&"--probe-url") {
            arguments.extend(["--probe-url", self.up.text("/sp/whoami_url")]);
        }
        arguments.extend(more);
        run(&arguments).await
    }

    fn password(&self) -> &str {
        self.up.text("/idp/sso_login/password")
    }
}

/// A service provider and an identity provider that only count, in one server.
#[derive(Clone, Default)]
struct Pair {
    passwords: Arc<AtomicUsize>,
    responses: Arc<AtomicUsize>,
    /// The service provider refuses each Response.
    refuses: bool,
}

impl Pair {
    async fn start(self) -> String {
        let router = Router::new()
            .route("/login", get(|| async { Redirect::to("/idp") }))
            .route("/idp", get(sign_on_page).post(check_password))
            .route("/acs", post(consume))
            .route("/whoami", get(show_person))
            .with_state(self);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        base
    }

    async fn load(&self, more: &[&str]) -> Ended {
        let base = self.clone().start().await;
        let (start, probe) = (format!("{base}/login"), format!("{base}/whoami"));
        let mut arguments = vec!["bench", "load", "login", "--quiet", "--json", "-"];
        arguments.extend(["--start-url", &start, "--probe-url", &probe]);
        arguments.extend(["--user", "jo", "--password", "pass", "--count", "6"]);
        arguments.extend(more);
        run(&arguments).await
    }
}

fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    let cookies = headers.get_all("cookie").iter();
    let mut cookies = cookies.filter_map(|it| it.to_str().ok());
    cookies.any(|it| it.contains(name))
}

const RESPONSE: &str = "<body onload=\"document.forms[0].submit()\"><form method=post action=/acs>\
    <input type=hidden name=SAMLResponse value=eA></form>";

async fn sign_on_page(headers: HeaderMap) -> Html<&'static str> {
    if has_cookie(&headers, "idp=") {
        return Html(RESPONSE);
    }
    Html("<form method=post action=/idp><input name=user><input type=password name=pw></form>")
}

async fn check_password(State(pair): State<Pair>) -> impl IntoResponse {
    pair.passwords.fetch_add(1, Ordering::Relaxed);
    ([("set-cookie", "idp=1; Path=/")], Html(RESPONSE))
}

async fn consume(State(pair): State<Pair>) -> Response {
    pair.responses.fetch_add(1, Ordering::Relaxed);
    if pair.refuses {
        return (StatusCode::FORBIDDEN, "the audience is wrong").into_response();
    }
    // The page behind a login may have forms of its own, which are not part of it.
    let page = Html("<form method=post action=/delete><input name=email></form>");
    ([("set-cookie", "sp=1; Path=/")], page).into_response()
}

async fn show_person(headers: HeaderMap) -> (StatusCode, &'static str) {
    match has_cookie(&headers, "sp=") {
        true => (StatusCode::OK, "user=jo"),
        false => (StatusCode::UNAUTHORIZED, "not logged in"),
    }
}

#[tokio::test]
async fn each_login_has_a_new_browser_unless_cookies_are_kept() {
    for (more, passwords) in [(&[][..], 7), (&["--keep-cookies"][..], 1)] {
        let pair = Pair::default();
        let ended = pair.load(more).await;
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        // One more login comes before the load.
        assert_eq!(
            pair.passwords.load(Ordering::Relaxed),
            passwords,
            "{more:?}"
        );
        assert_eq!(pair.responses.load(Ordering::Relaxed), 7, "{more:?}");
    }
}

#[tokio::test]
async fn the_words_of_a_service_provider_that_refuses_are_shown() {
    let pair = Pair {
        refuses: true,
        ..Pair::default()
    };
    let ended = pair.load(&[]).await;
    assert_eq!(ended.code, 2);
    let message = ended.json()["error"]["message"].to_string();
    assert!(
        message.contains("the service provider refuses the Response: HTTP 403"),
        "{message}"
    );
    assert!(message.contains("the audience is wrong"), "{message}");
}

#[tokio::test]
async fn whole_logins_at_both_parties_are_counted() {
    let parties = Parties::start().await;
    let ended = parties
        .load(parties.password(), &["--concurrency", "2"])
        .await;
    let report = ended.json();
    assert_eq!(ended.code, 0, "{report:#}{}", ended.err);
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(operation(&report, "login")["succeeded"], 6);

    let ended = parties.load(parties.password(), &["--keep-cookies"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(operation(&ended.json(), "login")["succeeded"], 6);
    parties.up.kill().await;
}

#[tokio::test]
async fn a_login_that_cannot_be_measured_is_exit_2_with_its_reason() {
    let parties = Parties::start().await;
    let code = |ended: &Ended| ended.json()["error"]["code"].clone();
    let message = |ended: &Ended| {
        ended.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    let ended = parties.load("not-it", &[]).await;
    assert_eq!((ended.code, code(&ended)), (2, "not-judged".into()));
    assert!(message(&ended).contains("no Response after the login page"));

    // The probe answers everybody with the text that is expected.
    let ended = parties.load(parties.password(), &["--expect", "."]).await;
    assert_eq!((ended.code, code(&ended)), (2, "wrong-probe".into()));

    let ended = parties
        .load(parties.password(), &["--expect", "nothing-like-it"])
        .await;
    assert_eq!((ended.code, code(&ended)), (2, "not-judged".into()));
    assert!(message(&ended).contains("the probe does not show the person"));

    let nowhere = ["--probe-url", "http://127.0.0.1:9/whoami"];
    let ended = parties.load(parties.password(), &nowhere).await;
    assert_eq!((ended.code, code(&ended)), (2, "unreachable".into()));

    let ended = parties
        .load(parties.password(), &["--probe-url", "whoami"])
        .await;
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .err
            .contains("invalid --probe-url: expected a URL, got whoami"),
        "{}",
        ended.err
    );
    parties.up.kill().await;
}
