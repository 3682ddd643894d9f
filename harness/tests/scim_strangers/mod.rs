//! Strangers for `check scim`: servers that behave like real products. Each is the correct
//! server with some differences, and has the exact list of findings and warnings that is
//! true for it. The test fails on a wrong finding and on a missing one.
//!
//! To add a stranger, add a line to `table.rs`, and its differences to `switches.rs`; one that is like
//! a server of another project belongs in `projects.rs` and `deviations.rs`.

mod answers;
mod deviations;
mod projects;
mod switches;
mod table;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::Ambient;
use rehearsal::check::runner::Runner;
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::scim::{CheckError, Judge, Options};
use rehearsal::check::{CheckReport, Verdict};

use super::mutant_scim::{BASE, Mutation, Server, TOKEN};

pub(crate) use table::strangers;

/// One difference from the correct server.
#[derive(Clone, Copy)]
pub(crate) enum Switch {
    /// Changes a request or an answer, or acts instead of the server.
    Mutation(Mutation),
    /// Answers 429 after this number of requests per second; true if `Retry-After` is a
    /// date.
    Limit(u64, bool),
    /// Lists contain a created resource only after this number of milliseconds.
    Lag(u64),
    /// A read by id shows a change only after this number of milliseconds.
    LateReads(u64),
    /// Has this number of users that the checks did not create.
    Residents(usize),
}

/// The options that `check scim` is run with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Call {
    pub(crate) domain: Option<&'static str>,
    pub(crate) template: Option<&'static str>,
    pub(crate) is_basic: bool,
}

/// A server that behaves like a product of another vendor.
#[derive(Clone, Copy)]
pub(crate) struct Stranger {
    /// What the server does differently.
    pub(crate) name: &'static str,
    pub(crate) switches: &'static [Switch],
    pub(crate) call: Call,
    /// The ids of all findings and warnings, or the code of the set-up error.
    pub(crate) finds: Result<&'static [&'static str], &'static str>,
    /// Minimum number of checks that pass, because a run that skips everything has no wrong
    /// findings either.
    pub(crate) passes: usize,
    /// True if it keeps resources that cannot be deleted.
    pub(crate) keeps: bool,
}

/// A running stranger, with its own clock.
pub(crate) struct Running {
    switches: &'static [Switch],
    pub(crate) server: Server,
    /// Milliseconds since the start.
    clock: AtomicU64,
    /// Times of the latest requests, for the limit, in milliseconds.
    recent: Mutex<Vec<u64>>,
    /// Ids and times of the created resources.
    created: Mutex<Vec<(String, u64)>>,
    /// Paths of changed resources, what they were before, and when they were changed.
    changed: Mutex<Vec<(String, String, u64)>>,
    residents: Vec<String>,
}

/// Duration of a request, in milliseconds.
const STEP: u64 = 5;

