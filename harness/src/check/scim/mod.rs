//! `rehearsal check scim`: conformance of any SCIM 2.0 service provider to
//! RFC 7643, RFC 7644 and RFC 9865.
//!
//! It asks first what the server supports, skips with a reason what it
//! doesn't, judges the rest one check at a time, and deletes whatever it made.
//! It reads answers with readers of its own and knows none of our server's
//! types.
//!
//! - [`wire`]: how requests reach the server;
//! - `server`, `schema`: what the server supports, and its attributes;
//! - `body`: bodies that fit it; `cast`: the people to judge with;
//! - `probe`: what a check holds in its hand; `reading`: readers of answers;
//! - `ledger`: what was made, and its deletion;
//! - `item`: a check as data. The families, one file each, are in [`FAMILIES`].
//!
//! To add a check: a line in its family's table, a function beside it, and a
//! mutant in `tests/mutant_scim` for which it fires and no other does.

mod auth;
mod body;
mod bulk;
mod cast;
mod create;
mod create_values;
mod delete;
mod discovery;
mod discovery_schemas;
mod etag;
mod filter;
mod group;
mod http;
mod item;
mod ledger;
mod paging;
mod patch;
mod patch_paths;
mod patch_refused;
mod probe;
mod put;
mod race;
mod read;
mod reading;
mod schema;
mod server;
mod sort;
mod vendor;
pub mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ambient::Ambient;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::item::{How, Item, Judged, Need, Stop};
use self::ledger::Ledger;
use self::probe::{Probe, Session};
use self::server::Server;
use self::wire::Wire;
use super::{Check, CheckReport, Level, Outcome};

/// Every family, in the order it is judged.
static FAMILIES: &[&[Item]] = &[
    discovery::CHECKS,
    discovery_schemas::CHECKS,
    auth::CHECKS,
    http::CHECKS,
    create::CHECKS,
    create_values::CHECKS,
    read::CHECKS,
    filter::CHECKS,
    paging::CHECKS,
    sort::CHECKS,
    put::CHECKS,
    patch::CHECKS,
    patch_paths::CHECKS,
    patch_refused::CHECKS,
    delete::CHECKS,
    group::CHECKS,
    bulk::CHECKS,
    etag::CHECKS,
    race::CHECKS,
    vendor::CHECKS,
];

/// Why a server can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No answer.
    #[error("expected a SCIM server at the base URL, came no answer: {0}")]
    Unreachable(String),
    /// The token opens nothing.
    #[error(
        "expected the token to open the users, came {0}; is it the right one, and is the base URL?"
    )]
    Refused(String),
    /// There is no SCIM there.
    #[error(
        "expected SCIM endpoints below the base URL, came {0}; it is the address that /Users follows"
    )]
    Nothing(String),
}

/// Judges a server.
pub struct Judge<'w> {
    /// The way to the server.
    pub wire: &'w dyn Wire,
    /// Its base address, which locations are compared with.
    pub base: String,
    /// The bearer token.
    pub token: String,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// Set to true, it ends the run: what was made is deleted first.
    pub stopped: Arc<AtomicBool>,
    /// Time and chance.
    pub ambient: Ambient,
}

impl Judge<'_> {
    /// Runs every check.
    ///
    /// # Errors
    /// When there is no server, or it lets the token in nowhere.
    pub async fn judge(&self) -> Result<CheckReport, Trouble> {
        let started_at = self.ambient.now();
        let session = Session {
            wire: self.wire,
            base: self.base.trim_end_matches('/').to_owned(),
            token: self.token.clone(),
            mark: format!("rh{}", self.ambient.chance().hex(5)),
            ledger: Ledger::default(),
            read_only: self.read_only,
            stopped: self.stopped.clone(),
            cast: OnceCell::new(),
            fuller: AtomicBool::new(false),
            counter: 0.into(),
        };
        let server = Server::discover(&session).await?;
        if !self.read_only {
            taste(&session, &server).await;
            // Who plays in most checks stays to the end, others don't.
            let _ = Probe::new(&session, &server).cast().await;
        }
        let cast = session.ledger.len();
        let mut outcomes = Vec::new();
        for item in items() {
            outcomes.push(self.outcome(item, &session, &server).await);
            session.ledger.shorten(&session, cast).await;
        }
        let left = session.ledger.clear(&session, &server).await;
        outcomes.push(clean(&left.0));
        Ok(CheckReport::new(
            "check scim",
            self.base.clone(),
            outcomes,
            started_at,
        ))
    }

    async fn outcome(&self, item: &Item, session: &Session<'_>, server: &Server) -> Outcome {
        let check = item.check();
        let makes = item.needs.contains(&Need::Writes) || matches!(item.how, How::Finds(..));
        if self.read_only && makes {
            return Outcome::skipped(check, "--read-only: it makes resources of its own");
        }
        let lack = item.needs.iter().find_map(|need| server.lacks(*need));
        if let Some(lack) = lack {
            return Outcome::skipped(check, lack);
        }
        let probe = Probe::new(session, server);
        let judged = match item.how {
            How::Act(act) => act(&probe).await,
            How::Finds(filter, whom) => filter::finds(&probe, filter, whom).await,
            How::Refuses(filter) => filter::refuses(&probe, filter).await,
        };
        let evidence = probe.tape();
        match judged {
            Ok(()) => Outcome::judged(check, true, item.expected, "as expected".into(), evidence),
            Err(Stop::Wrong(came)) => Outcome::judged(check, false, item.expected, came, evidence),
            Err(Stop::Unjudged(why)) => {
                let mut outcome = Outcome::skipped(check, why);
                outcome.evidence = evidence;
                outcome
            }
        }
    }
}

/// Finds out whether users want more than their schema requires.
async fn taste(session: &Session<'_>, server: &Server) {
    let probe = Probe::new(session, server);
    for fuller in [false, true] {
        session
            .fuller
            .store(fuller, std::sync::atomic::Ordering::Relaxed);
        let made: Judged<_> = probe.user(json!({})).await;
        if made.is_ok() {
            return;
        }
    }
}

fn clean_check() -> Check {
    Check {
        id: "SCIM-CLEAN-01".to_owned(),
        level: Level::May,
        title: "Everything that the checks made could be deleted".to_owned(),
        spec: "RFC 7644 §3.6".to_owned(),
        fix: "Delete what is listed by hand.".to_owned(),
    }
}

/// The last outcome: whether anything stayed behind.
fn clean(left: &[String]) -> Outcome {
    let actual = if left.is_empty() {
        "nothing stayed behind".to_owned()
    } else {
        format!("these stayed behind: {}", left.join(", "))
    };
    let expected = "nothing to stay behind";
    Outcome::judged(
        clean_check(),
        left.is_empty(),
        expected,
        actual,
        Value::Null,
    )
}

/// Every check, in the order it is judged.
pub fn catalogue() -> Vec<Check> {
    let all = items().into_iter().map(Item::check);
    all.chain([clean_check()]).collect()
}

fn items() -> Vec<&'static Item> {
    FAMILIES.iter().flat_map(|family| family.iter()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_told_apart_and_every_check_is_told_whole() {
        let mut seen = BTreeSet::new();
        for item in items() {
            assert!(seen.insert(item.id), "{} is there twice", item.id);
            assert!(item.id.starts_with("SCIM-"), "{}", item.id);
            assert!(item.spec.starts_with("RFC "), "{}", item.id);
            for words in [item.title, item.expected, item.fix] {
                assert!(words.len() > 5, "{}: {words:?}", item.id);
            }
        }
    }
}
