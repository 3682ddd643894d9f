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

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ambient::Ambient;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::item::{How, Item, Judged, Need, Stop};
use self::ledger::Ledger;
use self::probe::{Probe, Session};
use self::server::Server;
use self::wire::Wire;
use super::runner::{Judged as Run, Planned, Runner, fold, page_summary};
use super::{Check, CheckReport, Level, Outcome, SetUpError, Verdict};

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
    #[error("cannot reach the SCIM server: {0}")]
    Unreachable(String),
    /// The token opens nothing.
    #[error("the server refused the credentials: {0}")]
    Refused(String),
    /// There is no SCIM there.
    #[error("there is no SCIM server at this base URL: {0}")]
    Nothing(String),
    /// It has an error of its own.
    #[error("the server cannot list its users: {0}")]
    Failing(String),
}

impl Trouble {
    /// The same for the report.
    pub fn to_set_up_error(&self, base: &str) -> SetUpError {
        let (code, fix) = match self {
            Self::Unreachable(_) => (
                "unreachable",
                "Check --base-url (host, port, http or https) and whether the server runs and is reached from this machine. A server with a private certificate needs --ca FILE.",
            ),
            Self::Refused(_) => (
                "wrong-token",
                "Check --token: it has to be the bearer token of this SCIM endpoint, not expired, with the right to read and write users and groups. Check --base-url too: it may belong to another tenant.",
            ),
            Self::Nothing(_) => (
                "wrong-base-url",
                "Give the address that /Users follows as --base-url, such as https://scim.example/v2. It often ends in /scim/v2.",
            ),
            Self::Failing(_) => (
                "server-error",
                "Look into the server's log. Once GET /Users answers, run the checks again.",
            ),
        };
        SetUpError::new(code, format!("At {base}, {self}."), fix)
    }
}

/// What an answer says that is no SCIM resource: its status and SCIM detail,
/// or the text of a page.
fn summary(told: &wire::Told) -> String {
    let media_type = told.media_type();
    let detail = told.json().and_then(|body| {
        let detail = reading::text(&body, &["detail"]).map(str::to_owned);
        detail.or_else(|| reading::text(&body, &["message"]).map(str::to_owned))
    });
    let what = match (detail, told.header("location")) {
        (Some(detail), _) => format!(": {}", reading::cut(&detail, 200)),
        (None, Some(to)) if (300..400).contains(&told.status) => format!(" and redirects to {to}"),
        _ if told.text.trim_start().starts_with('<') => {
            let page = page_summary(&told.text, 120);
            format!(" with a page ({media_type}) that says \"{page}\"")
        }
        _ if told.text.is_empty() => String::new(),
        _ => format!(" ({media_type}): {}", reading::cut(told.text.trim(), 120)),
    };
    format!("{} answered {}{what}", told.asked, told.status)
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
    /// The rules that hold for every check.
    pub runner: Runner,
    /// Time and chance.
    pub ambient: Ambient,
}

/// How long the honest request may take after a check, in terms of the time
/// that it took before the checks; and the shortest time that counts as slow.
const SLOWDOWN: u32 = 10;
const SLOW: Duration = Duration::from_secs(5);

/// How long a server that gave no answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How long an answer is waited for after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// How often a server that gave no answer is asked again.
const REVIVALS: usize = 3;

