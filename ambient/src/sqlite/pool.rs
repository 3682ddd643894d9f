//! The connections of a party: some for reading, and one for writing.
//!
//! The pool of sqlx starts a task for each connection that is given back, and so wakes a thread.
//! A file does not become unreachable as a server does, so these need no such care.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::any::AnyTransactionManager;
use sqlx::{AnyConnection, Connection as _, Error, Executor as _, SqlSafeStr as _};
use sqlx_core::transaction::TransactionManager as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Time to wait for a connection when all are in use; that of sqlx.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the connections to a database are opened.
#[derive(Debug, Clone)]
pub struct Opening {
    url: String,
    /// Script that a new connection runs first.
    script: &'static str,
}

impl Opening {
    /// Opens connections to `url`. If `durable` is true, each commit waits for the disk. If not,
    /// the database ends with this process, and no other process can open it.
    pub fn new(url: &str, durable: bool) -> Self {
        let url = crate::platform::parsable_database_url(url);
        if durable {
            return Self {
                url,
                script: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            };
        }
        Self {
            url: crate::platform::with_locks_of_process(&url),
            script: "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// If the file cannot be opened, or is not a database.
    pub async fn connect(&self) -> Result<AnyConnection, Error> {
        let mut connection = AnyConnection::connect(&self.url).await?;
        connection.execute(self.script).await?;
        Ok(connection)
    }
}

/// Connections for reading. Clones share them.
#[derive(Debug, Clone)]
pub struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    opening: Opening,
    idle: Mutex<Vec<AnyConnection>>,
    /// Largest number of connections.
    most: u32,
    /// A permit for each connection that is not in use.
    free: Arc<Semaphore>,
}

impl Pool {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<AnyConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers {
    /// Creates a pool of at most `most` connections, which are opened when they are needed.
    pub fn new(opening: Opening, most: u16) -> Self {
        Self(Arc::new(Pool {
            opening,
            idle: Mutex::default(),
            most: u32::from(most),
            free: Arc::new(Semaphore::new(usize::from(most))),
        }))
    }

    /// Returns a connection; waits if all are in use.
    ///
    /// # Errors
    /// If none becomes free for 30 seconds, the pool is closed, or the database cannot be opened.
    pub async fn acquire(&self) -> Result<Reader, Error> {
        let free = Arc::clone(&self.0.free).acquire_owned();
        let permit = timeout(PATIENCE, free)
            .await
            .map_err(|_| Error::PoolTimedOut)?
            .map_err(|_| Error::PoolClosed)?;
        let idle = self.0.idle().pop();
        let connection = match idle {
            Some(mut connection) => {
                // Waits until a canceled request has ended.
                connection.ping().await?;
                connection
            }
            None => self.0.opening.connect().await?,
        };
        Ok(Reader {
            connection: Some(connection),
            pool: Arc::clone(&self.0),
            _permit: permit,
        })
    }

    /// Closes the connections, when all of them have been given back.
    pub async fn close(&self) {
        // Closing the last connection to a database copies its write-ahead log into the file.
        let all = Arc::clone(&self.0.free)
            .acquire_many_owned(self.0.most)
            .await;
        self.0.free.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            let _ = connection.close().await;
        }
    }
}

/// A connection for reading. It is given back when this is dropped.
#[derive(Debug)]
pub struct Reader {
    /// `None` only while it is dropped.
    connection: Option<AnyConnection>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A closed pool takes nothing back, and an open transaction would show old data.
        if let Some(connection) = self.connection.take()
            && !self.pool.free.is_closed()
            && !connection.is_in_transaction()
        {
            self.pool.idle().push(connection);
        }
    }
}

impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("a reader without a connection"),
        }
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a reader without a connection"),
        }
    }
}

/// The connection for writing, with one transaction at a time. SQLite has only one writer.
#[derive(Debug)]
pub struct Writer {
    opening: Opening,
    connection: Option<AnyConnection>,
}

impl Writer {
    /// The connection is opened when the first transaction begins.
    pub fn new(opening: Opening) -> Self {
        Self {
            opening,
            connection: None,
        }
    }

    /// Returns the connection, and opens it at the first call.
    ///
    /// # Errors
    /// If the database cannot be opened.
    pub async fn get_or_open_connection(&mut self) -> Result<&mut AnyConnection, Error> {
        if let Some(connection) = &mut self.connection {
            // Waits until a canceled commit has ended.
            connection.ping().await?;
            // A transaction that could not be rolled back: every BEGIN would fail.
            if connection.is_in_transaction() {
                self.connection = None;
            }
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.opening.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// If the database cannot be opened, or another process holds its lock for 5 seconds.
    pub async fn begin(&mut self) -> Result<(), Error> {
        let begin = "BEGIN IMMEDIATE".into_sql_str();
        let connection = self.get_or_open_connection().await?;
        AnyTransactionManager::begin(connection, Some(begin)).await
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// If it cannot be committed. It is still open then; see [`Writer::give_up`].
    pub async fn commit(&mut self) -> Result<(), Error> {
        AnyTransactionManager::commit(self).await
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// If it cannot be rolled back.
    pub async fn rollback(&mut self) -> Result<(), Error> {
        AnyTransactionManager::rollback(self).await
    }

    /// Rolls the transaction back if one is open, without waiting and without an error.
    pub fn give_up(&mut self) {
        if let Some(connection) = &mut self.connection {
            AnyTransactionManager::start_rollback(connection);
        }
    }

    /// Closes the connection; an open transaction is rolled back.
    pub async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

impl Deref for Writer {
    type Target = AnyConnection;

    /// The connection of the open transaction.
    fn deref(&self) -> &AnyConnection {
        match &self.connection {
            Some(connection) => connection,
            // `begin` has opened it.
            None => unreachable!("a writer without a transaction"),
        }
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a writer without a transaction"),
        }
    }
}
