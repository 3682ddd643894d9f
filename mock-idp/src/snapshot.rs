//! Snapshots of the whole state, for the control port: a simulation can return to an earlier
//! state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Idp;
use crate::misbehavior::choice;
use crate::refusal::{Refused, Result};
use crate::store::snapshot::Tables;

/// Version of the snapshot format.
const FORMAT: u32 = 1;

/// A snapshot: all stored data, and the chosen faults.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    format: u32,
    /// Base URL, which stored documents contain.
    base_url: String,
    taken_at: Timestamp,
    faults: Vec<Chosen>,
    tables: Tables,
}

/// The chosen faults of an application.
#[derive(Debug, Serialize, Deserialize)]
struct Chosen {
    environment: String,
    application: String,
    faults: Vec<Value>,
}

impl Idp {
    /// Creates a snapshot of the current state.
    pub(crate) async fn take_snapshot(&self) -> Result<Snapshot> {
        let places = self.misbehavior.places();
        let chosen = |(environment, application): (String, String)| Chosen {
            faults: choice::faults_to_json(&self.misbehavior, &environment, &application),
            environment,
            application,
        };
        Ok(Snapshot {
            format: FORMAT,
            base_url: self.base_url.clone(),
            taken_at: self.now(),
            faults: places.into_iter().map(chosen).collect(),
            tables: self.store.read_tables().await?,
        })
    }

    /// Restores a snapshot. All later changes are lost.
    pub(crate) async fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        if snapshot.format != FORMAT {
            let expected = format!("expected {FORMAT}, got {}", snapshot.format);
            return Err(Refused::invalid("format", expected));
        }
        if snapshot.base_url != self.base_url {
            return Err(Refused::invalid(
                "base_url",
                format!(
                    "expected a snapshot of {}, got one of {}; start the identity provider at that URL",
                    self.base_url, snapshot.base_url
                ),
            ));
        }
        let mut choices = Vec::new();
        for chosen in &snapshot.faults {
            choices.push((chosen, choice::read(&chosen.faults)?));
        }
        let restored = self.store.restore(&snapshot.tables).await;
        restored.map_err(|error| Refused::invalid("tables", error.to_string()))?;
        self.misbehavior.forget_all();
        for (chosen, choice) in choices {
            choice.takes_effect(&self.misbehavior, &chosen.environment, &chosen.application);
        }
        self.signals.wake();
        Ok(())
    }
}
