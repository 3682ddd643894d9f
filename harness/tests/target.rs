//! `rehearsal run --target`: scenarios with parties that are already running.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod running;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use running::{Up, client, rehearsal};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The secret of both control ports, where the test chooses it.
const CONTROL_SECRET: &str = "secret-of-the-control-ports";

/// Returns verdict and reason of each scenario, by its name.
async fn run(target: &Path, arguments: &[&str]) -> BTreeMap<String, (String, String)> {
    let mut command = rehearsal(&["run", "--json", "--target"]);
    command.arg(target).args(arguments).stderr(Stdio::inherit());
    let output = Command::from(command).output().await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut verdicts = BTreeMap::new();
    for check in report["checks"].as_array().unwrap() {
        let of = (word(&check["verdict"]), word(&check["actual"]));
        println!("{} {}: {}", of.0, check["id"], of.1);
        verdicts.insert(word(&check["id"]), of);
    }
    let failed = verdicts.values().any(|(verdict, _)| verdict == "fail");
    assert_eq!(output.status.code(), Some(i32::from(failed)));
    verdicts
}

/// Splits the scenarios into those that passed, and the others with their reasons.
fn split_by_verdict(
    verdicts: &BTreeMap<String, (String, String)>,
) -> (Vec<&str>, BTreeMap<&str, &str>) {
    let passed = verdicts
        .iter()
        .filter(|(_, (verdict, _))| verdict == "pass");
    let rest = verdicts
        .iter()
        .filter(|(_, (verdict, _))| verdict != "pass");
    (
        passed.map(|(name, _)| name.as_str()).collect(),
        rest.map(|(name, (_, why))| (name.as_str(), why.as_str()))
            .collect(),
    )
}

async fn read_clock(ready: &Value, party: &str) -> i64 {
    let control = ready[party]["control_url"].as_str().unwrap();
    let verdicts = client().get(format!("{control}/sim/clock")).send().await;
    let verdicts: Value = verdicts.unwrap().json().await.unwrap();
    let now: jiff::Timestamp = verdicts["now"].as_str().unwrap().parse().unwrap();
    now.as_second()
}

async fn count_environments(ready: &Value) -> usize {
    let url = format!(
        "{}/environments",
        ready["idp"]["admin_api_url"].as_str().unwrap()
    );
    let token = ready["idp"]["admin_token"].as_str().unwrap();
    let verdicts = client().get(url).bearer_auth(token).send().await.unwrap();
    let verdicts: Value = verdicts.json().await.unwrap();
    verdicts["_embedded"]["environments"]
        .as_array()
        .unwrap()
        .len()
}

