//! The controls of the simulation: what `rehearsal up` prints, `rehearsal key`, `rehearsal
//! dns`, the simulation page, and the desktop app.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/explain.rs"]
mod explain;
#[path = "simulation/page.rs"]
mod page;
mod running;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use regex::Regex;
use running::terminal::{run_on_terminal, shell};
use running::{Up, client, rehearsal};
use serde_json::{Value, json};

/// Runs a command that finds the `up` of this folder without an option.
fn beside(folder: &Path, arguments: &[&str]) -> Output {
    rehearsal(arguments)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("REHEARSAL_TARGET")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn refusal_text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const KEY: &str = "[A-Z2-9]{6}(-[A-Z2-9]{6}){4}";

#[tokio::test(flavor = "multi_thread")]
async fn commands_create_keys_and_records_in_the_running_up() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for command in [
        vec!["key"],
        vec!["dns"],
        vec!["export"],
        vec!["snapshot"],
        vec!["restore", "/dev/null"],
    ] {
        let errors = refusal_text(&beside(folder, &command));
        let is_known = errors.contains("no running `rehearsal up` found")
            || command[0] == "restore" && errors.contains("no complete snapshot");
        assert!(is_known, "{command:?}: {errors}");
    }

    let up = Up::start_in(folder, &["--empty"]).await;
    let output = beside(folder, &["dns"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{errors}"
    );
    assert!(errors.contains("no TXT records"), "{errors}");
    let errors = refusal_text(&beside(folder, &["dns", "set", "lumen.example", "TXT", ""]));
    assert!(errors.contains("a value is required"), "{errors}");
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
    let page = up.ready["simulation"]["url"].as_str().unwrap();
    let known: Value = reqwest::get(format!("{page}/api/keys"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let state_of = |key: &str| {
        let all = known["keys"].as_array().unwrap();
        all.iter()
            .find(|it| it["key"] == key)
            .map(|it| it["state"].clone())
    };
    assert_eq!(state_of(&key), Some(json!("registered")));
    assert_eq!(state_of(&expired), Some(json!("expired")));
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
    for _ in 0..2 {
        let output = beside(folder, &set);
        assert_eq!(stdout(&output), "");
        let said = String::from_utf8_lossy(&output.stderr);
        let line = "published: lumen.example TXT a value with = and spaces";
        assert!(said.contains(line), "{said}");
    }
    stdout(&beside(
        folder,
        &["dns", "set", "lumen.example", "TXT", "two"],
    ));
    let listed = stdout(&beside(folder, &["dns"]));
    assert_eq!(
        listed,
        "lumen.example TXT a value with = and spaces\nlumen.example TXT two"
    );
    let errors = refusal_text(&beside(
        folder,
        &["dns", "remove", "lumen.example", "three"],
    ));
    assert!(
        errors.contains("with the value three not found"),
        "{errors}"
    );
    let errors = refusal_text(&beside(
        folder,
        &["dns", "remove", "lumen.example", "MX", "two"],
    ));
    assert!(errors.contains("expected TXT, got MX"), "{errors}");
    // As the record was set.
    stdout(&beside(
        folder,
        &["dns", "remove", "lumen.example", "TXT", "two"],
    ));
    let listed = stdout(&beside(folder, &["dns", "list", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        listed,
        json!([{"name": "lumen.example", "value": "a value with = and spaces"}])
    );
    let errors = refusal_text(&beside(folder, &["dns", "set", "two words", "TXT", "x"]));
    assert!(errors.contains("invalid name \"two words\""), "{errors}");

    // The ready file can be used from any folder.
    let ready = folder.join("ready.json");
    let elsewhere = tempfile::tempdir().unwrap();
    let named = ["key", "--target", ready.to_str().unwrap()];
    assert!(whole.is_match(&stdout(&beside(elsewhere.path(), &named))));
    up.kill().await;
    let errors = refusal_text(&beside(folder, &["key"]));
    assert!(
        errors.contains("no running `rehearsal up` found"),
        "{errors}"
    );
    for command in ["export", "snapshot"] {
        let errors = refusal_text(&beside(folder, &[command, ready.to_str().unwrap()]));
        assert!(
            errors.contains("cannot reach") && errors.contains("check that it is running")
                || errors.contains("environment of the identity provider not found"),
            "{command}: {errors}"
        );
    }
    let errors = refusal_text(&beside(
        folder,
        &[
            "dns",
            "set",
            "lumen.example",
            "x=1",
            "--target",
            ready.to_str().unwrap(),
        ],
    ));
    assert!(
        errors.contains("always TXT, got x=1; give NAME TXT VALUE"),
        "{errors}"
    );
    let errors = refusal_text(&beside(folder, &named));
    assert!(
        errors.contains("cannot reach the portal's control port"),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_file_exists_as_long_as_the_parties_run() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready.json");
    std::fs::write(&ready, r#"{"sp": {"base_url": "http://127.0.0.1:9"}}"#).unwrap();
    let up = Up::start_in(folder.path(), &["--empty"]).await;
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
    assert!(up.terminate().await.success());
    assert!(!ready.exists(), "removed at the end");
    let left = std::fs::read_dir(folder.path().join("rehearsal")).unwrap();
    assert_eq!(left.count(), 0);

    // If `up` cannot start, it deletes the old ready file, so that a waiting program does not read it.
    std::fs::write(&ready, "{}").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = rehearsal(&["up", "--empty", "--sp-port", &port, "--ready-file"]);
    let errors = refusal_text(&command.arg(&ready).output().unwrap());
    assert!(!ready.exists());
    assert_eq!(errors.matches("in use").count(), 1, "{errors}");
    assert_eq!(errors.matches(&port).count(), 1, "{errors}");

    let output = rehearsal(&["up", "--database-url", "foo://x"]).output();
    let errors = refusal_text(&output.unwrap());
    assert_eq!(errors.matches("foo").count(), 1, "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_up_prints_addresses_and_the_app_asks() {
    let folder = tempfile::tempdir().unwrap();
    let ctrl_c = "\u{3}";
    let dialogue = [("social identities", ""), ("dns set", ctrl_c)];
    let Some(text) = run_on_terminal(folder.path(), &shell("up"), &dialogue) else {
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

    let up = Up::start_in(folder.path(), &[]).await;
    let portal = up.portal("");
    let password = up.ready["idp"]["sso_login"]["password"].as_str().unwrap();
    let activate = shell(&format!("desktop activate --portal {portal}"));
    let right = format!("{password}\n");
    let dialogue = [
        ("Work e-mail: ", "grace@lumen.example\n"),
        ("Password: ", "wrong\n"),
        ("Password: ", right.as_str()),
    ];
    let text = run_on_terminal(folder.path(), &activate, &dialogue).unwrap();
    assert!(text.contains("│ Activate with Single Sign-On"), "{text}");
    assert!(text.contains("│ Incorrect username or password"), "{text}");
    assert!(
        text.contains("│ Activated for grace@lumen.example"),
        "{text}"
    );
    assert!(!text.contains(password), "typed unseen: {text}");

    // Input that arrives before the app asks for it is not lost.
    let all = format!("grace@lumen.example\nwrong\n{right}");
    let text = run_on_terminal(folder.path(), &activate, &[("Work e-mail: ", &all)]).unwrap();
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
    let errors = refusal_text(&rehearsal(&wrong).output().unwrap());
    assert!(
        errors.contains("did not accept the password of grace@lumen.example: Incorrect username"),
        "{errors}"
    );
    up.kill().await;
}
