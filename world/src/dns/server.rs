//! A name server for the organizations' zones. Answers TXT queries over UDP and TCP (RFC
//! 1035) with records of the scenario, or records from dynamic updates (RFC 2136). It
//! accepts updates from everybody, because it serves a simulation on a loopback port.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Message, OpCode, ResponseCode, UpdateMessage as _};
use hickory_proto::rr::rdata::{SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::TxtRecord;

/// Number of records in one message of a zone transfer; far below its limit of 64 KiB.
const TRANSFER_RECORDS: usize = 50;

/// Maximum length of one string of a TXT record, in bytes (RFC 1035 §3.3).
const LONGEST_STRING: usize = 255;

/// Time to live of an answer, in seconds: not cached, because scenarios change their zones.
const TTL: u32 = 0;

/// A running name server. It stops when it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    zones: Zones,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone, Default)]
struct Zones(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    txt: HashMap<String, Vec<String>>,
    failing: HashSet<String>,
    silent: HashSet<String>,
}

impl NameServer {
    /// Starts on a loopback port, the same for UDP and TCP; 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start(port: u16) -> std::io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, port).into()).await
    }

    /// Starts at this address, for UDP and TCP.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub async fn start_at(address: SocketAddr) -> std::io::Result<Self> {
        let (udp, tcp) = bind(address).await?;
        let address = udp.local_addr()?;
        let zones = Zones::default();
        let tasks = vec![
            tokio::spawn(serve_udp(udp, zones.clone())),
            tokio::spawn(serve_tcp(tcp, zones.clone())),
        ];
        Ok(Self {
            address,
            zones,
            tasks,
        })
    }

    /// Returns the address at which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a TXT record to a name.
    pub fn publish_txt(&self, name: &str, value: &str) {
        let mut records = self.zones.records();
        let values = records.txt.entry(canonical(name)).or_default();
        values.push(value.to_owned());
    }

    /// Returns the values of the TXT records of a name.
    pub fn txt(&self, name: &str) -> Vec<String> {
        let records = self.zones.records();
        records
            .txt
            .get(&canonical(name))
            .cloned()
            .unwrap_or_default()
    }

    /// Returns all TXT records, sorted by name and value.
    pub fn txt_records(&self) -> Vec<TxtRecord> {
        self.zones.records().sorted_records()
    }

    /// Removes all records of a name.
    pub fn withdraw(&self, name: &str) {
        self.zones.records().txt.remove(&canonical(name));
    }

    /// Removes the TXT record with this value from a name.
    pub fn withdraw_value(&self, name: &str, value: &str) {
        self.zones.records().remove(&canonical(name), value);
    }

    /// Answers queries for this name with SERVFAIL from now on.
    pub fn fail(&self, name: &str) {
        self.zones.records().failing.insert(canonical(name));
    }

    /// Does not answer queries for this name from now on.
    pub fn fall_silent(&self, name: &str) {
        self.zones.records().silent.insert(canonical(name));
    }
}

impl Records {
    fn remove(&mut self, name: &str, value: &str) {
        if let Some(values) = self.txt.get_mut(name) {
            values.retain(|known| known != value);
            // A name without records does not exist (NXDOMAIN).
            if values.is_empty() {
                self.txt.remove(name);
            }
        }
    }

