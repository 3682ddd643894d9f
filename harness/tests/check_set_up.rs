//! What the checks print when nothing can be judged: the exit status and the whole text. A
//! mistake in the set-up is not a finding.
#![allow(clippy::unwrap_used)]

#[path = "check_set_up/answers.rs"]
mod answers;
#[path = "check_set_up/files.rs"]
mod files;
mod running;

use std::path::Path;

use running::{Ended, Up, free_port, run};
use serde_json::Value;

impl Ended {
    /// Returns the paragraph on standard error, without the parts that change from run to
    /// run.
    fn paragraph(&self) -> String {
        assert_eq!(self.code, 2, "{}\n{}", self.out, self.err);
        let lines = self.err.lines();
        let mut kept: Vec<&str> = lines
            .skip_while(|line| !line.starts_with("rehearsal check"))
            .filter(|line| !line.starts_with("wrote "))
            .collect();
        assert!(kept.len() <= 12, "{}", self.err);
        // The line breaks depend on the length of the ports.
        let first = kept.remove(0).to_owned();
        let rest: Vec<&str> = kept.iter().map(|line| line.trim()).collect();
        let text = format!("{first}\n{}", rest.join(" ").replace(" Fix: ", "\nFix: "));
        let ports = regex::Regex::new(r"127\.0\.0\.1:\d+|localhost:\d+").unwrap();
        let text = ports.replace_all(&text, "HOST");
        let ids = regex::Regex::new(
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|R-[0-9A-Z-]{6,}|[A-Za-z0-9_-]{20,}",
        )
        .unwrap();
        let text = ids.replace_all(&text, "ID");
        let folder = regex::Regex::new(r"/[^ ]*/\.tmp\w+").unwrap();
        folder.replace_all(&text, "FOLDER").into_owned()
    }
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_is_one_clear_line() {
    let scim = [
        "check",
        "scim",
        "--base-url",
        "http://127.0.0.1:1",
        "--token",
        "x",
    ];
    for (arguments, wanted) in [
        (
            [&scim[..], &["--profile", "entra-gallery-scim,nonesuch"]].concat(),
            "rehearsal: profile nonesuch not found; profiles for check scim: entra-2020-client, ",
        ),
        (
            [&scim[..], &["--profile", "saml2int"]].concat(),
            "rehearsal: profile saml2int is for check sp and check idp; profiles for check scim: ",
        ),
        (
            vec!["check", "idp", "--list", "--profile", "entra-gallery-sso"],
            "rehearsal: profile entra-gallery-sso is for check sp; profiles for check idp: ",
        ),
        (
            "check leaver --list --profile ipsie-al1 --max-seconds 600"
                .split(' ')
                .collect(),
            "rehearsal: invalid --max-seconds: the profile ipsie-al1 allows at most 300 seconds, got 600",
        ),
        (
            vec!["profiles", "nonesuch"],
            "rehearsal: profile nonesuch not found; the profiles are: entra-2020-client, ",
        ),
    ] {
        let ended = run(&arguments).await;
        assert_eq!(ended.code, 2, "{arguments:?}");
        assert_eq!(ended.out, "", "{arguments:?}");
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        assert!(ended.err.starts_with(wanted), "{}", ended.err);
    }
}

#[tokio::test]
async fn profiles_are_listed_with_their_requirements_and_checks() {
    let all = run(&["profiles"]).await;
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(all.out.contains("\nscim-interop-02 "), "{}", all.out);
    assert!(all.out.contains("individual draft 02"), "{}", all.out);
    let one = run(&["profiles", "okta-oin-scim-spec"]).await;
    assert!(one.out.contains("\n8 (required) "), "{}", one.out);
    assert!(
        one.out.contains("  checks: SCIM-CREATE-14\n"),
        "{}",
        one.out
    );
    let one = run(&["profiles", "saml2int", "--json"]).await;
    let one: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(one["requirements"].as_array().unwrap().len(), 89);
    // --list shows what would run; --only still chooses among all.
    let list = ["check", "scim", "--list", "--profile", "okta-oin-scim-spec"];
    let listed = run(&list).await.out;
    assert!(
        listed.contains("SCIM-PROFILE-30") && !listed.contains("SCIM-SORT-01"),
        "{listed}"
    );
    let only = run(&[&list[..], &["--only", "SCIM-SORT-01"]].concat())
        .await
        .out;
    assert_eq!(only.lines().count(), 1, "{only}");
    let all = run(&["check", "scim", "--list"]).await.out;
    assert_eq!(
        all.lines().count(),
        rehearsal::check::scim::catalogue().len()
    );
    let demanded = run(&["check", "scim", "--list", "--only", "SCIM-PROFILE"])
        .await
        .out;
    let own = rehearsal::check::scim::profile_catalogue();
    let own = own.iter().filter(|it| it.id.starts_with("SCIM-PROFILE-"));
    assert_eq!(demanded.lines().count(), own.count());
    let client = run(&["check", "scim", "--list", "--only", "SCIM-CLIENT-OKTA"]).await;
    assert_eq!(client.out.lines().count(), 11, "{}", client.out);
}

#[tokio::test]
async fn an_idp_that_cannot_be_judged_is_exit_2_with_one_paragraph() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("sp.xml");
    let file = file.to_str().unwrap();
    let prepared = run(&[
        "check",
        "idp",
        "--prepare",
        "--sp-port",
        &port,
        "--sp-metadata-out",
        file,
    ])
    .await;
    assert_eq!(prepared.code, 0, "{}", prepared.err);
    assert!(prepared.out.contains("register"), "{}", prepared.out);
    assert!(prepared.out.contains("rehearsal check idp --metadata"));
    assert!(Path::new(file).with_extension("key").exists());

