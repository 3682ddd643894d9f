//! The demo and `check scim` with the portal on PostgreSQL; elsewhere they use SQLite.
#![allow(clippy::unwrap_used)]

mod running;

use running::{Up, rehearsal};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn check_scim_finds_nothing_at_the_portal_on_postgresql() {
    let Some(database) = test_postgres::fresh_database().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--database-url", database.url()]).await;
    let arguments = [
        "check",
        "scim",
        "--base-url",
        up.text("/sp/scim_base_url"),
        "--token",
        up.text("/sp/scim_bearer_token"),
        "--json",
    ];
    let output = Command::from(rehearsal(&arguments)).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["summary"]["passed"].as_u64() > Some(300), "{report}");
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_plays_the_guide_on_postgresql() {
    let Some(database) = test_postgres::fresh_database().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("demo.html");
    let arguments = [
        "demo",
        "--database-url",
        database.server().url().as_str(),
        "--html",
        html.to_str().unwrap(),
    ];
    let output = Command::from(rehearsal(&arguments)).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 scenario passed"), "{text}");
}
