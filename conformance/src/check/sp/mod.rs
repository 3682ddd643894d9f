//! `rehearsal check sp`: plays the identity provider of any SAML service
//! provider, sends it good responses and every fault of the catalogue, and
//! sees which of them let somebody in.
//!
//! - `provider`: the identity provider that is played: key, metadata;
//! - `published`, `publication`: the metadata that it serves, which the checks of
//!   certificates change;
//! - `references`: a server behind the external references of the faults;
//! - `fetches`: what was fetched from there, as findings;
//! - `visitor`: a browser with cookies of its own;
//! - `set_up`: why nobody can be logged in at all;
//! - `honest`: which honest Responses are accepted, the base of all others;
//! - `variants`: with `--thorough`, the variants of the faults;
//! - `health`: whether an honest login still works after a fault;
//! - `beyond`: checks beyond the assertion consumer service: requests, metadata,
//!   RelayState, unsolicited Responses, sessions, single logout, the keys of the
//!   identity provider;
//! - `login`: one login, from the start address to the probe; `response` is the
//!   honest Response, `person` whom it is about, `answer` what came of it, `shown`
//!   whom the probe shows;
//! - `logout_request`: the honest LogoutRequest;
//! - `person_browser`: one person's browser, for checks that look again later.

mod answer;
mod beyond;
mod fetches;
mod health;
mod honest;
mod login;
mod logout_request;
mod person;
mod person_browser;
mod provider;
mod publication;
mod published;
mod references;
mod response;
mod set_up;
mod shown;
mod trouble;
mod variants;
mod visitor;

use std::collections::BTreeSet;
use std::time::Instant;

use ambient::Ambient;
use faults::{Delivery, Family, Fault};
use regex::Regex;
use saml::metadata::SpMetadata;
use url::Url;

use super::runner::{Judged as Run, Planned, Runner};
use super::{Attacker, Check, CheckReport, Harm, Level, Outcome, Verdict};
pub use answer::Answer;
pub(in crate::check) use logout_request::logout_request;
pub use person::Person;
pub(in crate::check) use person_browser::{
    PersonBrowser, Sighting, SignedForm, probe_error_of, set_up_error_of,
};
pub use provider::{Provider, Refetch};
pub(in crate::check) use published::Published;
pub use trouble::CheckError;
pub use variants::{Variants, all_variants};

use honest::{Form, Honest};
use login::Login;

/// The service provider to be judged.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its metadata.
    pub metadata: SpMetadata,
    /// The document that the metadata was read from; empty where there is none.
    pub document: String,
    /// Where a login starts; none for a service provider that sends no request
    /// and accepts unsolicited Responses.
    pub start_url: Option<Url>,
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
    /// Which variants of the faults are sent.
    pub variants: Variants,
    /// The rules that hold for every check.
    pub runner: Runner,
    /// Time and randomness.
    pub ambient: Ambient,
}

/// `wish` is what a correct service provider does, so that a title reads as in all other checks:
/// the behavior that is expected.
fn check_of(fault: &Fault, wish: &str) -> Check {
    Check {
        id: fault.check.clone(),
        level: match fault.level {
            faults::Level::Must => Level::Must,
            faults::Level::Should => Level::Should,
            faults::Level::May => Level::May,
        },
        harm: match fault.harm {
            faults::Harm::IntrusionByAnybody => Harm::Intrusion(Attacker::Anybody),
            faults::Harm::IntrusionByAccount => Harm::Intrusion(Attacker::Account),
            faults::Harm::IntrusionByHolder => Harm::Intrusion(Attacker::Holder),
            faults::Harm::IntrusionByIssuer => Harm::Intrusion(Attacker::Issuer),
            faults::Harm::Protection => Harm::Protection,
            faults::Harm::Leniency => Harm::Leniency,
            faults::Harm::Function => Harm::Function,
        },
        title: format!("{} is {wish}: {}", fault.id, fault.about),
        spec: fault.spec.clone(),
        fix: fault.fix().to_owned(),
    }
}