    let up = Up::start_in(folder.path(), &["--sp-metadata", file]).await;
    let metadata = up.text("/idp/metadata_url").to_owned();
    let user = up.text("/idp/sso_login/username").to_owned();
    let password = up.text("/idp/sso_login/password").to_owned();
    let junit = folder.path().join("junit.xml");
    let judged = async |password: &str, more: &[&str]| {
        let mut arguments = vec![
            "check",
            "idp",
            "--metadata",
            &metadata,
            "--user",
            &user,
            "--password",
            password,
            "--wait",
            "5",
            "--quiet",
        ];
        arguments.extend(more);
        run(&arguments).await
    };
    let known = ["--sp-port", &port, "--sp-metadata-out", file];
    let good = judged(
        &password,
        &[&known[..], &["--only", "SAML-IDP-MD"]].concat(),
    )
    .await;
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);

    let junit_file = junit.to_str().unwrap();
    let wrong = judged("not-it", &[&known[..], &["--junit", junit_file]].concat()).await;
    insta::assert_snapshot!("idp_wrong_password", wrong.paragraph());
    assert_eq!(wrong.out, "");
    let unknown = judged(&password, &[]).await;
    insta::assert_snapshot!("idp_not_registered", unknown.paragraph());
    let json = judged("not-it", &[&known[..], &["--json"]].concat()).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["error"]["code"], "wrong-password");
    assert_eq!(json["checks"], serde_json::json!([]));
    up.kill().await;

    let down = run(&[
        "check",
        "idp",
        "--metadata",
        "http://127.0.0.1:9/metadata",
        "--user",
        "a",
        "--password",
        "b",
        "--wait",
        "1",
    ])
    .await;
    insta::assert_snapshot!("idp_unreachable", down.paragraph());
}

#[tokio::test]
async fn an_answer_without_end_is_not_called_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let long = "x".repeat(5 << 20);
    let router = axum::Router::new().fallback(async move || long.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let ended = run(&["check", "scim", "--base-url", &base, "--token", "x"]).await;
    insta::assert_snapshot!("scim_answer_too_long", ended.paragraph());
}

/// An identity provider whose page after a wrong password has no form.
#[tokio::test]
async fn a_page_that_refuses_the_password_is_no_sign_on() {
    use axum::response::Html;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let metadata = format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{base}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{base}/sso"/></IDPSSODescriptor></EntityDescriptor>"#
    );
    let page = r#"<form method="post" action="/sso"><input name="user"><input type="password" name="password"><button>Sign in</button></form>"#;
    let refused = axum::http::StatusCode::UNAUTHORIZED;
    let router = axum::Router::new()
        .route("/metadata", axum::routing::get(async move || metadata))
        .route(
            "/sso",
            axum::routing::get(async move || Html(page))
                .post(async move || (refused, Html("<p>Wrong user or password</p>"))),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    let place = format!("{base}/metadata");
    let told = run(&[
        "check",
        "idp",
        "--metadata",
        &place,
        "--user",
        "jo",
        "--password",
        "not-it",
        "--quiet",
    ])
    .await;
    let paragraph = told.paragraph();
    assert!(
        paragraph.contains("nothing can be judged (wrong-password)")
            && paragraph.contains("a page that refuses it after jo entered the password"),
        "{paragraph}"
    );
}

