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
}
