//! A browser for one test: chromedriver on a free port and headless Chromium with a new
//! profile. Both are stopped at the end.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::json;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Outcome;

/// Headless, without network traffic of its own (tests run without a network), and without
/// background services.
const FLAGS: [&str; 16] = [
    "--headless",
    "--window-size=1280,900",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-back-forward-cache",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--mute-audio",
];

/// A running browser.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    chromedriver: Child,
    folder: TempDir,
}

impl Browser {
    /// Starts a browser; None if Chromium or chromedriver is not installed.
    pub(crate) async fn open() -> Outcome<Option<Self>> {
        if !is_installed("chromium") || !is_installed("chromedriver") {
            if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
                bail!("chromium and chromedriver not found; install both where CI is set");
            }
            return Ok(None);
        }
        let (chromedriver, port) = start_chromedriver().await?;
        let folder = tempfile::tempdir()?;
        let mut wanted = DesiredCapabilities::chrome();
        // `up --tls` has its own certificate authority.
        wanted.accept_insecure_certs(true)?;
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        let profile = folder.path().join("profile");
        wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted)
            .await
            .context("starting Chromium by chromedriver")?;
        let downloads = folder.path().join("downloads");
        std::fs::create_dir(&downloads)?;
        driver
            .cdp()
            .send_raw(
                "Browser.setDownloadBehavior",
                json!({"behavior": "allow", "downloadPath": downloads}),
            )
            .await?;
        Ok(Some(Self {
            driver,
            chromedriver,
            folder,
        }))
    }

    /// Returns the folder of downloaded files.
    pub(crate) fn downloads(&self) -> std::path::PathBuf {
        self.folder.path().join("downloads")
    }

    /// Stops Chromium, then chromedriver.
    pub(crate) async fn close(mut self) -> Outcome {
        self.driver.quit().await?;
        self.chromedriver.kill().await?;
        Ok(())
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// How often chromedriver is started until it listens.
const STARTS: usize = 5;

/// Starts chromedriver on a free port. It takes a free port of IPv4 and then the same one of IPv6,
/// and ends if another process has that one, so it is started again.
async fn start_chromedriver() -> Outcome<(Child, u16)> {
    let mut said = String::new();
    for _ in 0..STARTS {
        let mut chromedriver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting chromedriver")?;
        if let Some(port) = port_of(&mut chromedriver, &mut said).await? {
            return Ok((chromedriver, port));
        }
    }
    bail!("chromedriver ended {STARTS} times before it listened; it said: {said}")
}

/// Reads the port from the line that chromedriver prints when it listens; None if it ends before.
/// The other lines are added to `said`.
async fn port_of(chromedriver: &mut Child, said: &mut String) -> Outcome<Option<u16>> {
    let stdout = chromedriver
        .stdout
        .take()
        .context("chromedriver's output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse()?;
            // Read the rest of the output, because chromedriver blocks when the pipe is
            // full.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(Some(port));
        }
        said.push_str(&line);
        said.push('\n');
    }
    Ok(None)
}