#[tokio::test]
async fn an_sp_that_cannot_be_judged_is_exit_2_with_one_paragraph() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("idp.xml");
    let file = file.to_str().unwrap();
    let prepared = run(&[
        "check",
        "sp",
        "--prepare",
        "--idp-port",
        &port,
        "--idp-metadata-out",
        file,
    ])
    .await;
    assert_eq!(prepared.code, 0, "{}", prepared.err);
    assert!(
        prepared.out.contains("rehearsal check sp --metadata"),
        "{}",
        prepared.out
    );
    let up = Up::start_in(folder.path(), &["--idp-metadata", file]).await;
    let metadata = up.text("/sp/metadata_url").to_owned();
    let start = up.text("/sp/sso_start_url").to_owned();
    let start = format!("{start}?email=jo@lumen.example");
    let probe = up.text("/sp/whoami_url").to_owned();
    let judged = async |start: &str, expect: &str, more: &[&str]| {
        let mut arguments = vec![
            "check",
            "sp",
            "--metadata",
            &metadata,
            "--start-url",
            start,
            "--probe-url",
            &probe,
            "--expect",
            expect,
            "--quiet",
            "--idp-port",
            &port,
        ];
        arguments.extend(more);
        run(&arguments).await
    };
    let known = ["--idp-metadata-out", file];
    let one = [&known[..], &["--only", "SAML-SP-GOOD-01"]].concat();
    let good = judged(&start, r"jo@lumen\.example", &one).await;
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);

    let part = judged(&start, "jo@lumen", &one).await;
    insta::assert_snapshot!("sp_expect_matches_a_part_of_the_name", part.paragraph());
    let expect = judged(&start, "somebody else", &known).await;
    insta::assert_snapshot!("sp_wrong_expect", expect.paragraph());
    let everybody = judged(&start, "", &known).await;
    insta::assert_snapshot!("sp_expect_matches_nobody", everybody.paragraph());
    let elsewhere = up.portal("/no-such-page");
    let elsewhere = judged(&elsewhere, r"jo@lumen\.example", &known).await;
    insta::assert_snapshot!("sp_wrong_start_url", elsewhere.paragraph());
    // The same URL, but another key.
    let untrusted = judged(&start, r"jo@lumen\.example", &[]).await;
    insta::assert_snapshot!("sp_not_trusted", untrusted.paragraph());
    up.kill().await;
}

#[tokio::test]
async fn a_scim_server_that_cannot_be_judged_is_exit_2_with_one_paragraph() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let base = up.text("/sp/scim_base_url").to_owned();
    let token = up.text("/sp/scim_bearer_token").to_owned();
    let judged = async |base: &str, token: &str| {
        run(&[
            "check",
            "scim",
            "--base-url",
            base,
            "--token",
            token,
            "--quiet",
        ])
        .await
    };
    insta::assert_snapshot!("scim_wrong_token", judged(&base, "wrong").await.paragraph());
    let elsewhere = format!("{base}/elsewhere");
    insta::assert_snapshot!(
        "scim_wrong_base_url",
        judged(&elsewhere, &token).await.paragraph()
    );
    let page = up.portal("/");
    insta::assert_snapshot!("scim_page", judged(&page, &token).await.paragraph());
    insta::assert_snapshot!(
        "scim_unreachable",
        judged("http://127.0.0.1:9/", &token).await.paragraph()
    );
    up.kill().await;
}

