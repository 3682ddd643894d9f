//! `rehearsal bench load`: at our own parties without an error, and at servers with faults, each of
//! which is counted by its kind.
#![allow(clippy::unwrap_used)]

#[path = "bench_load/faulty.rs"]
mod faulty;
#[path = "bench_load/login.rs"]
mod login;
#[allow(dead_code, unused_imports)] // the mutants are not used here
mod mutant_scim;
mod running;

use std::path::Path;
use std::process::Stdio;

use faulty::{Fault, Faulty};
use mutant_scim::TOKEN;
use running::{Ended, Up, client, free_port, rehearsal, run};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

async fn load_scim(base: &str, token: &str, more: &[&str]) -> Ended {
    let mut arguments = vec![
        "bench",
        "load",
        "scim",
        "--base-url",
        base,
        "--token",
        token,
        "--quiet",
    ];
    arguments.extend(more);
    run(&arguments).await
}

fn operation<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["operations"].as_array().unwrap();
    let found = all.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

fn complaints(report: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(rehearsal::schemas::LOAD).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let all = validator.iter_errors(report);
    all.map(|it| format!("{it} at {}", it.instance_path()))
        .collect()
}

/// Returns how many users of a load are at the portal.
async fn count_users_of_load(up: &Up) -> u64 {
    let url = format!(
        "{}/Users?filter=userName%20sw%20%22load-%22",
        up.text("/sp/scim_base_url").trim_end_matches('/')
    );
    let request = client()
        .get(url)
        .bearer_auth(up.text("/sp/scim_bearer_token"));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["totalResults"].as_u64().unwrap()
}

#[tokio::test]
async fn our_portal_answers_each_operation_of_the_mix_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let (base, token) = (
        up.text("/sp/scim_base_url"),
        up.text("/sp/scim_bearer_token"),
    );
    let html = folder.path().join("load.html");
    let more = [
        "--mix",
        "read=3,list=1,filter=2,create=1,replace=1,patch=2,group=2,delete=1",
        "--count",
        "200",
        "--concurrency",
        "4",
        "--ramp",
        "0.1",
        "--json",
        "-",
        "--html",
        html.to_str().unwrap(),
    ];
    let ended = load_scim(base, token, &more).await;
    let report = ended.json();
    assert_eq!(ended.code, 0, "{report:#}{}", ended.err);
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(report["succeeded"], 200);
    assert_eq!(report["notes"], serde_json::json!([]));
    for name in [
        "read", "list", "filter", "create", "replace", "patch", "group", "delete",
    ] {
        assert!(operation(&report, name)["succeeded"].as_u64().unwrap() > 0);
    }
    assert_eq!(report["left"], serde_json::json!([]));
    assert_eq!(count_users_of_load(&up).await, 0);
    assert!(report["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("Latency over time") && !page.contains(token));
    assert!(!report["command_line"].as_str().unwrap().contains(token));

    // The first synchronization, at a rate.
    let more = ["--first-sync", "60", "--rate", "500", "--json", "-"];
    let ended = load_scim(base, token, &more).await;
    let report = ended.json();
    assert_eq!(ended.code, 0, "{report:#}{}", ended.err);
    assert_eq!(complaints(&report), Vec::<String>::new());
    for (name, count) in [
        ("create", 60),
        ("create group", 2),
        ("read", 60),
        ("read group", 2),
    ] {
        assert_eq!(operation(&report, name)["succeeded"], count, "{name}");
    }
    assert_eq!(count_users_of_load(&up).await, 0);

    // A minimum rate that no server reaches.
    let more = ["--count", "5", "--users", "2", "--min-rate", "1000000"];
    let ended = load_scim(base, token, &more).await;
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(
        ended.out.contains("below --min-rate 1000000"),
        "{}",
        ended.out
    );
    up.kill().await;
}

/// Sends 30 operations to a server with this fault, one after the other.
async fn with_fault(fault: Fault, mix: &str, more: &[&str]) -> (i32, Value, Faulty) {
    let server = Faulty::start(fault).await;
    let mut arguments = vec!["--mix", mix, "--count", "30", "--users", "4", "--json", "-"];
    if !more.contains(&"--timeout") {
        arguments.extend(["--timeout", "20"]);
    }
    arguments.extend(more);
    let ended = load_scim(&server.base, TOKEN, &arguments).await;
    (ended.code, ended.json(), server)
}

#[tokio::test]
async fn wrong_answers_are_errors_by_kind_and_not_in_the_latency() {
    for (fault, kind) in [(Fault::Fails, "HTTP 500"), (Fault::WrongId, "wrong id")] {
        let (code, report, server) = with_fault(fault, "read=1", &[]).await;
        assert_eq!(code, 1, "{report:#}");
        // Every third of the 30 reads fails. Two more reads come before the load.
        assert_eq!(report["failed"], 10, "{report:#}");
        assert_eq!(report["succeeded"], 20);
        assert_eq!(report["errors"].as_array().unwrap().len(), 1);
        assert_eq!(report["errors"][0]["kind"], kind);
        let example = report["errors"][0]["example"].as_str().unwrap();
        assert!(example.starts_with("GET /Users/"), "{example}");
        assert_eq!(server.left(), Vec::<String>::new());
        // Ten errors are accepted, so the run succeeds.
        let (code, ..) = with_fault(Fault::Fails, "read=1", &["--max-errors", "10"]).await;
        assert_eq!(code, 0);
    }
}

#[tokio::test]
async fn limited_requests_wait_and_are_counted_separately() {
    let (code, report, _) = with_fault(Fault::Limits, "read=1", &[]).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["succeeded"], 30);
    assert_eq!(report["failed"], 0);
    assert!(report["limited"].as_u64().unwrap() >= 10, "{report:#}");
}