    fn sorted_records(&self) -> Vec<TxtRecord> {
        let mut all: Vec<TxtRecord> = self
            .txt
            .iter()
            .flat_map(|(name, values)| {
                values.iter().map(|value| TxtRecord {
                    name: name.clone(),
                    value: value.clone(),
                })
            })
            .collect();
        all.sort();
        all
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Zones {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the answer to a query; None if it must stay unanswered.
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        if question.metadata.op_code == OpCode::Update {
            self.update(question.updates());
            answer.add_queries(question.queries);
            return answer.to_vec().ok();
        }
        answer.metadata.authoritative = true;
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        let records = self.records();
        for query in &question.queries {
            let name = canonical(&query.name().to_ascii());
            if records.silent.contains(&name) {
                return None;
            }
            if records.failing.contains(&name) {
                answer.metadata.response_code = ResponseCode::ServFail;
            } else if let Some(values) = records.txt.get(&name) {
                if query.query_type() == RecordType::TXT {
                    answer.add_answers(values.iter().map(|value| {
                        Record::from_rdata(query.name().clone(), TTL, txt_data(value))
                    }));
                }
            } else {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
        }
        answer.add_queries(question.queries);
        answer.to_vec().ok()
    }
}

impl Zones {
    /// Adds and removes TXT records (RFC 2136 §2.5); ignores everything else in an update.
    fn update(&self, updates: &[Record]) {
        let mut records = self.records();
        for update in updates {
            let name = canonical(&update.name.to_ascii());
            match (update.dns_class, &update.data) {
                (DNSClass::IN, RData::TXT(txt)) => {
                    let values = records.txt.entry(name).or_default();
                    values.push(txt_value(txt));
                }
                (DNSClass::NONE, RData::TXT(txt)) => records.remove(&name, &txt_value(txt)),
                (DNSClass::ANY, _) => {
                    records.txt.remove(&name);
                }
                _ => {}
            }
        }
    }
}

impl Zones {
    /// Returns the messages of a zone transfer of the root, which contains every record
    /// (RFC 5936); None if the query is not for one.
    fn transfer(&self, question: &[u8]) -> Option<Vec<Vec<u8>>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?;
        if query.query_type() != RecordType::AXFR || !query.name().is_root() {
            return None;
        }
        let root = Name::root();
        let serial = SOA::new(root.clone(), root.clone(), 1, 60, 60, 60, 0);
        let end = Record::from_rdata(root, TTL, RData::SOA(serial));
        let records = self.records().sorted_records();
        let records = records.into_iter().filter_map(|record| {
            let name: Name = record.name.parse().ok()?;
            Some(Record::from_rdata(name, TTL, txt_data(&record.value)))
        });
        let all: Vec<Record> = std::iter::once(end.clone())
            .chain(records)
            .chain(std::iter::once(end))
            .collect();
        all.chunks(TRANSFER_RECORDS)
            .map(|part| {
                let mut answer = Message::response(question.metadata.id, OpCode::Query);
                answer.metadata.authoritative = true;
                answer.add_query(query.clone());
                answer.add_answers(part.iter().cloned());
                answer.to_vec().ok()
            })
            .collect()
    }
}

/// Returns the data of a TXT record. A long value needs several strings.
pub(super) fn txt_data(value: &str) -> RData {
    let mut strings = Vec::new();
    let mut rest = value;
    while rest.len() > LONGEST_STRING {
        let (head, tail) = rest.split_at(rest.floor_char_boundary(LONGEST_STRING));
        strings.push(head.to_owned());
        rest = tail;
    }
    strings.push(rest.to_owned());
    RData::TXT(TXT::new(strings))
}

/// Joins the strings of a TXT record.
pub(super) fn txt_value(txt: &TXT) -> String {
    String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()
}

/// Returns a name in lower case, without a dot at the end.
pub(super) fn display_name(name: &Name) -> String {
    canonical(&name.to_ascii())
}

/// Opens the same port for UDP and TCP. With port 0, tries again when the TCP port of a
/// free UDP port is in use.
async fn bind(address: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if address.port() == 0 { 20 } else { 1 };
    loop {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if tries == 1 => return Err(error),
            Err(_) => tries -= 1,
        }
    }
}

async fn serve_udp(socket: UdpSocket, zones: Zones) {
    let mut datagram = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
        if let Some(answer) = zones.answer(&datagram[..length]) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zones: Zones) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, zones.clone()));
    }
}

/// Answers queries over TCP, where each message follows its length (RFC 1035 §4.2.2).
async fn converse(mut stream: TcpStream, zones: Zones) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        let answers = zones
            .transfer(&question)
            .or_else(|| Some(vec![zones.answer(&question)?]));
        let Some(answers) = answers else {
            return Ok(());
        };
        for answer in answers {
            let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&answer).await?;
        }
    }
}

fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{MessageType, OpCode, Query};

    fn question(name: &str) -> Vec<u8> {
        let mut question = Message::new(7, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(name.parse().unwrap(), RecordType::TXT));
        question.to_vec().unwrap()
    }

    async fn ask_udp(server: &NameServer, name: &str) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket
            .send_to(&question(name), server.address())
            .await
            .unwrap();
        let mut answer = [0; 4096];
        let length = socket.recv(&mut answer).await.unwrap();
        Message::from_vec(&answer[..length]).unwrap()
    }

    #[tokio::test]
    async fn a_published_record_is_found_in_any_letter_case() {
        let server = NameServer::start(0).await.unwrap();
        server.publish_txt("Lumen.example", "verification=1");
        let answer = ask_udp(&server, "lumen.EXAMPLE.").await;
        assert_eq!(answer.answers.len(), 1);
        assert!(answer.answers[0].to_string().contains("verification=1"));
    }

    #[tokio::test]
    async fn an_unknown_name_does_not_exist() {
        let server = NameServer::start(0).await.unwrap();
        let answer = ask_udp(&server, "nobody.example.").await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    }

    #[tokio::test]
    async fn tcp_answers_as_udp_does() {
        let server = NameServer::start(0).await.unwrap();
        server.publish_txt("lumen.example", "x");
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let question = question("lumen.example.");
        let length = u16::try_from(question.len()).unwrap();
        stream.write_u16(length).await.unwrap();
        stream.write_all(&question).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(Message::from_vec(&answer).unwrap().answers.len(), 1);
    }
}
