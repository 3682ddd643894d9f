//! The pages that run checks: forms, runs, reports, and what they refuse.

use regex::Regex;
use reqwest::StatusCode;
use tokio::io::AsyncReadExt as _;

use super::page::Hands;
use super::running::Up;

/// Asks for the page of a run until it has ended, as a browser does that follows its header
/// `Refresh`: each answer waits for news.
async fn follow_to_end(hands: &Hands, url: &str, number: usize) -> String {
    let mut path = format!("/checks/runs/{number}");
    loop {
        let answer = hands.http.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let next = answer.headers().get("refresh").cloned();
        let page = answer.text().await.unwrap();
        let Some(next) = next else { return page };
        assert!(
            page.contains(">Running<") || page.contains(">Stopping<"),
            "{page}"
        );
        let (_, place) = next.to_str().unwrap().split_once("url=").unwrap();
        path = place.to_owned();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_runs_a_check_and_serves_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("checks");
    let up = Up::start_in(folder.path(), &["--checks-folder", kept.to_str().unwrap()]).await;
    let url = up.text("/simulation/url").to_owned();
    let hands = Hands::at(&url);
    let fetch = async |path: &str| {
        let answer = hands.http.get(format!("{url}{path}")).send().await.unwrap();
        let status = answer.status();
        (status, answer.text().await.unwrap())
    };
    let (_, list) = fetch("/checks").await;
    assert!(list.contains("There are no runs"), "{list}");
    // The form knows the simulation's own portal.
    let (_, form) = fetch("/checks/scim?of=simulation").await;
    let token = up.text("/sp/scim_bearer_token");
    assert!(form.contains(&format!("value=\"{token}\"")), "{form}");

    let base = up.text("/sp/scim_base_url");
    let asked = [
        ("base-url", base),
        ("token", token),
        ("read-only", "yes"),
        ("confirmed", "yes"),
    ];
    let (status, page) = hands.post("/checks/scim", &asked).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(page.contains("Run 1: SCIM 2.0 server"), "{page}");
    let page = follow_to_end(&hands, &url, 1).await;
    assert!(page.contains(">No finding<"), "{page}");
    assert!(page.contains("passed"), "{page}");
    assert!(
        page.contains("<code>REHEARSAL_SCIM_TOKEN</code> first")
            && page.contains("\nrehearsal check scim --base-url"),
        "{page}"
    );
    for (file, kind, part) in [
        ("report.html", "text/html", "<!DOCTYPE html>"),
        ("report.txt", "text/plain", "rehearsal check scim"),
        ("junit.xml", "application/xml", "<testsuite"),
        ("report.sarif", "application/sarif+json", "\"2.1.0\""),
    ] {
        let report = format!("{url}/checks/runs/1/{file}");
        let report = hands.http.get(report).send().await.unwrap();
        let header = |name: &str| report.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{file}");
        // A report quotes the checked server.
        let policy = header("content-security-policy");
        assert!(
            policy.ends_with("sandbox allow-scripts"),
            "{file}: {policy}"
        );
        let report = report.text().await.unwrap();
        assert!(report.contains(part), "{file}: {report}");
        assert!(!report.contains(token), "{file} has the token");
        assert!(kept.join(format!("1-scim-{file}")).exists(), "{file}");
    }
    let (status, page) = fetch("/checks/runs/1/1-scim-report.html").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{page}");
    assert_eq!(fetch("/checks/runs/2").await.0, StatusCode::NOT_FOUND);
    let (_, list) = fetch("/checks").await;
    assert!(list.contains("Run 1") && list.contains(base), "{list}");
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_says_why_nothing_was_judged() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("checks");
    // A file of somebody else, and one with the largest number.
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("rehearsal-sp.xml"), "other").unwrap();
    let largest = format!("{}-scim-report.txt", usize::MAX);
    std::fs::write(kept.join(largest), "").unwrap();
    let arguments = ["--empty", "--checks-folder", kept.to_str().unwrap()];
    let up = Up::start_in(folder.path(), &arguments).await;
    let url = up.text("/simulation/url").to_owned();
    let hands = Hands::at(&url);
    let answer = hands.http.get(format!("{url}/checks/idp/metadata.xml"));
    let said = answer.send().await.unwrap().text().await.unwrap();
    assert!(
        said.contains("cannot write the metadata") && said.contains("rehearsal-sp.xml"),
        "{said}"
    );
    let other = kept.join("rehearsal-sp.xml");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
    std::fs::remove_file(other).unwrap();
    // The metadata of the played party is the same each time, because its key is kept.
    let metadata = async || {
        let answer = hands.http.get(format!("{url}/checks/idp/metadata.xml"));
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let disposition = answer.headers()["content-disposition"].to_str().unwrap();
        assert!(disposition.contains("rehearsal-sp.xml"), "{disposition}");
        answer.text().await.unwrap()
    };
    let first = metadata().await;
    assert!(first.contains("SPSSODescriptor"), "{first}");
    assert_eq!(first, metadata().await);

    let asked = [
        ("metadata", "<html>Please log in</html>"),
        ("user", "jo"),
        ("password", "Wq7-otter-quarry-81"),
        ("confirmed", "yes"),
    ];
    let (status, page) = hands.post("/checks/idp", &asked).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let page = follow_to_end(&hands, &url, 1).await;
    assert!(page.contains(">Could not judge<"), "{page}");
    assert!(page.contains("got a web page (HTML)"), "{page}");
    // The page names its fields, not the options of the command.
    assert!(
        page.contains("Check “Metadata of the identity provider”"),
        "{page}"
    );
    assert!(page.contains("/checks/runs/1/report.html"), "{page}");
    let again = hands.http.get(format!("{url}/checks/idp?of=1"));
    let again = again.send().await.unwrap().text().await.unwrap();
    assert!(
        again.contains("value=\"jo\"") && again.contains("Please log in"),
        "{again}"
    );
    assert!(!again.contains("Wq7-otter-quarry-81"), "{again}");
    assert!(!page.contains("Wq7-otter-quarry-81"), "{page}");

    // A form that the check would refuse is refused at once, and keeps what was typed.
    for (path, fields, said) in [
        ("/checks/idp", &[("user", "jo")][..], "is missing"),
        (
            "/checks/scim",
            &[("base-url", "scim.example"), ("token", "t")],
            "expected a URL",
        ),
        (
            "/checks/scim",
            &[("base-url", "https://scim.example"), ("token", "t")],
            "test system",
        ),
    ] {
        let (status, page) = hands.post(path, fields).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{page}");
        assert!(page.contains(said), "{said}: {page}");
        let (_, value) = fields[0];
        assert!(
            page.contains(&format!("value=\"{value}\"")) || page.contains(&format!(">{value}<")),
            "{page}"
        );
    }
    for path in [
        "/checks/ldap",
        "/checks/scim/metadata.xml",
        "/checks/runs/-1",
        "/checks/runs/a",
    ] {
        let answer = hands.http.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(
            answer.text().await.unwrap().contains("All checks"),
            "{path}"
        );
    }
    // Without the form token nothing starts.
    let answer = hands.http.post(format!("{url}/checks/idp")).form(&asked);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    up.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_can_be_stopped_and_is_stopped_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("checks");
    let up = Up::start_in_group(folder.path(), &["--checks-folder", kept.to_str().unwrap()]).await;
    let url = up.text("/simulation/url").to_owned();
    let hands = Hands::at(&url);
    // A server that accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/scim", silent.local_addr().unwrap());
    let asked = [
        ("base-url", base.as_str()),
        ("token", "t"),
        ("confirmed", "yes"),
    ];
    let ask = async || {
        let (status, page) = hands.post("/checks/scim", &asked).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let (mut socket, _) = silent.accept().await.unwrap();
        // The check has sent its first request.
        assert_ne!(socket.read(&mut [0; 16]).await.unwrap(), 0);
        socket
    };
    let _socket = ask().await;
    let (status, page) = hands.post("/checks/scim", &asked).await;
    assert_eq!(status, StatusCode::CONFLICT, "{page}");
    assert!(page.contains("run 1 has not ended"), "{page}");
    let (status, page) = hands.post("/checks/runs/1/stop", &[]).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(
        page.contains(">Stopping<") || page.contains(">Stopped<"),
        "{page}"
    );
    let page = follow_to_end(&hands, &url, 1).await;
    assert!(page.contains(">Stopped<"), "{page}");
    assert!(page.contains("interrupted by SIGTERM"), "{page}");

    let _socket = ask().await;
    // The check is in another process group, so it gets one signal only: that of `up`.
    assert!(up.interrupt_group().await.success());
    let junit = std::fs::read_to_string(kept.join("2-scim-junit.xml")).unwrap();
    let error = Regex::new("<error ").unwrap();
    assert!(error.is_match(&junit), "{junit}");
}