/// Every check of a service provider, in the order of the report.
///
/// # Errors
/// When the embedded catalogue can't be read.
pub fn catalogue() -> Result<Vec<Check>, CheckError> {
    let controls = faults::controls().map_err(|error| CheckError::Catalogue(error.to_string()))?;
    let faults = faults::catalogue().map_err(|error| CheckError::Catalogue(error.to_string()))?;
    let of_controls = controls.iter().map(|it| check_of(it, "accepted"));
    let of_faults = faults.iter().map(|it| check_of(it, "refused"));
    let mut checks: Vec<Check> = of_controls
        .chain(of_faults)
        .chain(beyond::all_rows().map(beyond::Row::check))
        .collect();
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
    pub async fn judge(&self) -> Result<CheckReport, CheckError> {
        self.judge_with(None).await
    }

    /// As [`Judge::judge`]. `second` plays the identity provider of another tenant
    /// of the same service provider; its [`Target::expect`] matches whoever is in
    /// there.
    ///
    /// # Errors
    /// When the embedded catalogue can't be read.
    pub async fn judge_with(&self, second: Option<&Self>) -> Result<CheckReport, CheckError> {
        let (started_at, started) = (self.ambient.now(), Instant::now());
        let unreadable = |error: toml::de::Error| CheckError::Catalogue(error.to_string());
        let controls = faults::controls().map_err(unreadable)?;
        let (bases, others): (Vec<Fault>, Vec<Fault>) =
            controls.into_iter().partition(honest::is_base);
        let mut faults = faults::catalogue().map_err(unreadable)?;
        // Last, because a service provider may not come back from them.
        faults.sort_by_key(|fault| fault.family == Family::Exhaustion);
        let all = bases.iter().chain(&others).chain(&faults);
        let all = all.map(|fault| fault.check.clone());
        let beyond = beyond::all_rows().filter(|row| self.is_wanted(row));
        let all = all.chain(beyond.map(|row| row.id.to_owned()));
        let total = all.filter(|id| self.runner.selection.includes(id)).count();
        let variants = self.selected_variants()?;
        let bound = match self.variants {
            Variants::Sample { count, .. } => count.min(variants.len()),
            _ => variants.len(),
        };
        self.runner.progress.begin("check sp", total + bound);
        let target = &self.target.metadata.entity_id;
        let report = |outcomes| CheckReport::new("check sp", target, outcomes, started_at);
        let finished = |report| {
            self.runner.progress.end();
            self.runner.report(report, total, started.elapsed())
        };

        // The controls are tried whether they are selected or not.
        let mut honest = Honest::default();
        let attempts = self.try_bases(&bases, &others, &mut honest);
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
        let needed: BTreeSet<String> = faults
            .iter()
            .filter(|fault| self.runner.selection.includes(&fault.check))
            .map(|fault| base.control_of(fault, &others))
            .collect();
        for control in &others {
            if run.has_outcome(&control.check) {
                continue;
            }
            let planned = Planned {
                check: check_of(control, "accepted"),
                rests_on: Some(base.signed_control_of(control)),
            };
            let outcome = async { self.control(control, base).await.0 };
            if needed.contains(&control.check) {
                self.runner.judge_needed(&mut run, planned, outcome).await;
            } else {
                self.runner.judge(&mut run, planned, outcome).await;
            }
        }
        let exhaustion = faults.partition_point(|it| it.family != Family::Exhaustion);
        self.try_faults(
            &mut run,
            &faults[..exhaustion],
            &others,
            &honest,
            base,
            blind,
        )
        .await;
        let of_controls_and_faults = (others.as_slice(), faults.as_slice());
        self.try_variants(
            &mut run,
            variants,
            of_controls_and_faults,
            &honest,
            (base, blind),
        )
        .await;
        self.try_beyond(&mut run, base, second).await;
        self.try_faults(
            &mut run,
            &faults[exhaustion..],
            &others,
            &honest,
            base,
            blind,
        )
        .await;
        self.try_certificates(&mut run, base).await;
        let mut outcomes = run.outcomes;
        self.add_late_fetches(&mut outcomes, &faults);
        outcomes.retain(|outcome| self.runner.selection.includes(&outcome.check.id));
        outcomes.sort_by(|a, b| order(&a.check).cmp(&order(&b.check)));
        name_causes(&mut outcomes, &faults);
        Ok(finished(report(outcomes)))
    }

    /// Tries the groups of checks beyond the assertion consumer service.
    async fn try_beyond(&self, run: &mut Run, base: Form, second: Option<&Self>) {
        let beyond = beyond::Beyond::new(self, second, base);
        self.try_rows(run, &beyond, beyond::plain_rows()).await;
    }

    /// Tries the checks that change the metadata, last of all: a service provider
    /// that does not fetch it again may be left with keys that nobody has.
    async fn try_certificates(&self, run: &mut Run, base: Form) {
        let beyond = beyond::Beyond::new(self, None, base);
        let rows = beyond::certificate_rows().filter(|row| self.is_wanted(row));
        self.try_rows(run, &beyond, rows).await;
        beyond.restore_metadata().await;
    }

    async fn try_rows(
        &self,
        run: &mut Run,
        beyond: &beyond::Beyond<'_>,
        rows: impl Iterator<Item = &'static beyond::Row>,
    ) {
        for row in rows {
            let planned = Planned {
                check: row.check(),
                rests_on: None,
            };
            self.runner.judge(run, planned, beyond.judge(row)).await;
        }
    }

    /// Whether a check belongs to this run, unless it is left out.
    fn is_wanted(&self, row: &beyond::Row) -> bool {
        !beyond::is_only_for_profiles(row.id) || self.runner.selection.asks_for_exactly(row.id)
    }

    async fn try_faults(
        &self,
        run: &mut Run,
        faults: &[Fault],
        others: &[Fault],
        honest: &Honest,
        base: Form,
        blind: bool,
    ) {
        for fault in faults {
            let mut harm = None;
            let form = base.for_fault(fault, &honest.accepted);
            let planned = Planned {
                check: check_of(fault, "refused"),
                rests_on: Some(form.control_of(fault, others)),
            };
            let outcome = async {
                let (outcome, seen) = self.trial(fault, form, blind, honest.took).await;
                harm = seen;
                outcome
            };
            let judged = run.outcomes.len();
            self.runner.judge(run, planned, outcome).await;
            if run.outcomes.len() > judged
                && let Some(harm) = harm
            {
                let cause = harm.blame(&mut run.outcomes);
                self.runner.patience.blame(&cause);
            }
        }
    }

    /// Whether the probe matches whoever is in: then it can't tell a victim
    /// from the attacker.
    async fn blind(&self, base: Form) -> bool {
        let attacker = self.attacker();
        let login = Login::new(self, &attacker);
        let honest = login.attempt(None, base).await;
        honest.is_ok_and(|answer| answer.is_accepted())
    }

    /// Somebody else at the same e-mail domain.
    fn attacker(&self) -> String {
        let domain = self.person.user.split_once('@');
        format!(
            "mallory@{}",
            domain.map_or("example.com", |(_, domain)| domain)
        )
    }

    /// Delivers a fault's message; also what is expected of it.
    async fn attempt(
        &self,
        fault: &Fault,
        form: Form,
    ) -> (&'static str, Result<Answer, CheckError>) {
        let who = if fault.impersonates() {
            self.attacker()
        } else {
            self.person.user.clone()
        };
        let login = Login::new(self, &who);
        match fault.delivery {
            Delivery::Once if fault.is_open => (
                "a login or a refusal",
                login.attempt(Some(fault), form).await,
            ),
            Delivery::Once => (
                "a refusal: nobody is logged in, and the probe does not match --expect",
                login.attempt(Some(fault), form).await,
            ),
            Delivery::Again => (
                "the second delivery to be refused",
                login.again(fault, form).await,
            ),
            Delivery::AtOnce => (
                "one of two deliveries at the same time to be refused",
                login.at_once(fault, form).await,
            ),
            Delivery::OtherBrowser => (
                "a browser that asked for nothing to be refused",
                login.other_browser(fault, form).await,
            ),
        }
    }

    async fn fault(&self, fault: &Fault, form: Form, blind: bool) -> (Outcome, Lost) {
        let check = check_of(fault, "refused");
        let references = self.provider.references.as_ref();
        let before = references.map_or(0, |it| it.count());
        let (expected, attempt) = self.attempt(fault, form).await;
        self.note(&attempt);
        let is_lost = match &attempt {
            Err(CheckError::NotStarted { .. }) => Lost::BeforeDelivery,
            Err(CheckError::Unreachable { .. }) => Lost::AfterDelivery,
            _ => Lost::Nothing,
        };
        let fetched = references.map_or_else(Vec::new, |it| it.fetched_for(&fault.check, before));
        let outcome = match attempt {
            Ok(answer) => {
                let mut actual = answer.to_sentence();
                if answer.is_accepted() && blind && fault.impersonates() {
                    actual.push_str("; --expect matches whoever is in, so this may be the attacker under their own name");
                }
                let holds = fault.is_open || !answer.is_accepted();
                Outcome::judged(check, holds, expected, actual, answer.evidence())
            }
            Err(trouble) => Outcome::skipped(check, trouble.to_string()),
        };
        let outcome = self.with_fetches(outcome, fault, fetched);
        (outcome, is_lost)
    }

    /// Counts answers that did not come.
    fn note(&self, came: &Result<Answer, CheckError>) {
        match came {
            Err(
                CheckError::NotStarted { url, reason } | CheckError::Unreachable { url, reason },
            ) => {
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

/// Names the simpler fault as the cause of a finding where both are findings.
fn name_causes(outcomes: &mut [Outcome], faults: &[Fault]) {
    let check_of = |id: &String| {
        let fault = faults.iter().find(|fault| fault.id == *id);
        fault.map(|fault| fault.check.clone())
    };
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|it| it.verdict == Verdict::Fail)
        .map(|it| it.check.id.clone())
        .collect();
    for outcome in outcomes.iter_mut() {
        // A fetch is a finding of its own.
        let has_fetched = !outcome.evidence["fetched"].is_null();
        if outcome.verdict != Verdict::Fail || outcome.cause.is_some() || has_fetched {
            continue;
        }
        let fault = faults.iter().find(|it| it.check == outcome.check.id);
        let simpler = fault.iter().flat_map(|fault| &fault.follows);
        let simpler = simpler.filter_map(check_of).chain(
            beyond::FOLLOWS
                .iter()
                .filter(|(id, _)| *id == outcome.check.id)
                .map(|(_, cause)| (*cause).to_owned()),
        );
        outcome.cause = { simpler }.find(|id| failed.contains(id));
    }
}

/// Controls first, then by id.
fn order(check: &Check) -> (bool, &str) {
    let id = check.id.as_str();
    (!id.contains("-GOOD-"), id)
}
