//! Starts a PostgreSQL server in a temporary folder, and stops it.

use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use url::Url;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL not found: no initdb on PATH or in /usr/lib/postgresql/*/bin; \
         install Debian's package `postgresql`"
    )]
    NotFound,
    /// A program of PostgreSQL failed.
    #[error("cannot start PostgreSQL: {program} failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it printed.
        output: String,
    },
    /// The folder, the port or a program could not be used.
    #[error("cannot start PostgreSQL")]
    Io(#[from] io::Error),
    /// The variable does not hold a URL.
    #[error(
        "invalid {}: expected postgres://USER@HOST/DATABASE",
        crate::SERVER_URL
    )]
    Url(#[from] url::ParseError),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    url: Url,
    /// Stops the server when its standard input is closed; `None` when the
    /// server belongs to somebody else.
    watchdog: Option<Child>,
}

/// The superuser's. The server listens on loopback only and lives for a test.
const PASSWORD: &str = "test";

/// Waits until the test process is gone, however it ended (also by SIGKILL),
/// then stops the server and deletes its folder.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
read -r _
"$@" stop >/dev/null 2>&1
rm -rf "$FOLDER"
"#;

impl Server {
    /// A server that runs already; it is left running.
    ///
    /// # Errors
    /// When this is no URL.
    pub fn at(url: &str) -> Result<Self, StartError> {
        Ok(Self {
            url: url.parse()?,
            watchdog: None,
        })
    }

    /// Starts a server of its own on a free loopback port, in a temporary
    /// folder. It is stopped when the value is dropped or the process ends.
    ///
    /// It does not wait for the disk at a commit: tests that cut the power
    /// need another one.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self, StartError> {
        let programs = find_programs().ok_or(StartError::NotFound)?;
        let folder = tempfile::Builder::new()
            .prefix("rehearsal-postgres-")
            .tempdir()?;
        let user = ServerUser::find()?;
        user.own(folder.path())?;
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD)?;
        let initdb = user
            .command(&programs.join("initdb"))
            .args([
                "--auth-local=trust",
                "--auth-host=password",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .args(["--username=postgres", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data)
            .output()?;
        succeeded("initdb", initdb)?;
        // The port may be taken between the look and the start: then the next.
        let mut last = None;
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            match run_server(&user, &programs, &data, port) {
                Ok(()) => {
                    let mut watchdog = Command::new("sh");
                    watchdog
                        .args(["-c", WATCHDOG, "watchdog"])
                        .args(user.line(&programs.join("pg_ctl")))
                        .arg("-D")
                        .arg(&data)
                        .args(["-m", "immediate"])
                        .env("FOLDER", folder.keep())
                        .current_dir("/")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        // Whoever ends a test ends its whole group of processes.
                        .process_group(0);
                    return Ok(Self {
                        url: format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres")
                            .parse()?,
                        watchdog: Some(watchdog.spawn()?),
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(StartError::NotFound))
    }

    /// The URL of its first database, for the superuser.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }
}

fn run_server(
    user: &ServerUser,
    programs: &Path,
    data: &Path,
    port: u16,
) -> Result<(), StartError> {
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
         -c max_connections=400 -c shared_buffers=64MB -c fsync=off \
         -c synchronous_commit=off -c full_page_writes=off"
    );
    let log = data.join("log");
    let started = user
        .command(&programs.join("pg_ctl"))
        .arg("-D")
        .arg(data)
        .arg("-l")
        .arg(&log)
        .args(["-o", &options, "-w", "start"])
        // The server inherits them, and whoever waits for their end waits for it.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if started.success() {
        return Ok(());
    }
    Err(StartError::Program {
        program: "pg_ctl",
        output: std::fs::read_to_string(log).unwrap_or_default(),
    })
}

fn succeeded(program: &'static str, output: Output) -> Result<(), StartError> {
    if output.status.success() {
        return Ok(());
    }
    Err(StartError::Program {
        program,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The folder of `initdb` and `pg_ctl`. Debian's package does not put them on PATH.
fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.flatten().map(|it| it.path()).collect();
        // The newest first.
        versions.sort();
        folders.extend(versions.into_iter().rev().map(|it| it.join("bin")));
    }
    folders
        .into_iter()
        .find(|it| it.join("initdb").is_file() && it.join("pg_ctl").is_file())
}

/// Who runs the server. PostgreSQL refuses to run as root: then it is `postgres`.
struct ServerUser {
    is_root: bool,
}

impl ServerUser {
    fn find() -> Result<Self, StartError> {
        let id = Command::new("id").arg("-u").output()?;
        Ok(Self {
            is_root: id.stdout.trim_ascii() == b"0",
        })
    }

    fn own(&self, folder: &Path) -> Result<(), StartError> {
        if !self.is_root {
            return Ok(());
        }
        let chown = Command::new("chown").arg("postgres").arg(folder).output()?;
        succeeded("chown", chown)
    }

    /// The command line that runs the program as this user.
    fn line(&self, program: &Path) -> Vec<std::ffi::OsString> {
        let mut line: Vec<std::ffi::OsString> = Vec::new();
        if self.is_root {
            line.extend(["runuser", "-u", "postgres", "--"].map(Into::into));
        }
        line.push(program.into());
        line
    }

    fn command(&self, program: &Path) -> Command {
        let line = self.line(program);
        let mut command = Command::new(&line[0]);
        // The user may not be allowed to enter the folder of the test.
        command
            .args(&line[1..])
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }
}
