//! The simulation's controls, as people use them: what `rehearsal up` prints,
//! `rehearsal key`, `rehearsal dns`, the simulation page, and the desktop app.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "simulation/explain.rs"]
mod explain;
mod running;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use regex::Regex;
use reqwest::{Method, StatusCode};
use running::{Up, client, rehearsal};
use serde_json::{Value, json};

/// A command that finds the `up` of this folder by itself.
fn beside(folder: &Path, arguments: &[&str]) -> Output {
    rehearsal(arguments)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("REHEARSAL_TARGET")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const KEY: &str = "[A-Z2-9]{6}(-[A-Z2-9]{6}){4}";

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_records_come_by_command_from_the_up_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = refused(&beside(folder, &["key"]));
    assert!(told.contains("no running `rehearsal up` found"), "{told}");

    let up = Up::on(folder, &["--empty"]).await;
    let whole = Regex::new(&format!("^{KEY}$")).unwrap();
    let key = stdout(&beside(folder, &["key", "--seats", "3"]));
    assert!(whole.is_match(&key), "{key}");
    let expired = stdout(&beside(folder, &["key", "--expires", "2020-01-31"]));

    let ada = client();
    let person = json!({"email": "ada@lumen.example", "password": "Wq7-otter-quarry-81"});
    for path in ["/api/accounts", "/api/session"] {
        let answer = ada
            .post(up.portal(path))
            .json(&person)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}");
    }
    let register = async |key: &str| {
        let body = json!({"key": key, "organization": {"name": "Lumen", "country": "MT"}});
        let request = ada.post(up.portal("/api/license-keys")).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, said) = register(&expired).await;
    assert_eq!(status, 410, "{said}");
    assert!(said.contains("1 February 2020"), "{said}");
    let (status, said) = register(&key).await;
    assert_eq!(status, 201, "{said}");
    let printed = up.ready["sp"]["license_keys"][0]["key"].as_str().unwrap();
    let (status, said) = register(printed).await;
    assert_eq!(status, 201, "{said}");

    let set = [
        "dns",
        "set",
        "Lumen.example.",
        "txt",
        "a value with = and spaces",
    ];
    stdout(&beside(folder, &set));
    stdout(&beside(folder, &set));
    stdout(&beside(
        folder,
        &["dns", "set", "lumen.example", "TXT", "two"],
    ));
    let listed = stdout(&beside(folder, &["dns"]));
    assert_eq!(
        listed,
        "lumen.example TXT a value with = and spaces\nlumen.example TXT two"
    );
    stdout(&beside(folder, &["dns", "remove", "lumen.example", "two"]));
    let listed = stdout(&beside(folder, &["dns", "list", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        listed,
        json!([{"name": "lumen.example", "value": "a value with = and spaces"}])
    );
    let told = refused(&beside(folder, &["dns", "set", "two words", "TXT", "x"]));
    assert!(told.contains("invalid name \"two words\""), "{told}");

    // By its ready file, from anywhere.
    let ready = folder.join("ready.json");
    let elsewhere = tempfile::tempdir().unwrap();
    let named = ["key", "--target", ready.to_str().unwrap()];
    assert!(whole.is_match(&stdout(&beside(elsewhere.path(), &named))));
    up.killed().await;
    let told = refused(&beside(folder, &["key"]));
    assert!(told.contains("no running `rehearsal up` found"), "{told}");
    let told = refused(&beside(folder, &named));
    assert!(
        told.contains("cannot reach the portal's control port"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_file_is_there_as_long_as_the_parties_are() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready.json");
    std::fs::write(&ready, r#"{"sp": {"base_url": "http://127.0.0.1:9"}}"#).unwrap();
    let up = Up::on(folder.path(), &["--empty"]).await;
    for file in [
        ready.clone(),
        std::fs::read_dir(folder.path().join("rehearsal"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path(),
    ] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_ne!(up.ready["sp"]["base_url"], "http://127.0.0.1:9");
    assert!(up.terminated().await.success());
    assert!(!ready.exists(), "removed at the end");
    let left = std::fs::read_dir(folder.path().join("rehearsal")).unwrap();
    assert_eq!(left.count(), 0);

    // One that cannot start leaves no old file for whoever waits.
    std::fs::write(&ready, "{}").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = rehearsal(&["up", "--empty", "--sp-port", &port, "--ready-file"]);
    let told = refused(&command.arg(&ready).output().unwrap());
    assert!(!ready.exists());
    assert_eq!(told.matches("in use").count(), 1, "{told}");
    assert_eq!(told.matches(&port).count(), 1, "{told}");

    let output = rehearsal(&["up", "--database-url", "foo://x"]).output();
    let told = refused(&output.unwrap());
    assert_eq!(told.matches("foo").count(), 1, "{told}");
}

/// What a command prints on a terminal, until it says `until`; then it is
/// sent what `typed` answers. None where no terminal can be made.
fn on_terminal(folder: &Path, command: &str, dialogue: &[(&str, &str)]) -> Option<String> {
    let started = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("XDG_RUNTIME_DIR", folder)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: no `script` command to make a terminal");
        return None;
    };
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut from = 0;
    for (until, typed) in dialogue {
        let mut part = [0; 1024];
        // What comes next may stand in the same part.
        let end = loop {
            let found = seen[from..]
                .windows(until.len())
                .position(|window| window == until.as_bytes());
            if let Some(at) = found {
                break from + at + until.len();
            }
            let length = screen.read(&mut part).unwrap();
            let so_far = String::from_utf8_lossy(&seen).into_owned();
            assert!(length > 0, "{until:?} never came: {so_far}");
            seen.extend(&part[..length]);
        };
        from = end;
        keyboard.write_all(typed.as_bytes()).unwrap();
    }
    screen.read_to_end(&mut seen).unwrap();
    child.wait().unwrap();
    Some(String::from_utf8_lossy(&seen).replace('\r', ""))
}

/// The command as a shell takes it.
fn shell(arguments: &str) -> String {
    format!("{} {arguments}", env!("CARGO_BIN_EXE_rehearsal"))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_up_prints_where_to_open_what_and_the_app_asks() {
    let folder = tempfile::tempdir().unwrap();
    let ctrl_c = "\u{3}";
    let dialogue = [("social identities", ""), ("dns set", ctrl_c)];
    let Some(text) = on_terminal(folder.path(), &shell("up"), &dialogue) else {
        return;
    };
    for line in [
        r"Portal +http://127\.0\.0\.1:\d+\n +log in as ada@lumen\.example / \S+ \(administrator\)",
        &format!(r"License keys +{KEY}  per-user, 5 seats, valid"),
        &format!(r" +{KEY}  per-device, 5 seats, valid"),
        &format!(r" +{KEY}  per-user, 5 seats, expired"),
        r"Identity Console +http://\S+/console\n +sign on as administrator / \S+",
        r"Single sign-on +http://\S+/sso/start\?email=grace@lumen\.example\n +sign on as grace@lumen\.example / \S+",
        r"Desktop app +rehearsal desktop activate --portal http://\S+",
        r"Simulation +http://127\.0\.0\.1:\d+",
        r"DNS +127\.0\.0\.1:\d+",
    ] {
        let wanted = Regex::new(line).unwrap();
        assert!(wanted.is_match(&text), "{line} in {text}");
    }
    assert!(!text.contains("\"base_url\""), "no JSON: {text}");
    let left = std::fs::read_dir(folder.path().join("rehearsal")).unwrap();
    assert_eq!(left.count(), 0, "Ctrl-C removes the state file");

    let up = Up::on(folder.path(), &[]).await;
    let portal = up.portal("");
    let password = up.ready["idp"]["sso_login"]["password"].as_str().unwrap();
    let activate = shell(&format!("desktop activate --portal {portal}"));
    let right = format!("{password}\n");
    let dialogue = [
        ("Work e-mail: ", "grace@lumen.example\n"),
        ("Password: ", "wrong\n"),
        ("Password: ", right.as_str()),
    ];
    let text = on_terminal(folder.path(), &activate, &dialogue).unwrap();
    assert!(text.contains("│ Activate with Single Sign-On"), "{text}");
    assert!(text.contains("│ Incorrect username or password"), "{text}");
    assert!(
        text.contains("│ Activated for grace@lumen.example"),
        "{text}"
    );
    assert!(!text.contains(password), "typed unseen: {text}");

    // Who types or pastes faster than the app asks loses nothing.
    let all = format!("grace@lumen.example\nwrong\n{right}");
    let text = on_terminal(folder.path(), &activate, &[("Work e-mail: ", &all)]).unwrap();
    assert!(
        text.contains("│ Activated for grace@lumen.example"),
        "{text}"
    );

    let wrong = ["desktop", "activate", "--portal", &portal];
    let wrong = [
        &wrong[..],
        &["--email", "grace@lumen.example", "--password", "no"],
    ]
    .concat();
    let told = refused(&rehearsal(&wrong).output().unwrap());
    assert!(
        told.contains("did not accept the password of grace@lumen.example: Incorrect username"),
        "{told}"
    );
    up.killed().await;
}

/// The simulation page in the hands of somebody without JavaScript.
struct Hands {
    http: reqwest::Client,
    url: String,
}

impl Hands {
    fn at(url: &str) -> Self {
        Self {
            http: client(),
            url: url.to_owned(),
        }
    }

    async fn page(&self) -> String {
        let answer = self.http.get(&self.url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let page = self.page().await;
        let token = Regex::new("name=\"form_token\" value=\"([^\"]+)\"").unwrap();
        let token = token.captures(&page).unwrap()[1].to_owned();
        let mut form = vec![("form_token", token.as_str())];
        form.extend(fields);
        let request = self.http.post(format!("{}{path}", self.url)).form(&form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let (status, page) = self.post(path, fields).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        assert!(page.contains("role=\"status\""), "{path}: {page}");
        page
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_does_what_the_vendor_and_time_do() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::on(folder.path(), &[]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap().to_owned();
    let hands = Hands::at(&url);
    let keys = Regex::new(KEY).unwrap();
    let before = keys.find_iter(&hands.page().await).count();
    assert_eq!(before, 3, "those that `up` printed");
    let page = hands
        .done(
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
    assert!(hands.done("/dns", &record).await.contains("two.example"));
    let listed = stdout(&beside(folder.path(), &["dns"]));
    assert!(
        listed.contains("two.example TXT verification=1"),
        "{listed}"
    );
    let page = hands.done("/dns/remove", &record).await;
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
        .done("/clock", &[("amount", "3"), ("unit", "days")])
        .await;
    let moved = portal_time().await.duration_since(then);
    assert!(moved >= jiff::SignedDuration::from_hours(72), "{moved}");

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
    hands.done("/faults", &fault("expired")).await;
    hands.done("/faults", &fault("latency")).await;
    let control = up.ready["idp"]["control_url"].as_str().unwrap();
    let chosen = format!("{control}/control/environments/{environment}/applications/{id}/faults");
    let chosen = async || {
        let answer = hands.http.get(&chosen).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["faults"].to_string()
    };
    let on = chosen().await;
    assert!(on.contains("expired") && on.contains("latency"), "{on}");
    hands.done("/faults/off", &fault("latency")).await;
    let on = chosen().await;
    assert!(on.contains("expired") && !on.contains("latency"), "{on}");

    let page = hands
        .done(
            "/social-identities",
            &[("email", "kim@mail.example"), ("verified", "yes")],
        )
        .await;
    assert!(page.contains("kim@mail.example"));
    up.killed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_refuses_other_sites() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::on(folder.path(), &["--empty"]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap();
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
    // DNS rebinding: a foreign name that resolves to this machine.
    assert_eq!(
        send(get.clone(), "/", &[("host", "evil.example")], "").await,
        403
    );
    let api = send(get.clone(), "/api/keys", &[("host", "evil.example")], "").await;
    assert_eq!(api, 403);
    // Another site's form, and one without the page's token.
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
    // A link from the portal is no attack.
    let followed = [("sec-fetch-site", "cross-site")];
    assert_eq!(send(get.clone(), "/", &followed, "").await, 200);

    // Both parties' pages lead to it.
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
        let link = format!("<a href=\"{url}/\">Simulation: license keys, DNS, clock, faults</a>");
        assert!(text.contains(&link), "{page}: {text}");
    }
    up.killed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_runs_alone_and_serves_dns() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::on(folder.path(), &["--empty"]).await;
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
    let told: Value = serde_json::from_str(&line).unwrap();
    let hands = Hands::at(told["url"].as_str().unwrap());
    let page = hands
        .done(
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
        .done("/dns", &[("name", "lumen.example"), ("value", "v=1")])
        .await;
    // Its own name server, not the one of `up`.
    let target = json!({"dns": {"address": told["dns"]["address"]}}).to_string();
    let file = folder.path().join("names.json");
    std::fs::write(&file, target).unwrap();
    let listed = ["dns", "list", "--target", file.to_str().unwrap()];
    assert_eq!(
        stdout(&rehearsal(&listed).output().unwrap()),
        "lumen.example TXT v=1"
    );
    let issuer = format!(
        "{}/social/google/.well-known/openid-configuration",
        hands.url
    );
    let told: Value = client()
        .get(issuer)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(told["issuer"], format!("{}/social/google", hands.url));
    child.kill().await.unwrap();
    up.killed().await;
}
