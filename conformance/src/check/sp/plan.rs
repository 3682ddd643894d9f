//! The messages of a run of `check sp`, in their order.

use faults::{Family, Fault, Variant};

use super::answers::Answers;
use super::honest::{self, Form, Honest};
use super::memory::Meter;
use super::pace::Pace;
use super::{CheckError, Judge, beyond};
use crate::check::runner::Selection;

/// The messages of a run.
pub(super) struct Plan {
    /// The honest Responses in the forms from which all other messages are derived.
    pub(super) bases: Vec<Fault>,
    /// The other honest Responses.
    pub(super) others: Vec<Fault>,
    /// The faults. Those that exhaust the service provider are last, because it may stop working
    /// after them.
    pub(super) faults: Vec<Fault>,
    /// The selected variants of the faults.
    pub(super) variants: Vec<Variant>,
}

impl Plan {
    /// Reads the catalogue of the controls and faults, and the variants that `judge` selects.
    pub(super) fn read(judge: &Judge) -> Result<Self, CheckError> {
        let unreadable = |error: toml::de::Error| CheckError::Catalogue(error.to_string());
        let controls = faults::controls().map_err(unreadable)?;
        let (bases, others) = controls.into_iter().partition(honest::is_base);
        let mut faults = faults::catalogue().map_err(unreadable)?;
        faults.sort_by_key(|fault| fault.family == Family::Exhaustion);
        Ok(Self {
            bases,
            others,
            faults,
            variants: judge.selected_variants()?,
        })
    }

    /// Returns the number of selected checks, without the variants.
    pub(super) fn count(&self, selection: &Selection) -> usize {
        let messages = self.bases.iter().chain(&self.others).chain(&self.faults);
        let ids = messages.map(|it| it.check.as_str());
        let ids = ids.chain(beyond::all_rows().map(|row| row.id));
        let demanded = beyond::demanded_rows().filter(|it| selection.asks_for(it.id));
        ids.filter(|id| selection.includes(id)).count() + demanded.count()
    }

    fn first_of_exhaustion(&self) -> usize {
        let is_before = |it: &Fault| it.family != Family::Exhaustion;
        self.faults.partition_point(is_before)
    }

    /// Returns the faults that do not exhaust the service provider.
    pub(super) fn ordinary_faults(&self) -> &[Fault] {
        &self.faults[..self.first_of_exhaustion()]
    }

    /// Returns the faults that try to exhaust the service provider.
    pub(super) fn exhaustion_faults(&self) -> &[Fault] {
        &self.faults[self.first_of_exhaustion()..]
    }
}

/// What the faults of a run are derived from.
pub(super) struct Basis<'r> {
    /// The accepted honest Responses.
    pub(super) honest: &'r Honest,
    /// The form of most faults.
    pub(super) base: Form,
    /// True if `--expect` matches every user who is logged in.
    pub(super) blind: bool,
    /// How long the last faults took.
    pub(super) pace: Pace,
    /// Which messages were answered.
    pub(super) answers: Answers,
    /// The memory that messages took; `None` if it is not read.
    pub(super) memory: Option<Meter>,
}
