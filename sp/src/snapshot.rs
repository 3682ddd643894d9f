//! Snapshots of the whole state, for the control port: a simulation can return
//! to an earlier state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Portal;
use crate::directory::sync_log;
use crate::store::StoreError;
use crate::store::snapshot::Tables;

/// Version of the snapshot format.
const FORMAT: u32 = 1;

/// The whole stored state, except the portal's private keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the snapshot format.
    pub format: u32,
    /// Public base URL of the portal. Stored documents contain it, so a
    /// snapshot fits this URL only.
    pub base_url: String,
    /// Time of the snapshot, by the portal's clock.
    pub taken_at: Timestamp,
    /// All rows of each table.
    pub tables: Tables,
}

/// Why a snapshot was not restored. The state is then unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot has an unsupported format version.
    #[error("invalid snapshot: expected format version {FORMAT}, got {0}")]
    Format(u32),
    /// The snapshot is from a portal with another base URL.
    #[error(
        "invalid snapshot: expected one of the portal at {here}, got one of {there}; start the portal at that address"
    )]
    Elsewhere {
        /// Base URL of this portal.
        here: String,
        /// Base URL in the snapshot.
        there: String,
    },
    /// The database fails or rejects a row.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Portal {
    /// Returns a snapshot of the current state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_snapshot(&self) -> Result<Snapshot, StoreError> {
        sync_log::write_down(self).await?;
        Ok(Snapshot {
            format: FORMAT,
            base_url: self.base_url.clone(),
            taken_at: self.now(),
            tables: self.store.take_snapshot().await?,
        })
    }

    /// Replaces the whole state by the snapshot.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        if snapshot.format != FORMAT {
            return Err(RestoreError::Format(snapshot.format));
        }
        if snapshot.base_url != self.base_url {
            return Err(RestoreError::Elsewhere {
                here: self.base_url.clone(),
                there: snapshot.base_url.clone(),
            });
        }
        // Otherwise pending entries of the sync log would be added after the
        // restore.
        sync_log::write_down(self).await?;
        self.store.restore(&snapshot.tables).await?;
        self.forget();
        Ok(())
    }

    /// Deletes the whole state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.store.reset().await?;
        self.forget();
        Ok(())
    }

    /// Clears the caches in memory, since the rows they belong to have changed.
    fn forget(&self) {
        self.throttle.clear();
        self.metadata_refreshes.clear();
        self.scim_callers.forget();
        self.scim_issuer_keys.forget();
    }
}
