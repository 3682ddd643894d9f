//! `rehearsal check sp`: plays the identity provider of a SAML service provider, sends it honest
//! Responses and every fault of the catalogue, and asks a probe page who is logged in.
//!
//! - `target`: the service provider to check;
//! - `provider`: the played identity provider: its key and metadata;
//! - `published`, `publication`: the metadata that it publishes, which the checks of
//!   certificates change;
//! - `weak_key`: a key that is too short, for one of these checks;
//! - `references`: the server for the external references of the faults;
//! - `fetches`: findings for requests to that server;
//! - `visitor`: a browser with its own cookies;
//! - `set_up`: the reason why no honest Response is accepted;
//! - `plan`: the messages of a run, in their order;
//! - `honest`: which honest Responses are accepted; all faults are derived from them;
//! - `variants`: with `--thorough`, the variants of the faults;
//! - `disable`: disables an identity provider at the service provider, for one of the checks;
//! - `health`: whether an honest login still works after a fault;
//! - `answers`: whether each message was answered;
//! - `memory`: how much memory the service provider takes for a message;
//! - `causes`: which findings follow from another one;
//! - `second_delivery`: delivers a message again whose connection was closed;
//! - `beyond`: checks other than faults of a Response: requests, metadata, RelayState,
//!   unsolicited Responses, sessions, single logout, the keys of the identity provider;
//! - `login`: one login, from the start URL to the probe; `form_field` is a form that starts it,
//!   `response` the honest Response, `person` the user whom it is about, `answer` the service
//!   provider's answer; `expect` says how the probe's answer shows a login, and `shown` finds the
//!   user in it;
//! - `logout_request`: the honest LogoutRequest;
//! - `person`, `person_template`: how the honest Responses describe the user;
//! - `person_browser`: one person's browser, for checks that ask the probe again later.

mod answer;
mod answers;
mod beyond;
mod catalogue;
mod causes;
mod check_error;
mod disable;
mod expect;
mod fetches;
mod form_field;
mod health;
mod honest;
mod login;
mod logout_request;
mod memory;
mod pace;
mod person;
mod person_browser;
mod person_template;
mod plan;
mod provider;
mod publication;
mod published;
mod references;
mod response;
mod second_delivery;
mod set_up;
mod shown;
mod sight;
mod starts;
mod target;
mod variants;
mod visitor;
mod weak_key;

use std::collections::BTreeSet;
use std::time::Instant;

use ambient::Ambient;
use faults::{Delivery, Fault};
use futures::FutureExt as _;

use super::runner::{Judged as Run, Planned, Runner};
use super::{CheckReport, LoginStart, Outcome, SetUpError, Verdict};
pub use answer::Answer;
pub use catalogue::{catalogue, profile_catalogue};
pub use check_error::CheckError;
pub use disable::Disable;
pub use expect::{Expect, ExpectError, Probe};
pub use form_field::FormField;
pub(in crate::check) use logout_request::logout_request;
pub use memory::{MemoryError, MemorySource};
pub use person::Person;
pub(in crate::check) use person_browser::{
    PersonBrowser, Sighting, SignedForm, probe_error_of, set_up_error_of,
};
pub use person_template::{NameTemplate, PersonAttribute, PersonTemplate, TemplateError};
pub use provider::{Provider, Refetch};
pub(in crate::check) use published::Published;
pub use target::Target;
pub use variants::{Variants, all_variants};

use answers::{Answers, Lost};
use catalogue::{check_of_control, check_of_fault, order};
use causes::name_causes;
use honest::{Form, Honest};
use login::Login;
use memory::Meter;
use pace::Pace;
use plan::{Basis, Plan};

/// Checks a service provider.
pub struct Judge {
    /// The service provider.
    pub target: Target,
    /// The played identity provider.
    pub provider: Provider,
    /// The user whom the honest Responses are about.
    pub person: Person,
    /// Which variants of the faults are sent.
    pub variants: Variants,
    /// Selection, progress, timeouts and rate limits, which are the same for all commands.
    pub runner: Runner,
    /// Time and randomness.
    pub ambient: Ambient,
}

/// Why a login after a forged message is not judged.
const BLIND: &str = "cannot tell who is logged in: what is expected of the probe holds for every user, so this may be the attacker under their own name; give an --expect that matches only the user of --user";

