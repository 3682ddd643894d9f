//! What a finding means for the owner of the target: what an attacker can do, and which attacker.
//! Reports begin with the worst findings.

use serde::Serialize;

use super::{Check, CheckReport, Level, Outcome};

/// Who can log in as another user, from the largest group of attackers to the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Attacker {
    /// Anybody who can send requests to the target.
    Anybody,
    /// Anybody with an account of their own at the identity provider.
    Account,
    /// Another customer of the target: anybody who runs the identity provider of another tenant, or
    /// has its key.
    Tenant,
    /// Anybody who obtains a message about the victim.
    Holder,
    /// The identity provider, or an attacker who has its private key.
    Issuer,
}

impl Attacker {
    /// Describes the attacker, as the subject of a sentence.
    pub fn to_phrase(self) -> &'static str {
        match self {
            Self::Anybody => "anybody, without an account",
            Self::Account => "anybody with an account at the identity provider",
            Self::Tenant => {
                "another customer: anybody who runs the identity provider of another tenant, or has its credentials"
            }
            Self::Holder => {
                "anybody who obtains a message about the victim, for example another service provider or a reader of a log"
            }
            Self::Issuer => "only the identity provider, or an attacker who has its private key",
        }
    }
}

/// The consequence of a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Harm {
    /// An attacker can log in as another user.
    Intrusion(Attacker),
    /// The target stops or slows down.
    Outage,
    /// A protection is missing or information is revealed, but this alone does not allow a login as
    /// another user.
    Protection,
    /// A function does not work, or not correctly, for a user who has the right to use it.
    #[default]
    Function,
    /// All functions work; only the metadata or the form of a message is wrong.
    Style,
    /// A message with a wrong form is accepted, but it logs in the right user.
    Leniency,
}

/// The groups of findings in a report, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Intrusion(Attacker),
    Other,
    Leniency,
}

impl Harm {
    /// Returns the value of `harm` in the JSON report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intrusion(_) => "intrusion",
            Self::Outage => "outage",
            Self::Protection => "protection",
            Self::Function => "function",
            Self::Style => "style",
            Self::Leniency => "leniency",
        }
    }

    /// Returns who can log in as another user, if anybody can.
    pub fn attacker(self) -> Option<Attacker> {
        match self {
            Self::Intrusion(attacker) => Some(attacker),
            _ => None,
        }
    }

    pub(super) fn class(self) -> Class {
        match self {
            Self::Intrusion(attacker) => Class::Intrusion(attacker),
            Self::Leniency => Class::Leniency,
            _ => Class::Other,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Intrusion(_) | Self::Outage | Self::Protection => 0,
            Self::Function | Self::Leniency => 1,
            Self::Style => 2,
        }
    }
}

impl Class {
    /// Returns the heading above the findings of this class.
    pub(super) fn heading(self) -> String {
        match self {
            Self::Intrusion(attacker) => {
                format!(
                    "An attacker can log in as another user. Who can do it: {}",
                    attacker.to_phrase()
                )
            }
            Self::Other => {
                "The service can be stopped, a protection is missing, or honest users are not served"
                    .to_owned()
            }
            Self::Leniency => {
                "A message about the right user is accepted although its form is wrong; this alone logs in no other user"
                    .to_owned()
            }
        }
    }
}

/// Returns the sort key of a finding: first logins as another user, last messages with a wrong
/// form; in between MUST before SHOULD, and in one level security before function and style.
pub(super) fn order(outcome: &Outcome) -> (Class, Level, u8) {
    let Check { harm, level, .. } = outcome.check;
    (harm.class(), level, harm.rank())
}

/// True if the findings of a report are grouped by class: if a check of the report tests whether
/// an attacker can log in, or whether a wrong form is accepted.
pub(super) fn has_classes(report: &CheckReport) -> bool {
    let mut all = report.outcomes.iter();
    all.any(|it| it.check.harm.class() != Class::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrusions_come_first_and_wrong_forms_last() {
        let outcome = |id: &str, level, harm| {
            let check = Check {
                id: id.to_owned(),
                level,
                harm,
                title: String::new(),
                spec: String::new(),
                fix: String::new(),
            };
            let evidence = serde_json::Value::Null;
            Outcome::new_judged(check, false, "", String::new(), evidence)
        };
        let mut all = [
            outcome("form", Level::Must, Harm::Leniency),
            outcome("protection", Level::Should, Harm::Protection),
            outcome("style", Level::Must, Harm::Style),
            outcome("function", Level::Must, Harm::Function),
            outcome("holder", Level::Should, Harm::Intrusion(Attacker::Holder)),
            outcome("outage", Level::Must, Harm::Outage),
            outcome("anybody", Level::Must, Harm::Intrusion(Attacker::Anybody)),
        ];
        all.sort_by_key(order);
        assert_eq!(
            all.map(|it| it.check.id),
            [
                "anybody",
                "holder",
                "outage",
                "function",
                "style",
                "protection",
                "form",
            ]
        );
    }
}
