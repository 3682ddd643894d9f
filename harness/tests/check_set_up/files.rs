//! Files that a command cannot write or open, and reports on standard output.

use super::answers::answer_all_with;
use super::running::{Up, run};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_report_on_a_full_disk_prevents_neither_the_text_nor_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let base = answer_all_with("application/scim+json", r#"{"Resources": []}"#).await;
    let junit = folder.path().join("r.xml");
    let only = ["--read-only", "--only", "SCIM-PAGE-02", "--quiet"];
    let scim = ["check", "scim", "--base-url", &base, "--token", "x"];
    let files = ["--html", "/dev/full", "--junit", junit.to_str().unwrap()];
    let ended = run(&[&scim[..], &only, &files].concat()).await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("FAIL SCIM-PAGE-02"), "{}", ended.out);
    let error = ended.err.lines().last().unwrap();
    assert!(
        error.starts_with("rehearsal: cannot write /dev/full: "),
        "{error}"
    );
    assert!(junit.exists(), "{}", ended.err);
    let listed = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(listed, 1, "a temporary file remains");
}

#[tokio::test]
async fn one_report_can_be_printed_instead_of_the_text() {
    let base = answer_all_with("application/scim+json", r#"{"Resources": []}"#).await;
    let only = ["--read-only", "--only", "SCIM-PAGE-02", "--quiet"];
    let scim = ["check", "scim", "--base-url", &base, "--token", "x"];
    let printed = async |more: &[&str]| run(&[&scim[..], &only, more].concat()).await;
    let junit = printed(&["--junit", "-"]).await;
    assert_eq!(junit.code, 1, "{}{}", junit.out, junit.err);
    assert!(junit.out.starts_with("<?xml "), "{}", junit.out);
    assert!(!junit.out.contains("\nfirst finding"), "{}", junit.out);
    // The text comes too under this name, because it is a file like others.
    let both = printed(&["--junit", "/dev/stdout"]).await;
    assert!(both.out.starts_with("<?xml "), "{}", both.out);
    assert!(both.out.contains("\nfirst finding"), "{}", both.out);
    for (more, why) in [
        (&["--junit", "-", "--html", "-"][..], "--html is printed"),
        (&["--junit", "-", "--json"], "--json is printed"),
        (&["--sarif", "-"], "cannot print to standard output"),
    ] {
        let refused = printed(more).await;
        assert_eq!(refused.code, 2, "{}{}", refused.out, refused.err);
        assert!(refused.err.contains(why), "{}", refused.err);
        assert_eq!(refused.out, "");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_its_option() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    std::fs::write(folder.path().join("notes.txt"), "dear diary").unwrap();
    let commands = [
        &["sp", "serve", "--listen", "127.0.0.1:0"][..],
        &["mock-idp", "serve", "--listen", "127.0.0.1:0"],
        &["up"],
    ];
    for command in commands {
        for (url, why) in [
            (
                format!("sqlite://{at}/no/a.db?mode=rwc"),
                "does not exist; create it",
            ),
            (format!("sqlite://{at}?mode=rwc"), "it is a folder"),
            (format!("sqlite://{at}/notes.txt"), "another format"),
            (format!("sqlite://{at}/absent.db"), "add ?mode=rwc"),
            (
                "sqlite:///sys/a.db?mode=rwc".to_owned(),
                "cannot create the database /sys/a.db: ",
            ),
            ("portal.db".to_owned(), "sqlite://PATH?mode=rwc or"),
        ] {
            let ended = run(&[command, &["--database-url", &url]].concat()).await;
            assert_eq!(ended.code, 2, "{command:?} {url}: {}", ended.err);
            let error = ended.err.lines().last().unwrap();
            assert!(error.contains(why), "{command:?} {url}: {error}");
            assert!(
                error.contains("--database-url"),
                "{command:?} {url}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn the_ready_file_of_a_running_process_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &["--empty"]).await;
    let file = folder.path().join("ready.json");
    let name = file.to_str().unwrap();
    let before = std::fs::read_to_string(&file).unwrap();
    for command in [
        &["up", "--empty"][..],
        &["sp", "serve", "--listen", "127.0.0.1:0"],
        &["mock-idp", "serve", "--listen", "127.0.0.1:0"],
    ] {
        let second = run(&[command, &["--ready-file", name]].concat()).await;
        assert_eq!(second.code, 2, "{command:?}");
        let process = format!("in use by process {};", up.ready["pid"]);
        assert!(second.err.contains(&process), "{}", second.err);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }
    // A killed process leaves its file, which the next one replaces and removes at its end.
    up.kill().await;
    assert!(file.exists());
    let next = Up::start_in(folder.path(), &["--empty"]).await;
    assert_ne!(std::fs::read_to_string(&file).unwrap(), before);
    assert!(next.terminate().await.success());
    assert!(!file.exists());
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/scim", listener.local_addr().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = file.join("report.html");
    let scim = ["scim", "--base-url", &target, "--token", "x"];
    for command in [vec!["check"], vec!["bench", "load"]] {
        for (path, why) in [
            (folder.path(), "cannot write "),
            (&below_a_file, "cannot create the folder "),
        ] {
            let html = ["--html", path.to_str().unwrap()];
            let ends = run(&[&command[..], &scim, &html].concat()).await;
            assert_eq!(ends.code, 2, "{}", ends.err);
            let begin = format!("rehearsal: {why}");
            assert!(ends.err.starts_with(&begin), "{}", ends.err);
        }
    }
    let twice = folder.path().join("new/result");
    let twice = twice.to_str().unwrap();
    let load = ["bench", "load"];
    let ends = run(&[&load[..], &scim, &["--json", twice, "--html", twice]].concat()).await;
    assert!(ends.err.contains("the same file"), "{}", ends.err);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the target was contacted");
}
