//! How a check ends early: by a signal during a run, and at targets that hang, answer very
//! slowly or without end.
#![allow(clippy::unwrap_used)]

#[path = "check_ends/hostile.rs"]
mod hostile;
#[allow(dead_code, unused_imports)] // the mutants are not used here
mod mutant_scim;
mod running;
#[path = "check_ends/target.rs"]
mod target;
#[path = "check_ends/token.rs"]
mod token;

use std::process::Stdio;
use std::time::Duration;

use mutant_scim::TOKEN;
use running::{Up, rehearsal};
use serde_json::Value;
use target::{Behavior, Target};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;

/// A command that has ended.
struct Signaled {
    code: Option<i32>,
    out: String,
    err: String,
}

fn start(arguments: &[&str]) -> Child {
    let mut command = tokio::process::Command::from(rehearsal(arguments));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits for the end of a command; `hear` is called with each line of standard error.
async fn wait_for_end(mut child: Child, mut hear: impl FnMut(&str)) -> Signaled {
    let mut out = child.stdout.take().unwrap();
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        out.read_to_string(&mut text).await.unwrap();
        text
    });
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut err = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        hear(&line);
        err.push_str(&line);
        err.push('\n');
    }
    Signaled {
        code: child.wait().await.unwrap().code(),
        out: reading.await.unwrap(),
        err,
    }
}

/// Sends a signal to a command when it prints a line of progress that matches.
async fn run_until_signal(arguments: &[&str], at: &str, signal: &str) -> Signaled {
    let expression = regex::Regex::new(at).unwrap();
    let child = start(arguments);
    let process = child.id().unwrap();
    let mut is_sent = false;
    let ended = wait_for_end(child, |line| {
        if !is_sent && expression.is_match(line) {
            is_sent = true;
            let sent = std::process::Command::new("kill")
                .args([&format!("-{signal}"), &process.to_string()])
                .status();
            assert!(sent.unwrap().success());
        }
    })
    .await;
    assert!(is_sent, "no progress with {at}:\n{}", ended.err);
    ended
}

async fn send(signal: &str, process: u32) {
    let sent = tokio::process::Command::new("kill")
        .args([&format!("-{signal}"), &process.to_string()])
        .status();
    assert!(sent.await.unwrap().success());
}

#[tokio::test]
async fn a_signal_during_check_scim_cleans_up_and_is_in_every_report() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let target = Target::start(Behavior::Pauses).await;
        let junit = folder.path().join(format!("{signal}.xml"));
        let child = start(&[
            "check",
            "scim",
            "--base-url",
            &target.base,
            "--token",
            TOKEN,
            "--json",
            "--junit",
            junit.to_str().unwrap(),
        ]);
        target.wait_until_hung().await;
        send(signal, child.id().unwrap()).await;
        let ended = wait_for_end(child, |line| {
            if line.contains("interrupted by") {
                target.resume();
            }
        })
        .await;
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert!(ended.err.contains(&format!("interrupted by SIG{signal}")));
        assert_eq!(target.left(), Vec::<String>::new(), "{signal}");
        assert!(target.created() > 5, "it was in the middle");
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(report["incomplete"], true);
        assert_eq!(report["interrupted_by"], format!("SIG{signal}"));
        let checks = report["checks"].as_array().unwrap();
        assert!(checks.len() > 20, "what was judged is reported");
        assert!(checks.len() < 300, "the rest is not");
        let clean = checks.last().unwrap();
        assert_eq!(clean["id"], "SCIM-CLEAN-01");
        assert_eq!(clean["verdict"], "pass", "{clean}");
        let junit = std::fs::read_to_string(junit).unwrap();
        assert!(junit.contains("<error"), "{junit}");
    }
}

