//! What a judge finds in single answers, and the result of a check over several of them.

use super::{Ruled, breaks, holds, not_judged};

/// What a judge finds in one answer.
pub(super) enum Observation {
    /// The answer is as expected; the value that shows it.
    Right(String),
    /// The answer is not as expected.
    Wrong(String),
    /// The answer does not have what the check looks at; the reason names the check that judges
    /// the absence.
    Absent(String),
}

pub(super) fn right(what: impl Into<String>) -> Observation {
    Observation::Right(what.into())
}

pub(super) fn wrong(what: impl Into<String>) -> Observation {
    Observation::Wrong(what.into())
}

pub(super) fn absent(why: impl Into<String>) -> Observation {
    Observation::Absent(why.into())
}

impl Observation {
    /// Returns the wrong one of two observations, or else the one that is not absent.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (wrong @ Self::Wrong(_), _) | (_, wrong @ Self::Wrong(_)) => wrong,
            (Self::Absent(_), other) => other,
            (right, _) => right,
        }
    }

    /// Returns this observation, or `other` if this one is wrong.
    pub(super) fn or(self, other: Self) -> Self {
        match self {
            Self::Wrong(_) => other,
            right_or_absent => right_or_absent,
        }
    }
}

/// Sums up what was judged. An answer without what the check looks at neither passes nor fails it.
/// `none` is the reason if there was no answer at all.
pub(super) fn sum_up(judged: Vec<(&str, Observation)>, none: &str) -> Ruled {
    let mut holding: Option<String> = None;
    let mut missing: Option<String> = None;
    let mut wrong: Vec<(&str, String)> = Vec::new();
    let mut total = 0;
    for (name, observation) in judged {
        match observation {
            Observation::Right(what) => {
                holding.get_or_insert(what);
            }
            Observation::Wrong(what) => wrong.push((name, what)),
            Observation::Absent(why) => {
                missing.get_or_insert(why);
                continue;
            }
        }
        total += 1;
    }
    let Some((first, complaint)) = wrong.first() else {
        return match (holding, missing) {
            (Some(what), _) => holds(what),
            (None, Some(why)) => not_judged(why),
            (None, None) => not_judged(none),
        };
    };
    let mut ruled = breaks(if wrong.len() == 1 && total == 1 {
        format!("{complaint} (in the answer to the request {first:?})")
    } else {
        let wrong = wrong.len();
        format!(
            "{complaint} (in {wrong} of {total} answers; the first of them answers the request {first:?})"
        )
    });
    ruled.see = wrong.iter().map(|(name, _)| (*name).to_owned()).collect();
    ruled.see.dedup();
    ruled
}