/// Returns the TXT records at the target's name server.
async fn list_records(ready: &Path) -> String {
    let mut command = rehearsal(&["dns", "list", "--target"]);
    command.arg(ready);
    let output = Command::from(command).output().await.unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn scenarios_run_beside_the_demo_organization_and_leave_the_parties_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let file = folder.path().join("ready.json");
    let (time, places) = (
        read_clock(&up.ready, "sp").await,
        count_environments(&up.ready).await,
    );
    let published = list_records(&file).await;
    let verdicts = run(&file, &["--tags", "@G-07 or @G-19 or @G-25"]).await;
    let (passed, rest) = split_by_verdict(&verdicts);
    for name in [
        "A domain is verified by its TXT record",
        "A domain belongs to one business account only",
        "With SSO active, only the backup login can log in with a password",
        "The app re-validates its license at intervals",
        "An app whose license was revoked runs until its grace period ends",
    ] {
        assert!(passed.contains(&name), "{name}");
    }
    let lacking = BTreeMap::from([
        (
            "A failed DNS look-up is shown as failed, not as a missing record",
            "not run: cannot make the name server fail: it runs elsewhere",
        ),
        (
            "If the IdP is down, the backup login can log in with its password",
            "not run: cannot stop the IdP: the target's parties run elsewhere",
        ),
        (
            "From license key to activated desktop",
            "not run: cannot stop the IdP: the target's parties run elsewhere",
        ),
        (
            "An off-line app works until its license ends, and no longer",
            "not run: cannot stop the portal: the target's parties run elsewhere",
        ),
    ]);
    assert_eq!(rest, lacking);
    // Weeks passed during the run; both clocks are set back.
    let (portal, idp) = (
        read_clock(&up.ready, "sp").await,
        read_clock(&up.ready, "idp").await,
    );
    assert!((portal - time).abs() < 3600 && (idp - time).abs() < 3600);
    assert_eq!(count_environments(&up.ready).await, places);
    assert_eq!(list_records(&file).await, published);
    // The demo organization still works.
    let tenant = up.ready["sp"]["metadata_url"].as_str().unwrap();
    assert!(
        client()
            .get(tenant)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    up.kill().await;
}

#[tokio::test]
async fn missing_capabilities_and_unreachable_parties_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--empty"]).await;
    let file = folder.path().join("poor.json");
    let poor = json!({
        "sp": {"base_url": up.ready["sp"]["base_url"]},
        "idp": {"base_url": up.ready["idp"]["base_url"]},
    });
    std::fs::write(&file, poor.to_string()).unwrap();
    let verdicts = run(&file, &["--tags", "@G-01 or @G-05 or @G-07"]).await;
    let (passed, rest) = split_by_verdict(&verdicts);
    assert!(passed.contains(&"A taken e-mail is refused"), "{passed:?}");
    let control = "not run: the target does not contain the portal's control port (sp.control_url)";
    assert!(
        rest.len() > 5 && rest.values().all(|why| *why == control),
        "{rest:?}"
    );
    up.kill().await;

    let mut command = rehearsal(&["run", "--wait", "1", "--target"]);
    command.arg(&file);
    let output = Command::from(command).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the portal is not ready at"), "{said}");
}

/// Creates a link to the command with another name, as in the image.
fn link_command(name: &str, folder: &Path) -> PathBuf {
    let link = folder.join(name);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rehearsal"), &link).unwrap();
    link
}

fn start_server(program: &Path, variables: &[(&str, String)]) -> Child {
    Command::new(program)
        .arg("serve")
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Starts a server without a ready file and returns the first line that it prints.
async fn read_first_line(program: &Path, variables: &[(&str, String)]) -> String {
    let mut server = Command::new(program)
        .arg("serve")
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = tokio::io::BufReader::new(server.stdout.take().unwrap());
    let mut lines = tokio::io::AsyncBufReadExt::lines(lines);
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("control port: ").unwrap();
    let answer = client().get(format!("{url}/control/snapshot")).send().await;
    assert_eq!(answer.unwrap().status(), 200, "{line}");
    line
}

#[tokio::test]
async fn a_party_without_a_ready_file_prints_the_url_of_its_control_port() {
    let folder = tempfile::tempdir().unwrap();
    let free = || "127.0.0.1:0".to_owned();
    let database = |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());
    let portal = [
        ("SP_LISTEN", free()),
        ("SP_CONTROL_LISTEN", free()),
        ("SP_DNS_SERVERS", "127.0.0.1:9".to_owned()),
        ("SP_DATABASE_URL", database("portal.db")),
    ];
    let idp = [
        ("MOCK_IDP_LISTEN", free()),
        ("MOCK_IDP_CONTROL_LISTEN", free()),
        ("MOCK_IDP_DATABASE_URL", database("idp.db")),
    ];
    for (name, variables) in [("sp", &portal[..]), ("mock-idp", &idp[..])] {
        let program = link_command(name, folder.path());
        let first = read_first_line(&program, variables).await;
        let second = read_first_line(&program, variables).await;
        let secret = |line: &str| line.rsplit('/').next().unwrap().to_owned();
        assert_ne!(secret(&first), secret(&second), "another at each start");
    }
}

