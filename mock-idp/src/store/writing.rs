//! A transaction that tells, when it is over, that something may have changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Any, AnyConnection, Transaction};

use super::{Result, StoreError};

/// An open transaction; dropped without [`Writing::commit`], nothing happened.
pub(crate) struct Writing {
    transaction: Transaction<'static, Any>,
    edition: Option<Arc<AtomicU64>>,
}

impl Writing {
    pub(super) fn of(
        transaction: Transaction<'static, Any>,
        edition: Option<Arc<AtomicU64>>,
    ) -> Self {
        Self {
            transaction,
            edition,
        }
    }

    /// Keeps what was written. When this returns, whoever looks finds it.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self {
            transaction,
            edition,
        } = self;
        let Some(edition) = edition else {
            return Ok(transaction.commit().await?);
        };
        // Apart, because whoever waits for it may go away in the middle: the
        // edition must not change before what was written can be read.
        let committed = tokio::spawn(async move {
            let outcome = transaction.commit().await;
            edition.fetch_add(1, Ordering::SeqCst);
            outcome
        });
        let outcome = committed
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))?;
        Ok(outcome?)
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}
