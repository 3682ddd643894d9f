//! Dynamic updates of a name server that runs elsewhere (RFC 2136).

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::update_message::append;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{Name, RData, Record, RecordSet};
use tokio::net::UdpSocket;

use crate::judge::{Failed, Outcome};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds a TXT record at `name`, in the zone of that name.
pub(super) async fn publish_txt(server: SocketAddr, name: &str, value: &str) -> Outcome {
    let wanted = || format!("the name server at {server} to take a TXT record for {name}");
    let refused = |came: String| Failed::mismatch(wanted(), came);
    let name: Name = name
        .parse()
        .map_err(|_| refused(format!("{name:?} is no name")))?;
    let txt = RData::TXT(TXT::new(vec![value.to_owned()]));
    let records = RecordSet::from(Record::from_rdata(name.clone(), 0, txt));
    let update = append(records, name.clone(), false, false);
    let bytes = update
        .to_vec()
        .map_err(|error| refused(error.to_string()))?;
    let asked = tokio::time::timeout(PATIENCE, ask(server, &bytes));
    let answer = match asked.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(refused(error.to_string())),
        Err(_) => {
            return Err(refused(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            )));
        }
    };
    let code = Message::from_vec(&answer)
        .map_err(|error| refused(error.to_string()))?
        .metadata
        .response_code;
    if code == ResponseCode::NoError {
        return Ok(());
    }
    Err(refused(code.to_string()))
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

    #[tokio::test]
    async fn a_server_elsewhere_takes_an_update_and_answers_with_it() {
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
                .starts_with("not run: ")
        );
    }
}
