//! A record of what the app did, in order, for people and for reports.

use jiff::Timestamp;
use serde::Serialize;

/// One step that the app did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Time of the step, by the clock of the app.
    pub at: Timestamp,
    /// What happened, as a sentence.
    pub what: String,
}

/// The record of an activation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// The steps, in order.
    pub entries: Vec<Entry>,
    /// The `SAMLResponse` form field from the identity provider, unchanged (base64).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saml_response: Option<String>,
}

impl Transcript {
    pub(crate) fn note(&mut self, at: Timestamp, what: impl Into<String>) {
        self.entries.push(Entry {
            at,
            what: what.into(),
        });
    }

    /// True if the identity provider asked for a password.
    pub fn was_prompted(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.what.starts_with("filled in the login form"))
    }
}

impl std::fmt::Display for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for entry in &self.entries {
            let mut lines = entry.what.lines();
            writeln!(f, "{}  {}", entry.at, lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}
