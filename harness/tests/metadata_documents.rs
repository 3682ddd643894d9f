//! Passes the documents of `fixtures/metadata` to the commands that read metadata: `up`,
//! `check idp` and `check sp`.
#![allow(clippy::unwrap_used)]

mod running;

use std::process::Stdio;

use running::{Up, client, rehearsal};

fn document(name: &str) -> String {
    format!("{}/../fixtures/metadata/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command to its end; returns the exit status and standard error.
async fn run(arguments: &[&str]) -> (i32, String) {
    let mut command = tokio::process::Command::from(rehearsal(arguments));
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    // The line breaks depend on the lengths of paths.
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code().unwrap(), error)
}

/// Tests that a login of the demo organization goes to the identity provider of the
/// fixture, so that its metadata is used.
async fn check_login_leads_to_idp(up: &Up) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let user = up.text("/idp/sso_login/username").replace('@', "%40");
    let start = format!("{}?email={user}", up.text("/sp/sso_start_url"));
    let start = client.build().unwrap().get(start);
    let answer = start.send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(
        location.starts_with("https://idp.example.com/"),
        "{location}"
    );
}

#[tokio::test]
async fn up_accepts_metadata_in_common_forms() {
    let folder = tempfile::tempdir().unwrap();
    let (idp, sp) = (document("idp-utf-16.xml"), document("sp-aggregate.xml"));
    let (old, chosen) = (
        document("idp-expired-certificate.xml"),
        "https://sp2.example.com/metadata",
    );
    let up = Up::start_in(
        folder.path(),
        &[
            "--idp-metadata",
            &idp,
            "--sp-metadata",
            &sp,
            "--entity-id",
            chosen,
        ],
    )
    .await;
    check_login_leads_to_idp(&up).await;
    let get = async |url: String| {
        let request = client().get(url).bearer_auth(up.text("/idp/admin_token"));
        request.send().await.unwrap().text().await.unwrap()
    };
    let environments = format!("{}/environments", up.text("/idp/admin_api_url"));
    let all: serde_json::Value = serde_json::from_str(&get(environments.clone()).await).unwrap();
    let mut known = String::new();
    for environment in all["_embedded"]["environments"].as_array().unwrap() {
        let id = environment["id"].as_str().unwrap();
        known.push_str(&get(format!("{environments}/{id}/applications")).await);
    }
    assert!(known.contains(chosen), "{known}");
    drop(up);
    let up = Up::start_in(folder.path(), &["--idp-metadata", &old]).await;
    check_login_leads_to_idp(&up).await;
}

#[tokio::test]
async fn one_of_several_entities_has_to_be_chosen() {
    let (idp, sp) = (document("idp-aggregate.xml"), document("sp-aggregate.xml"));
    let (code, error) = run(&["up", "--idp-metadata", &idp]).await;
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("with 7: ") && error.contains("--entity-id"),
        "{error}"
    );
    let (code, error) = run(&["up", "--sp-metadata", &sp]).await;
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("with 2: ") && error.contains("--entity-id"),
        "{error}"
    );
    let known = ["--user", "ada", "--password", "secret", "--quiet"];
    let (code, error) = run(&[&["check", "idp", "--metadata", &idp], &known[..]].concat()).await;
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("with 7: ") && error.contains("--entity-id"),
        "{error}"
    );
    let anywhere = "http://127.0.0.1:9/";
    let target = [
        "--start-url",
        anywhere,
        "--probe-url",
        anywhere,
        "--expect",
        "ada",
    ];
    let (code, error) = run(&[&["check", "sp", "--metadata", &sp], &target[..]].concat()).await;
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("with 2: ") && error.contains("--entity-id"),
        "{error}"
    );
    let other = ["--entity-id", "https://none.example"];
    let arguments = [
        &["check", "idp", "--metadata", &idp],
        &known[..],
        &other[..],
    ]
    .concat();
    let (code, error) = run(&arguments).await;
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("https://none.example"), "{error}");
}

#[tokio::test]
async fn a_document_of_another_kind_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sp = std::fs::read_to_string(document("sp-aggregate.xml")).unwrap();
    let (begin, end) = (sp.find("<").unwrap(), sp.len() / 2);
    let cut = sp[begin..end].to_owned();
    for (text, said) in [
        ("", "got an empty document"),
        ("<html><form></form></html>", "got a web page (HTML)"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n",
            "got a PEM file (PRIVATE KEY)",
        ),
        ("{\"keys\": []}", "got JSON"),
        (
            "see the portal",
            "got text that is no XML; it begins with \"see the portal\"",
        ),
        (cut.as_str(), "got XML that cannot be read"),
        (sp.as_str(), "got the metadata of a service provider"),
        ("<note/>", "got a document <note> of another kind"),
    ] {
        let path = folder.path().join("metadata.xml");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let known = ["--user", "ada", "--password", "secret", "--quiet"];
        let (code, error) =
            run(&[&["check", "idp", "--metadata", path], &known[..]].concat()).await;
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(said), "{said}: {error}");
    }
}

/// Counts the requests of metadata that are answered like this, and returns the error.
async fn error_and_requests<A>(answer: A) -> (String, usize)
where
    A: axum::response::IntoResponse + Clone + Send + Sync + 'static,
{
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}/metadata", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let counts = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        answer
    };
    let router = axum::Router::new().route("/metadata", axum::routing::get(counts));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let idp = [
        "check",
        "idp",
        "--user",
        "jo",
        "--password",
        "x",
        "--metadata",
    ];
    let (code, error) = run(&[&idp[..], &[&place]].concat()).await;
    assert_eq!(code, 2, "{error}");
    (error, requests.load(Ordering::Relaxed))
}

#[tokio::test]
async fn metadata_behind_a_login_are_requested_once() {
    let (error, requests) = error_and_requests(axum::http::StatusCode::UNAUTHORIZED).await;
    assert!(error.contains("The URL requires a login"), "{error}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn metadata_that_redirect_to_themselves_are_requested_once() {
    let loops = axum::response::Redirect::to("/metadata");
    let (error, requests) = error_and_requests(loops).await;
    assert!(
        error.contains("the redirects lead to no document"),
        "{error}"
    );
    assert!(error.contains("Open the URL in a browser"), "{error}");
    // The first request, and the redirects that are followed.
    assert_eq!(requests, 6);
}