/// As in docker-compose.yml: two processes, and DNS served by the run.
#[tokio::test]
async fn parties_in_separate_processes_are_a_target_too() {
    let folder = tempfile::tempdir().unwrap();
    let sp = link_command("sp", folder.path());
    let idp = link_command("mock-idp", folder.path());
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/compose-target.json");
    let mut text = std::fs::read_to_string(compose).unwrap();
    let mut addresses = BTreeMap::new();
    for port in ["8080", "8081", "8090", "8091", "5354"] {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = free.local_addr().unwrap();
        text = text.replace(&format!(":{port}"), &format!(":{}", free.port()));
        addresses.insert(port, free.to_string());
    }
    let text = text
        .replace("portal.rehearsal.localhost", "127.0.0.1")
        .replace("idp.rehearsal.localhost", "127.0.0.1");
    let mut target: Value = serde_json::from_str(&text).unwrap();
    for party in ["sp", "idp"] {
        target[party]["control_secret"] = CONTROL_SECRET.into();
    }
    let text = target.to_string();
    let file = folder.path().join("target.json");
    std::fs::write(&file, text).unwrap();
    let database = |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());
    let at = |port: &str| addresses[port].clone();
    let _portal = start_server(
        &sp,
        &[
            ("SP_LISTEN", at("8080")),
            ("SP_CONTROL_LISTEN", at("8090")),
            ("SP_CONTROL_SECRET", CONTROL_SECRET.to_owned()),
            ("SP_DNS_SERVERS", at("5354")),
            ("SP_CLOCK", "simulated".to_owned()),
            ("SP_DATABASE_URL", database("portal.db")),
        ],
    );
    let _idp = start_server(
        &idp,
        &[
            ("MOCK_IDP_LISTEN", at("8081")),
            ("MOCK_IDP_CONTROL_LISTEN", at("8091")),
            ("MOCK_IDP_CONTROL_SECRET", CONTROL_SECRET.to_owned()),
            ("MOCK_IDP_SIMULATED_CLOCK", "true".to_owned()),
            ("MOCK_IDP_ADMIN_TOKEN", "demo".to_owned()),
            ("MOCK_IDP_DATABASE_URL", database("idp.db")),
        ],
    );
    let verdicts = run(
        &file,
        &[
            "--idp-admin-token",
            "demo",
            "--tags",
            "(@G-12 or @G-23) and not @demo",
        ],
    )
    .await;
    let (passed, rest) = split_by_verdict(&verdicts);
    assert_eq!(rest, BTreeMap::new());
    for name in ["The subscription has ended", "No seat left"] {
        assert!(passed.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn clients_that_trust_the_authority_use_the_parties_by_https() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--tls"]).await;
    let portal = up.portal("/readyz");
    assert!(portal.starts_with("https://"), "{portal}");
    let stranger = client().get(&portal).send().await.unwrap_err();
    assert!(stranger.is_connect(), "{stranger:?}");
    let authority = up.ready["tls"]["ca_file"].as_str().unwrap();
    let authority = reqwest::Certificate::from_pem(&std::fs::read(authority).unwrap()).unwrap();
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let page = trusting.get(up.portal("/login")).send().await.unwrap();
    assert!(page.headers().contains_key("strict-transport-security"));
    let cookie = page.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Secure"), "{cookie}");
    // The IdP connects to the portal, and the desktop app to both.
    let file = folder.path().join("ready.json");
    let verdicts = run(&file, &["--tags", "(@G-25 or @G-26) and not @unhappy"]).await;
    let (passed, rest) = split_by_verdict(&verdicts);
    assert!(passed.len() > 5, "{passed:?} {rest:?}");
    let not_run = |why: &&str| why.starts_with("not run");
    assert!(rest.values().all(not_run), "{rest:?}");
    up.kill().await;
}

/// Runs `rehearsal health` as the image does, for the parties whose state file is in this folder.
async fn health(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = rehearsal(&["health"]);
    command.args(arguments).env("XDG_RUNTIME_DIR", folder);
    let output = Command::from(command).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), errors)
}

