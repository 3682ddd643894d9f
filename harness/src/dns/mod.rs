//! The organizations' zones: a name server of the rehearsal's own, or one that
//! runs elsewhere and takes dynamic updates (RFC 2136).

mod server;
mod update;

use std::net::SocketAddr;
use std::sync::Arc;

pub use server::NameServer;

use crate::judge::{Failed, Outcome};

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
        match self {
            Self::Own(server) => {
                server.publish_txt(name, value);
                Ok(())
            }
            Self::At(address) => update::publish_txt(*address, name, value).await,
            Self::Unknown => Err(Failed::NotRun(
                "the target names no name server to publish TXT records at (dns.address or dns.serve)"
                    .to_owned(),
            )),
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
