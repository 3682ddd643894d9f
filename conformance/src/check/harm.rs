//! What a finding means to the owner of the target: who can do what. Reports
//! begin with the worst.

use serde::Serialize;

use super::{Check, CheckReport, Level, Outcome};

/// Who can get in as somebody else, from the largest group of people to the
/// smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Attacker {
    /// Anybody who reaches the target.
    Anybody,
    /// Anybody with an account of their own at the identity provider.
    Account,
    /// Another customer of the target: whoever runs the identity provider of
    /// another tenant, or has its key.
    Tenant,
    /// Whoever gets a message that was made for the victim.
    Holder,
    /// The identity provider, or who has its key.
    Issuer,
}

impl Attacker {
    /// In words, as the subject of a sentence.
    pub fn to_phrase(self) -> &'static str {
        match self {
            Self::Anybody => "anybody, without an account",
            Self::Account => "anybody with an account at the identity provider",
            Self::Tenant => {
                "another customer: whoever runs the identity provider of another tenant, or has credentials of it"
            }
            Self::Holder => {
                "whoever gets hold of a message about the victim, for example another service provider or a reader of a log"
            }
            Self::Issuer => "only the identity provider, or an attacker who has its private key",
        }
    }
}

/// What it means that a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Harm {
    /// Somebody else gets in.
    Intrusion(Attacker),
    /// The target stops or slows down.
    Outage,
    /// Nobody gets in by that alone, but a protection is missing, or something
    /// is revealed.
    Protection,
    /// Somebody who should be served is not, or not rightly.
    #[default]
    Function,
    /// Everybody is served all the same: it is about what is announced and how
    /// it is written.
    Style,
    /// An honest message of a wrong form is accepted, about the very person
    /// whom it is about.
    Leniency,
}

/// The parts into which the findings of a report are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Intrusion(Attacker),
    Other,
    Leniency,
}

impl Harm {
    /// As the machine form names it.
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

    /// Who gets in, where somebody does.
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
    /// The heading above findings of this class.
    pub(super) fn heading(self) -> String {
        match self {
            Self::Intrusion(attacker) => {
                format!("Somebody else gets in. Who can do it: {}", attacker.to_phrase())
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

/// Sorts findings: who gets in first; then MUST before SHOULD, and of one level
/// what harms security first and style last; last what is accepted in a wrong
/// form.
pub(super) fn order(outcome: &Outcome) -> (Class, Level, u8) {
    let Check { harm, level, .. } = outcome.check;
    (harm.class(), level, harm.rank())
}

/// Whether the checks of a report ask who gets in: then its findings stand in
/// classes.
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
            Outcome::judged(check, false, "", String::new(), evidence)
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