#[tokio::test]
async fn a_missing_answer_is_its_own_kind_of_error() {
    let (code, report, _) = with_fault(
        Fault::Hangs,
        "read=1",
        &["--timeout", "1", "--concurrency", "10"],
    )
    .await;
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["errors"][0]["kind"], "no answer: timeout");
    assert_eq!(report["failed"], 10);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/Users", other.local_addr().unwrap());
    let (code, report, _) = with_fault(Fault::Redirects(to.clone()), "read=1", &[]).await;
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["errors"][0]["kind"], "HTTP 302");
    let example = report["errors"][0]["example"].as_str().unwrap();
    assert!(example.ends_with(&format!("the redirect to {to} was not followed")));
    let contact = futures::FutureExt::now_or_never(other.accept());
    assert!(contact.is_none(), "the other host was contacted");
}

#[tokio::test]
async fn a_lost_write_is_found_by_the_next_read() {
    let (code, report, _) = with_fault(Fault::Forgets, "read=1,patch=1", &[]).await;
    assert_eq!(code, 1, "{report:#}");
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0]["kind"], "a write is not there when it is read");
}

#[tokio::test]
async fn resources_that_cannot_be_deleted_are_listed() {
    let (code, report, server) = with_fault(Fault::Keeps, "read=1", &[]).await;
    assert_eq!(code, 0, "{report:#}");
    let left = report["left"].as_array().unwrap();
    assert_eq!(left.len(), 4, "{left:#?}");
    assert_eq!(server.left().len(), 4);
}

#[tokio::test]
async fn operations_that_fail_without_load_are_left_out_or_refused() {
    let (code, report, _) = with_fault(Fault::Keeps, "read=1,delete=1", &[]).await;
    assert_eq!(code, 2);
    assert_eq!(report["error"]["code"], "operation-fails");
    let server = Faulty::start(Fault::Keeps).await;
    let more = ["--count", "30", "--users", "4", "--json", "-"];
    let ended = load_scim(&server.base, TOKEN, &more).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let report = ended.json();
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.starts_with("delete is left out of the mix"), "{note}");
    assert_eq!(complaints(&report), Vec::<String>::new());
    // A server may refuse an operation: that does not decide the exit status.
    assert_eq!(report["left_out"][0]["operation"], "delete", "{report:#}");
    assert_eq!(report["left_out"][0]["is_refused"], true);
    assert_eq!(report["missed"], serde_json::json!([]));
    let ended = load_scim(&server.base, TOKEN, &more[..4]).await;
    let last = ended.out.lines().last().unwrap();
    assert!(
        last.starts_with('✓') && last.ends_with("; without delete"),
        "{last}"
    );
}

#[tokio::test]
async fn a_user_whose_deletion_had_a_wrong_status_is_not_used_again() {
    let server = Faulty::start(Fault::DeletesWith200).await;
    let more = ["--count", "60", "--users", "3", "--json", "-"];
    let ended = load_scim(&server.base, TOKEN, &more).await;
    let report = ended.json();
    assert_eq!(report["left_out"][0]["operation"], "delete", "{report:#}");
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(server.left(), Vec::<String>::new());
}

