//! The findings in a message: what its receiver would refuse, remarks, and what was not judged.
//! Nothing counts as right that was not examined.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Known;
use super::times::Times;
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
    /// Times that are not right as of now; `judge_times` makes objections of them.
    #[serde(skip)]
    pub(super) times: Times,
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

    /// True if nothing is a reason to refuse.
    pub(super) fn is_clean(&self) -> bool {
        self.objections.is_empty() && self.times.is_empty()
    }

    /// Adds another verdict to this one.
    pub(super) fn append(&mut self, mut other: Self) {
        self.objections.append(&mut other.objections);
        self.remarks.append(&mut other.remarks);
        self.not_judged.append(&mut other.not_judged);
        self.times.append(other.times);
    }

    /// Adds an objection before all others, because it is their cause.
    pub(super) fn refuse_first(&mut self, objection: impl Into<String>) {
        self.objections.insert(0, objection.into());
    }

    /// Adds a remark unless it was added already.
    pub(super) fn add_remark_once(&mut self, remark: impl Into<String>) {
        let remark = remark.into();
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
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
            self.times
                .add_early(format!("IssueInstant of {of}"), issued);
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
            self.times.add_late(place, end);
        }
        if let Some(begin) = begin.and_then(instant)
            && begin.duration_since(now) > SKEW
        {
            self.times.add_early(format!("NotBefore of {place}"), begin);
        }
    }

    fn refuse_instant(&mut self, place: &str, value: &str) {
        self.refuse(format!(
            "invalid {place}: expected an instant in UTC such as 2026-03-01T09:00:00Z (saml-core §1.3.3), got \"{value}\""
        ));
    }
}

/// Joins names as a sentence does: "a", "a and b", "a, b and c".
pub(super) fn list(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
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
