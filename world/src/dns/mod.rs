//! The DNS zones of the organizations: in a name server of this process, or in one that
//! runs elsewhere and accepts dynamic updates (RFC 2136).

mod server;
mod update;

use std::net::SocketAddr;
use std::sync::Arc;

pub use server::NameServer;
pub use update::ZoneError;

use crate::judge::{Failed, Outcome};

/// A TXT record (RFC 1035 §3.3.14).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TxtRecord {
    /// The domain name, without a dot at the end.
    pub name: String,
    /// The value; the strings of the record are joined.
    pub value: String,
}

/// The name server that has the zones; it determines what can be done with them.
#[derive(Debug, Clone)]
pub enum Zones {
    /// A name server of this process.
    Own(Arc<NameServer>),
    /// A name server that runs elsewhere.
    At(SocketAddr),
    /// The target does not name a name server.
    Unknown,
}

impl Zones {
    /// Returns the address of the name server.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Own(server) => Some(server.address()),
            Self::At(address) => Some(*address),
            Self::Unknown => None,
        }
    }

    /// Adds a TXT record to a name.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if no name server is known, [`Failed::Mismatch`] if it refuses
    /// the update.
    pub async fn publish_txt(&self, name: &str, value: &str) -> Outcome {
        self.add_txt(name, value)
            .await
            .map_err(|error| match error {
                ZoneError::NoServer => Failed::NotRun(error.to_string()),
                other => Failed::mismatch(format!("a TXT record for {name}"), other.to_string()),
            })
    }

    /// Adds a TXT record to a name; existing records stay.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub async fn add_txt(&self, name: &str, value: &str) -> Result<(), ZoneError> {
        update::check_name(name)?;
        match self {
            Self::Own(server) => {
                server.publish_txt(name, value);
                Ok(())
            }
            Self::At(address) => update::add_txt(*address, name, value).await,
            Self::Unknown => Err(ZoneError::NoServer),
        }
    }

    /// Removes all TXT records of a name, or only the one with this value. It is not an
    /// error if there is none.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub async fn remove_txt(&self, name: &str, value: Option<&str>) -> Result<(), ZoneError> {
        update::check_name(name)?;
        match self {
            Self::Own(server) => {
                match value {
                    Some(value) => server.withdraw_value(name, value),
                    None => server.withdraw(name),
                }
                Ok(())
            }
            Self::At(address) => update::remove_txt(*address, name, value).await,
            Self::Unknown => Err(ZoneError::NoServer),
        }
    }

    /// Returns all TXT records, sorted by name. A name server elsewhere is asked for a zone
    /// transfer of the root (RFC 5936), which Rehearsal's own name server answers.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub async fn list_txt_records(&self) -> Result<Vec<TxtRecord>, ZoneError> {
        match self {
            Self::Own(server) => Ok(server.txt_records()),
            Self::At(address) => update::fetch_txt_records(*address).await,
            Self::Unknown => Err(ZoneError::NoServer),
        }
    }

    /// Makes the name server answer queries for this name with SERVFAIL.
    ///
    /// # Errors
    /// [`Failed::NotRun`] if the name server runs elsewhere.
    pub fn fail(&self, name: &str) -> Outcome {
        match self {
            Self::Own(server) => {
                server.fail(name);
                Ok(())
            }
            _ => Err(Failed::NotRun(
                "cannot make the name server fail: it runs elsewhere".to_owned(),
            )),
        }
    }
}
