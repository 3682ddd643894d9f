//! Dynamic updates (RFC 2136) and zone transfers (RFC 5936) at a name server that runs
//! elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::update_message::{append, delete_by_rdata, delete_rrset, zone_transfer};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordSet, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::TxtRecord;
use super::server::{display_name, txt_data, txt_value};

/// Maximum time to wait for the server's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why records cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The target does not contain the address of a name server.
    #[error("no name server found in the target file; add dns.address or dns.serve")]
    NoServer,
    /// The text is not a domain name.
    #[error("invalid name {0:?}: expected a domain name such as lumen.example")]
    Name(String),
    /// The server did not answer.
    #[error("cannot reach the name server at {server}; check that it is running")]
    Unreachable {
        /// The address of the server.
        server: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The server answered with an error code.
    #[error("the name server at {server} refused the update: {code}")]
    Refused {
        /// The address of the server.
        server: SocketAddr,
        /// The DNS response code.
        code: ResponseCode,
    },
    /// The answer is not a DNS message.
    #[error("invalid answer from the name server at {server}: expected a DNS message")]
    Answer {
        /// The address of the server.
        server: SocketAddr,
        /// The error of the parser.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Checks that a text is a valid domain name.
///
/// # Errors
/// [`ZoneError::Name`].
pub(super) fn check_name(name: &str) -> Result<Name, ZoneError> {
    let wrong = || ZoneError::Name(name.to_owned());
    if name.trim_end_matches('.').is_empty() || name.contains(char::is_whitespace) {
        return Err(wrong());
    }
    let mut parsed: Name = name.parse().map_err(|_| wrong())?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

/// Adds a TXT record, in the zone with the same name.
pub(super) async fn add_txt(server: SocketAddr, name: &str, value: &str) -> Result<(), ZoneError> {
    let name = check_name(name)?;
    let record = Record::from_rdata(name.clone(), 0, txt_data(value));
    let update = append(RecordSet::from(record), name, false, false);
    exchange_update(server, &update).await
}

/// Removes all TXT records of a name, or the one with this value.
pub(super) async fn remove_txt(
    server: SocketAddr,
    name: &str,
    value: Option<&str>,
) -> Result<(), ZoneError> {
    let name = check_name(name)?;
    let update = match value {
        Some(value) => {
            let record = Record::from_rdata(name.clone(), 0, txt_data(value));
            delete_by_rdata(RecordSet::from(record), name, false)
        }
        None => {
            let record = Record::update0(name.clone(), 0, RecordType::TXT);
            delete_rrset(record, name, false)
        }
    };
    exchange_update(server, &update).await
}

/// Returns all TXT records below the root, sorted by name.
pub(super) async fn fetch_txt_records(server: SocketAddr) -> Result<Vec<TxtRecord>, ZoneError> {
    let question = encode(server, &zone_transfer(Name::root(), None))?;
    let mut records = Vec::new();
    let transfer = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(question.len()).map_err(std::io::Error::other)?;
        stream.write_u16(length).await?;
        stream.write_all(&question).await?;
        let mut ends = 0;
        let mut code = ResponseCode::NoError;
        // The records of a transfer are between two SOA records (RFC 5936 §2.2).
        while ends < 2 {
            let mut answer = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut answer).await?;
            let answer = Message::from_vec(&answer).map_err(std::io::Error::other)?;
            code = answer.metadata.response_code;
            if code != ResponseCode::NoError || answer.answers.is_empty() {
                break;
            }
            for record in answer.answers {
                match &record.data {
                    RData::SOA(_) => ends += 1,
                    RData::TXT(txt) => records.push(TxtRecord {
                        name: display_name(&record.name),
                        value: txt_value(txt),
                    }),
                    _ => {}
                }
            }
        }
        Ok(code)
    };
    let code = run_with_timeout(server, transfer).await?;
    require_success(server, code)?;
    records.sort();
    Ok(records)
}

fn encode(server: SocketAddr, message: &Message) -> Result<Vec<u8>, ZoneError> {
    message.to_vec().map_err(|error| ZoneError::Answer {
        server,
        source: error.into(),
    })
}

async fn exchange_update(server: SocketAddr, update: &Message) -> Result<(), ZoneError> {
    let bytes = encode(server, update)?;
    let answer = run_with_timeout(server, ask(server, &bytes)).await?;
    let answer = Message::from_vec(&answer).map_err(|error| ZoneError::Answer {
        server,
        source: error.into(),
    })?;
    require_success(server, answer.metadata.response_code)
}

fn require_success(server: SocketAddr, code: ResponseCode) -> Result<(), ZoneError> {
    if code == ResponseCode::NoError {
        Ok(())
    } else {
        Err(ZoneError::Refused { server, code })
    }
}

async fn run_with_timeout<T>(
    server: SocketAddr,
    exchange: impl Future<Output = std::io::Result<T>>,
) -> Result<T, ZoneError> {
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    answered
        .map_err(late)
        .flatten()
        .map_err(|source| ZoneError::Unreachable { server, source })
}

async fn ask(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let here = if server.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(here).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::super::{NameServer, Zones};
    use super::ZoneError;

    #[tokio::test]
    async fn an_external_name_server_accepts_an_update_and_answers_with_it() {
        let server = NameServer::start(0).await.unwrap();
        let zones = Zones::At(server.address());
        zones
            .publish_txt("lumen.example", "verification=1")
            .await
            .unwrap();
        zones
            .publish_txt("lumen.example", "verification=2")
            .await
            .unwrap();
        assert_eq!(
            server.txt("Lumen.example."),
            ["verification=1", "verification=2"]
        );
        assert!(
            zones
                .fail("lumen.example")
                .unwrap_err()
                .to_string()
                .starts_with(crate::judge::NOT_RUN)
        );
    }

    #[tokio::test]
    async fn records_of_an_external_name_server_are_listed_and_removed() {
        let server = NameServer::start(0).await.unwrap();
        let zones = Zones::At(server.address());
        // Longer than one string of a TXT record; and more records than one message can
        // contain.
        let long = "ü".repeat(300);
        zones.add_txt("b.example", &long).await.unwrap();
        for number in 0..250 {
            server.publish_txt("a.example.", &format!("{number} {}", "x".repeat(400)));
        }
        let listed = zones.list_txt_records().await.unwrap();
        assert_eq!(listed.len(), 251);
        assert_eq!(listed, server.txt_records());
        assert_eq!(listed[250].name, "b.example");
        assert_eq!(listed[250].value, long);
        zones.remove_txt("a.example", None).await.unwrap();
        zones.add_txt("b.example", "two").await.unwrap();
        zones.remove_txt("B.example", Some(&long)).await.unwrap();
        assert_eq!(server.txt("b.example"), ["two"]);
        assert_eq!(zones.list_txt_records().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        let server = NameServer::start(0).await.unwrap();
        let address = server.address();
        drop(server);
        let error = Zones::At(address).list_txt_records().await.unwrap_err();
        assert!(matches!(error, ZoneError::Unreachable { .. }), "{error}");
        for name in ["", ".", "two words", "a..b"] {
            let error = Zones::Unknown.add_txt(name, "x").await.unwrap_err();
            assert!(matches!(error, ZoneError::Name(_)), "{name:?}: {error}");
        }
    }
}
