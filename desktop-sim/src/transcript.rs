//! What the app did, in the order it did it: for people and for reports.

use jiff::Timestamp;
use serde::Serialize;

/// One thing the app did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, by the clock the app was handed.
    pub at: Timestamp,
    /// What happened, a sentence.
    pub what: String,
}

/// The app's account of an activation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// In order.
    pub entries: Vec<Entry>,
    /// The `SAMLResponse` field that the app caught, as the IdP wrote it.
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

    /// Whether the IdP asked for a password on the way.
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