#[tokio::test]
async fn a_signal_ends_the_run_at_a_server_that_never_answered() {
    for command in [
        &["check", "scim"][..],
        &["check", "scim", "--wait", "600"],
        &[
            "bench",
            "load",
            "scim",
            "--concurrency",
            "1",
            "--duration",
            "5",
        ],
    ] {
        let target = Target::start(Behavior::HangsAfter(0)).await;
        let to = [
            "--base-url",
            &target.base,
            "--token",
            TOKEN,
            "--timeout",
            "600",
        ];
        let child = start(&[command, &to].concat());
        target.wait_until_hung().await;
        send("TERM", child.id().unwrap()).await;
        let ended = wait_for_end(child, |_| {}).await;
        assert_eq!(ended.code, Some(143), "{}", ended.err);
        assert!(ended.err.contains("by SIGTERM"), "{}", ended.err);
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_run_at_once_and_lists_the_remaining_resources() {
    let target = Target::start(Behavior::HangsAtDelete).await;
    let mut command = tokio::process::Command::from(rehearsal(&[
        "check",
        "scim",
        "--base-url",
        &target.base,
        "--token",
        TOKEN,
    ]));
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let process = child.id().unwrap();
    // The test users are created; the first DELETE hangs.
    target.wait_until_hung().await;
    send("TERM", process).await;
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("interrupted by SIGTERM") {
            send("INT", process).await;
        }
        last = line;
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    assert!(
        last.contains("these resources remain at the target: /Users/"),
        "{last}"
    );
}

#[tokio::test]
async fn a_signal_during_check_sp_and_check_idp_reports_the_judged_checks() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let (idp_port, sp_port) = (port(), port());
    let (idp, sp) = (path("idp.xml"), path("sp.xml"));
    for arguments in [
        [
            "check",
            "sp",
            "--prepare",
            "--idp-port",
            &idp_port,
            "--idp-metadata-out",
            &idp,
        ],
        [
            "check",
            "idp",
            "--prepare",
            "--sp-port",
            &sp_port,
            "--sp-metadata-out",
            &sp,
        ],
    ] {
        assert!(rehearsal(&arguments).output().unwrap().status.success());
    }
    let sp_folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(sp_folder.path(), &["--idp-metadata", &idp]).await;
    let start = format!("{}?email=jo@lumen.example", up.text("/sp/sso_start_url"));
    let ended = run_until_signal(
        &[
            "check",
            "sp",
            "--metadata",
            up.text("/sp/metadata_url"),
            "--start-url",
            &start,
            "--probe-url",
            up.text("/sp/whoami_url"),
            "--expect",
            "jo@lumen\\.example",
            "--idp-port",
            &idp_port,
            "--idp-metadata-out",
            &idp,
            "--json",
        ],
        // Ten checks at least are judged.
        r"check sp [1-9][0-9]+/",
        "TERM",
    )
    .await;
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["incomplete"], true);
    assert!(
        report["summary"]["passed"].as_u64().unwrap() > 3,
        "{}",
        ended.out
    );
    up.kill().await;

    let idp_folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(idp_folder.path(), &["--sp-metadata", &sp]).await;
    let ended = run_until_signal(
        &[
            "check",
            "idp",
            "--metadata",
            up.text("/idp/metadata_url"),
            "--user",
            up.text("/idp/sso_login/username"),
            "--password",
            up.text("/idp/sso_login/password"),
            "--sp-port",
            &sp_port,
            "--sp-metadata-out",
            &sp,
        ],
        "check idp",
        "INT",
    )
    .await;
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.out.contains("interrupted"), "{}", ended.out);
    up.kill().await;
}

#[tokio::test]
async fn a_signal_ends_run_demo_and_bench() {
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("run.xml");
    let ended = run_until_signal(
        &[
            "run",
            "--json",
            "--jobs",
            "1",
            "--junit",
            junit.to_str().unwrap(),
        ],
        "run ",
        "TERM",
    )
    .await;
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["incomplete"], true);
    assert!(std::fs::read_to_string(junit).unwrap().contains("<error"));

    let html = folder.path().join("demo.html");
    let ended = run_until_signal(&["demo", "--html", html.to_str().unwrap()], "✓", "INT").await;
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.out.contains("interrupted by SIGINT"), "{}", ended.out);
    assert!(html.exists());

    let ended = run_until_signal(&["bench", "sync", "--json"], "bench", "TERM").await;
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    assert_eq!(ended.out.trim(), "[]");
}

/// Runs `check scim` at a target that misbehaves; returns its report.
async fn check_target(target: &Target) -> (i32, Value) {
    let arguments = [
        "check",
        "scim",
        "--base-url",
        &target.base,
        "--token",
        TOKEN,
        "--json",
        "--timeout",
        "0.5",
    ];
    let mut command = tokio::process::Command::from(rehearsal(&arguments));
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(120), output).await;
    let output = output.expect("the check has an end").unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), report)
}

#[tokio::test]
async fn a_target_that_hangs_during_the_run_is_reported_as_denial_of_service() {
    let target = Target::start(Behavior::HangsAfter(60)).await;
    let (code, report) = check_target(&target).await;
    assert_eq!(code, 2);
    assert_eq!(report["error"]["code"], "no-answer", "{}", report["error"]);
    let checks = report["checks"].as_array().unwrap();
    let harm = checks.iter().find(|it| {
        let actual = it["actual"].as_str().unwrap();
        it["verdict"] == "fail" && actual.starts_with("denial of service")
    });
    assert!(harm.is_some(), "{checks:#?}");
    assert!(target.requests() < 100, "{}", target.requests());
}

#[tokio::test]
async fn slow_and_endless_answers_do_not_block_the_run() {
    for (behavior, error, says) in [
        (Behavior::Drips, "unreachable", "no answer within 0.5 s"),
        (Behavior::Endless, "unreadable-answer", "longer than 4 MiB"),
    ] {
        let target = Target::start(behavior).await;
        let (code, report) = check_target(&target).await;
        assert_eq!(code, 2, "{behavior:?}");
        assert_eq!(report["error"]["code"], error, "{behavior:?}");
        let message = report["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{behavior:?}: {message}");
    }
}

#[tokio::test]
async fn a_target_that_crashes_once_and_restarts_is_judged_to_the_end() {
    let target = Target::start(Behavior::HangsOnce).await;
    let (code, report) = check_target(&target).await;
    assert_eq!(code, 0, "{}", report["error"]);
    let actual = report["checks"].as_array().unwrap().iter();
    let actual = actual.map(|it| it["actual"].as_str().unwrap());
    let told: Vec<&str> = actual.filter(|it| it.contains("worked again")).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("but not when it was repeated"),
        "{told:#?}"
    );
}