#[tokio::test]
async fn checks_are_listed_and_chosen() {
    let all = run(&["check", "scim", "--list"]).await;
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(all.out.lines().count() > 300, "{}", all.out);
    let some = run(&["check", "scim", "--list", "--only", "SCIM-PATCH-0"]).await;
    assert!(
        some.out
            .lines()
            .all(|line| line.starts_with("SCIM-PATCH-0")),
        "{}",
        some.out
    );
    for party in ["sp", "idp"] {
        assert_eq!(run(&["check", party, "--list"]).await.code, 0, "{party}");
    }
    let none = run(&["check", "scim", "--list", "--only", "SCIM-NONE"]).await;
    assert_eq!(none.code, 2);
    assert!(none.err.contains("--list prints all ids"), "{}", none.err);
}

/// A target that nothing may contact.
fn bind_untouched_target() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}/scim", listener.local_addr().unwrap());
    (listener, base)
}

#[tokio::test]
async fn the_same_credentials_twice_are_refused_before_anything_is_sent() {
    let (listener, base) = bind_untouched_target();
    let scim = ["check", "scim", "--base-url", &base, "--token", "same"];
    let other_form = format!("{base}/");
    for more in [
        vec!["--second-token", "same"],
        vec!["--second-token", "same", "--second-base-url", &other_form],
    ] {
        let ended = run(&[&scim[..], &more].concat()).await;
        assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
        assert!(ended.err.contains("(second-tenant)"), "{}", ended.err);
        assert!(ended.err.contains("the same"), "{}", ended.err);
    }
    assert!(listener.accept().is_err(), "the target was contacted");
}

#[tokio::test]
async fn a_template_with_one_user_name_for_everybody_is_refused() {
    let (listener, base) = bind_untouched_target();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("user.json");
    let path = file.to_str().unwrap();
    let scim = ["--base-url", &base, "--token", "t", "--user-template", path];
    for command in [vec!["check", "scim"], vec!["bench", "load", "scim"]] {
        for template in [r#"{"userName": "jo"}"#, r#"{"USERNAME": 1}"#] {
            std::fs::write(&file, template).unwrap();
            let ended = run(&[&command[..], &scim].concat()).await;
            assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
            assert!(ended.err.contains("userName"), "{}", ended.err);
            assert!(ended.err.contains("{name}"), "{}", ended.err);
        }
    }
    assert!(listener.accept().is_err(), "the target was contacted");
}

#[tokio::test]
async fn a_server_that_limits_all_requests_is_no_success() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let limited = axum::http::StatusCode::TOO_MANY_REQUESTS;
    let answer = (limited, [("retry-after", "3600")]);
    let router = axum::Router::new().fallback(async move || answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let scim = ["--base-url", &base, "--token", "t", "--timeout", "1"];
    for more in [
        vec!["check", "scim", "--quiet"],
        vec!["check", "scim", "--quiet", "--only", "SCIM-CLEAN"],
        vec![
            "check",
            "scim",
            "--quiet",
            "--profile",
            "okta-oin-scim-spec",
        ],
        vec!["bench", "load", "scim", "--duration", "1"],
    ] {
        let ended = run(&[&more[..], &scim].concat()).await;
        assert_eq!(ended.code, 2, "{more:?}: {}{}", ended.out, ended.err);
    }
}

#[tokio::test]
async fn options_that_leave_nothing_to_do_are_refused_before_anything_is_sent() {
    let (listener, base) = bind_untouched_target();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scim = ["check", "scim", "--base-url", &base, "--token", "t"];
    let nothing = run(&[&scim[..], &["--only", "SCIM-PUT", "--skip", "SCIM-P"]].concat()).await;
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("no check to run"), "{}", nothing.err);
    let (html, same) = (path("a.html"), path("./a.html"));
    let twice = run(&[&scim[..], &["--html", &html, "--junit", &same]].concat()).await;
    assert_eq!(twice.code, 2);
    assert!(twice.err.contains("names the same file"), "{}", twice.err);
    assert!(listener.accept().is_err(), "the target was contacted");

    // The key of a party is written next to its metadata, and to no other file's place.
    let (notes, key) = (path("notes.txt"), path("sp.key"));
    std::fs::write(&notes, "not metadata").unwrap();
    for file in [&notes, &key] {
        let idp = ["check", "idp", "--prepare", "--sp-port", "1"];
        let ended = run(&[&idp[..], &["--sp-metadata-out", file]].concat()).await;
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains(file.as_str()), "{}", ended.err);
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "a file was made besides notes.txt");
}
