//! The organizations' zones: a name server of the rehearsal's own, or one that
//! runs elsewhere and takes dynamic updates (RFC 2136).

mod server;
mod update;

use std::net::SocketAddr;
use std::sync::Arc;

pub use server::NameServer;
pub use update::ZoneError;

use crate::judge::{Failed, Outcome};

/// A TXT record (RFC 1035, section 3.3.14).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TxtRecord {
    /// The name, without a dot at the end.
    pub name: String,
    /// The strings, joined.
    pub value: String,
}

/// Where the zones are, and so what can be done with them.
#[derive(Debug, Clone)]
pub enum Zones {
    /// In a server of the rehearsal's own.
    Own(Arc<NameServer>),
    /// In a server that runs elsewhere.
    At(SocketAddr),
    /// Nobody knows.
    Unknown,
}

impl Zones {
    /// Where the server listens.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Own(server) => Some(server.address()),
            Self::At(address) => Some(*address),
            Self::Unknown => None,
        }
    }

    /// Adds a TXT record at `name`.
    ///
    /// # Errors
    /// [`Failed::NotRun`] where no server can be told, [`Failed::Mismatch`]
    /// when it doesn't take the update.
    pub async fn publish_txt(&self, name: &str, value: &str) -> Outcome {
        self.add_txt(name, value)
            .await
            .map_err(|error| match error {
                ZoneError::NoServer => Failed::NotRun(error.to_string()),
                other => Failed::mismatch(format!("a TXT record for {name}"), other.to_string()),
            })
    }

    /// Adds a TXT record at `name`, beside those that are there.
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

    /// Removes the TXT records at `name`: all of them, or the one of this
    /// value. It is no error when there is none.
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

    /// Every TXT record, by name. A server elsewhere is asked for a zone
    /// transfer of the root (RFC 5936), which ours answers.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub async fn txt_records(&self) -> Result<Vec<TxtRecord>, ZoneError> {
        match self {
            Self::Own(server) => Ok(server.txt_records()),
            Self::At(address) => update::txt_records(*address).await,
            Self::Unknown => Err(ZoneError::NoServer),
        }
    }

    /// Answers questions about `name` with SERVFAIL.
    ///
    /// # Errors
    /// [`Failed::NotRun`] where the server is not the rehearsal's own.
    pub fn fail(&self, name: &str) -> Outcome {
        match self {
            Self::Own(server) => {
                server.fail(name);
                Ok(())
            }
            _ => Err(Failed::NotRun(
                "only a name server of the rehearsal's own can be made to fail".to_owned(),
            )),
        }
    }
}
