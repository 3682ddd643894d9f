//! The whole state as one value: for the control port, so that a simulation
//! can go back to where it was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Idp;
use crate::misbehavior::choice;
use crate::refusal::{Refused, Result};
use crate::store::snapshot::Tables;

/// The version of the form.
const FORMAT: u32 = 1;

/// Everything that is stored, and the faults that are chosen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    format: u32,
    /// Stored documents speak of it.
    base_url: String,
    taken_at: Timestamp,
    faults: Vec<Chosen>,
    tables: Tables,
}

/// The faults of an application.
#[derive(Debug, Serialize, Deserialize)]
struct Chosen {
    environment: String,
    application: String,
    faults: Vec<Value>,
}

impl Idp {
    /// The state at this instant.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        let places = self.misbehavior.places();
        let chosen = |(environment, application): (String, String)| Chosen {
            faults: choice::shown(&self.misbehavior, &environment, &application),
            environment,
            application,
        };
        Ok(Snapshot {
            format: FORMAT,
            base_url: self.base_url.clone(),
            taken_at: self.now(),
            faults: places.into_iter().map(chosen).collect(),
            tables: self.store.snapshot().await?,
        })
    }

    /// Goes back to a snapshot; what happened since is forgotten.
    pub(crate) async fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        if snapshot.format != FORMAT {
            let expected = format!("expected {FORMAT}, got {}", snapshot.format);
            return Err(Refused::invalid("format", expected));
        }
        if snapshot.base_url != self.base_url {
            return Err(Refused::invalid(
                "base_url",
                format!(
                    "expected a snapshot of {}, got one of {}: start the identity provider at that address",
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
