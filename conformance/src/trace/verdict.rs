//! The findings in a message: what its receiver would refuse, remarks, and what was not judged.
//! Nothing counts as right that was not examined.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Known;
use crate::inspection::response::instant;

/// Allowed clock skew: that of the portal and of many libraries.
pub(super) const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The findings in one message, the most serious first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What a receiver that follows the specification refuses.
    pub objections: Vec<String>,
    /// What some receivers refuse, or what is usually a mistake.
    pub remarks: Vec<String>,
    /// What was not judged, and which input is missing for it.
    pub not_judged: Vec<String>,
}

impl Verdict {
    /// True if a receiver that follows the specification would refuse the message.
    pub fn is_refused(&self) -> bool {
        !self.objections.is_empty()
    }

    pub(super) fn refuse(&mut self, objection: impl Into<String>) {
        self.objections.push(objection.into());
    }

    pub(super) fn add_remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    pub(super) fn leave_out(&mut self, what: impl Into<String>) {
        self.not_judged.push(what.into());
    }

    /// Removes an entry of `not_judged`, because it is judged now.
    pub(super) fn drop_not_judged(&mut self, what: &str) {
        self.not_judged.retain(|it| it != what);
    }

    /// Judges an identifier (saml-core §1.3.4: xs:ID).
    pub(super) fn judge_id(&mut self, of: &str, id: Option<&str>) {
        match id {
            None => self.refuse(format!("{of} has no ID")),
            Some(id) if !is_ncname(id) => self.refuse(format!(
                "the ID \"{id}\" of {of} is not a valid xs:ID: it must begin with a letter or an underscore and contain no colon (Entra answers AADSTS7500529); write \"_\" before it"
            )),
            Some(_) => {}
        }
    }

    /// Judges the version (saml-core §3.2.1).
    pub(super) fn judge_version(&mut self, of: &str, version: Option<&str>) {
        if version != Some("2.0") {
            let got = version.unwrap_or("none");
            self.refuse(format!("invalid Version of {of}: expected 2.0, got {got}"));
        }
    }

    /// Checks that a time is present and not in the future.
    pub(super) fn judge_issue_instant(&mut self, of: &str, value: Option<&str>, known: &Known) {
        let Some(value) = value else {
            return self.refuse(format!("{of} has no IssueInstant"));
        };
        let Some(issued) = instant(value) else {
            return self.refuse_instant(&format!("IssueInstant of {of}"), value);
        };
        if let Some(now) = known.now
            && issued.duration_since(now) > SKEW
        {
            self.refuse(format!(
                "{of} was issued at {issued}, which is {} after now ({now}): set the clock of its issuer",
                length(issued.duration_since(now))
            ));
        }
    }

    /// Checks a validity period.
    pub(super) fn judge_window(
        &mut self,
        place: &str,
        begin: Option<&str>,
        end: Option<&str>,
        now: Option<Timestamp>,
    ) {
        for (name, value) in [("NotBefore", begin), ("NotOnOrAfter", end)] {
            if let Some(value) = value
                && instant(value).is_none()
            {
                self.refuse_instant(&format!("{name} of {place}"), value);
            }
        }
        let Some(now) = now else { return };
        if let Some(end) = end.and_then(instant)
            && now.duration_since(end) >= SKEW
        {
            self.refuse(format!(
                "{place} ended at {end}, {} before now ({now}; {} of clock skew are allowed). If the message is new, a clock is wrong; to judge an old message as of its time, give --at",
                length(now.duration_since(end)),
                length(SKEW)
            ));
        }
        if let Some(begin) = begin.and_then(instant)
            && begin.duration_since(now) > SKEW
        {
            self.refuse(format!(
                "{place} is not valid yet: it begins at {begin}, {} after now ({now}; {} of clock skew are allowed). The clocks differ",
                length(begin.duration_since(now)),
                length(SKEW)
            ));
        }
    }

    fn refuse_instant(&mut self, place: &str, value: &str) {
        self.refuse(format!(
            "invalid {place}: expected an instant in UTC such as 2026-03-01T09:00:00Z (saml-core §1.3.3), got \"{value}\""
        ));
    }
}

/// Formats a duration for readers: `2 min`, `3 h`, `12 days`.
fn length(span: SignedDuration) -> String {
    let seconds = span.as_secs().unsigned_abs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// True if a text is an NCName: ASCII characters, or others that XML accepts as letters.
pub(super) fn is_ncname(text: &str) -> bool {
    let mut signs = text.chars();
    signs
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && signs.all(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '.'))
}
