//! Every check at a target that hangs, answers byte by byte or without end, or sends control
//! characters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, Uri};

use super::mutant_scim::TOKEN;
use super::running::rehearsal;
use super::target::repeat_chunk;

/// How the target answers every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behavior {
    Hangs,
    Drips,
    Endless,
    /// Sends sequences that clear the screen and change the title and the color.
    ControlsTerminal,
}

/// Sequences with ESC, with U+009B and with BEL.
const SEQUENCES: &str = "\u{1b}[2J\u{9b}31m\u{1b}]0;title\u{7}";

struct Hostile {
    base: String,
    requests: Arc<AtomicUsize>,
}

impl Hostile {
    async fn start(behavior: Behavior) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let router = Router::new().fallback(async move |uri: Uri| {
            counted.fetch_add(1, Ordering::SeqCst);
            answer(behavior, uri.path()).await
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, requests }
    }

    /// Runs a check with `--timeout`; returns its exit status and all that it prints.
    async fn checked(&self, kind: &str, timeout: &str) -> (Option<i32>, String) {
        let metadata = format!("{}/metadata", self.base);
        let page = format!("{}/page", self.base);
        let arguments: &[&str] = match kind {
            "scim" => &["--base-url", &self.base, "--token", TOKEN],
            "sp" => &[
                "--metadata",
                &metadata,
                "--start-url",
                &page,
                "--probe-url",
                &page,
                "--expect",
                "jo",
            ],
            "idp" => &[
                "--metadata",
                &metadata,
                "--user",
                "jo",
                "--password",
                "not-needed",
            ],
            _ => &[
                "--scim-url",
                &self.base,
                "--token",
                TOKEN,
                "--sp-metadata",
                &metadata,
                "--probe-url",
                &page,
            ],
        };
        run_to_end(&[&["check", kind, "--timeout", timeout], arguments].concat()).await
    }
}

/// Runs a command; returns its exit status and all that it prints.
async fn run_to_end(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::from(rehearsal(arguments));
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(120), output).await;
    let output = output.expect("the command has an end").unwrap();
    let all = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(all).unwrap())
}

fn expect_no_control_characters(command: &str, text: &str) {
    let found: Vec<char> = text.chars().filter(|it| it.is_control()).collect();
    assert!(found.iter().all(|it| *it == '\n'), "{command}: {text:?}");
}

async fn answer(behavior: Behavior, path: &str) -> Response<Body> {
    let (chunk, pause) = match behavior {
        Behavior::Hangs => return std::future::pending().await,
        Behavior::ControlsTerminal if path == "/metadata" => {
            return Response::new(Body::from(format!("no metadata {SEQUENCES}")));
        }
        // `run` begins when the parties are ready.
        Behavior::ControlsTerminal if path == "/readyz" => return Response::new(Body::empty()),
        Behavior::ControlsTerminal => {
            let error = serde_json::json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "401",
                "detail": format!("wrong token {SEQUENCES}"),
            });
            let answer = Response::builder().status(401);
            let answer = answer.header("content-type", "application/scim+json");
            return answer.body(Body::from(error.to_string())).unwrap();
        }
        Behavior::Drips => (" ".to_owned(), Duration::from_millis(100)),
        Behavior::Endless => (" ".repeat(64 * 1024), Duration::ZERO),
    };
    repeat_chunk(chunk, pause)
}

const CHECKS: [&str; 4] = ["scim", "sp", "idp", "leaver"];

#[tokio::test]
async fn every_check_ends_at_a_target_that_hangs_drips_or_never_ends() {
    let one = async |behavior, kind, timeout, says: &str| {
        let target = Hostile::start(behavior).await;
        let (code, text) = target.checked(kind, timeout).await;
        assert_eq!(code, Some(2), "{kind} {behavior:?}: {text}");
        // The text is wrapped.
        let words: Vec<&str> = text.split_whitespace().collect();
        let flat = words.join(" ");
        assert!(flat.contains(says), "{kind} {behavior:?}: {text}");
        let requests = target.requests.load(Ordering::SeqCst);
        assert!(requests <= 3, "{kind} {behavior:?}: {requests} requests");
    };
    for kind in CHECKS {
        tokio::join!(
            one(Behavior::Hangs, kind, "0.5", "no answer within 0.5 s"),
            one(Behavior::Drips, kind, "0.5", "no answer within 0.5 s"),
            // The limit of bytes must end this one, also where reading them takes some seconds.
            one(Behavior::Endless, kind, "100", "longer than"),
        );
    }
}

#[tokio::test]
async fn no_check_prints_control_characters_of_the_target() {
    for kind in CHECKS {
        let target = Hostile::start(Behavior::ControlsTerminal).await;
        let (code, text) = target.checked(kind, "0.5").await;
        assert_eq!(code, Some(2), "{kind}: {text}");
        expect_no_control_characters(kind, &text);
        // The others do not quote what this target says.
        let quotes = matches!(kind, "scim" | "idp");
        let quoted = text.contains("\u{fffd}[2J\u{fffd}31m");
        assert!(quoted || !quotes, "{kind}: {text}");
    }
}

#[tokio::test]
async fn bench_and_run_print_no_control_characters_of_the_target() {
    let target = Hostile::start(Behavior::ControlsTerminal).await;
    let base = target.base.as_str();
    let load = [
        "bench",
        "load",
        "scim",
        "--base-url",
        base,
        "--token",
        TOKEN,
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("target.json");
    let parties = serde_json::json!({
        "sp": {"base_url": base, "control_url": base},
        "idp": {"base_url": base, "control_url": base, "admin_token": "none"},
    });
    std::fs::write(&file, parties.to_string()).unwrap();
    let run = [
        "run",
        "--tags",
        "@G-01 or @G-03",
        "--target",
        file.to_str().unwrap(),
    ];
    for command in [&load[..], &run[..]] {
        let (code, text) = run_to_end(command).await;
        assert_ne!(code, Some(0), "{command:?}: {text}");
        expect_no_control_characters(command[0], &text);
        // Quoted as JSON, which escapes ESC and BEL, or as text.
        assert!(text.contains("\u{fffd}31m"), "{command:?}: {text}");
    }
}
