//! Waits for a connection to PostgreSQL as long as that can succeed.
//!
//! A pool cannot distinguish "all connections are in use", when waiting is
//! right, from "the server is down", when it is not: in both cases it waits 30
//! seconds and reports a timeout. So if a caller waits long, this module
//! connects to the server itself, once for all waiting callers.
//!
//! At the start a server that is just starting too gets a few seconds.

use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Result, StoreError};

/// Waiting time after which the server is checked.
const PATIENCE: Duration = Duration::from_secs(2);

/// Timeout of the check.
const ANSWER: Duration = Duration::from_secs(3);

/// How long the result of a check is reused.
const FRESH: Duration = Duration::from_secs(1);

/// How long a server may take to start together with the portal.
const PATIENCE_AT_START: Duration = Duration::from_secs(5);

/// Interval of the attempts at the start.
const INTERVAL_AT_START: Duration = Duration::from_millis(250);

/// PostgreSQL's error codes for "all connections are in use".
const TOO_MANY: [&str; 2] = ["53300", "53400"];

/// The PostgreSQL server of a pool.
#[derive(Debug)]
pub(super) struct Server {
    url: String,
    last: Mutex<Option<(Instant, Option<String>)>>,
}

impl Server {
    pub(super) fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            last: Mutex::default(),
        }
    }

    /// Waits for the pool's connection, and fails as soon as the server cannot
    /// be reached.
    pub(super) async fn wait_for<T>(
        &self,
        connection: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T> {
        let mut connection = std::pin::pin!(connection);
        loop {
            if let Ok(answer) = timeout(PATIENCE, &mut connection).await {
                return Ok(answer?);
            }
            if let Some(reason) = self.find_connection_error().await {
                return Err(StoreError::Unreachable(reason));
            }
        }
    }

    async fn find_connection_error(&self) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, reason)) = &*last
            && at.elapsed() < FRESH
        {
            return reason.clone();
        }
        let reason = match timeout(ANSWER, AnyConnection::connect(&self.url)).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                None
            }
            Ok(Err(error)) => {
                let code = error.as_database_error().and_then(|error| error.code());
                let is_busy = code.is_some_and(|code| TOO_MANY.contains(&&*code));
                (!is_busy).then(|| error.to_string())
            }
            Err(_) => Some(format!("no answer within {} s", ANSWER.as_secs())),
        };
        *last = Some((Instant::now(), reason.clone()));
        reason
    }
}

/// Waits until the server accepts a connection, for a few seconds.
///
/// # Errors
/// [`StoreError::Unreachable`] with the server, the cause and what to do: at once if another attempt
/// cannot help, as with a wrong password.
pub(super) async fn wait_at_start(url: &str) -> Result<()> {
    let started = Instant::now();
    let mut attempts = tokio::time::interval(INTERVAL_AT_START);
    loop {
        attempts.tick().await;
        let problem = match timeout(ANSWER, AnyConnection::connect(url)).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                return Ok(());
            }
            Ok(Err(error)) => Problem::of(&error),
            Err(_) => Problem::NoAnswer,
        };
        if problem.is_final() || started.elapsed() >= PATIENCE_AT_START {
            return Err(StoreError::Unreachable(problem.to_text(url)));
        }
    }
}

/// Why the server accepts no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Refused,
    UnknownHost,
    NoAnswer,
    /// The user is unknown, has another password, or may not connect.
    Credentials(String),
    NoDatabase,
    /// The URL itself is wrong.
    Url(String),
    Other(String),
}

impl Problem {
    fn of(error: &sqlx::Error) -> Self {
        let text = error.to_string();
        if let Some(error) = error.as_database_error() {
            return match error.code().as_deref() {
                // PostgreSQL, appendix A: class 28, invalid authorization specification.
                Some(code) if code.starts_with("28") => Self::Credentials(error.to_string()),
                Some("3D000") => Self::NoDatabase,
                _ => Self::Other(text),
            };
        }
        match error {
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Self::Refused
            }
            sqlx::Error::Configuration(_) => Self::Url(text),
            // The standard library has no kind of error for names.
            sqlx::Error::Io(_) if text.contains("failed to lookup address") => Self::UnknownHost,
            _ => Self::Other(text),
        }
    }

    fn is_final(&self) -> bool {
        matches!(self, Self::Credentials(_) | Self::NoDatabase | Self::Url(_))
    }

    /// Says what is wrong at which server, and what to do; without the password of the URL.
    fn to_text(&self, url: &str) -> String {
        let url = url::Url::parse(url).ok();
        let part = |read: fn(&url::Url) -> Option<&str>| url.as_ref().and_then(read);
        let host = part(url::Url::host_str).unwrap_or("localhost");
        let port = url.as_ref().and_then(url::Url::port).unwrap_or(5432);
        let database = part(|url| url.path().strip_prefix('/')).unwrap_or_default();
        let server = format!("{host}:{port}");
        match self {
            Self::Refused => format!(
                "connection refused by {server}; start PostgreSQL, or correct host and port in --database-url"
            ),
            Self::UnknownHost => format!(
                "host {host} not found; correct the host in --database-url, or the name server of this machine"
            ),
            Self::NoAnswer => format!(
                "no answer from {server} within {} s; check host, port and firewall",
                ANSWER.as_secs()
            ),
            Self::Credentials(reason) => format!(
                "{server} refuses the user: {reason}; correct user and password in --database-url"
            ),
            Self::NoDatabase => format!(
                "database {database} not found at {server}; create it with `createdb {database}`, or correct the name in --database-url"
            ),
            Self::Url(reason) => {
                format!(
                    "{reason}; expected --database-url sqlite://PATH?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE"
                )
            }
            Self::Other(reason) => format!("{server}: {reason}; check --database-url"),
        }
    }
}
