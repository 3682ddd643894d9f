//! Real DNS look-ups of TXT records, for domain verification.

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use jiff::SignedDuration;

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// These TXT records, each joined from its strings.
    Records(Vec<String>),
    /// The name exists and has no TXT record.
    Nothing,
    /// The name doesn't exist (NXDOMAIN).
    NoSuchName,
    /// Nobody answered in time.
    TimedOut,
    /// The servers answered with an error.
    Failed(String),
}

/// Asks DNS for TXT records.
pub struct TxtResolver(TokioResolver);

impl TxtResolver {
    /// Asks these servers, or the system's when none is given. Nothing is
    /// cached: whoever just added a record sees it at the next look-up.
    ///
    /// # Errors
    /// When the system's configuration can't be read.
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

    /// The TXT records at this domain's apex.
    pub async fn txt(&self, domain: &str) -> Found {
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
