//! The honest Responses: which of them are accepted decides how the faults are
//! delivered, and which checks prove anything.

use std::time::Duration;

use faults::{Cipher, Cover, Fault};

use super::login::Login;
use super::{Answer, CheckError, Judge, check_of};
use crate::check::runner::Runner;
use crate::check::{Level, Outcome, Verdict};

/// How an honest Response is signed and encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) cover: Cover,
    /// Whether the assertion is encrypted once it is signed.
    pub(super) encrypts: bool,
    /// Whether a fault has these signatures too where it says otherwise: the
    /// service provider accepts no others.
    pub(super) is_demanded: bool,
}

const fn plain(cover: Cover) -> Form {
    Form {
        cover,
        encrypts: false,
        is_demanded: false,
    }
}

/// The good responses that all others are amendments of, best first: fault id,
/// check, and form.
const BASES: [(&str, &str, Form); 3] = [
    (
        "signed-assertion",
        "SAML-SP-GOOD-01",
        plain(Cover::Assertion),
    ),
    ("signed-both", "SAML-SP-GOOD-03", plain(Cover::Both)),
    ("signed-response", "SAML-SP-GOOD-02", plain(Cover::Response)),
];

/// For a service provider that takes no assertion which is not encrypted.
const ENCRYPTED: (&str, &str, Form) = (
    "encrypted-gcm",
    "SAML-SP-GOOD-15",
    Form {
        cover: Cover::Assertion,
        encrypts: true,
        is_demanded: false,
    },
);

/// Whether a control is one of the bases.
pub(super) fn is_base(control: &Fault) -> bool {
    BASES.iter().any(|(id, ..)| *id == control.id)
}

impl Form {
    /// As PingOne sends it by default.
    pub(super) const SIGNED_ASSERTION: Self = plain(Cover::Assertion);

    /// The form of this fault's message: with the best of its signatures that
    /// the service provider accepted in an honest Response, or else with the best.
    ///
    /// A service provider that accepts an honest Response only with both
    /// signatures gets both also where a fault is in the assertion's: what is
    /// changed after signing then breaks the Response's signature too, as it
    /// does for an attacker.
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

    /// The signatures of this fault's message.
    pub(super) fn cover_of(self, fault: &Fault) -> Cover {
        if self.is_demanded {
            self.cover
        } else {
            fault.cover_at(self.cover)
        }
    }

    /// The id of the control that shows that messages signed and encrypted as
    /// this fault's are accepted.
    pub(super) fn control_of(self, fault: &Fault, others: &[Fault]) -> String {
        if fault.encrypts() {
            self.encrypted_control_of(fault, others)
        } else {
            self.signed_control_of(fault)
        }
    }

    /// The id of the control that shows that messages signed as this one are
    /// accepted.
    pub(super) fn signed_control_of(self, fault: &Fault) -> String {
        let cover = self.cover_of(fault);
        if self.encrypts && cover == self.cover {
            return ENCRYPTED.1.to_owned();
        }
        let base = BASES.iter().find(|(_, _, form)| form.cover == cover);
        base.map_or_else(String::new, |(_, check, _)| (*check).to_owned())
    }

    /// A service provider that cannot decrypt refuses whatever is encrypted, so
    /// the control has the same part encrypted, in the same mode of the cipher,
    /// and where possible the same signatures.
    fn encrypted_control_of(self, fault: &Fault, others: &[Fault]) -> String {
        let is_alike = |control: &&Fault| {
            control.encrypted.map(Cipher::is_cbc) == fault.encrypted.map(Cipher::is_cbc)
                && control.encrypted_name.is_some() == fault.encrypted_name.is_some()
        };
        let cover = self.cover_of(fault);
        let alike = || others.iter().filter(is_alike);
        alike()
            .find(|control| control.cover_at(self.cover) == cover)
            .or_else(|| alike().next())
            .map_or_else(String::new, |control| control.check.clone())
    }
}

/// What came of the honest Responses.
#[derive(Default)]
pub(super) struct Honest {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) came: Vec<Result<Answer, CheckError>>,
    /// The first that was accepted.
    pub(super) base: Option<Form>,
    /// The signatures of those that were accepted.
    pub(super) accepted: Vec<Cover>,
    /// How long that took.
    pub(super) took: Duration,
}

impl Honest {
    pub(super) fn selected(self, runner: &Runner) -> Vec<Outcome> {
        let all = self.outcomes.into_iter();
        all.filter(|outcome| runner.selection.includes(&outcome.check.id))
            .collect()
    }
}

impl Judge {
    /// Tries the honest Responses that all others are amendments of.
    pub(super) async fn try_bases(&self, bases: &[Fault], others: &[Fault], honest: &mut Honest) {
        for (id, _, form) in BASES {
            let Some(control) = bases.iter().find(|control| control.id == id) else {
                continue;
            };
            self.try_base(control, form, honest).await;
            // Whoever can't be asked or reached once isn't asked twice more.
            if matches!(
                honest.came.last(),
                Some(Err(CheckError::NotStarted { .. }
                    | CheckError::NoRequest { .. }
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
        self.runner.progress.step(&control.check, &control.about);
        let began = self.runner.patience.start_stopwatch();
        let (outcome, came) = self.control(control, form).await;
        let took = self.runner.patience.elapsed(&began);
        if outcome.verdict == Verdict::Pass {
            honest.accepted.push(form.cover);
            if honest.base.is_none() {
                (honest.base, honest.took) = (Some(form), took);
            }
        }
        honest.outcomes.push(outcome.took(took));
        honest.came.push(came);
    }

    /// Delivers an honest Response, which should be accepted.
    pub(super) async fn control(
        &self,
        control: &Fault,
        form: Form,
    ) -> (Outcome, Result<Answer, CheckError>) {
        let check = check_of(control, "accepted");
        let cover = control.cover_at(form.cover);
        let expected = "the person of --user to be logged in, so that the probe matches --expect";
        let login = Login::new(self, &self.person.user);
        let came = login.attempt(Some(control), form).await;
        self.note(&came);
        let outcome = match &came {
            Ok(answer)
                if !answer.is_accepted()
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
                    answer.is_accepted(),
                    expected,
                    answer.to_sentence(),
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
}

/// A service provider may take encrypted assertions only: that it refuses others
/// is no finding.
fn explain_plain(outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        if matches!(outcome.verdict, Verdict::Fail | Verdict::Warn) {
            let why = "it was refused, and the same assertion was accepted once it was encrypted: the service provider takes encrypted assertions only";
            *outcome = Outcome::skipped(outcome.check.clone(), why);
        }
    }
}
