//! `--thorough`: the variants of the faults. A variant belongs to the check of a fault, whose
//! result says how many variants logged the user of `--user` in, and which.

use std::collections::BTreeMap;

use faults::{Cipher, Family, Fault, KeyTransport, Variant};
use serde_json::json;

use super::catalogue::check_of_fault;
use super::plan::{Basis, Plan};
use super::{Answer, CheckError, Form, Judge, Login, Lost, Run};
use crate::check::runner::{TargetHarm, slow_after};
use crate::check::{Check, Harm, Outcome, Verdict};

/// Which variants are sent in addition to the faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Variants {
    /// No variants: only the faults themselves.
    #[default]
    None,
    /// Every variant whose control was accepted.
    All,
    /// A number of variants, chosen at random.
    Sample {
        /// How many variants are sent.
        count: usize,
        /// The seed; the same seed chooses the same variants.
        seed: u64,
    },
}

/// The most accepted variants that the evidence lists.
const NAMED: usize = 40;

const EXPECTED: &str = "a refusal: no user is logged in, and the probe does not match --expect";

/// Returns all variants of all spaces.
///
/// # Errors
/// If the embedded spaces cannot be read.
pub fn all_variants() -> Result<Vec<Variant>, CheckError> {
    let unreadable = |error: faults::SpaceError| CheckError::Catalogue(error.to_string());
    let mut all = Vec::new();
    for space in faults::spaces().map_err(unreadable)? {
        all.extend(space.variants().map_err(unreadable)?);
    }
    Ok(all)
}

/// The results of the variants of one check.
struct Tally {
    check: Check,
    sent: usize,
    /// Descriptions of the variants that were accepted.
    accepted: Vec<String>,
    /// The answer to the first variant that was accepted.
    first: Option<Answer>,
    /// The variant after which honest logins failed, and the reason why they failed.
    outage: Option<(String, String)>,
}

impl Tally {
    fn of(fault: &Fault, class: &[Fault]) -> Self {
        let of_class = class.iter().find(|it| it.check == fault.check);
        Self {
            check: check_of_fault(of_class.unwrap_or(fault)),
            sent: 0,
            accepted: Vec::new(),
            first: None,
            outage: None,
        }
    }

    /// Returns the number of accepted variants, such as "3 of 96 variants".
    fn count(&self) -> String {
        let all = self.sent;
        match self.accepted.len() {
            0 => format!("none of {all} variants"),
            some => format!("{some} of {all} variants"),
        }
    }

    /// Returns the outcome of the check, from the outcome of the fault and of its variants.
    fn outcome(self, own: Option<Outcome>, plan: Variants) -> Outcome {
        let count = self.count();
        let own = own.filter(|it| it.verdict != Verdict::Skip);
        let has_own_finding = own.as_ref().is_some_and(|it| it.verdict != Verdict::Pass);
        let said = own
            .as_ref()
            .map_or_else(String::new, |own| format!("; {}", own.actual));
        let mut evidence = json!({});
        let actual = match (&self.first, self.accepted.first()) {
            (Some(answer), Some(words)) => {
                evidence = answer.evidence();
                let to = answer.to_sentence();
                format!(
                    "{count} logged in the person of --user, the first one: {words}: {to}{said}"
                )
            }
            _ => format!("{count} logged in the person of --user{said}"),
        };
        // The message of the fault is simpler than that of a variant.
        if let Some(own) = own
            .as_ref()
            .filter(|_| has_own_finding || self.first.is_none())
        {
            evidence = own.evidence.clone();
        }
        if !evidence.is_object() {
            evidence = json!({});
        }
        evidence["variants"] = json!({
            "sent": self.sent,
            "accepted": self.accepted.len(),
            "which": self.accepted.iter().take(NAMED).collect::<Vec<_>>(),
        });
        if let Variants::Sample { seed, .. } = plan {
            evidence["variants"]["seed"] = json!(seed);
        }
        let holds = self.accepted.is_empty() && !has_own_finding;
        let judged = Outcome::new_judged(self.check, holds, EXPECTED, actual, evidence);
        let mut outcome = match own {
            Some(own) => Outcome {
                cause: own.cause,
                duration: own.duration,
                ..judged
            },
            None => judged,
        };
        if let Some((words, what)) = self.outage {
            outcome.verdict = Verdict::Fail;
            outcome.check.harm = Harm::Outage;
            outcome
                .expected
                .push_str(", and honest logins to work as before");
            outcome.actual = format!(
                "denial of service by a variant ({words}): {what} ({})",
                outcome.actual
            );
        }
        outcome
    }
}

/// The ciphers of a message. A service provider that cannot decrypt them refuses every fault that
/// is encrypted with them, which proves nothing.
type Encryption = (Option<Cipher>, Option<Cipher>, KeyTransport);