/// Why a login with an invisible character after the name is not judged.
const ATTRIBUTE_SHOWN: &str = "cannot tell who is logged in: an attribute of the message gives what is expected of the probe, also with the NameID of another user, and libraries remove white space from attributes. Give an --expect that matches only what identifies the account. If that is this attribute, the name with the additional character was taken for that of --user: compare it exactly";

impl Judge {
    /// Runs all controls, then all faults and other checks. If no honest Response is accepted,
    /// nothing is judged, and the report has the reason as its error: a service provider that
    /// refuses every Response also refuses every fault, which proves nothing.
    ///
    /// # Errors
    /// If the embedded catalogue cannot be read.
    pub async fn judge(&self) -> Result<CheckReport, CheckError> {
        self.judge_with(None).await
    }

    /// Runs the checks like [`Judge::judge`]. `second` plays the identity provider of another
    /// tenant of the same service provider; its [`Target::expect`] matches any user who is logged
    /// in to that tenant.
    ///
    /// # Errors
    /// If the embedded catalogue cannot be read.
    pub async fn judge_with(&self, second: Option<&Self>) -> Result<CheckReport, CheckError> {
        let (started_at, started) = (self.ambient.now(), Instant::now());
        let plan = Plan::read(self)?;
        let total = plan.count(&self.runner.selection);
        let bound = match self.variants {
            Variants::Sample { count, .. } => count.min(plan.variants.len()),
            _ => plan.variants.len(),
        };
        self.runner.progress.begin("check sp", total + bound);
        let target = &self.target.metadata.entity_id;
        let mut report = match self.run(&plan, second).await {
            Ok(outcomes) => CheckReport::new("check sp", target, outcomes, started_at),
            Err(error) => CheckReport::of_error("check sp", target, error, started_at),
        };
        report.login_start = Some(match self.target.start_url {
            Some(_) => LoginStart::Sp,
            None => LoginStart::Idp,
        });
        self.runner.progress.end();
        Ok(self.runner.report(report, total, started.elapsed()))
    }

    /// Runs the checks in their order. If nothing can be judged, returns the reason.
    async fn run(&self, plan: &Plan, second: Option<&Self>) -> Result<Vec<Outcome>, SetUpError> {
        if let Some(error) = self.hosts_error() {
            return Err(error);
        }
        let memory = self.start_meter().await?;
        // The controls always run, even if `--only` does not select them.
        let mut honest = Honest::default();
        let attempts = self.try_bases(&plan.bases, &plan.others, &mut honest);
        let interrupted = tokio::select! {
            () = attempts => false,
            _ = self.runner.stop.wait() => true,
        };
        if interrupted {
            return Ok(honest.into_selected(&self.runner));
        }
        let Some(base) = honest.base else {
            return Err(self.set_up_error(&honest).await);
        };
        if let Some(error) = self.find_mistake(&honest, base, second).await {
            return Err(error);
        }
        let mut run = Run::default();
        for outcome in std::mem::take(&mut honest.outcomes) {
            run.push(outcome);
        }
        let basis = Basis {
            honest: &honest,
            base,
            blind: self.is_probe_blind(base).await,
            pace: Pace::default(),
            answers: Answers::default(),
            memory,
        };
        self.try_controls(&mut run, plan, &basis).await;
        self.try_faults(&mut run, plan, plan.ordinary_faults(), &basis)
            .await;
        self.try_variants(&mut run, plan, &basis).await;
        self.try_beyond(&mut run, &basis, second).await;
        self.try_faults(&mut run, plan, plan.exhaustion_faults(), &basis)
            .await;
        let beyond = self.beyond_of(&basis, None);
        self.try_rows(&mut run, &beyond, beyond::start_rows()).await;
        self.try_certificates(&mut run, &basis).await;
        self.try_rows(&mut run, &beyond, beyond::last_rows()).await;
        let mut outcomes = run.outcomes;
        self.add_late_fetches(&mut outcomes, &plan.faults);
        outcomes.retain(|outcome| self.runner.selection.includes(&outcome.check.id));
        outcomes.sort_by(|a, b| order(&a.check).cmp(&order(&b.check)));
        name_causes(&mut outcomes, plan);
        Ok(outcomes)
    }

