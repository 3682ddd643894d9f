//! Writes the state of running parties to one file (`rehearsal snapshot`) and restores it
//! (`rehearsal restore`). Each party returns and accepts its own part at its control port.
//! The portal's own keys are not in the file.

use jiff::Timestamp;
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control_port::ControlPort;
use crate::judge::{Failed, Outcome};
use crate::rehearsal::target::set_clock;
use crate::world::Answer;

/// Version of the snapshot file format.
pub const FORMAT: u32 = 1;

/// Path of a party's state at its control port.
const SNAPSHOT: &str = "/control/snapshot";

/// Members of the ready file that change with each start of the parties and are not part of
/// the state.
const OF_THE_PROCESS: [(&str, &str); 6] = [
    ("sp", "control_url"),
    ("sp", "control_secret"),
    ("idp", "control_url"),
    ("idp", "control_secret"),
    ("idp", "admin_token"),
    ("dns", "address"),
];

/// The state of both parties.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Version of the snapshot file format.
    pub format: u32,
    /// The ready file of `rehearsal up`: addresses and credentials, which are part of the
    /// state.
    pub ready: Value,
    /// The state of the portal.
    pub portal: Value,
    /// The state of the identity provider.
    pub idp: Value,
}

/// Returns a party's control port.
fn find_control(ready: &Value, party: &str) -> Outcome<ControlPort> {
    ControlPort::of_party(ready, party)?.ok_or_else(|| {
        Failed::mismatch(
            format!("{party}.control_url in the file that `rehearsal up --ready-file` wrote"),
            "none",
        )
    })
}

fn unreachable(url: Url, source: reqwest::Error) -> Failed {
    Failed::Unreachable {
        party: "the control port",
        url,
        source,
    }
}

/// Reads the state of the parties that the ready file names.
///
/// # Errors
/// When a party does not return its state.
pub async fn take(ready: &Value) -> Outcome<Snapshot> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let part = async |party: &str| -> Outcome<Value> {
        let control = find_control(ready, party)?;
        let request = control.request(&client, Method::GET, SNAPSHOT)?;
        let url = control.address(SNAPSHOT)?;
        let answer = request.send().await;
        let answer = answer.map_err(|source| unreachable(url, source))?;
        Ok(Answer::read(answer).await?.succeeded("the snapshot")?.body)
    };
    Ok(Snapshot {
        format: FORMAT,
        portal: part("sp").await?,
        idp: part("idp").await?,
        ready: ready.clone(),
    })
}

/// Restores the state of the parties that the ready file names. What happened after the
/// snapshot is lost. With `time`, also sets their clocks to the time of the snapshot.
/// Returns the new content of the ready file.
///
/// # Errors
/// When a party refuses its part, because it comes from another version or from a party
/// with another address.
pub async fn restore(ready: &Value, snapshot: &Snapshot, time: bool) -> Outcome<Value> {
    if snapshot.format != FORMAT {
        return Err(Failed::mismatch(
            format!("a snapshot of format {FORMAT}"),
            format!("one of format {}", snapshot.format),
        ));
    }
    let client = reqwest::Client::builder().no_proxy().build()?;
    for (party, part) in [("sp", &snapshot.portal), ("idp", &snapshot.idp)] {
        let control = find_control(ready, party)?;
        if time {
            let at = part["taken_at"].as_str().unwrap_or_default();
            let at: Timestamp = at
                .parse()
                .map_err(|_| Failed::mismatch("an instant as taken_at", at))?;
            set_clock(&control, at).await?;
        }
        let url = control.address(SNAPSHOT)?;
        let request = control.request(&client, Method::PUT, SNAPSHOT)?;
        let answer = request.json(part).send().await;
        let answer = answer.map_err(|source| unreachable(url, source))?;
        let answer = Answer::read(answer).await?;
        if !(200..300).contains(&answer.status) {
            let detail = answer.body["detail"].as_str();
            return Err(Failed::SnapshotRefused {
                party: if party == "sp" {
                    "the portal"
                } else {
                    "the identity provider"
                },
                status: answer.status,
                reason: detail.map_or_else(|| answer.body.to_string(), str::to_owned),
            });
        }
    }
    let mut now = snapshot.ready.clone();
    for (party, member) in OF_THE_PROCESS {
        now[party][member] = ready[party][member].clone();
    }
    Ok(now)
}