impl Judge<'_> {
    /// Runs every check.
    ///
    /// # Errors
    /// When there is no server, or it lets the token in nowhere.
    pub async fn judge(&self) -> Result<CheckReport, Trouble> {
        let started_at = self.ambient.now();
        let started = Instant::now();
        let session = Session {
            wire: self.wire,
            base: self.base.trim_end_matches('/').to_owned(),
            token: self.token.clone(),
            mark: format!("rh{}", self.ambient.chance().hex(5)),
            ledger: Ledger::default(),
            read_only: self.read_only,
            runner: &self.runner,
            lost: 0.into(),
            works: Mutex::default(),
            cast: OnceCell::new(),
            fuller: AtomicBool::new(false),
            counter: 0.into(),
        };
        let runner = Runner {
            grace: GRACE,
            ..self.runner.clone()
        };
        runner.stop.set_leftovers(session.ledger.lister());
        let items = items();
        let selected = |item: &&&Item| self.runner.selection.includes(item.id);
        let steps = items.iter().filter(selected).count();
        let progress = &self.runner.progress;
        progress.begin("check scim", steps);
        let server = Server::discover(&session).await?;
        let calm = health(&session, &server).await.unwrap_or_default();
        if !self.read_only {
            taste(&session, &server).await;
            // Who plays in most checks stays to the end, others don't.
            let _ = Probe::new(&session, &server).cast().await;
        }
        let cast = session.ledger.len();
        let mut run = Run::default();
        let mut symptoms = Vec::new();
        for item in items {
            let planned = Planned {
                check: item.check(),
                rests_on: None,
            };
            let outcome = async {
                let (outcome, shown) = self.outcome(item, &session, &server, calm).await;
                symptoms.push(shown);
                outcome
            };
            runner.judge(&mut run, planned, outcome).await;
            if !self.runner.has_ended() {
                session.ledger.shorten(&session, cast).await;
            }
        }
        progress.end();
        let mut outcomes = run.outcomes;
        let works = session.works.lock();
        let works = works
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        fold(&mut outcomes, &symptoms, &works);
        let left = session.ledger.clear(&session, &server).await;
        if self.runner.selection.includes("SCIM-CLEAN-01") || !left.0.is_empty() {
            outcomes.push(clean(&left.0));
        }
        let report = CheckReport::new("check scim", self.base.clone(), outcomes, started_at);
        Ok(self.runner.report(report, steps + 1, started.elapsed()))
    }

    async fn outcome(
        &self,
        item: &Item,
        session: &Session<'_>,
        server: &Server,
        calm: Duration,
    ) -> (Outcome, BTreeSet<String>) {
        let check = item.check();
        let makes = item.needs.contains(&Need::Writes) || matches!(item.how, How::Finds(..));
        if self.read_only && makes {
            let why = "--read-only: it makes resources of its own";
            return (Outcome::skipped(check, why), BTreeSet::new());
        }
        let lack = item.needs.iter().find_map(|need| server.lacks(*need));
        if let Some(lack) = lack {
            return (Outcome::skipped(check, lack), BTreeSet::new());
        }
        let probe = Probe::new(session, server);
        let (lost, began) = (session.lost.load(Ordering::Relaxed), Instant::now());
        let judged = match item.how {
            How::Act(act) => act(&probe).await,
            How::Finds(filter, whom) => filter::finds(&probe, filter, whom).await,
            How::Refuses(filter) => filter::refuses(&probe, filter).await,
        };
        let is_slow = began.elapsed() > slow_after(calm);
        let is_lost = session.lost.load(Ordering::Relaxed) > lost;
        let harm = if is_slow || is_lost {
            harm(session, server, calm).await
        } else {
            None
        };
        let symptoms = probe.symptoms();
        let evidence = probe.tape();
        let outcome = match (harm, judged) {
            (Some(harm), _) => Outcome {
                verdict: Verdict::Fail,
                ..Outcome::judged(
                    check,
                    false,
                    &format!("{}; and the server answers as before", item.expected),
                    format!("denial of service: {harm}"),
                    evidence,
                )
            },
            (None, Ok(())) => {
                Outcome::judged(check, true, item.expected, "as expected".into(), evidence)
            }
            (None, Err(Stop::Wrong(came))) => {
                Outcome::judged(check, false, item.expected, came, evidence)
            }
            (None, Err(Stop::Unjudged(why))) => {
                let mut outcome = Outcome::skipped(check, why);
                outcome.evidence = evidence;
                outcome
            }
        };
        (outcome, symptoms)
    }
}

/// How long an honest request takes; `None` when it gets no answer.
async fn health(session: &Session<'_>, server: &Server) -> Option<Duration> {
    let began = Instant::now();
    let target = probe::query(&server.users.endpoint, &[("count", "1")]);
    let asked = session.asked(reqwest::Method::GET, &target, None);
    session.send(&asked).await.ok()?;
    Some(began.elapsed())
}

fn slow_after(calm: Duration) -> Duration {
    (calm * SLOWDOWN).max(SLOW)
}

/// What a check did to the server, seen by an honest request after it; `None`
/// when that is answered as before.
async fn harm(session: &Session<'_>, server: &Server, calm: Duration) -> Option<String> {
    let honest = format!("GET {}?count=1", server.users.endpoint);
    match health(session, server).await {
        Some(took) if took > slow_after(calm) => Some(format!(
            "{honest} took {:.1} s afterwards, and {:.1} s before the checks",
            took.as_secs_f32(),
            calm.as_secs_f32()
        )),
        Some(_) => None,
        None => {
            for attempt in 1..=REVIVALS {
                if session.runner.has_ended() {
                    break;
                }
                super::runner::pause(PAUSE).await;
                if health(session, server).await.is_some() {
                    return Some(format!(
                        "{honest} got no answer afterwards; the server answered again at attempt {attempt}"
                    ));
                }
            }
            Some(format!("{honest} got no answer afterwards"))
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
