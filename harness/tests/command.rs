//! The `rehearsal` command: exit status and output.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "command/progress.rs"]
mod progress;
mod running;

use std::process::{Child, Command, Stdio};

use rehearsal::organization::Plan;
use rehearsal::{Options, World};
use running::{Up, client, rehearsal};
use serde_json::{Value, json};

async fn send_expecting(request: reqwest::RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let got = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[tokio::test]
async fn nothing_entered_is_lost_when_up_is_killed_half_way_through_the_configurator() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_kept(folder.path(), &["--empty"]).await;
    let person = json!({"email": "ada@lumen.example", "password": "Wq7-otter-quarry-81"});
    let ada = client();
    send_expecting(ada.post(up.portal("/api/accounts")).json(&person), 201).await;
    send_expecting(ada.post(up.portal("/api/session")).json(&person), 200).await;
    let control = up.ready["sp"]["control_url"].as_str().unwrap();
    let order = json!({"seats": 3, "licensing": "per-user", "edition": "business"});
    let url = format!("{control}/control/license-keys");
    let key = send_expecting(ada.post(url).json(&order), 201).await;
    let registration =
        json!({"key": key["key"], "organization": {"name": "Lumen", "country": "MT"}});
    send_expecting(
        ada.post(up.portal("/api/license-keys")).json(&registration),
        201,
    )
    .await;
    let integration = "/api/business/idp-integration";
    let step = |path: &str| up.portal(&format!("{integration}/{path}"));
    send_expecting(ada.post(step("start")), 200).await;
    send_expecting(
        ada.post(step("domains"))
            .json(&json!({"domain": "lumen.example"})),
        201,
    )
    .await;
    send_expecting(
        ada.put(step("application")).json(&json!({"done": true})),
        200,
    )
    .await;
    let groups = json!({
        "admins": {"name": "Admins", "id": "4bd6"},
        "users": {"name": "Desktop Users", "id": "91fc"},
    });
    send_expecting(ada.put(step("groups")).json(&groups), 200).await;
    send_expecting(
        ada.put(step("scim"))
            .json(&json!({"enabled": true, "done": true})),
        200,
    )
    .await;
    let before = send_expecting(ada.get(up.portal(integration)), 200).await;
    up.kill().await;

    let up = Up::start_kept(folder.path(), &["--empty"]).await;
    let ada = client();
    send_expecting(ada.post(up.portal("/api/session")).json(&person), 200).await;
    let after = send_expecting(ada.get(up.portal(integration)), 200).await;
    for part in ["status", "steps", "groups", "domains"] {
        assert_eq!(after[part], before[part], "{part}");
        assert!(!before[part].is_null(), "{part}");
    }
    assert_eq!(after["groups"]["users"], groups["users"]);
    let subscriptions =
        send_expecting(ada.get(up.portal("/api/business/subscriptions")), 200).await;
    assert_eq!(subscriptions["subscriptions"][0]["seats"], 3);
    up.kill().await;
}

#[tokio::test]
async fn the_demo_organization_is_there_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Up::start_kept(folder.path(), &[]).await;
    let tenant = |up: &Up| {
        let id = up.ready["sp"]["entity_id"].as_str().unwrap();
        id.rsplit('/').next().unwrap().to_owned()
    };
    let before = tenant(&first);
    first.kill().await;
    let second = Up::start_kept(folder.path(), &[]).await;
    assert_eq!(tenant(&second), before);
    let scim = second.ready["sp"]["scim_base_url"].as_str().unwrap();
    let token = second.ready["sp"]["scim_bearer_token"].as_str().unwrap();
    let users = send_expecting(
        client().get(format!("{scim}/Users")).bearer_auth(token),
        200,
    )
    .await;
    assert!(users["totalResults"].as_u64().unwrap() > 0, "{users}");
    second.kill().await;
}

#[tokio::test]
async fn a_demo_organization_whose_set_up_was_interrupted_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("p.db").display());
    let start = async || {
        let options = Options {
            database_url: Some(url.clone()),
            unrecorded: true,
            ..Options::default()
        };
        World::with(options).await.unwrap()
    };
    let refused = async |what: &str| {
        let mut world = start().await;
        let outcome = world.demo_organization(Plan::default()).await;
        world.rehearsal.shutdown().await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("incomplete"), "{error}");
        assert!(error.contains(what), "{error}");
        assert!(error.contains("delete the database"), "{error}");
    };
    let mut world = start().await;
    let order = json!({"seats": 5, "licensing": "per-user", "edition": "business"});
    world.has_business_account_by("Ada", order).await.unwrap();
    world.rehearsal.shutdown().await;
    refused("no IdP integration").await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let mut world = start().await;
    world.integration_is_active(Plan::default()).await.unwrap();
    world.creates_user("Ada").await.unwrap();
    world.rehearsal.shutdown().await;
    refused("is in no group").await;
}

