//! Starts and stops a PostgreSQL server in a temporary folder.

use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use url::Url;

/// Why no server can be started.
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
        /// Name of the program.
        program: &'static str,
        /// Output of the program.
        output: String,
    },
    /// The folder, the port or a program cannot be used.
    #[error("cannot start PostgreSQL")]
    Io(#[from] io::Error),
    /// The environment variable does not contain a URL.
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
    /// Process that stops the server when its standard input is closed; `None`
    /// if this process did not start the server.
    watchdog: Option<Child>,
}

/// Password of the superuser. The server listens on loopback only and exists
/// only for the tests.
const PASSWORD: &str = "test";

/// Shell script that waits until the test process has ended in any way (even by
/// SIGKILL), then stops the server and deletes its folder.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
read -r _
"$@" stop >/dev/null 2>&1
rm -rf "$FOLDER"
"#;

impl Server {
    /// Uses a running server; dropping the value does not stop it.
    ///
    /// # Errors
    /// If the text is not a URL.
    pub fn at(url: &str) -> Result<Self, StartError> {
        Ok(Self {
            url: url.parse()?,
            watchdog: None,
        })
    }

    /// Starts a server on a free loopback port, in a temporary folder. It stops
    /// when the value is dropped or the process ends.
    ///
    /// The server does not wait for the disk at a commit, so it cannot be used
    /// for tests that simulate a power failure.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
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
        require_success("initdb", initdb)?;
        // Another process may take the free port before the server starts: then
        // try another one.
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
                        // Use a separate process group, because ending a test
                        // sends the signal to its whole group.
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

    /// Returns the URL of the default database, for the superuser.
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
        // The server inherits these handles; with a pipe, readers would wait
        // until the server ends.
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

fn require_success(program: &'static str, output: Output) -> Result<(), StartError> {
    if output.status.success() {
        return Ok(());
    }
    Err(StartError::Program {
        program,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Finds the folder of `initdb` and `pg_ctl`. Debian's package does not put
/// them on PATH.
fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.flatten().map(|it| it.path()).collect();
        // Try the newest version first.
        versions.sort();
        folders.extend(versions.into_iter().rev().map(|it| it.join("bin")));
    }
    folders
        .into_iter()
        .find(|it| it.join("initdb").is_file() && it.join("pg_ctl").is_file())
}

/// The operating system user that runs the server. PostgreSQL refuses to run as
/// root; then it is `postgres`.
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
        require_success("chown", chown)
    }

    /// Returns the command line that runs the program as this user.
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
        // That user may have no access to the test's working directory.
        command
            .args(&line[1..])
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }
}
