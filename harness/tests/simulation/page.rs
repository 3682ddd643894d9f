//! The simulation page: its forms, what it refuses, and `rehearsal simulation`.

use std::process::Stdio;

use regex::Regex;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::running::{Up, client, expect_strict_policy, rehearsal};
use super::{KEY, beside, refusal_text, stdout};

/// A user of the simulation page whose browser has no JavaScript: sends its forms.
pub(crate) struct Hands {
    pub(crate) http: reqwest::Client,
    url: String,
}

impl Hands {
    pub(crate) fn at(url: &str) -> Self {
        Self {
            http: client(),
            url: url.to_owned(),
        }
    }

    pub(crate) async fn fetch_page(&self) -> String {
        let answer = self.http.get(&self.url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let page = self.fetch_page().await;
        let token = Regex::new("name=\"form_token\" value=\"([^\"]+)\"").unwrap();
        let token = token.captures(&page).unwrap()[1].to_owned();
        let mut form = vec![("form_token", token.as_str())];
        form.extend(fields);
        let request = self.http.post(format!("{}{path}", self.url)).form(&form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn post_successfully(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let (status, page) = self.post(path, fields).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        assert!(page.contains("role=\"status\""), "{path}: {page}");
        page
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_creates_keys_and_moves_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap().to_owned();
    let hands = Hands::at(&url);
    let keys = Regex::new(KEY).unwrap();
    let before = keys.find_iter(&hands.fetch_page().await).count();
    assert_eq!(
        before, 4,
        "those that `up` printed, and that of the organization"
    );
    let first = hands.fetch_page().await;
    assert!(first.contains(">Registered<"), "{first}");
    let by_command = stdout(&beside(folder.path(), &["key", "--seats", "2"]));
    assert!(hands.fetch_page().await.contains(&by_command));
    let before = before + 1;
    let page = hands
        .post_successfully(
            "/keys",
            &[("kind", "per-device"), ("seats", "7"), ("expires", "")],
        )
        .await;
    assert_eq!(keys.find_iter(&page).count(), before + 1);
    let (status, page) = hands
        .post(
            "/keys",
            &[("kind", "per-user"), ("seats", "many"), ("expires", "")],
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("invalid seats: expected a number"), "{page}");
    assert!(page.contains("value=\"many\""), "what was typed stays");

    let record = [("name", "two.example"), ("value", "verification=1")];
    assert!(
        hands
            .post_successfully("/dns", &record)
            .await
            .contains("two.example")
    );
    let listed = stdout(&beside(folder.path(), &["dns"]));
    assert!(
        listed.contains("two.example TXT verification=1"),
        "{listed}"
    );
    let page = hands.post_successfully("/dns/remove", &record).await;
    assert!(!page.contains("<code>verification=1</code>"), "{page}");

    let portal_time = async || {
        let control = up.ready["sp"]["control_url"].as_str().unwrap();
        let answer = hands.http.get(format!("{control}/sim/clock")).send().await;
        let clock: Value = answer.unwrap().json().await.unwrap();
        clock["now"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let then = portal_time().await;
    hands
        .post_successfully("/clock", &[("amount", "3"), ("unit", "days")])
        .await;
    let moved = portal_time().await.duration_since(then);
    assert!(moved >= jiff::SignedDuration::from_hours(72), "{moved}");
    // The API accepts what the control ports accept, and its errors name the member.
    let send = async |method: Method, path: &str, body: Value| {
        let request = hands.http.request(method, format!("{url}{path}"));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let before = portal_time().await;
    let minute = json!({"advance_seconds": 60});
    for method in [Method::PUT, Method::POST] {
        let (status, said) = send(method, "/api/clock", minute.clone()).await;
        assert_eq!(status, 200, "{said}");
    }
    let to = before + jiff::SignedDuration::from_hours(1);
    let to = json!({"now": to.to_string()});
    assert_eq!(send(Method::PUT, "/api/clock", to).await.0, 200);
    let moved = portal_time().await.duration_since(before);
    assert!(moved >= jiff::SignedDuration::from_hours(1), "{moved}");
    for (method, path, body, status, part) in [
        (
            Method::PUT,
            "/api/clock",
            json!({"now": "tomorrow"}),
            400,
            "invalid now: expected a time such as",
        ),
        (
            Method::PUT,
            "/api/clock",
            json!({}),
            400,
            "exactly one of now and advance_seconds",
        ),
        (
            Method::PUT,
            "/api/faults",
            json!({"faults": ["expired"]}),
            400,
            "missing field `environment`",
        ),
        (
            Method::POST,
            "/api/keys",
            json!({"seats": "two"}),
            400,
            "invalid seats: ",
        ),
        (
            Method::POST,
            "/api/faults",
            json!({}),
            405,
            "POST is not allowed at",
        ),
    ] {
        let (got, said) = send(method, path, body).await;
        assert_eq!(got, status, "{path}: {said}");
        let answer: Value = serde_json::from_str(&said).unwrap();
        let detail = answer["detail"].as_str().unwrap();
        assert!(
            detail.contains(part) && !detail.contains("line 1"),
            "{detail}"
        );
    }

    let faults: Value = hands
        .http
        .get(format!("{url}/api/faults"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let application = &faults["applications"][0];
    let text = |member: &str| application[member].as_str().unwrap().to_owned();
    let (environment, id) = (text("environment"), text("application"));
    let fault = |name| {
        [
            ("environment", environment.as_str()),
            ("application", id.as_str()),
            ("fault", name),
            ("times", "always"),
        ]
    };
    hands.post_successfully("/faults", &fault("expired")).await;
    hands.post_successfully("/faults", &fault("latency")).await;
    let control = up.ready["idp"]["control_url"].as_str().unwrap();
    let chosen = format!("{control}/control/environments/{environment}/applications/{id}/faults");
    let chosen = async || {
        let answer = hands.http.get(&chosen).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["faults"].to_string()
    };
    let on = chosen().await;
    assert!(on.contains("expired") && on.contains("latency"), "{on}");
    hands
        .post_successfully("/faults/off", &fault("latency"))
        .await;
    let on = chosen().await;
    assert!(on.contains("expired") && !on.contains("latency"), "{on}");

    let page = hands
        .post_successfully(
            "/social-identities",
            &[("email", "kim@mail.example"), ("verified", "yes")],
        )
        .await;
    assert!(page.contains("kim@mail.example"));
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_refuses_other_sites() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--empty"]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap();
    let secret = up.ready["simulation"]["control_secret"].as_str().unwrap();
    let plain = url.strip_suffix(&format!("/{secret}")).unwrap();
    let send = async |method: Method, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut request = client().request(method, format!("{url}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        answer.status().as_u16()
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    let evil = ("origin", "http://evil.example");
    let get = Method::GET;
    // DNS rebinding: a foreign host name that resolves to this machine.
    assert_eq!(
        send(get.clone(), "/", &[("host", "evil.example")], "").await,
        403
    );
    let api = send(get.clone(), "/api/keys", &[("host", "evil.example")], "").await;
    assert_eq!(api, 403);
    // A form from another site, and a form without the page's token.
    let fields = "kind=per-user&seats=5";
    assert_eq!(
        send(Method::POST, "/keys", &[form, evil], fields).await,
        403
    );
    assert_eq!(send(Method::POST, "/keys", &[form], fields).await, 403);
    let text = [("content-type", "text/plain")];
    assert_eq!(send(Method::POST, "/api/keys", &text, "{}").await, 415);
    assert_eq!(
        send(Method::POST, "/api/keys", &[json, evil], "{}").await,
        403
    );
    assert_eq!(send(Method::POST, "/api/keys", &[json], "{}").await, 201);
    // Following a link from the portal is allowed.
    let followed = [("sec-fetch-site", "cross-site")];
    assert_eq!(send(get.clone(), "/", &followed, "").await, 200);

    // The pages of both parties link to it.
    for page in [
        up.portal("/login"),
        up.ready["idp"]["console_url"].as_str().unwrap().to_owned(),
    ] {
        let text = client()
            .get(&page)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let link = format!("<a href=\"{plain}/\">Simulation: license keys, DNS, clock, faults</a>");
        assert!(text.contains(&link), "{page}: {text}");
        assert!(!text.contains(secret), "{page}: {text}");
    }
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_needs_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--empty"]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap();
    let secret = up.ready["simulation"]["control_secret"].as_str().unwrap();
    let plain = url.strip_suffix(&format!("/{secret}")).unwrap();
    let stranger = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let wrong = "x".repeat(secret.len());
    for path in ["/".to_owned(), "/explain".to_owned(), format!("/{wrong}/")] {
        let answer = stranger.get(format!("{plain}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("This page needs its secret"), "{page}");
        assert!(page.contains("rehearsal up") && page.contains("docker compose logs"));
        assert!(
            !page.contains(secret) && !page.contains("form_token"),
            "{page}"
        );
    }
    let posted = stranger.post(format!("{plain}/keys"));
    let posted = posted.form(&[("kind", "per-user"), ("seats", "5")]);
    assert_eq!(posted.send().await.unwrap().status(), 401);
    let keys = async |url: &str, token: Option<&str>, cookie: Option<&str>| {
        let mut request = stranger.get(format!("{url}/api/keys"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        request.send().await.unwrap()
    };
    let refused = keys(plain, None, None).await;
    assert_eq!(refused.status(), 401);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "control-secret-missing");
    assert_eq!(keys(plain, Some(&wrong), None).await.status(), 401);
    assert_eq!(keys(plain, Some(secret), None).await.status(), 200);
    assert_eq!(keys(url, None, None).await.status(), 200);

    // The address with the secret gives a cookie, and leads to the address without it.
    let opened = stranger.get(url).send().await.unwrap();
    assert_eq!(opened.status(), 303);
    assert_eq!(opened.headers()["location"], "/");
    let cookie = opened.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    assert!(!cookie.contains(secret), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let page = stranger
        .get(plain)
        .header("cookie", format!("a=b; {cookie}"));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("form_token") && !page.contains(secret));
    // Only for pages: browsers send cookies by themselves.
    assert_eq!(keys(plain, None, Some(cookie)).await.status(), 401);

    // The form of the locked page takes the secret, or the address with it.
    let enter = async |entered: &str, origin: &str| {
        let request = stranger.post(format!("{plain}/unlock"));
        let request = request
            .header("origin", origin)
            .form(&[("secret", entered)]);
        request.send().await.unwrap()
    };
    for entered in [secret, url, &format!(" {url}/ ")] {
        let answer = enter(entered, plain).await;
        assert_eq!(answer.status(), 303, "{entered}");
        assert!(answer.headers().contains_key("set-cookie"));
    }
    let answer = enter(&wrong, plain).await;
    assert_eq!(answer.status(), 401);
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(enter(secret, "http://evil.example").await.status(), 403);
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_runs_alone_and_serves_dns() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.json");
    std::fs::write(&empty, r#"{"sp": {"base_url": "http://127.0.0.1:9"}}"#).unwrap();
    let refused = rehearsal(&["simulation", "--target", empty.to_str().unwrap()]).output();
    let said = refusal_text(&refused.unwrap());
    let missing = "sp.control_url, idp.base_url, idp.control_url not found";
    assert!(said.contains(missing), "{said}");
    let up = Up::start_in(folder.path(), &["--empty"]).await;
    let mut command = rehearsal(&["simulation", "--dns-listen", "127.0.0.1:0", "--target"]);
    let mut child = tokio::process::Command::from({
        command
            .arg(folder.path().join("ready.json"))
            .stdout(Stdio::piped());
        command
    })
    .kill_on_drop(true)
    .spawn()
    .unwrap();
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let line = lines.next_line().await.unwrap().unwrap();
    let document: Value = serde_json::from_str(&line).unwrap();
    let url = document["url"].as_str().unwrap();
    let hands = Hands::at(url);
    let secret = document["control_secret"].as_str().unwrap();
    let plain = url.strip_suffix(&format!("/{secret}")).unwrap();
    let page = hands
        .post_successfully(
            "/keys",
            &[
                ("kind", "per-user"),
                ("seats", "2"),
                ("expires", "2020-01-01"),
            ],
        )
        .await;
    assert!(Regex::new(KEY).unwrap().is_match(&page));
    assert!(page.contains("Expired"), "{page}");
    hands
        .post_successfully("/dns", &[("name", "lumen.example"), ("value", "v=1")])
        .await;
    let chooser = "authorize?client_id=my-account&code_challenge_method=S256";
    for provider in ["apple", "google", "facebook"] {
        let page = client().get(format!("{plain}/social/{provider}/{chooser}"));
        expect_strict_policy(page).await;
    }
    // It has its own name server, not that of `up`.
    let target = json!({"dns": {"address": document["dns"]["address"]}}).to_string();
    let file = folder.path().join("names.json");
    std::fs::write(&file, target).unwrap();
    let listed = ["dns", "list", "--target", file.to_str().unwrap()];
    assert_eq!(
        stdout(&rehearsal(&listed).output().unwrap()),
        "lumen.example TXT v=1"
    );
    // Browsers come to the providers from the portal, without the secret of the page.
    let issuer = format!("{plain}/social/google/.well-known/openid-configuration");
    let document: Value = client()
        .get(issuer)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(document["issuer"], format!("{plain}/social/google"));
    child.kill().await.unwrap();
    up.kill().await;
}
