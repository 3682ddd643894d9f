//! How the parties are set up, and why they cannot be started.

use jiff::SignedDuration;
use url::Url;

use super::ScratchDatabaseError;

/// The options of [`Rehearsal::start`](super::Rehearsal::start).
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Seed of the random numbers: with the same seed, ids, tokens, secrets and keys
    /// are the same in each run. Without one they come from the operating system.
    pub seed: Option<u64>,
    /// Port of the portal; 0 takes a free port.
    pub portal_port: u16,
    /// Port of the IdP; 0 takes a free port.
    pub idp_port: u16,
    /// Port of the name server; 0 takes a free port.
    pub dns_port: u16,
    /// URL of the portal's database. If it is a SQLite file, the IdP's database is a file
    /// next to it (`…-idp`); otherwise it is in a temporary folder. Without a URL both are
    /// in a temporary folder.
    pub database_url: Option<String>,
    /// URL of a PostgreSQL server: the portal gets a new database there, which is
    /// dropped at the end. Cannot be used together with `database_url`.
    pub database_server: Option<String>,
    /// True to reach the parties directly, without recording proxies: faster, but no
    /// exchange is recorded.
    pub unrecorded: bool,
    /// True to serve the parties over HTTPS. Their certificates are issued by a new
    /// certificate authority
    /// ([`Rehearsal::authority_file`](super::Rehearsal::authority_file)). There are no
    /// recording proxies then.
    pub tls: bool,
    /// Host name in the portal's public URL, instead of `127.0.0.1`. It must resolve
    /// to this machine, such as `portal.localhost`. Needs proxies or TLS, because
    /// they take the port before the portal starts.
    pub portal_host: Option<String>,
    /// Host name in the IdP's public URL; see `portal_host`.
    pub idp_host: Option<String>,
    /// How long the portal waits after a failed fetch of metadata before it tries again
    /// [default: a minute].
    pub metadata_retry: Option<SignedDuration>,
    /// URL of the simulation page, to which the parties' pages link.
    pub simulation_url: Option<Url>,
}

impl Options {
    /// Checks that each host name is valid and that a proxy or TLS can serve it.
    pub(super) fn check_hosts(&self) -> Result<(), StartError> {
        let has_front = self.tls || !self.unrecorded;
        for (party, host) in [
            ("the portal", &self.portal_host),
            ("the IdP", &self.idp_host),
        ] {
            if let Some(host) = host
                && (!has_front || url::Host::parse(host).is_err())
            {
                return Err(StartError::Host {
                    party,
                    host: host.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Error of [`Rehearsal::start`](super::Rehearsal::start).
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is in use, or a temporary folder or file cannot be created.
    #[error("cannot open a port on 127.0.0.1 or write to the temporary folder: {0}")]
    Machine(#[from] std::io::Error),
    /// The new database on the PostgreSQL server cannot be created.
    #[error(transparent)]
    Database(#[from] ScratchDatabaseError),
    /// The portal cannot be started.
    #[error("cannot start the portal: {0}")]
    Portal(#[from] sp::StartError),
    /// The identity provider cannot be started.
    #[error("cannot start the IdP: {0}")]
    Idp(#[from] mock_idp::StartError),
    /// The host name is invalid, or there is neither a proxy nor TLS.
    #[error(
        "invalid host name for {party}: expected a valid name, and proxies or TLS in front of \
         the parties, got {host:?}"
    )]
    Host {
        /// The party: `the portal` or `the IdP`.
        party: &'static str,
        /// The host name.
        host: String,
    },
    /// A started party returned an address that is not a URL.
    #[error("invalid address of {party}: expected a URL, got {got:?}")]
    Address {
        /// The party, or its control port.
        party: &'static str,
        /// The address.
        got: String,
    },
}
