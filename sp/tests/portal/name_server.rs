//! A DNS server for the portal's look-ups of TXT records.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

/// How a DNS zone answers.
#[derive(Clone)]
enum Zone {
    Txt(Vec<String>),
    Silent,
}

/// A DNS server on loopback. Unknown names are answered with NXDOMAIN.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zones: Arc<Mutex<HashMap<String, Zone>>>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zones: Arc<Mutex<HashMap<String, Zone>>> = Arc::default();
        let known = Arc::clone(&zones);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Some(reply) = reply(&buffer[..length], &known) {
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        });
        Self { address, zones }
    }

    /// Sets the TXT records of a zone; may be none.
    pub(crate) fn txt(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        self.set(name, Zone::Txt(records));
    }

    /// Makes the zone's servers silent.
    pub(crate) fn silent(&self, name: &str) {
        self.set(name, Zone::Silent);
    }

    fn set(&self, name: &str, zone: Zone) {
        self.zones.lock().unwrap().insert(name.to_owned(), zone);
    }
}

/// Answers a query (RFC 1035, section 4): one question, TXT records.
fn reply(query: &[u8], zones: &Mutex<HashMap<String, Zone>>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let zone = zones.lock().unwrap().get(&labels.join(".")).cloned();
    let (code, records) = match zone {
        None => (3, Vec::new()),
        Some(Zone::Txt(records)) => (0, records),
        Some(Zone::Silent) => return None,
    };
    let count = u16::try_from(records.len()).unwrap();
    let mut reply = query[..2].to_vec();
    reply.extend([0x85, 0x80 | code, 0, 1]);
    reply.extend(count.to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&query[12..at + 5]);
    for record in records {
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        let length = u16::try_from(record.len() + 1).unwrap();
        reply.extend(length.to_be_bytes());
        reply.push(u8::try_from(record.len()).unwrap());
        reply.extend(record.as_bytes());
    }
    Some(reply)
}