    /// Reads the memory of the service provider, if an option says where it is.
    async fn start_meter(&self) -> Result<Option<Meter>, SetUpError> {
        let Some(source) = self.target.memory.clone() else {
            return Ok(None);
        };
        Ok(Some(Meter::start(source, &self.runner.access).await?))
    }

    /// Returns the mistake in the options, although an honest Response is accepted.
    async fn find_mistake(
        &self,
        honest: &Honest,
        base: Form,
        second: Option<&Self>,
    ) -> Option<SetUpError> {
        if let Some(error) = self.part_error(honest) {
            return Some(error);
        }
        if let Some(error) = self.probe_error().await {
            return Some(error);
        }
        let is_selected = |id: &str| self.runner.selection.includes(id);
        let second = second.filter(|_| beyond::tenant::ids().any(is_selected))?;
        let beyond = beyond::Beyond::new(self, Some(second), base);
        beyond::tenant::set_up_error(&beyond, second).await
    }

    /// Sends the honest Responses from which nothing is derived.
    async fn try_controls(&self, run: &mut Run, plan: &Plan, basis: &Basis<'_>) {
        let base = basis.base;
        let selected = plan
            .faults
            .iter()
            .filter(|fault| self.runner.selection.includes(&fault.check));
        let needed: BTreeSet<String> = selected
            .map(|fault| {
                let form = base.for_fault(fault, &basis.honest.accepted);
                form.control_of(fault, &plan.others)
            })
            .collect();
        for control in &plan.others {
            if run.has_outcome(&control.check) {
                continue;
            }
            let form = base.for_control(control, &basis.honest.accepted);
            let planned = Planned {
                check: check_of_control(control),
                rests_on: Some(form.signed_control_of(control)),
            };
            let outcome = async {
                let (outcome, attempt) = self.try_control(control, form).await;
                let again = async { Lost::of(&self.try_control(control, form).await.1) }.boxed();
                let lost = Lost::of(&attempt);
                self.note_answer(&control.check, basis, lost, again).await;
                outcome
            };
            if needed.contains(&control.check) {
                self.runner.judge_needed(run, planned, outcome).await;
            } else {
                self.runner.judge(run, planned, outcome).await;
            }
        }
    }

    /// True if the probe does not show who is logged in. If a text is expected that is shown for the
    /// attacker, too, this may be a text for every user, or the service provider may have joined
    /// both accounts, which some checks are about.
    fn is_blind(&self, basis: &Basis<'_>) -> bool {
        basis.blind && self.target.expect.has_no_text()
    }