#[tokio::test]
async fn health_finds_the_running_parties() {
    let folder = tempfile::tempdir().unwrap();
    let (code, errors) = health(folder.path(), &[]).await;
    assert_eq!(code, Some(2), "{errors}");
    let up = Up::start_in(folder.path(), &["--tls"]).await;
    let (code, errors) = health(folder.path(), &[]).await;
    assert_eq!(code, Some(0), "{errors}");
    // One party that does not answer is enough.
    let mut half = up.ready.clone();
    half["idp"]["base_url"] = "http://127.0.0.1:1".into();
    let file = folder.path().join("half.json");
    std::fs::write(&file, half.to_string()).unwrap();
    let (code, errors) = health(folder.path(), &["--target", file.to_str().unwrap()]).await;
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("http://127.0.0.1:1/readyz"), "{errors}");
    up.kill().await;
}

/// Replaces the ports of the two parties, which differ in each run.
fn without_ports(up: &Up, pointer: &str) -> String {
    let mut text = up.text(pointer).to_owned();
    for (party, name) in [("/sp/base_url", "portal"), ("/idp/base_url", "idp")] {
        text = text.replace(up.text(party), name);
    }
    text
}

#[tokio::test]
async fn with_a_key_seed_metadata_have_the_same_url_and_key_at_each_start() {
    let mut drawn = Vec::new();
    for seed in ["7", "7", "8"] {
        let folder = tempfile::tempdir().unwrap();
        let up = Up::start_in(folder.path(), &["--key-seed", seed]).await;
        let metadata = client().get(up.text("/idp/metadata_url")).send().await;
        let metadata = metadata.unwrap().text().await.unwrap();
        let certificate = metadata.split("X509Certificate>").nth(1).unwrap();
        drawn.push([
            without_ports(&up, "/idp/metadata_url"),
            without_ports(&up, "/sp/metadata_url"),
            up.text("/sp/scim_bearer_token").to_owned(),
            certificate.to_owned(),
        ]);
        up.kill().await;
    }
    assert_eq!(drawn[0], drawn[1]);
    for (first, other) in drawn[0].iter().zip(&drawn[2]) {
        assert_ne!(first, other);
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/portal.db?mode=rwc", folder.path().display());
    let both = ["up", "--key-seed", "7", "--database-url", &url];
    let output = Command::from(rehearsal(&both)).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// Adds the values of all members whose name says that they are secret.
fn add_secrets(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let is_secret = ["password", "token", "secret"].iter();
                if is_secret.clone().any(|it| name.contains(it))
                    && let Some(text) = member.as_str().filter(|it| !it.starts_with("http"))
                {
                    secrets.push(text.to_owned());
                }
                add_secrets(member, secrets);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| add_secrets(it, secrets)),
        _ => {}
    }
}

#[tokio::test]
async fn a_log_of_every_message_contains_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let up = Up::start_logged(folder.path(), &log).await;
    let file = folder.path().join("ready.json");
    let verdicts = run(&file, &["--tags", "@G-07 or @G-10 or @G-15 or @G-19"]).await;
    assert!(!split_by_verdict(&verdicts).0.is_empty());
    let mut secrets = Vec::new();
    add_secrets(&up.ready, &mut secrets);
    assert!(secrets.len() > 5, "{}", secrets.len());
    up.kill().await;
    let text = std::fs::read_to_string(&log).unwrap();
    // The control: the log has the requests.
    assert!(
        text.contains("/scim/") && text.contains("/saml"),
        "{}",
        text.len()
    );
    let shapes = regex::Regex::new(
        r#"(?i)bearer [a-z0-9._~+/-]{16}|basic [a-z0-9+/]{16}|PRIVATE KEY|SAMLResponse=[a-z0-9%+/]{40}|password=[^&\s]{6}|password"?: ?"[^"]{6}"#,
    );
    let shapes = shapes.unwrap();
    for line in text.lines() {
        let known = secrets.iter().find(|it| line.contains(it.as_str()));
        assert!(known.is_none(), "{known:?}: {line}");
        assert!(!shapes.is_match(line), "{line}");
    }
}
