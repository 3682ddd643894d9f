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
    /// When the server was checked last, and why it accepted no connection.
    last: Mutex<Option<(Instant, Option<Problem>)>>,
}

impl Server {
    pub(super) fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            last: Mutex::default(),
        }
    }

    /// Waits for the pool's connection, and fails as soon as the server cannot
    /// be reached. The error says which server, why, and what to do.
    pub(super) async fn wait_for<T>(
        &self,
        connection: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T> {
        let mut connection = std::pin::pin!(connection);
        loop {
            if let Ok(answer) = timeout(PATIENCE, &mut connection).await {
                return match answer {
                    Ok(connection) => Ok(connection),
                    Err(error) => Err(self.explain(error).await),
                };
            }
            match self.find_problem().await {
                // A connection becomes free when a request ends.
                None | Some(Problem::TooMany(_)) => {}
                Some(problem) => return Err(self.unreachable(&problem)),
            }
        }
    }

    fn unreachable(&self, problem: &Problem) -> StoreError {
        StoreError::Unreachable(problem.to_text(&self.url))
    }

    /// Returns the cause of an error of the pool.
    async fn explain(&self, error: sqlx::Error) -> StoreError {
        match error {
            // The pool does not know why it got no connection.
            sqlx::Error::PoolTimedOut => match self.find_problem().await {
                Some(problem) => self.unreachable(&problem),
                None => self.unreachable(&Problem::AllInUse),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Database(_) => {
                self.unreachable(&Problem::of(&error))
            }
            error => error.into(),
        }
    }

    async fn find_problem(&self) -> Option<Problem> {
        let mut last = self.last.lock().await;
        if let Some((at, problem)) = &*last
            && at.elapsed() < FRESH
        {
            return problem.clone();
        }
        let problem = match timeout(ANSWER, AnyConnection::connect(&self.url)).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                None
            }
            Ok(Err(error)) => Some(Problem::of(&error)),
            Err(_) => Some(Problem::NoAnswer),
        };
        *last = Some((Instant::now(), problem.clone()));
        problem
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
    /// The server has no free connection.
    TooMany(String),
    /// The server has free connections, but the pool has none.
    AllInUse,
    /// The server starts or stops.
    Restart(String),
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
                Some(code) if TOO_MANY.contains(&code) => Self::TooMany(error.to_string()),
                // Class 57, operator intervention: admin_shutdown, cannot_connect_now.
                Some(code) if code.starts_with("57P0") => Self::Restart(error.to_string()),
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
            Self::TooMany(reason) => format!(
                "{server} has no free connection: {reason}; raise max_connections of PostgreSQL, or run fewer replicas and programs on it"
            ),
            Self::AllInUse => format!(
                "all connections of this portal to {server} are in use; try again, or run more replicas"
            ),
            Self::Restart(reason) => {
                format!("{server} starts or stops: {reason}; try again in a moment")
            }
            Self::Url(reason) => {
                format!(
                    "{reason}; expected --database-url sqlite://PATH?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE"
                )
            }
            Self::Other(reason) => format!("{server}: {reason}; check --database-url"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://sp:secret-word@127.0.0.1:1/portal";

    async fn explained(last: Option<Problem>, error: sqlx::Error) -> String {
        let server = Server::at(URL);
        *server.last.lock().await = Some((Instant::now(), last));
        let outcome = server.wait_for::<()>(async { Err(error) }).await;
        let text = outcome.unwrap_err().to_string();
        assert!(!text.contains("secret-word"), "{text}");
        text
    }

    #[tokio::test]
    async fn a_failure_in_operation_names_the_server_and_the_cause() {
        let busy = Some(Problem::TooMany("sorry, too many clients already".into()));
        let text = explained(busy, sqlx::Error::PoolTimedOut).await;
        assert!(
            text.contains("127.0.0.1:1 has no free connection: sorry"),
            "{text}"
        );
        assert!(text.contains("max_connections"), "{text}");
        let text = explained(None, sqlx::Error::PoolTimedOut).await;
        assert!(text.contains("127.0.0.1:1 are in use"), "{text}");
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let text = explained(None, sqlx::Error::Io(refused)).await;
        assert!(
            text.contains("connection refused by 127.0.0.1:1; start"),
            "{text}"
        );
    }
}