    fn beyond_of<'j>(
        &'j self,
        basis: &'j Basis<'_>,
        second: Option<&'j Self>,
    ) -> beyond::Beyond<'j> {
        beyond::Beyond::new(self, second, basis.base)
            .with_blind(self.is_blind(basis))
            .with_basis(basis)
    }

    /// Runs the checks of `beyond`, except those of certificates.
    async fn try_beyond(&self, run: &mut Run, basis: &Basis<'_>, second: Option<&Self>) {
        let beyond = self.beyond_of(basis, second);
        self.try_rows(run, &beyond, beyond::plain_rows()).await;
        let selection = &self.runner.selection;
        let demanded = beyond::demanded_rows().filter(|it| selection.asks_for(it.id));
        self.try_rows(run, &beyond, demanded).await;
    }

    /// Runs the checks that change the metadata. They come last: if the service provider does not
    /// fetch the original metadata again, it is left with keys that are not used any more.
    async fn try_certificates(&self, run: &mut Run, basis: &Basis<'_>) {
        let beyond = self.beyond_of(basis, None);
        self.try_rows(run, &beyond, beyond::certificate_rows())
            .await;
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
            let outcome = async {
                if self.is_wanted(row) {
                    return beyond.judge(row).await;
                }
                let why = format!(
                    "only some profiles require this, others the opposite: give such a --profile, or --only {}",
                    row.id
                );
                Outcome::new_skipped(row.check(), why)
            };
            self.runner.judge(run, planned, outcome).await;
            self.note_judged(run);
        }
    }

    /// Records that the last check was judged, and not skipped: its messages were sent.
    fn note_judged(&self, run: &Run) {
        let last = run.outcomes.last();
        if let Some(last) = last.filter(|it| it.verdict != Verdict::Skip) {
            self.provider.starts.add(&last.check.id);
        }
    }

    /// True unless the check is a requirement of profiles only and was not selected by its id.
    fn is_wanted(&self, row: &beyond::Row) -> bool {
        !beyond::is_only_for_profiles(row.id) || self.runner.selection.asks_for_exactly(row.id)
    }

    async fn try_faults(&self, run: &mut Run, plan: &Plan, faults: &[Fault], basis: &Basis<'_>) {
        let mut previous = None;
        for fault in faults {
            let mut harm = None;
            let form = basis.base.for_fault(fault, &basis.honest.accepted);
            let planned = Planned {
                check: check_of_fault(fault),
                rests_on: Some(form.control_of(fault, &plan.others)),
            };
            let outcome = async {
                let (outcome, seen) = self.try_fault(fault, basis, previous).await;
                harm = seen;
                outcome
            };
            let judged = run.outcomes.len();
            self.runner.judge(run, planned, outcome).await;
            self.note_judged(run);
            if run.outcomes.len() == judged {
                continue;
            }
            previous = Some(fault);
            if let Some(harm) = harm {
                let cause = harm.blame(&mut run.outcomes);
                self.runner.patience.blame(&cause);
            }
        }
    }

    /// Returns the name of the attacker: another user at the same e-mail domain.
    fn attacker(&self) -> String {
        let domain = self.person.user.split_once('@');
        format!(
            "mallory@{}",
            domain.map_or("example.com", |(_, domain)| domain)
        )
    }

    /// Returns the name of a user at the same e-mail domain who never logs in. Some service providers
    /// end the session of a browser that delivers a LogoutRequest about a user with a session.
    fn absent_user(&self) -> String {
        let attacker = self.attacker();
        format!("absent-{attacker}")
    }

    /// Delivers the message of a fault. Returns what is expected, and the answer.
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
                "a refusal: no user is logged in, and the probe does not match --expect",
                login.attempt(Some(fault), form).await,
            ),
            Delivery::Again => (
                "the second delivery to be refused",
                login.deliver_twice(fault, form).await,
            ),
            Delivery::AtOnce => (
                "one of two deliveries at the same time to be refused",
                login.deliver_at_once(fault, form).await,
            ),
            Delivery::OtherBrowser => (
                "a browser that sent no AuthnRequest to be refused",
                login.deliver_in_other_browser(fault, form).await,
            ),
        }
    }

    async fn deliver_fault(&self, fault: &Fault, form: Form, blind: bool) -> (Outcome, Lost) {
        let check = check_of_fault(fault);
        let references = self.provider.references.as_ref();
        let before = references.map_or(0, |it| it.count());
        // Boxed, because the futures of a run are nested so deep that they overflow the stack.
        let (expected, attempt) = Box::pin(self.attempt(fault, form)).await;
        self.note(&attempt);
        let lost = Lost::of(&attempt);
        let fetched = references.map_or_else(Vec::new, |it| it.requests_for(&fault.check, before));
        let outcome = match attempt {
            // Some of these messages are honest ones of the attacker, with a forged part that a
            // correct service provider ignores.
            Ok(answer) if answer.is_accepted() && blind && fault.changes_user() => {
                Outcome::new_skipped(check, BLIND)
            }
            Ok(answer)
                if answer.is_accepted()
                    && fault.appends_invisible()
                    && self.is_attribute_expected(form).await =>
            {
                Outcome::new_skipped(check, ATTRIBUTE_SHOWN)
            }
            Ok(answer) => {
                let actual = answer.to_sentence();
                let holds = fault.is_open || !answer.is_accepted();
                Outcome::new_judged(check, holds, expected, actual, answer.evidence())
            }
            Err(trouble) => Outcome::new_skipped(check, trouble.to_string()),
        };
        let outcome = self.with_fetches(outcome, fault, fetched);
        (outcome, lost)
    }

    /// Tells the runner whether there was an answer; it stops the run after too many without one.
    fn note(&self, got: &Result<Answer, CheckError>) {
        match got {
            Err(
                CheckError::NotStarted { url, reason } | CheckError::Unreachable { url, reason },
            ) => {
                self.runner.patience.record_no_answer(url, reason);
            }
            _ => self.runner.patience.record_answer(),
        }
    }
}
