//! Looks up TXT records in DNS, for domain verification.

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use jiff::SignedDuration;

/// The result of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The TXT records; the strings of each record are joined.
    Records(Vec<String>),
    /// The name exists but has no TXT record.
    Nothing,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// No server answered within the timeout.
    TimedOut,
    /// The servers answered with an error.
    Failed(String),
}

/// A DNS resolver for TXT records.
pub struct TxtResolver(TokioResolver);

impl TxtResolver {
    /// Creates a resolver that queries these servers, or the operating system's
    /// if none is given. It has no cache: an administrator who has just added a
    /// record sees it at the next look-up.
    ///
    /// # Errors
    /// If the DNS configuration of the operating system cannot be read.
    pub fn new(servers: &[SocketAddr], timeout: SignedDuration) -> Result<Self, NetError> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = servers.iter().map(name_server).collect();
            TokioResolver::builder_with_config(
                ResolverConfig::from_name_servers(servers),
                TokioRuntimeProvider::default(),
            )
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.attempts = 1;
        options.timeout = timeout.unsigned_abs();
        Ok(Self(builder.build()?))
    }

    /// Looks up the TXT records of exactly this domain name.
    pub async fn look_up_txt(&self, domain: &str) -> Found {
        match self.0.txt_lookup(format!("{domain}.")).await {
            Ok(lookup) => Found::Records(
                lookup
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::TXT(txt) => Some(
                            txt.txt_data
                                .iter()
                                .map(|part| String::from_utf8_lossy(part).into_owned())
                                .collect(),
                        ),
                        _ => None,
                    })
                    .collect(),
            ),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NXDomain => Found::NoSuchName,
                ResponseCode::NoError => Found::Nothing,
                other => Found::Failed(other.to_string()),
            },
            Err(NetError::Dns(DnsError::ResponseCode(ResponseCode::NXDomain))) => Found::NoSuchName,
            Err(NetError::Timeout | NetError::NoConnections) => Found::TimedOut,
            Err(error) => Found::Failed(error.to_string()),
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .into_iter()
        .map(|mut connection| {
            connection.port = address.port();
            connection
        })
        .collect();
    NameServerConfig::new(address.ip(), true, connections)
}
