//! Waits for a connection to PostgreSQL as long as that can succeed.
//!
//! A pool cannot distinguish "all connections are in use", when waiting is
//! right, from "the server is down", when it is not: in both cases it waits 30
//! seconds and reports a timeout. So if a caller waits long, this module
//! connects to the server itself, once for all waiting callers.

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
            if let Some(reason) = self.why_unreachable().await {
                return Err(StoreError::Unreachable(reason));
            }
        }
    }

    async fn why_unreachable(&self) -> Option<String> {
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
