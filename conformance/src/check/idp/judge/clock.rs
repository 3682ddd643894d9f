//! A wrong clock of the identity provider, which makes many checks of times fail.

use jiff::SignedDuration;

use super::response::SKEW;
use super::{Ruled, Ruling};
use crate::check::idp::reading::Case;
use crate::inspection::response::instant_in_any_zone;

/// How much the differences may vary: the time that sign-ons take.
const SPREAD: SignedDuration = SignedDuration::from_mins(1);

/// Returns a sentence if the IssueInstant of every Response differs from its delivery by the same
/// time.
fn find_wrong_clock(case: &Case<'_>) -> Option<String> {
    let mut differences: Vec<SignedDuration> = Vec::new();
    for answer in case.good() {
        let issued = answer.response()?.issue_instant.as_deref()?;
        let issued = instant_in_any_zone(issued)?;
        differences.push(issued.duration_since(answer.at()));
    }
    let (least, most) = (*differences.iter().min()?, *differences.iter().max()?);
    let is_alike = differences.len() > 1 && most - least <= SPREAD;
    let is_wrong = least > SKEW || most < -SKEW;
    if !is_alike || !is_wrong {
        return None;
    }
    let off = most.abs();
    let off = match off.as_mins() {
        minutes @ ..120 => format!("{minutes} minutes"),
        minutes if minutes < 48 * 60 => format!("{:.1} hours", off.as_secs_f64() / 3600.0),
        minutes => format!("{} days", minutes / (24 * 60)),
    };
    let direction = if most.is_negative() {
        "before"
    } else {
        "after"
    };
    Some(format!(
        "every Response is issued {off} {direction} its delivery: the clock of the identity provider or of this machine is wrong, or local time is written with a Z"
    ))
}

impl Ruled {
    /// If the check fails, says that the clock is wrong, and adds the symptom.
    pub(super) fn about_clock(mut self, case: &Case<'_>) -> Self {
        let Ruling::Breaks(what) = &mut self.ruling else {
            return self;
        };
        let Some(symptom) = find_wrong_clock(case) else {
            return self;
        };
        what.push_str("; ");
        what.push_str(&symptom);
        self.shows(symptom)
    }
}