impl Running {
    fn new(stranger: &Stranger) -> Self {
        let mut running = Self {
            switches: stranger.switches,
            server: Server::default(),
            clock: AtomicU64::new(1_000_000),
            recent: Mutex::default(),
            created: Mutex::default(),
            changed: Mutex::default(),
            residents: Vec::new(),
        };
        for switch in stranger.switches {
            if let Switch::Residents(many) = switch {
                for number in 0..*many {
                    running.server.answer(&switches::resident(number));
                }
            }
        }
        running.residents = running.server.left();
        running
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Returns the ids of the resources that the checks left behind.
    fn left(&self) -> Vec<String> {
        let mut all = self.server.left();
        all.retain(|it| !self.residents.contains(it));
        all
    }

    fn answer(&self, request: &ScimRequest) -> ScimAnswer {
        let now = self.clock.fetch_add(STEP, Ordering::SeqCst);
        let mut received = request.clone();
        for switch in self.switches {
            match switch {
                Switch::Limit(most, is_date) => {
                    let mut recent = self.recent.lock().unwrap();
                    recent.retain(|at| at + 1000 > now);
                    if recent.len() as u64 >= *most {
                        return switches::too_many(*is_date);
                    }
                    recent.push(now);
                }
                Switch::Mutation(Mutation::ChangesRequest(bend)) => bend(&mut received),
                Switch::Mutation(Mutation::AnswersInstead(bend)) => {
                    if let Some(answer) = bend(&self.server, &received) {
                        return self.say(request, answer);
                    }
                }
                _ => {}
            }
        }
        if matches!(received.method.as_str(), "PATCH" | "PUT") {
            let path = path_of(&received);
            let before = self.server.now(&path).to_string();
            self.changed.lock().unwrap().push((path, before, now));
        }
        let answer = self.server.answer(&received);
        if answer.status == 201
            && let Some((_, location)) = answer.headers.iter().find(|(name, _)| name == "location")
        {
            let id = location.rsplit('/').next().unwrap_or_default().to_owned();
            self.created.lock().unwrap().push((id, now));
        }
        self.say(request, answer)
    }

    fn say(&self, request: &ScimRequest, mut answer: ScimAnswer) -> ScimAnswer {
        for switch in self.switches {
            match switch {
                Switch::Mutation(Mutation::ChangesAnswer(bend)) => bend(request, &mut answer),
                Switch::Lag(lag) => {
                    let created = self.created.lock().unwrap();
                    let young = created.iter().filter(|(_, at)| at + lag > self.now());
                    let young: Vec<&str> = young.map(|(id, _)| id.as_str()).collect();
                    switches::hide(&mut answer, &young);
                }
                Switch::LateReads(lag) if request.method == "GET" && answer.status == 200 => {
                    let changed = self.changed.lock().unwrap();
                    let path = path_of(request);
                    let mut late = changed
                        .iter()
                        .filter(|(of, _, at)| *of == path && at + lag > self.now());
                    if let Some((_, before, _)) = late.next() {
                        answer.text.clone_from(before);
                    }
                }
                _ => {}
            }
        }
        answer.request = request.line();
        answer
    }
}

impl Wire for Running {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(self.answer(request))
        })
    }

    fn pause(&self, length: Duration) -> Pending<'_, ()> {
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX / 2);
        self.clock.fetch_add(length, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

/// Returns the target of a request without its query.
fn path_of(request: &ScimRequest) -> String {
    let path = request.target.split('?').next();
    path.unwrap_or_default().to_owned()
}

/// Returns what is wrong with the report about a stranger; None if nothing is.
pub(crate) async fn find_misjudgment(stranger: Stranger) -> Option<String> {
    let running = Running::new(&stranger);
    let credentials = if stranger.call.is_basic {
        Credentials::Basic {
            user: answers::USER.to_owned(),
            password: TOKEN.to_owned(),
        }
    } else {
        Credentials::Bearer(TOKEN.to_owned())
    };
    let judge = Judge {
        wire: &running,
        base: BASE.to_owned(),
        credentials,
        options: Options {
            domain: stranger.call.domain.map(str::to_owned),
            template: stranger
                .call
                .template
                .map(|it| serde_json::from_str(it).unwrap()),
            ..Options::default()
        },
        read_only: false,
        runner: Runner::default(),
        ambient: Ambient::real(),
    };
    let judged = judge.judge().await;
    let mut wrong = differences(&stranger, judged);
    if !stranger.keeps {
        wrong.extend(running.left().iter().map(|id| format!("{id} was left")));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

fn differences(stranger: &Stranger, judged: Result<CheckReport, CheckError>) -> Vec<String> {
    let report = match (judged, stranger.finds) {
        (Ok(report), Ok(_)) => report,
        (Ok(_), Err(code)) => return vec![format!("it was judged, expected {code}")],
        (Err(trouble), finds) => {
            let error = trouble.to_set_up_error(BASE);
            let is_expected = finds.err() == Some(error.code);
            return if is_expected {
                Vec::new()
            } else {
                vec![format!("{}: {error}", error.code)]
            };
        }
    };
    let expected = stranger.finds.unwrap_or_default();
    let mut wrong = Vec::new();
    for one in &report.outcomes {
        let is_found = matches!(one.verdict, Verdict::Fail | Verdict::Warn);
        if is_found && !expected.contains(&one.check.id.as_str()) {
            wrong.push(format!("{} is false: {}", one.check.id, one.actual));
        }
    }
    for id in expected {
        let one = report.outcomes.iter().find(|one| one.check.id == *id);
        match one {
            Some(one) if matches!(one.verdict, Verdict::Fail | Verdict::Warn) => {}
            Some(one) => wrong.push(format!("{id} is {:?}: {}", one.verdict, one.actual)),
            None => wrong.push(format!("{id} is no check")),
        }
    }
    let passed = report.count(Verdict::Pass);
    if passed < stranger.passes {
        let skips = report.outcomes.iter();
        let skips = skips.filter(|one| one.verdict == Verdict::Skip);
        let mut all: Vec<String> = skips
            .map(|one| format!("{}: {}", one.check.id, one.actual))
            .collect();
        all.insert(0, format!("{passed} passed, expected {}", stranger.passes));
        wrong.extend(all);
    }
    if std::env::var("SCIM_STRANGER").is_ok() {
        wrong.push(format!("({passed} passed)"));
    }
    wrong
}