fn wait_for_end(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn the_demo_leaves_a_report_and_a_response_that_a_second_judge_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("demo.html");
    let child = rehearsal(&["demo", "--html"])
        .arg(&report)
        .arg("--keep")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (code, text) = wait_for_end(child);
    assert_eq!(code, 0, "{text}");
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("Grace has a license"), "the steps");
    let response = folder.path().join("response.xml");
    let xml = std::fs::read_to_string(&response).unwrap();
    for algorithm in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    ] {
        assert!(xml.contains(algorithm), "{algorithm}");
    }
    assert!(!xml.contains("#sha1"));
    if Command::new("xmlsec1").arg("--version").output().is_err() {
        eprintln!("skipped: no xmlsec1");
        return;
    }
    let judged = Command::new("xmlsec1")
        .args([
            "--verify",
            "--enabled-key-data",
            "rsa,x509",
            "--pubkey-cert-pem",
        ])
        .arg(folder.path().join("idp-certificate.pem"))
        .args([
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
        ])
        .args([
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:Response",
        ])
        .arg(&response)
        .output()
        .unwrap();
    assert!(judged.status.success(), "{judged:?}");
}

#[test]
fn coverage_lists_every_procedure_and_wrong_usage_has_its_own_exit_status() {
    let (code, text) = wait_for_end(
        rehearsal(&["coverage"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    assert_eq!(code, 0);
    for number in 1..=28 {
        assert!(text.contains(&format!("G-{number:02}")), "G-{number:02}");
    }
    let wrong = rehearsal(&["run", "--no-such-option"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(wrong.code(), Some(2));
}

#[test]
fn the_list_of_checks_is_printed_as_json() {
    for kind in ["sp", "idp", "scim", "leaver"] {
        let list = |more: &[&str]| {
            let arguments = [&["check", kind, "--list"], more].concat();
            let output = rehearsal(&arguments).output().unwrap();
            assert!(output.status.success(), "{kind}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let text = list(&[]);
        let ids = text.lines().filter_map(|it| it.split_whitespace().next());
        let whole: Value = serde_json::from_str(&list(&["--json"])).unwrap();
        let checks = whole["checks"].as_array().unwrap();
        let read: Vec<&str> = checks.iter().filter_map(|it| it["id"].as_str()).collect();
        assert_eq!(read, ids.collect::<Vec<_>>(), "{kind}");
        for member in ["level", "harm", "title", "spec", "fix"] {
            let is_text = |it: &Value| it[member].as_str().is_some_and(|it| !it.is_empty());
            assert!(checks.iter().all(is_text), "{kind}: {member}");
        }
    }
}

#[test]
fn every_benchmark_runs_to_its_end_and_names_its_limit() {
    let output = rehearsal(&["bench", "--users", "20", "--seconds", "0.001", "--json"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for what in [
        "sign:",
        "verify:",
        "GET /Users?filter",
        "provisioning",
        "sso:",
        "start: from",
        "start: portal",
    ] {
        let one = all
            .iter()
            .find(|one| one["name"].as_str().unwrap().starts_with(what));
        let one = one.unwrap_or_else(|| panic!("{what} was not measured"));
        for figure in ["ops_per_sec", "limit_ops_per_sec", "ratio"] {
            assert!(
                one[figure].as_f64().unwrap() > 0.0,
                "{what} {figure}: {one}"
            );
        }
        assert!(!one["limit_name"].as_str().unwrap().is_empty(), "{what}");
    }
}

#[test]
fn a_secret_may_begin_with_a_hyphen() {
    let nobody = "http://127.0.0.1:9/";
    for arguments in [
        ["check", "scim", "--base-url", nobody, "--token", "-j"],
        ["check", "idp", "--metadata", nobody, "--password", "-j"],
    ] {
        let output = rehearsal(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "nobody is there");
        assert!(!errors.contains("unexpected argument"), "{errors}");
    }
}

/// Returns the exit status and standard error of a command line that is refused.
fn run_refused(arguments: &[&str]) -> String {
    let output = rehearsal(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    error.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn inputs_that_cannot_work_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("ready.json");
    std::fs::write(&note, "{\"sp\": 1}").unwrap();
    let note = note.to_str().unwrap();
    // Metadata that another program wrote has no key of this program next to it.
    let foreign = folder.path().join("idp.xml");
    let entity = "<EntityDescriptor entityID=\"https://idp.example\"/>";
    std::fs::write(&foreign, entity).unwrap();
    let foreign = foreign.to_str().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "<!DOCTYPE html><html><body>Sign in</body></html>").unwrap();
    let page = page.to_str().unwrap();
    let idp = [
        "check",
        "idp",
        "--user",
        "jo",
        "--password",
        "x",
        "--metadata",
        page,
    ];
    for (arguments, said) in [
        (
            vec![
                "check",
                "idp",
                "--prepare",
                "--sp-port",
                "18555",
                "--sp-metadata-out",
                note,
            ],
            "the file exists and is no metadata; name another file",
        ),
        (
            vec![
                "check",
                "sp",
                "--prepare",
                "--idp-port",
                "18444",
                "--idp-metadata-out",
                foreign,
            ],
            "the file has the metadata of https://idp.example",
        ),
        (idp.to_vec(), "got a web page (HTML)"),
        (
            [
                &idp[..],
                &["--disabled-user", "jo", "--disabled-password", "x"],
            ]
            .concat(),
            "expected another user than that of --user",
        ),
        (
            vec![
                "check",
                "scim",
                "--base-url",
                "127.0.0.1:5066/v2",
                "--token",
                "x",
            ],
            "expected a URL that begins with http:// or https://, got 127.0.0.1:5066/v2",
        ),
        (
            vec!["demo", "--database-url", "mysql://x"],
            "expected postgres://USER:PASSWORD@HOST/DATABASE",
        ),
    ] {
        let error = run_refused(&arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert_eq!(std::fs::read_to_string(note).unwrap(), "{\"sp\": 1}");
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), entity);
}

#[test]
fn a_demo_that_cannot_start_says_why() {
    let output = rehearsal(&["demo", "--database-url", "postgres://127.0.0.1:9/none"])
        .current_dir(tempfile::tempdir().unwrap().path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("Given the parties are running"), "{error}");
    assert!(error.contains("127.0.0.1"), "{error}");
}

#[test]
fn more_keys_are_announced_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("idp.xml");
    let port = running::free_port().to_string();
    let prepare = |more: &[&str]| {
        let path = file.to_str().unwrap();
        let arguments = [
            "check",
            "sp",
            "--prepare",
            "--idp-port",
            &port,
            "--idp-metadata-out",
            path,
        ];
        let output = rehearsal(&[&arguments[..], more].concat())
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        let more = file.with_extension("more.key");
        assert_eq!(said.contains("idp.more.key"), more.exists(), "{said}");
        std::fs::read_to_string(&file).unwrap()
    };
    let one = prepare(&[]);
    assert_eq!(one.matches("<md:KeyDescriptor").count(), 1);
    let four = prepare(&["--more-keys"]);
    assert_eq!(four.matches("<md:KeyDescriptor").count(), 4);
    assert_eq!(prepare(&[]), four);
}

#[test]
fn a_metadata_file_of_another_port_is_not_replaced_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("idp.xml");
    let prepare = |port: &str| {
        let file = file.to_str().unwrap();
        let arguments = [
            "check",
            "sp",
            "--prepare",
            "--idp-port",
            port,
            "--idp-metadata-out",
            file,
        ];
        let output = rehearsal(&arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let (one, other) = (
        running::free_port().to_string(),
        running::free_port().to_string(),
    );
    assert!(!prepare(&one).contains("is now that of"));
    assert!(!prepare(&one).contains("is now that of"));
    let error = prepare(&other);
    assert!(
        error.contains(&format!(":{one}")) && error.contains("is now that of"),
        "{error}"
    );
}

#[test]
fn the_self_test_plays_the_guide_or_says_what_is_missing() {
    let output = rehearsal(&["self-test"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("play the set-up guide"), "{text}");
    assert!(text.ends_with("This installation works.\n"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let mut command = rehearsal(&["self-test"]);
    let output = command.env("TMPDIR", &missing).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("set TMPDIR"), "{text}");
}

#[test]
fn completions_and_manual_pages_contain_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let written = rehearsal(&["man", pages.to_str().unwrap()]).status();
    assert!(written.unwrap().success());
    let page = std::fs::read_to_string(pages.join("rehearsal-check-scim.1")).unwrap();
    assert!(page.contains("base\\-url"), "{page}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = rehearsal(&["completions", shell]).output().unwrap();
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("self-test"), "{shell}: {script}");
    }
}
