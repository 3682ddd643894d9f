//! Runs the services of the compose file as processes, without a container engine.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod topology;

use std::process::Stdio;

use topology::Topology;

#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_the_compose_file_play_the_scenarios() {
    let Some(mut topology) = Topology::start(&[]).await else {
        return;
    };
    let run = topology
        .command("scenarios")
        .stdout(Stdio::piped())
        .output();
    let output = run.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(" 0 failed"), "{text}");
    // Only what needs the parties in the same process, as a social provider that misbehaves.
    assert!(text.contains(" 10 skipped"), "{text}");
    let reasons = text.lines().filter(|line| line.contains("not run: "));
    let other: Vec<_> = reasons.filter(|line| !line.contains("elsewhere")).collect();
    assert!(other.is_empty(), "{other:#?}");
}
