//! Spaces: families of faults that are described by dimensions and enumerated.
//!
//! A variant takes one value of each dimension. Its members are merged in the order of the
//! dimensions: edits are appended, everything else replaces what was there. `{$name}` in a text
//! stands for what a value sets under that name.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::{Table, Value as Toml};

use crate::{Fault, catalogue};

/// The reason why the variants of a space cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// A file is not a valid space, or a variant is not a valid fault.
    #[error("cannot read {space}: {reason}")]
    Unreadable {
        /// Id of the space, or of a variant.
        space: String,
        /// The reason.
        reason: String,
    },
    /// The space refers to a fault that is not in the catalogue.
    #[error("fault {fault} of the space {space} not found in the catalogue")]
    NoSuchFault {
        /// Id of the space.
        space: String,
        /// Id of the fault.
        fault: String,
    },
}

/// The contents of a file under `fixtures/spaces`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Stable name in kebab case; equal to the file name.
    pub id: String,
    /// What its variants have in common, in one sentence.
    pub about: String,
    /// The reason why a correct service provider must not accept any of the variants.
    pub forged: String,
    /// The fault whose check a variant belongs to, unless one of its values names another one.
    #[serde(default)]
    fault: String,
    /// The description of the check, if all variants belong to one that the catalogue does not have.
    class: Option<Table>,
    /// Members of the fault that all variants have.
    #[serde(default)]
    common: Table,
    dimension: Vec<Dimension>,
    /// Combinations that are left out: values by dimension; all of them must match.
    #[serde(default)]
    except: Vec<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dimension {
    name: String,
    value: Vec<Choice>,
}

/// A value of a dimension.
#[derive(Debug, Clone, Deserialize)]
struct Choice {
    name: String,
    /// The effect of the value, as a part of a sentence.
    words: String,
    /// The fault whose check the variant belongs to.
    fault: Option<String>,
    /// A fault that the variant extends, and to whose check it belongs.
    base: Option<String>,
    /// True if the value is used without `--thorough`.
    #[serde(default)]
    usual: bool,
    #[serde(default)]
    set: BTreeMap<String, String>,
    /// Members of the variant's fault.
    #[serde(flatten)]
    members: Table,
}

/// One variant of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Id of the space.
    pub space: String,
    /// Id of the fault in the catalogue whose check it belongs to.
    pub class: String,
    /// A description in words: the `words` of all values that the variant combines, joined by commas.
    pub words: String,
    /// True if all its values are marked as usual.
    pub is_usual: bool,
    /// The message; `check`, `harm`, `level`, `spec` and `fix` are those of the class.
    pub fault: Fault,
}

/// Returns every space, sorted by id.
///
/// # Errors
/// [`SpaceError`] when an embedded file cannot be read; a test ensures that this does not happen.
pub fn spaces() -> Result<Vec<Space>, SpaceError> {
    read(crate::SPACES)
}

/// Returns the spaces of LogoutRequests, sorted by id. [`crate::forge_signed_request`] makes their messages.
///
/// # Errors
/// As for [`spaces`].
pub fn logout_spaces() -> Result<Vec<Space>, SpaceError> {
    read(crate::LOGOUT_SPACES)
}

fn read(files: &[(&str, &str)]) -> Result<Vec<Space>, SpaceError> {
    let read = |(name, text): &(&str, &str)| {
        toml::from_str(text).map_err(|error: toml::de::Error| SpaceError::Unreadable {
            space: (*name).to_owned(),
            reason: error.to_string(),
        })
    };
    files.iter().map(read).collect()
}

/// Returns `count` of the variants, chosen by the seed, in their order; all of them if there are no
/// more.
pub fn sample(variants: Vec<Variant>, count: usize, seed: u64) -> Vec<Variant> {
    let rank = |variant: &Variant| -> [u8; 32] {
        let hash = Sha256::new().chain_update(seed.to_be_bytes());
        hash.chain_update(&variant.fault.id).finalize().into()
    };
    let mut ranks: Vec<[u8; 32]> = variants.iter().map(rank).collect();
    ranks.sort_unstable();
    let Some(bound) = ranks.get(count).copied() else {
        return variants;
    };
    let all = variants.into_iter();
    all.filter(|variant| rank(variant) < bound).collect()
}

