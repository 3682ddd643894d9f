//! Delivers the honest Responses. The faults are then delivered in a form that the service
//! provider accepts in an honest Response; checks without such a control are skipped.

use std::time::Duration;

use faults::{Cipher, Cover, Fault};

use super::catalogue::check_of_control;
use super::login::Login;
use super::{Answer, CheckError, Judge};
use crate::check::runner::Runner;
use crate::check::{Level, Outcome, Verdict};

/// How an honest Response is signed and encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) cover: Cover,
    /// True if the assertion is encrypted after signing.
    pub(super) encrypts: bool,
    /// True if `cover` also applies to a fault with another `cover`, because the service provider
    /// accepts only `cover`.
    pub(super) is_demanded: bool,
}

const fn plain(cover: Cover) -> Form {
    Form {
        cover,
        encrypts: false,
        is_demanded: false,
    }
}

/// The honest Responses that all other messages are derived from, the preferred one first: id of
/// the control, id of the check, and form.
const BASES: [(&str, &str, Form); 3] = [
    (
        "signed-assertion",
        "SAML-SP-GOOD-01",
        plain(Cover::Assertion),
    ),
    ("signed-both", "SAML-SP-GOOD-03", plain(Cover::Both)),
    ("signed-response", "SAML-SP-GOOD-02", plain(Cover::Response)),
];

/// The honest Response for a service provider that accepts only encrypted assertions.
const ENCRYPTED: (&str, &str, Form) = (
    "encrypted-gcm",
    "SAML-SP-GOOD-15",
    Form {
        cover: Cover::Assertion,
        encrypts: true,
        is_demanded: false,
    },
);

/// Why a control is not judged whose key the service provider cannot know.
const NOT_ANNOUNCED: &str = "not judged: this key is not in the metadata of the played identity provider; write the metadata again with --prepare --more-keys, register it at the service provider, and run the check again";

/// True if a control is one of [`BASES`].
pub(super) fn is_base(control: &Fault) -> bool {
    BASES.iter().any(|(id, ..)| *id == control.id)
}

impl Form {
    /// The default form of PingOne: only the assertion is signed.
    pub(super) const SIGNED_ASSERTION: Self = plain(Cover::Assertion);

    /// Returns the form of this fault's message: the first of the fault's signatures that the
    /// service provider accepted in an honest Response. If there is none, the fault's first one.
    ///
    /// If the service provider accepts an honest Response only with both signatures, a fault of
    /// the assertion's signature has both, too. An edit after signing then also breaks the
    /// signature of the Response, as it would for an attacker.
    pub(super) fn for_fault(self, fault: &Fault, accepted: &[Cover]) -> Self {
        let wanted = fault.cover_at(self.cover);
        if wanted == self.cover || accepted.contains(&wanted) {
            return self;
        }
        if let Some(cover) = fault.covers.iter().find(|it| accepted.contains(it)) {
            return Self {
                cover: *cover,
                ..self
            };
        }
        let is_demanded = wanted == Cover::Assertion && accepted == [Cover::Both];
        Self {
            is_demanded,
            ..self
        }
    }

    /// As [`Self::for_fault`], for a control. An edit after signing would break the signature of the
    /// Response, too, so a control with such an edit is signed as it says itself.
    pub(super) fn for_control(self, control: &Fault, accepted: &[Cover]) -> Self {
        match control.signed.is_empty() {
            true => self.for_fault(control, accepted),
            false => self,
        }
    }

    /// Returns which elements of this fault's message are signed.
    pub(super) fn cover_of(self, fault: &Fault) -> Cover {
        if self.is_demanded {
            self.cover
        } else {
            fault.cover_at(self.cover)
        }
    }

    /// Returns the check id of the control that is signed and encrypted as this fault's message.
    /// The fault is judged only if the control is accepted.
    pub(super) fn control_of(self, fault: &Fault, others: &[Fault]) -> String {
        if fault.encrypts() {
            self.encrypted_control_of(fault, others)
        } else {
            self.signed_control_of(fault)
        }
    }

    /// Returns the check id of the control that is signed as this fault's message.
    pub(super) fn signed_control_of(self, fault: &Fault) -> String {
        let cover = self.cover_of(fault);
        if self.encrypts && cover == self.cover {
            return ENCRYPTED.1.to_owned();
        }
        let base = BASES.iter().find(|(_, _, form)| form.cover == cover);
        base.map_or_else(String::new, |(_, check, _)| (*check).to_owned())
    }

    /// Returns the check id of a control with the same part encrypted, in the same cipher mode,
    /// and if possible with the same signatures. A service provider that cannot decrypt refuses
    /// every encrypted message, so an unencrypted control would prove nothing.
    fn encrypted_control_of(self, fault: &Fault, others: &[Fault]) -> String {
        let form = |it: &Fault| {
            let is_cbc = it.encrypted.is_some_and(Cipher::is_cbc);
            let parts = (it.encrypts_assertion(), it.encrypts_name());
            (is_cbc, parts, it.encrypts_attribute())
        };
        let is_alike = |control: &&Fault| form(control) == form(fault);
        let cover = self.cover_of(fault);
        let alike = || others.iter().filter(is_alike);
        alike()
            .find(|control| control.cover_at(self.cover) == cover)
            .or_else(|| alike().next())
            .map_or_else(String::new, |control| control.check.clone())
    }
}

