//! The state of running parties as one file (`rehearsal snapshot`), and back to
//! it (`rehearsal restore`). Each party gives and takes its own part at its
//! control port; keys of the portal stay with the portal.

use jiff::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::judge::{Failed, Outcome};
use crate::rehearsal::target::set_clock;
use crate::world::Answer;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// Addresses and credentials that belong to the process, not to its state.
const OF_THE_PROCESS: [(&str, &str); 4] = [
    ("sp", "control_url"),
    ("idp", "control_url"),
    ("idp", "admin_token"),
    ("dns", "address"),
];

/// The state of both parties.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of the form.
    pub format: u32,
    /// What `rehearsal up` wrote: addresses and credentials, which are part of
    /// the state.
    pub ready: Value,
    /// The portal's part.
    pub portal: Value,
    /// The identity provider's.
    pub idp: Value,
}

/// Where a party gives and takes its part.
fn place(ready: &Value, party: &str) -> Outcome<Url> {
    let control = ready[party]["control_url"].as_str().unwrap_or_default();
    let lacks = |_| {
        Failed::mismatch(
            format!("{party}.control_url in the file that `rehearsal up --ready-file` wrote"),
            ready[party].to_string(),
        )
    };
    Url::parse(control).map_err(lacks)
}

/// Takes the state of the parties behind `ready`.
///
/// # Errors
/// When a party doesn't give its part.
pub async fn take(ready: &Value) -> Outcome<Snapshot> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let part = async |party: &str| -> Outcome<Value> {
        let url = place(ready, party)?.join("/control/snapshot")?;
        let answer = client.get(url).send().await?;
        Ok(Answer::read(answer).await?.succeeded("the snapshot")?.body)
    };
    Ok(Snapshot {
        format: FORMAT,
        portal: part("sp").await?,
        idp: part("idp").await?,
        ready: ready.clone(),
    })
}

/// Brings the parties behind `ready` to a state that was taken, and, with
/// `time`, to the instant at which it was. What happened since is forgotten.
/// The answer is what `ready` is from now on.
///
/// # Errors
/// When a party doesn't take its part: it is another version's, or was taken
/// at another address.
pub async fn restore(ready: &Value, snapshot: &Snapshot, time: bool) -> Outcome<Value> {
    if snapshot.format != FORMAT {
        return Err(Failed::mismatch(
            format!("a snapshot of format {FORMAT}"),
            format!("one of format {}", snapshot.format),
        ));
    }
    let client = reqwest::Client::builder().no_proxy().build()?;
    for (party, part) in [("sp", &snapshot.portal), ("idp", &snapshot.idp)] {
        let control = place(ready, party)?;
        if time {
            let at = part["taken_at"].as_str().unwrap_or_default();
            let at: Timestamp = at
                .parse()
                .map_err(|_| Failed::mismatch("an instant as taken_at", at))?;
            set_clock(&control, at).await?;
        }
        let url = control.join("/control/snapshot")?;
        let answer = client.put(url).json(part).send().await?;
        Answer::read(answer).await?.succeeded("the restoration")?;
    }
    let mut now = snapshot.ready.clone();
    for (party, member) in OF_THE_PROCESS {
        now[party][member] = ready[party][member].clone();
    }
    Ok(now)
}