impl Judge {
    /// Returns the variants of the selected checks.
    pub(super) fn selected_variants(&self) -> Result<Vec<Variant>, CheckError> {
        if self.variants == Variants::None {
            return Ok(Vec::new());
        }
        let mut all = all_variants()?;
        all.retain(|it| self.runner.selection.includes(&it.fault.check));
        Ok(all)
    }

    /// Sends the variants whose controls were accepted, and adds the results to the outcomes.
    pub(super) async fn try_variants(&self, run: &mut Run, plan: &Plan, basis: &Basis<'_>) {
        let mut sendable = Vec::new();
        let mut encryptions: Vec<(Encryption, bool)> = Vec::new();
        for variant in &plan.variants {
            if self.runner.has_ended() {
                break;
            }
            let fault = &variant.fault;
            if basis.blind && fault.changes_user() {
                continue;
            }
            if fault.encrypts() {
                let encryption = (fault.encrypted, fault.encrypted_name, fault.key_transport);
                let known = encryptions.iter().find(|(it, _)| *it == encryption);
                let is_read = match known {
                    Some((_, is_read)) => *is_read,
                    None => {
                        let is_read = self.can_decrypt(encryption, &plan.others, basis.base).await;
                        encryptions.push((encryption, is_read));
                        is_read
                    }
                };
                if !is_read {
                    continue;
                }
            } else if !fault.covers.is_empty()
                && !fault
                    .covers
                    .iter()
                    .any(|it| basis.honest.accepted.contains(it))
            {
                continue;
            }
            sendable.push(variant.clone());
        }
        if let Variants::Sample { count, seed } = self.variants {
            sendable = faults::sample(sendable, count, seed);
        }
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for variant in &sendable {
            if self.runner.has_ended() {
                break;
            }
            let check = &variant.fault.check;
            let tally = tallies
                .entry(check.clone())
                .or_insert_with(|| Tally::of(&variant.fault, &plan.faults));
            if tally.outage.is_some() {
                continue;
            }
            self.runner.progress.step(check, &variant.words);
            tokio::select! {
                () = self.try_variant(variant, tally, basis) => {}
                _ = self.runner.stop.wait() => break,
            }
        }
        for (id, tally) in tallies {
            if tally.sent == 0 {
                continue;
            }
            let at = run.outcomes.iter().position(|it| it.check.id == id);
            let own = at.map(|at| run.outcomes.remove(at));
            run.push(tally.outcome(own, self.variants));
        }
    }

    async fn try_variant(&self, variant: &Variant, tally: &mut Tally, basis: &Basis<'_>) {
        let Basis { honest, base, .. } = *basis;
        let fault = &variant.fault;
        let form = base.for_fault(fault, &honest.accepted);
        let began = self.runner.patience.start_stopwatch();
        let (_, attempt) = Box::pin(self.attempt(fault, form)).await;
        let took = self.runner.patience.elapsed_without_waits(&began);
        self.note(&attempt);
        let lost = Lost::of(&attempt);
        if let Ok(answer) = attempt {
            tally.sent += 1;
            if answer.is_accepted() {
                tally.accepted.push(variant.words.clone());
                tally.first.get_or_insert(answer);
            }
        }
        let mut harm = None;
        if lost != Lost::Nothing || took > slow_after(honest.took) {
            harm = self.find_harm_to_login(base, (honest.took, false)).await;
        }
        if harm.is_none() {
            let again = self.send_again(fault, form);
            let before = (lost, honest.took);
            harm = self.note_repeated(&fault.check, basis, before, again).await;
        }
        if let Some(first) = harm.as_ref().filter(|it| it.is_over) {
            // Something else may have stopped the service provider.
            let _ = self.send_again(fault, form).await;
            let second = self.find_harm_to_login(base, (honest.took, false)).await;
            harm = second.map(|it| TargetHarm::at_second_attempt(first, &it));
        }
        if let Some(TargetHarm { what, .. }) = harm {
            tally.sent = tally.sent.max(1);
            tally.outage = Some((variant.words.clone(), what));
            self.runner.patience.blame(&fault.check);
        }
    }

    /// True if an honest message with this encryption is accepted.
    async fn can_decrypt(
        &self,
        (encrypted, encrypted_name, key_transport): Encryption,
        controls: &[Fault],
        base: Form,
    ) -> bool {
        let Some(control) = controls.iter().find(|it| it.family == Family::Control) else {
            return false;
        };
        if self.target.metadata.encryption_certificates.is_empty() {
            return false;
        }
        let control = Fault {
            draft: Vec::new(),
            signed: Vec::new(),
            covers: Vec::new(),
            encrypted,
            encrypted_name,
            key_transport,
            ..control.clone()
        };
        let login = Login::new(self, &self.person.user);
        let got = login.attempt(Some(&control), base).await;
        self.note(&got);
        got.is_ok_and(|answer| answer.is_accepted())
    }
}
