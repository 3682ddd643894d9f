//! The whole state as one value: for the control port, so that a simulation
//! can go back to where it was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Portal;
use crate::directory::sync_log;
use crate::store::StoreError;
use crate::store::snapshot::Tables;

/// The version of the form.
const FORMAT: u32 = 1;

/// Everything that is stored, but for the portal's own keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of the form.
    pub format: u32,
    /// The portal's address: stored documents speak of it.
    pub base_url: String,
    /// The instant that it was for the portal.
    pub taken_at: Timestamp,
    /// Rows by table.
    pub tables: Tables,
}

/// Why a snapshot wasn't restored; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Another version's.
    #[error("expected a snapshot of format {FORMAT}, got one of format {0}")]
    Format(u32),
    /// Another portal's.
    #[error("expected a snapshot of {here}, got one of {there}: start the portal at that address")]
    Elsewhere {
        /// This portal's address.
        here: String,
        /// The snapshot's.
        there: String,
    },
    /// The database doesn't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Portal {
    /// The state at this instant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        sync_log::write_down(self).await?;
        Ok(Snapshot {
            format: FORMAT,
            base_url: self.base_url.clone(),
            taken_at: self.now(),
            tables: self.store.snapshot().await?,
        })
    }

    /// Goes back to a snapshot; what happened since is forgotten.
    ///
    /// # Errors
    /// [`RestoreError`].
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
        // Notes of what happened since would follow otherwise.
        sync_log::write_down(self).await?;
        self.store.restore(&snapshot.tables).await?;
        self.forget();
        Ok(())
    }

    /// Empties the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.store.reset().await?;
        self.forget();
        Ok(())
    }

    /// Forgets what is kept in memory of the rows that were there.
    fn forget(&self) {
        self.throttle.clear();
        self.metadata_refreshes.clear();
        self.scim_callers.forget();
    }
}