#[tokio::test]
async fn an_operation_with_wrong_answers_is_named_and_decides_the_exit_status() {
    let server = Faulty::start(Fault::FindsAll).await;
    let more = ["--count", "30", "--users", "4", "--json", "-"];
    let ended = load_scim(&server.base, TOKEN, &more).await;
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let report = ended.json();
    assert_eq!(complaints(&report), Vec::<String>::new());
    let left_out = &report["left_out"][0];
    assert_eq!(left_out["operation"], "filter", "{report:#}");
    assert_eq!(left_out["is_refused"], false);
    let why = left_out["why"].as_str().unwrap();
    assert!(why.contains("4 users instead of 1"), "{why}");
    let missed = report["missed"][0].as_str().unwrap();
    assert!(missed.starts_with("filter is left out"), "{missed}");
    let ended = load_scim(&server.base, TOKEN, &more[..4]).await;
    let last = ended.out.lines().last().unwrap();
    assert!(last.starts_with("✗ Filter is left out"), "{last}");

    // Without a mix that leaves it out, nothing is measured.
    let (code, report, _) = with_fault(Fault::FindsAll, "read=1,filter=1", &[]).await;
    assert_eq!(code, 2);
    let message = report["error"]["message"].as_str().unwrap();
    assert!(message.contains("4 users instead of 1"), "{message}");
}

#[tokio::test]
async fn a_target_that_cannot_be_measured_is_exit_2() {
    let ended = load_scim("http://127.0.0.1:9/v2", "t", &[]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("(unreachable)"), "{}", ended.err);
    assert!(ended.err.contains("--base-url"), "{}", ended.err);
    let server = Faulty::start(Fault::Fails).await;
    let ended = load_scim(&server.base, "another-token", &[]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("(wrong-token)"), "{}", ended.err);
    assert_eq!(server.left(), Vec::<String>::new());
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_load_and_reports_and_deletes() {
    let server = Faulty::start(Fault::Limits).await;
    let mut child = tokio::process::Command::from(rehearsal(&[
        "bench",
        "load",
        "scim",
        "--base-url",
        &server.base,
        "--token",
        TOKEN,
        "--rate",
        "20",
        "--duration",
        "600",
        "--json",
        "-",
    ]))
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .kill_on_drop(true)
    .spawn()
    .unwrap();
    let process = child.id().unwrap().to_string();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("succeeded") {
            break;
        }
    }
    let sent = std::process::Command::new("kill")
        .args(["-INT", &process])
        .status();
    assert!(sent.unwrap().success());
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted_by"], "SIGINT");
    assert!(report["succeeded"].as_u64().unwrap() > 0);
    assert_eq!(server.left(), Vec::<String>::new());
}

#[tokio::test]
async fn our_idp_signs_people_on() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("sp.xml");
    let file = file.to_str().unwrap();
    let known = ["--sp-port", &port, "--sp-metadata-out", file];
    let prepared = run(&[&["check", "idp", "--prepare"], &known[..]].concat()).await;
    assert_eq!(prepared.code, 0, "{}", prepared.err);
    let up = Up::start_in(folder.path(), &["--sp-metadata", file]).await;
    let load = async |people: &str, more: &[&str]| {
        let list = folder.path().join("people.txt");
        std::fs::write(&list, people).unwrap();
        let mut arguments = vec!["bench", "load", "idp", "--quiet", "--json", "-", "--users"];
        arguments.push(list.to_str().unwrap());
        if !more.contains(&"--metadata") {
            arguments.extend(["--metadata", up.text("/idp/metadata_url")]);
        }
        arguments.extend(known);
        arguments.extend(more);
        run(&arguments).await
    };
    let user = up.text("/idp/sso_login/username");
    let password = up.text("/idp/sso_login/password");
    let person = format!("# who signs on\n{user}:{password}\n");
    let ended = load(&person, &["--count", "6", "--concurrency", "2"]).await;
    let report = ended.json();
    assert_eq!(ended.code, 0, "{report:#}{}", ended.err);
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(operation(&report, "sign-on")["succeeded"], 6);

    // Metadata without an endpoint for HTTP-Redirect: the requests are sent by HTTP-POST.
    let url = up.text("/idp/metadata_url");
    let metadata = client().get(url).send().await.unwrap();
    let metadata = metadata.text().await.unwrap();
    let by_post = metadata.replace("bindings:HTTP-Redirect", "bindings:HTTP-Artifact");
    assert_ne!(by_post, metadata);
    let idp = folder.path().join("idp.xml");
    std::fs::write(&idp, by_post).unwrap();
    let ended = load(
        &person,
        &["--count", "2", "--metadata", idp.to_str().unwrap()],
    )
    .await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);

    // The second person in the list has a wrong password.
    let two = format!("{user}:{password}\nnobody:not-it\n");
    let ended = load(&two, &["--count", "4"]).await;
    let report = ended.json();
    assert_eq!(ended.code, 1, "{report:#}");
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&2.into(), &2.into())
    );
    let example = report["errors"][0]["example"].as_str().unwrap();
    assert!(example.starts_with("nobody: "), "{example}");

    let ended = load("nobody:not-it\n", &["--count", "4"]).await;
    assert_eq!(ended.code, 2);
    assert_eq!(ended.json()["error"]["code"], "wrong-password");
    up.kill().await;
}

