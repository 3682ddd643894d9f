//! Parties that run in processes of their own.
#![allow(dead_code, clippy::unwrap_used)] // each test uses what it needs

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

pub(crate) fn rehearsal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.args(arguments);
    command
}

/// `rehearsal up`, ready, with what it says of itself.
pub(crate) struct Up {
    child: tokio::process::Child,
    pub(crate) ready: Value,
}

impl Up {
    /// With its databases in the folder, which outlive it.
    pub(crate) async fn kept(folder: &Path, arguments: &[&str]) -> Self {
        let database = format!("sqlite://{}?mode=rwc", folder.join("portal.db").display());
        let mut all = vec!["--database-url", &database];
        all.extend(arguments);
        Self::on(folder, &all).await
    }

    /// Waits for the line that tells that all is ready.
    pub(crate) async fn on(folder: &Path, arguments: &[&str]) -> Self {
        let file = folder.join("ready.json");
        let mut command = rehearsal(&["up", "--ready-file"]);
        command.arg(&file).args(arguments).stdout(Stdio::piped());
        // What it tells other commands is this test's alone.
        command.env("XDG_RUNTIME_DIR", folder);
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The ready file is in place when the first line is out.
        lines.next_line().await.unwrap().unwrap();
        let ready = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, ready }
    }

    /// A text of the ready file, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).unwrap().as_str().unwrap()
    }

    pub(crate) fn portal(&self, path: &str) -> String {
        format!("{}{path}", self.ready["sp"]["base_url"].as_str().unwrap())
    }

    /// Asks it to end, as a supervisor does, and waits until it has.
    #[cfg(unix)]
    pub(crate) async fn terminated(mut self) -> std::process::ExitStatus {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        self.child.wait().await.unwrap()
    }

    pub(crate) async fn killed(mut self) {
        self.child.kill().await.unwrap();
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .unwrap()
}
