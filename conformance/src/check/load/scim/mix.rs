//! The frequency of each operation.

use std::str::FromStr;

/// An operation on a SCIM server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `GET /Users/{id}`, or a GET of the resource that was written last.
    Read,
    /// `GET /Users` with a page of ten.
    List,
    /// `GET /Users?filter=userName eq "…"`.
    Filter,
    /// `POST /Users`.
    Create,
    /// `PUT /Users/{id}`.
    Replace,
    /// `PATCH /Users/{id}` of the displayName.
    Patch,
    /// `PATCH /Groups/{id}` that adds or removes a member.
    Group,
    /// `DELETE /Users/{id}`.
    Delete,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::List,
        Self::Filter,
        Self::Create,
        Self::Replace,
        Self::Patch,
        Self::Group,
        Self::Delete,
    ];

    /// Returns the name in `--mix` and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Filter => "filter",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Group => "group",
            Self::Delete => "delete",
        }
    }
}

/// The default weight of each operation. It follows provisioning clients, which read a resource
/// before they write it, and mostly change groups or single attributes.
const USUAL: [(Operation, u32); 8] = [
    (Operation::Read, 40),
    (Operation::List, 5),
    (Operation::Filter, 25),
    (Operation::Create, 6),
    (Operation::Replace, 4),
    (Operation::Patch, 8),
    (Operation::Group, 8),
    (Operation::Delete, 4),
];

/// Operations with their weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    weights: Vec<(Operation, u32)>,
    is_chosen: bool,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            weights: USUAL.to_vec(),
            is_chosen: false,
        }
    }
}

/// Why a mix cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected NAME=WEIGHT with commas between, such as read=70,filter=30; names are read, list, filter, create, replace, patch, group and delete; got {0}"
)]
pub struct MixError(String);

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let invalid = || MixError(text.to_owned());
        let mut weights: Vec<(Operation, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(invalid)?;
            let mut all = Operation::ALL.into_iter();
            let operation = all.find(|it| it.name() == name.trim());
            let operation = operation.ok_or_else(invalid)?;
            let weight = weight.trim().parse().map_err(|_| invalid())?;
            if weight > 1_000_000 || weights.iter().any(|(known, _)| *known == operation) {
                return Err(invalid());
            }
            weights.push((operation, weight));
        }
        weights.retain(|(_, weight)| *weight > 0);
        if weights.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            weights,
            is_chosen: true,
        })
    }
}

impl Mix {
    /// Returns true if the user chose it.
    pub(super) fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// Returns the operations in it.
    pub(super) fn operations(&self) -> Vec<Operation> {
        self.weights
            .iter()
            .map(|(operation, _)| *operation)
            .collect()
    }

    /// Takes an operation out.
    pub(super) fn remove(&mut self, operation: Operation) {
        self.weights.retain(|(known, _)| *known != operation);
    }

    /// Chooses an operation by a random number.
    pub(super) fn choose(&self, random: u64) -> Operation {
        let whole: u64 = self
            .weights
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        let mut at = random % whole.max(1);
        for (operation, weight) in &self.weights {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => return *operation,
            }
        }
        Operation::Read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_chosen_by_weight() {
        let mix: Mix = "read=3,filter=1".parse().unwrap();
        let chosen: Vec<&str> = (0..4).map(|it| mix.choose(it).name()).collect();
        assert_eq!(chosen, ["read", "read", "read", "filter"]);
        assert_eq!(mix.choose(7).name(), "filter");
    }

    #[test]
    fn an_invalid_mix_is_refused() {
        for text in ["", "read", "read=x", "swim=1", "read=0", "read=1,read=2"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