impl Space {
    /// Returns every variant.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn variants(&self) -> Result<Vec<Variant>, SpaceError> {
        let faults = catalogue().map_err(|error| self.unreadable(&self.id, &error))?;
        let mut chosen: Vec<Vec<&Choice>> = vec![Vec::new()];
        for dimension in &self.dimension {
            chosen = chosen
                .iter()
                .flat_map(|so_far| {
                    let with = |value| so_far.iter().copied().chain([value]).collect();
                    dimension.value.iter().map(with)
                })
                .collect();
        }
        let kept = chosen.iter().filter(|choices| !self.is_left_out(choices));
        kept.map(|choices| self.variant(choices, &faults)).collect()
    }

    fn is_left_out(&self, choices: &[&Choice]) -> bool {
        let name_in = |dimension: &str| {
            let at = self.dimension.iter().position(|it| it.name == dimension);
            at.map(|at| choices[at].name.as_str())
        };
        self.except.iter().any(|rule| {
            let mut rule = rule.iter();
            rule.all(|(dimension, names)| {
                name_in(dimension).is_some_and(|name| names.iter().any(|it| it == name))
            })
        })
    }

    fn variant(&self, choices: &[&Choice], faults: &[Fault]) -> Result<Variant, SpaceError> {
        let last =
            |of: fn(&Choice) -> Option<&String>| choices.iter().rev().find_map(|choice| of(choice));
        let base = last(|choice| choice.base.as_ref());
        let class = base
            .or_else(|| last(|choice| choice.fault.as_ref()))
            .unwrap_or(&self.fault);
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        let id = format!("{}/{}", self.id, names.join("/"));
        let mut table = match &self.class {
            Some(class) => class.clone(),
            None => {
                let named = faults.iter().find(|fault| fault.id == *class);
                let named = named.ok_or_else(|| SpaceError::NoSuchFault {
                    space: self.id.clone(),
                    fault: class.clone(),
                })?;
                Table::try_from(named).map_err(|error| self.unreadable(&id, &error))?
            }
        };
        if base.is_none() {
            for member in MESSAGE {
                table.remove(*member);
            }
        }
        merge(&mut table, &self.common);
        let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
        for choice in choices {
            merge(&mut table, &choice.members);
            let set = choice.set.iter();
            texts.extend(set.map(|(name, text)| (name.as_str(), text.as_str())));
        }
        let all = choices.iter().map(|choice| choice.words.as_str());
        let words: Vec<&str> = all.filter(|words| !words.is_empty()).collect();
        let words = words.join(", ");
        table.insert("id".to_owned(), Toml::String(id.clone()));
        table.insert("about".to_owned(), Toml::String(words.clone()));
        let mut value = Toml::Table(table);
        fill(&mut value, &texts);
        let fault = value.try_into();
        Ok(Variant {
            space: self.id.clone(),
            class: class.clone(),
            words,
            is_usual: choices.iter().all(|choice| choice.usual),
            fault: fault.map_err(|error: toml::de::Error| self.unreadable(&id, &error))?,
        })
    }

    fn unreadable(&self, what: &str, error: &dyn std::fmt::Display) -> SpaceError {
        SpaceError::Unreadable {
            space: what.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// The members of a fault that describe the message. All other members describe the check.
const MESSAGE: &[&str] = &[
    "cover",
    "draft",
    "signing",
    "encrypted",
    "encrypted-name",
    "key-transport",
    "signed",
    "encoded",
    "delivery",
];

/// Appends lists, merges tables, and replaces everything else.
fn merge(into: &mut Table, from: &Table) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Toml::Array(old)), Toml::Array(new)) => old.extend(new.iter().cloned()),
            (Some(Toml::Table(old)), Toml::Table(new)) => merge(old, new),
            _ => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Replaces each `{$name}` in the texts. The replacement may contain other names.
fn fill(value: &mut Toml, texts: &BTreeMap<&str, &str>) {
    match value {
        Toml::String(text) => {
            // The number of passes is limited, so that a name that contains itself cannot loop.
            for _ in 0..texts.len() {
                if !text.contains("{$") {
                    break;
                }
                for (name, with) in texts {
                    *text = text.replace(&format!("{{${name}}}"), with);
                }
            }
        }
        Toml::Array(all) => all.iter_mut().for_each(|one| fill(one, texts)),
        Toml::Table(table) => table.iter_mut().for_each(|(_, one)| fill(one, texts)),
        _ => {}
    }
}
