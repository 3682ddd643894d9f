//! `rehearsal check sp`: plays the identity provider of any SAML service
//! provider, sends it good responses and every fault of the catalogue, and
//! sees which of them let somebody in.
//!
//! - `provider`: the identity provider that is played: key, metadata;
//! - `visitor`: a browser with cookies of its own;
//! - `set_up`: why nobody can be logged in at all;
//! - `health`: whether an honest login still works after a fault;
//! - `login`: one login, from the start address to the probe.

mod health;
mod login;
mod provider;
mod set_up;
mod shown;
mod visitor;

use std::time::{Duration, Instant};

use ambient::Ambient;
use faults::{Cover, Delivery, Family, Fault};
use regex::Regex;
use saml::metadata::SpMetadata;
use url::Url;

use super::runner::{Judged as Run, Planned, Runner};
use super::{Check, CheckReport, Level, Outcome, Verdict};
pub use login::{Answer, Trouble};
pub use provider::Provider;

use login::Login;

/// The group whose members the guide gives the product (G-13).
const PRODUCT_USERS: &str = "Parallels Desktop Users";

/// Who the good responses are about, and what they say of them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name: NameID, and the attributes that repeat it.
    pub user: String,
    /// Attributes; `{user}` in a value stands for the user name.
    pub attributes: Vec<(String, String)>,
}

