//! Parties that run in separate processes.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stderr)] // each test uses what it needs

pub(crate) mod terminal;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::ChildStdout;

/// Returns a port on which no program listens at this moment.
pub(crate) fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

pub(crate) fn rehearsal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.args(arguments);
    command
}

/// The end of a command: its exit status and what it printed.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Returns standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

/// Runs a command to its end.
pub(crate) async fn run(arguments: &[&str]) -> Ended {
    let mut command = tokio::process::Command::from(rehearsal(arguments));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running `rehearsal up`, and the content of its ready file.
pub(crate) struct Up {
    child: Child,
    pub(crate) ready: Value,
}

impl Drop for Up {
    /// Ends it and waits for its end, so that the next one can use the same files.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    /// Starts it with databases in the folder, which are kept when it ends.
    pub(crate) async fn start_kept(folder: &Path, arguments: &[&str]) -> Self {
        let database = format!("sqlite://{}?mode=rwc", folder.join("portal.db").display());
        let mut all = vec!["--database-url", &database];
        all.extend(arguments);
        Self::start_in(folder, &all).await
    }

    /// Starts it and waits until everything is ready.
    pub(crate) async fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, |_| {}).await
    }

    /// Starts it with a log of every message in this file.
    pub(crate) async fn start_logged(folder: &Path, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let set_up = |command: &mut Command| {
            command.env("RUST_LOG", "trace").stderr(log);
        };
        Self::start_with(folder, &[], set_up).await
    }

    async fn start_with(
        folder: &Path,
        arguments: &[&str],
        set_up: impl FnOnce(&mut Command),
    ) -> Self {
        let file = folder.join("ready.json");
        let mut command = rehearsal(&["up", "--ready-file"]);
        command.arg(&file).args(arguments).stdout(Stdio::piped());
        // Other tests must not find the state file of this `up`.
        command.env("XDG_RUNTIME_DIR", folder);
        set_up(&mut command);
        let child = command.spawn().unwrap();
        let mut up = Self {
            child,
            ready: Value::Null,
        };
        let output = ChildStdout::from_std(up.child.stdout.take().unwrap()).unwrap();
        let mut lines = BufReader::new(output).lines();
        // The ready file exists when the first line is printed.
        lines.next_line().await.unwrap().unwrap();
        up.ready = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        // Read the rest of the output, because a full pipe would block the process.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        up
    }

    /// Returns a string of the ready file, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).unwrap().as_str().unwrap()
    }

    pub(crate) fn portal(&self, path: &str) -> String {
        format!("{}{path}", self.ready["sp"]["base_url"].as_str().unwrap())
    }

    /// Starts it in a process group of its own, as a shell does.
    #[cfg(unix)]
    pub(crate) async fn start_in_group(folder: &Path, arguments: &[&str]) -> Self {
        use std::os::unix::process::CommandExt as _;
        let set_up = |command: &mut Command| {
            command.process_group(0);
        };
        Self::start_with(folder, arguments, set_up).await
    }

    /// Sends SIGTERM and waits until the process has ended.
    #[cfg(unix)]
    pub(crate) async fn terminate(self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        self.end_by("-TERM", &id).await
    }

    /// Sends SIGINT to the process group, as a terminal does when somebody types Ctrl-C, and waits
    /// until the process has ended.
    #[cfg(unix)]
    pub(crate) async fn interrupt_group(self) -> std::process::ExitStatus {
        let group = format!("-{}", self.child.id());
        self.end_by("-INT", &group).await
    }

    #[cfg(unix)]
    async fn end_by(mut self, signal: &str, target: &str) -> std::process::ExitStatus {
        let sent = Command::new("kill").args([signal, "--", target]).status();
        assert!(sent.unwrap().success());
        let ended = tokio::task::spawn_blocking(move || self.child.wait());
        ended.await.unwrap().unwrap()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().unwrap();
        let ended = tokio::task::spawn_blocking(move || self.child.wait());
        ended.await.unwrap().unwrap();
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .unwrap()
}

/// Fetches a page and checks that its content security policy allows nothing but the style that the
/// page contains, and no frame around it.
pub(crate) async fn expect_strict_policy(page: reqwest::RequestBuilder) {
    use base64::Engine as _;
    use sha2::Digest as _;

    let page = page.send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    let policy = policy.to_owned();
    for rule in [
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = page.text().await.unwrap();
    let (_, rest) = text.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let digest = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(style));
    let allowed = format!("style-src 'sha256-{digest}'");
    assert!(policy.contains(&allowed), "{policy}: {allowed}");
}