/// The results of the honest Responses.
#[derive(Default)]
pub(super) struct Honest {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) attempts: Vec<Result<Answer, CheckError>>,
    /// The form of the first Response that was accepted.
    pub(super) base: Option<Form>,
    /// The signed elements of all Responses that were accepted.
    pub(super) accepted: Vec<Cover>,
    /// The duration of the first login that was accepted.
    pub(super) took: Duration,
}

impl Honest {
    pub(super) fn into_selected(self, runner: &Runner) -> Vec<Outcome> {
        let all = self.outcomes.into_iter();
        all.filter(|outcome| runner.selection.includes(&outcome.check.id))
            .collect()
    }
}

impl Judge {
    /// Delivers the honest Responses of [`BASES`]; if none is accepted, an encrypted one.
    pub(super) async fn try_bases(&self, bases: &[Fault], others: &[Fault], honest: &mut Honest) {
        for (id, _, form) in BASES {
            let Some(control) = bases.iter().find(|control| control.id == id) else {
                continue;
            };
            self.try_base(control, form, honest).await;
            // These errors do not depend on the form, so the other forms would fail, too.
            if matches!(
                honest.attempts.last(),
                Some(Err(CheckError::NotStarted { .. }
                    | CheckError::NoRequest { .. }
                    | CheckError::NoForm { .. }
                    | CheckError::Limited { .. }
                    | CheckError::NoAcs))
            ) {
                return;
            }
        }
        let encrypted = others.iter().find(|control| control.id == ENCRYPTED.0);
        let has_certificate = !self.target.metadata.encryption_certificates.is_empty();
        if let Some(control) = encrypted.filter(|_| has_certificate && honest.base.is_none()) {
            self.try_base(control, ENCRYPTED.2, honest).await;
            if honest.base.is_some() {
                explain_plain(&mut honest.outcomes);
            }
        }
    }

    async fn try_base(&self, control: &Fault, form: Form, honest: &mut Honest) {
        self.runner.tell(&control.check, &control.about);
        let began = self.runner.patience.start_stopwatch();
        let (outcome, attempt) = self.try_control(control, form).await;
        let took = self.runner.patience.elapsed_without_waits(&began);
        if outcome.verdict == Verdict::Pass {
            honest.accepted.push(form.cover);
            if honest.base.is_none() {
                (honest.base, honest.took) = (Some(form), took);
            }
        }
        honest.outcomes.push(outcome.took(took));
        honest.attempts.push(attempt);
    }

    /// Delivers an honest Response, which has to be accepted.
    pub(super) async fn try_control(
        &self,
        control: &Fault,
        form: Form,
    ) -> (Outcome, Result<Answer, CheckError>) {
        let check = check_of_control(control);
        if control.needs_more_keys() && self.provider.more_keys.is_none() {
            let outcome = Outcome::new_skipped(check, NOT_ANNOUNCED);
            return (outcome, Err(CheckError::Response(NOT_ANNOUNCED.to_owned())));
        }
        let cover = form.cover_of(control);
        let expected = "the person of --user to be logged in, so that the probe matches --expect";
        let login = Login::new(self, &self.person.user);
        let got = Box::pin(login.attempt(Some(control), form)).await;
        self.note(&got);
        let outcome = match &got {
            Ok(answer)
                if !answer.is_accepted()
                    && cover == Cover::Response
                    && self.target.metadata.want_assertions_signed =>
            {
                let why = "the Response was refused, as expected: the metadata has WantAssertionsSigned=\"true\"";
                Outcome::new_skipped(check, why)
            }
            Ok(answer) => {
                let mut outcome = Outcome::new_judged(
                    check,
                    answer.is_accepted(),
                    expected,
                    answer.to_sentence(),
                    answer.evidence(),
                );
                // It is not a security problem to refuse an unusual but valid Response.
                if outcome.verdict == Verdict::Fail && outcome.check.level != Level::Must {
                    outcome.verdict = Verdict::Warn;
                }
                outcome
            }
            // Without an answer there is nothing to judge.
            Err(trouble) => Outcome::new_skipped(check, trouble.to_string()),
        };
        (outcome, got)
    }
}

/// Turns findings about unencrypted assertions into skipped checks: a service provider may require
/// encryption.
fn explain_plain(outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        if matches!(outcome.verdict, Verdict::Fail | Verdict::Warn) {
            let why = "the Response was refused, and the same assertion was accepted when it was encrypted: the service provider accepts only encrypted assertions";
            *outcome = Outcome::new_skipped(outcome.check.clone(), why);
        }
    }
}
