//! Misbehaviour on demand: faults as data, applied at the stages of an answer.
//!
//! To add a fault: a file in `fixtures/faults`, a line in [`FILES`]. To add a
//! kind of edit: a variant of [`Edit`], and its arm in [`draft`] or [`signed`].

mod amendment;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub(crate) use amendment::{How, draft, signed, signing};

/// Every file of the catalogue.
const FILES: &[&str] = &[
    include_str!("../../../fixtures/faults/expired.toml"),
    include_str!("../../../fixtures/faults/not-yet-valid.toml"),
    include_str!("../../../fixtures/faults/replay.toml"),
    include_str!("../../../fixtures/faults/sha1-signature.toml"),
    include_str!("../../../fixtures/faults/signature-wrapping-parent.toml"),
    include_str!("../../../fixtures/faults/signature-wrapping-sibling.toml"),
    include_str!("../../../fixtures/faults/tampered-response.toml"),
    include_str!("../../../fixtures/faults/unsigned.toml"),
    include_str!("../../../fixtures/faults/wrong-audience.toml"),
    include_str!("../../../fixtures/faults/wrong-destination.toml"),
    include_str!("../../../fixtures/faults/wrong-in-response-to.toml"),
    include_str!("../../../fixtures/faults/wrong-issuer.toml"),
    include_str!("../../../fixtures/faults/wrong-key.toml"),
    include_str!("../../../fixtures/faults/wrong-recipient.toml"),
];

/// Where in the making of an answer a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before signing: the signature is right, what it covers is wrong.
    Draft,
    /// At and after signing.
    Signed,
    /// At delivery.
    Delivered,
}

/// One amendment of an honest answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Puts another value into a field of the draft.
    Set {
        /// `audience`, `destination`, `recipient`, `issuer`, `in-response-to`.
        field: String,
        /// The value.
        value: String,
    },
    /// Moves every instant of the draft.
    Shift {
        /// Forward, or back when negative.
        seconds: i64,
    },
    /// Signs otherwise.
    Sign {
        /// `not`, `another-key`.
        how: String,
    },
    /// Renames the signature's algorithms to SHA-1.
    NameSha1,
    /// Changes the subject in the signed document.
    RenameSubject {
        /// The new subject.
        value: String,
    },
    /// Wraps the signed assertion in a forged one (XSW).
    Wrap {
        /// `sibling`, `parent`.
        how: String,
        /// The forged subject.
        value: String,
    },
    /// Delivers the last answer again.
    Repeat,
}

/// A fault of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Stable name, kebab case.
    pub id: String,
    /// What it does, in a sentence.
    pub about: String,
    /// The section that it breaks.
    pub spec: String,
    /// Where it strikes.
    pub stage: Stage,
    /// The code of the refusal that a right service provider gives.
    pub refusal: String,
    /// What it amends.
    pub edits: Vec<Edit>,
}

/// The catalogue.
///
/// # Errors
/// When an embedded file can't be read; a test keeps that from happening.
pub fn catalogue() -> Result<Vec<Fault>, toml::de::Error> {
    FILES.iter().map(|text| toml::from_str(text)).collect()
}

/// An edit that could not be done: the answer would have been honest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fault {fault} changed nothing: {reason}")]
pub(crate) struct Ineffective {
    pub fault: String,
    pub reason: String,
}

/// How often a chosen fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Times {
    /// At every answer.
    #[default]
    Always,
    /// At the next answer only.
    Once,
}

type Place = (String, String);

#[derive(Default)]
struct State {
    chosen: BTreeMap<Place, Vec<(Fault, Times)>>,
    /// The last answer of each application: its document.
    last: BTreeMap<Place, String>,
}

/// Which faults are chosen for which application. Kept in memory: a restart
/// is honest again.
#[derive(Default)]
pub(crate) struct Misbehaviour(Mutex<State>);

fn place(environment: &str, application: &str) -> Place {
    (environment.to_owned(), application.to_owned())
}

impl Misbehaviour {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses these faults, and no others.
    pub(crate) fn choose(&self, environment: &str, application: &str, faults: Vec<(Fault, Times)>) {
        let place = place(environment, application);
        self.state().chosen.insert(place, faults);
    }

    /// The faults that are chosen.
    pub(crate) fn chosen(&self, environment: &str, application: &str) -> Vec<(Fault, Times)> {
        let place = place(environment, application);
        self.state().chosen.get(&place).cloned().unwrap_or_default()
    }

    /// The faults for the answer that is being made; those for once are spent.
    pub(crate) fn strike(&self, environment: &str, application: &str) -> Vec<Fault> {
        let mut state = self.state();
        let Some(chosen) = state.chosen.get_mut(&place(environment, application)) else {
            return Vec::new();
        };
        let now = chosen.iter().map(|(fault, _)| fault.clone()).collect();
        chosen.retain(|(_, times)| *times == Times::Always);
        now
    }

    /// Keeps the answer that is delivered; the one before, if any.
    pub(crate) fn delivered(
        &self,
        environment: &str,
        application: &str,
        document: &str,
    ) -> Option<String> {
        let place = place(environment, application);
        self.state().last.insert(place, document.to_owned())
    }

    /// The last answer.
    pub(crate) fn last(&self, environment: &str, application: &str) -> Option<String> {
        let place = place(environment, application);
        self.state().last.get(&place).cloned()
    }

    pub(crate) fn forget_application(&self, environment: &str, application: &str) {
        let place = place(environment, application);
        let mut state = self.state();
        state.chosen.remove(&place);
        state.last.remove(&place);
    }

    pub(crate) fn forget_environment(&self, environment: &str) {
        let mut state = self.state();
        state.chosen.retain(|(place, _), _| place != environment);
        state.last.retain(|(place, _), _| place != environment);
    }

    pub(crate) fn forget_all(&self) {
        *self.state() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_catalogue_is_read_and_named_after_its_fault() {
        let faults = catalogue().unwrap();
        let mut files: Vec<String> = std::fs::read_dir("../fixtures/faults")
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".toml").map(str::to_owned)
            })
            .collect();
        files.sort();
        let ids: Vec<String> = faults.into_iter().map(|fault| fault.id).collect();
        assert_eq!(ids, files);
    }
}
