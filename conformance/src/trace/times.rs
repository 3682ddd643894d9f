//! Times that are in the future or past. One wrong clock, or an old message, makes several times
//! wrong, so all of them together are one objection.

use jiff::{SignedDuration, Timestamp};

use super::verdict::{SKEW, Verdict, list};

/// The times of a message that are not right as of now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// What is in the future, and when it begins.
    early: Vec<(String, Timestamp)>,
    /// What is over, and when it ended.
    late: Vec<(String, Timestamp)>,
}

impl Times {
    pub(super) fn is_empty(&self) -> bool {
        self.early.is_empty() && self.late.is_empty()
    }

    /// True if something is over.
    pub(super) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.early.append(&mut other.early);
        self.late.append(&mut other.late);
    }

    pub(super) fn add_early(&mut self, what: impl Into<String>, begin: Timestamp) {
        self.early.push((what.into(), begin));
    }

    pub(super) fn add_late(&mut self, what: impl Into<String>, end: Timestamp) {
        self.late.push((what.into(), end));
    }
}

impl Verdict {
    /// Adds the objections about times, as the last ones: most messages that people look at are old,
    /// which is not why they were refused.
    pub(super) fn judge_times(&mut self, issued: Option<Timestamp>, now: Option<Timestamp>) {
        let times = std::mem::take(&mut self.times);
        let Some(now) = now else { return };
        // Parts of a second only distract.
        let shown = Timestamp::from_second(now.as_second()).unwrap_or(now);
        if let Some(latest) = times.early.iter().map(|(_, at)| *at).max() {
            let names: Vec<&str> = times.early.iter().map(|(name, _)| name.as_str()).collect();
            let difference = latest.duration_since(now);
            self.refuse(format!(
                "{} {} after now ({latest} is {} after {shown}; {} of clock skew are allowed): the clock of the sender is fast, or that of the receiver is slow; synchronize both{}",
                list(&names),
                if names.len() == 1 { "is" } else { "are" },
                length(difference),
                length(SKEW),
                match is_whole_hours(difference) {
                    true => ". A difference of whole hours: a local time was written as UTC (Z), or a time zone is wrong",
                    false => "",
                }
            ));
        }
        let Some(first) = times.late.iter().map(|(_, at)| *at).min() else {
            return;
        };
        let mut names: Vec<&str> = times.late.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        let difference = now.duration_since(first);
        let at = issued
            .filter(|it| *it < now)
            .map_or_else(|| "--at TIME".to_owned(), |it| format!("--at {it}"));
        self.refuse(format!(
            "{} ended at {first}, {} before now ({shown}; {} of clock skew are allowed). If the message is old, this is no mistake: judge it as of its time by {at}. If it is new, a clock is wrong{}",
            list(&names),
            length(difference),
            length(SKEW),
            match is_whole_hours(difference) {
                true => " or a time zone, because the difference is whole hours",
                false => "",
            }
        ));
    }
}

/// True if a difference is one hour or several, as it is between time zones. A message is valid for
/// some minutes, so the difference may be that much smaller or greater.
fn is_whole_hours(difference: SignedDuration) -> bool {
    const TOLERANCE: i64 = 6 * 60;
    let seconds = difference.as_secs();
    let beyond = (seconds + TOLERANCE) % 3600;
    (3600 - TOLERANCE..=14 * 3600 + TOLERANCE).contains(&seconds) && beyond <= 2 * TOLERANCE
}

/// Formats a duration for readers: `2 min`, `3 h`, `12 days`.
pub(super) fn length(span: SignedDuration) -> String {
    let seconds = span.as_secs().unsigned_abs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_time_zones_are_recognized() {
        for (minutes, expected) in [
            (50, false),
            (59, true),
            (60, true),
            (65, true),
            (75, false),
            (30, false),
            (119, true),
            (480, true),
            (24 * 60, false),
        ] {
            let difference = SignedDuration::from_mins(minutes);
            assert_eq!(is_whole_hours(difference), expected, "{minutes}");
        }
    }
}