impl Person {
    /// With the attributes that the guide maps (G-10).
    pub fn of_the_guide(user: &str) -> Self {
        let attributes = [
            ("name", "{user}"),
            ("displayname", "{user}"),
            ("objectidentifier", "id-of-{user}"),
            ("groups", PRODUCT_USERS),
        ];
        Self {
            user: user.to_owned(),
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

/// The service provider to be judged.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its metadata.
    pub metadata: SpMetadata,
    /// Where a login starts.
    pub start_url: Url,
    /// Fetched with a login's cookies, it tells who is in.
    pub probe_url: Url,
    /// Matches the probe's body when [`Person::user`] is in.
    pub expect: Regex,
}

/// Judges a service provider.
pub struct Judge {
    /// What is judged.
    pub target: Target,
    /// Who is played.
    pub provider: Provider,
    /// Whom it vouches for.
    pub person: Person,
    /// The rules that hold for every check.
    pub runner: Runner,
    /// Time and chance.
    pub ambient: Ambient,
}

fn check_of(fault: &Fault) -> Check {
    Check {
        id: fault.check.clone(),
        level: match fault.level {
            faults::Level::Must => Level::Must,
            faults::Level::Should => Level::Should,
            faults::Level::May => Level::May,
        },
        title: format!("{}: {}", fault.id, fault.about),
        spec: fault.spec.clone(),
        fix: fault.family.mend().to_owned(),
    }
}

/// Every check of a service provider, in the order of the report.
///
/// # Errors
/// When the embedded catalogue can't be read.
pub fn catalogue() -> Result<Vec<Check>, Trouble> {
    let controls = faults::controls().map_err(|error| Trouble::Catalogue(error.to_string()))?;
    let faults = faults::catalogue().map_err(|error| Trouble::Catalogue(error.to_string()))?;
    let mut checks: Vec<Check> = controls.iter().chain(&faults).map(check_of).collect();
    checks.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(checks)
}

impl Judge {
    /// Runs every control, then every fault. When no honest Response is
    /// accepted, nothing is judged: a service provider that lets nobody in
    /// refuses every fault too, and proves nothing. The report then has the
    /// reason as its error.
    ///
    /// # Errors
    /// When the embedded catalogue can't be read.
    pub async fn judge(&self) -> Result<CheckReport, Trouble> {
        let (started_at, started) = (self.ambient.now(), Instant::now());
        let unreadable = |error: toml::de::Error| Trouble::Catalogue(error.to_string());
        let controls = faults::controls().map_err(unreadable)?;
        let (bases, others): (Vec<Fault>, Vec<Fault>) = controls
            .into_iter()
            .partition(|control| BASES.contains(&control.id.as_str()));
        let mut faults = faults::catalogue().map_err(unreadable)?;
        // Last, because a service provider may not come back from them.
        faults.sort_by_key(|fault| fault.family == Family::Exhaustion);
        let all = bases.iter().chain(&others).chain(&faults);
        let selected = |fault: &&Fault| self.runner.selection.includes(&fault.check);
        let total = all.filter(selected).count();
        self.runner.progress.begin("check sp", total);
        let target = &self.target.metadata.entity_id;
        let report = |outcomes| CheckReport::new("check sp", target, outcomes, started_at);
        let finished = |report| {
            self.runner.progress.end();
            self.runner.report(report, total, started.elapsed())
        };

        // The controls are tried whether they are selected or not.
        let mut honest = Honest::default();
        let attempts = self.try_bases(&bases, &mut honest);
        let interrupted = tokio::select! {
            () = attempts => false,
            _ = self.runner.stop.wait() => true,
        };
        if interrupted {
            return Ok(finished(report(honest.selected(&self.runner))));
        }
        let Some(base) = honest.base else {
            let error = self.set_up_error(&honest).await;
            return Ok(finished(CheckReport::of_error(
                "check sp", target, error, started_at,
            )));
        };
        if let Some(error) = self.probe_error().await {
            return Ok(finished(CheckReport::of_error(
                "check sp", target, error, started_at,
            )));
        }
        let mut run = Run::default();
        for outcome in std::mem::take(&mut honest.outcomes) {
            run.push(outcome);
        }
        let blind = self.blind(base).await;
        for control in &others {
            let planned = Planned {
                check: check_of(control),
                rests_on: None,
            };
            let outcome = async { self.control(control, Some(base)).await.0 };
            self.runner.judge(&mut run, planned, outcome).await;
        }
        for fault in &faults {
            let cover = fault.cover.unwrap_or(base);
            let at = COVERS.iter().position(|one| *one == cover);
            let control = &bases_check(&bases, BASES[at.unwrap_or_default()]);
            let mut harm = None;
            let planned = Planned {
                check: check_of(fault),
                rests_on: Some(control.clone()),
            };
            let outcome = async {
                let (outcome, seen) = self.trial(fault, cover, base, blind, honest.took).await;
                harm = seen;
                outcome
            };
            let judged = run.outcomes.len();
            self.runner.judge(&mut run, planned, outcome).await;
            if run.outcomes.len() > judged
                && let Some(harm) = harm
            {
                let cause = harm.blame(&mut run.outcomes);
                self.runner.patience.blame(&cause);
            }
        }
        let mut outcomes = run.outcomes;
        outcomes.retain(|outcome| self.runner.selection.includes(&outcome.check.id));
        outcomes.sort_by(|a, b| order(&a.check).cmp(&order(&b.check)));
        Ok(finished(report(outcomes)))
    }

    /// Tries the honest Responses that all others are amendments of.
    async fn try_bases(&self, bases: &[Fault], honest: &mut Honest) {
        for (id, cover) in BASES.iter().zip(COVERS) {
            let Some(control) = bases.iter().find(|control| control.id == *id) else {
                continue;
            };
            self.runner.progress.step(&control.check, &control.about);
            let began = Instant::now();
            let (outcome, came) = self.control(control, None).await;
            let took = began.elapsed();
            if outcome.verdict == Verdict::Pass && honest.base.is_none() {
                (honest.base, honest.took) = (Some(cover), took);
            }
            honest.outcomes.push(outcome.took(took));
            honest.came.push(came);
            // Whoever can't be asked or reached once isn't asked twice more.
            if matches!(
                honest.came.last(),
                Some(Err(Trouble::NotStarted { .. }
                    | Trouble::NoRequest { .. }
                    | Trouble::NoAcs))
            ) {
                return;
            }
        }
    }

    /// Whether the probe matches whoever is in: then it can't tell a victim
    /// from the attacker.
    async fn blind(&self, base: Cover) -> bool {
        let attacker = self.attacker();
        let login = Login::new(self, &attacker);
        let honest = login.attempt(None, base).await;
        honest.is_ok_and(|answer| answer.accepted)
    }

    /// Somebody else at the same e-mail domain.
    fn attacker(&self) -> String {
        let domain = self.person.user.split_once('@');
        format!(
            "mallory@{}",
            domain.map_or("example.com", |(_, domain)| domain)
        )
    }

    async fn control(
        &self,
        control: &Fault,
        base: Option<Cover>,
    ) -> (Outcome, Result<Answer, Trouble>) {
        let check = check_of(control);
        let cover = control.cover.or(base).unwrap_or(Cover::Assertion);
        let expected = "the good response to let its subject in";
        let login = Login::new(self, &self.person.user);
        let came = login.attempt(Some(control), cover).await;
        self.note(&came);
        let outcome = match &came {
            Ok(answer)
                if !answer.accepted
                    && cover == Cover::Response
                    && self.target.metadata.want_assertions_signed =>
            {
                let why =
                    "it was refused, as the metadata announces: WantAssertionsSigned=\"true\"";
                Outcome::skipped(check, why)
            }
            Ok(answer) => {
                let mut outcome = Outcome::judged(
                    check,
                    answer.accepted,
                    expected,
                    answer.said(),
                    answer.evidence(),
                );
                // To refuse an unusual response is no hole.
                if outcome.verdict == Verdict::Fail && outcome.check.level != Level::Must {
                    outcome.verdict = Verdict::Warn;
                }
                outcome
            }
            // No answer is no evidence.
            Err(trouble) => Outcome::skipped(check, trouble.to_string()),
        };
        (outcome, came)
    }

    async fn fault(&self, fault: &Fault, cover: Cover, blind: bool) -> (Outcome, Lost) {
        let check = check_of(fault);
        let who = if fault.impersonates() {
            self.attacker()
        } else {
            self.person.user.clone()
        };
        let login = Login::new(self, &who);
        let (expected, attempt) = match fault.delivery {
            Delivery::Once if fault.is_open => (
                "a login or a refusal",
                login.attempt(Some(fault), cover).await,
            ),
            Delivery::Once => ("a refusal", login.attempt(Some(fault), cover).await),
            Delivery::Again => (
                "the second delivery to be refused",
                login.again(fault, cover).await,
            ),
            Delivery::AtOnce => (
                "one of two deliveries at the same time to be refused",
                login.at_once(fault, cover).await,
            ),
            Delivery::OtherBrowser => (
                "a browser that asked for nothing to be refused",
                login.other_browser(fault, cover).await,
            ),
        };
        self.note(&attempt);
        let is_lost = match &attempt {
            Err(Trouble::NotStarted { .. }) => Lost::BeforeDelivery,
            Err(Trouble::Unreachable { .. }) => Lost::AfterDelivery,
            _ => Lost::Nothing,
        };
        let outcome = match attempt {
            Ok(answer) => {
                let mut actual = answer.said();
                if answer.accepted && blind && fault.impersonates() {
                    actual.push_str("; --expect matches whoever is in, so this may be the attacker under their own name");
                }
                let holds = fault.is_open || !answer.accepted;
                Outcome::judged(check, holds, expected, actual, answer.evidence())
            }
            Err(trouble) => Outcome::skipped(check, trouble.to_string()),
        };
        (outcome, is_lost)
    }

    /// Counts answers that did not come.
    fn note(&self, came: &Result<Answer, Trouble>) {
        match came {
            Err(Trouble::NotStarted { url, reason } | Trouble::Unreachable { url, reason }) => {
                self.runner.patience.no_answer(url, reason);
            }
            _ => self.runner.patience.answered(),
        }
    }
}

/// Where a login got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    BeforeDelivery,
    AfterDelivery,
}

/// What came of the honest Responses.
#[derive(Default)]
struct Honest {
    outcomes: Vec<Outcome>,
    came: Vec<Result<Answer, Trouble>>,
    /// The first that was accepted.
    base: Option<Cover>,
    /// How long that took.
    took: Duration,
}

impl Honest {
    fn selected(self, runner: &Runner) -> Vec<Outcome> {
        let all = self.outcomes.into_iter();
        all.filter(|outcome| runner.selection.includes(&outcome.check.id))
            .collect()
    }
}

/// The check of a control.
fn bases_check(bases: &[Fault], id: &str) -> String {
    let control = bases.iter().find(|control| control.id == id);
    control.map_or_else(String::new, |control| control.check.clone())
}

/// The good responses that all others are amendments of, best first.
const BASES: [&str; 3] = ["signed-assertion", "signed-both", "signed-response"];
const COVERS: [Cover; 3] = [Cover::Assertion, Cover::Both, Cover::Response];

/// Controls first, then by id.
fn order(check: &Check) -> (bool, &str) {
    let id = check.id.as_str();
    (!id.contains("-GOOD-"), id)
}