#[tokio::test]
async fn our_portal_logs_people_in() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("idp.xml");
    let file = file.to_str().unwrap();
    let known = ["--idp-port", &port, "--idp-metadata-out", file];
    let prepared = run(&[&["check", "sp", "--prepare"], &known[..]].concat()).await;
    assert_eq!(prepared.code, 0, "{}", prepared.err);
    let up = Up::start_in(folder.path(), &["--idp-metadata", file]).await;
    let start = format!("{}?email={{user}}", up.text("/sp/sso_start_url"));
    let list = folder.path().join("people.txt");
    std::fs::write(&list, "jo@lumen.example\nkim@lumen.example\n").unwrap();
    let load = async |known: &[&str], more: &[&str]| {
        let mut arguments = vec!["bench", "load", "sp", "--quiet", "--json", "-"];
        arguments.extend(["--metadata", up.text("/sp/metadata_url")]);
        arguments.extend(["--probe-url", up.text("/sp/whoami_url")]);
        arguments.extend(["--start-url", &start, "--users"]);
        arguments.push(list.to_str().unwrap());
        arguments.extend(known);
        arguments.extend(more);
        run(&arguments).await
    };
    let ended = load(&known, &["--count", "6", "--rate", "10"]).await;
    let report = ended.json();
    assert_eq!(ended.code, 0, "{report:#}{}", ended.err);
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(operation(&report, "login")["succeeded"], 6);

    // The portal requires more than one attribute.
    let person = folder.path().join("person.toml");
    let name_id = "[name_id]\nformat = \"emailAddress\"\n";
    let attribute = "[[attribute]]\nname = \"givenName\"\nvalues = [\"Jo\"]\n";
    for (template, code) in [(name_id, 0), (attribute, 2)] {
        std::fs::write(&person, template).unwrap();
        let person = ["--count", "2", "--person", person.to_str().unwrap()];
        let ended = load(&known, &person).await;
        assert_eq!(ended.code, code, "{template}: {}{}", ended.out, ended.err);
    }
    let ended = load(&known, &["--person", "no-such-preset"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("preset no-such-preset not found"));

    // The same address with another key: every login is refused.
    let ended = load(&["--idp-port", &port], &["--count", "6"]).await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert_eq!(ended.json()["error"]["code"], "not-trusted");
    up.kill().await;
}

/// Writes a copy of a result with its latencies times `factor`.
fn slower(report: &Value, factor: f64, path: &Path) {
    let mut report = report.clone();
    for (_, latency) in report["latency_ms"].as_object_mut().unwrap() {
        *latency = (latency.as_f64().unwrap() * factor).into();
    }
    std::fs::write(path, report.to_string()).unwrap();
}

#[tokio::test]
async fn two_results_are_compared() {
    let (_, report, _) = with_fault(Fault::Keeps, "read=1", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("a.json"), folder.path().join("b.json"));
    slower(&report, 1.0, &one);
    slower(&report, 1.5, &other);
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    let compare =
        async |more: &[&str]| run(&[&["bench", "compare", one, other], more].concat()).await;
    let ended = compare(&[]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("50.0 % worse"), "{}", ended.out);
    assert_eq!(compare(&["--max-slower", "60%"]).await.code, 0);
    let ended = compare(&["--max-slower", "10%"]).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("✗ more than 10 % worse"),
        "{}",
        ended.out
    );
    assert_eq!(
        run(&["bench", "compare", one, "no-such-file"]).await.code,
        2
    );
}
