//! The selection of the checks to judge (`--only`, `--skip`).

use std::collections::BTreeSet;

use crate::check::Check;

/// Ids, and beginnings of ids, of the checks to judge (empty means all) and of those to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
    /// Whole ids; other checks are not judged unless `only` names them.
    among: Option<BTreeSet<String>>,
    /// Whole ids of checks that are judged in addition.
    also: BTreeSet<String>,
}

/// Error of a selection that matches no check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no check id begins with {prefix}; --list prints all ids")]
pub struct SelectionError {
    /// The id or beginning of an id that was given.
    pub prefix: String,
}

impl Selection {
    /// Selects the checks whose id is one of `only` or begins with one of them, except those of
    /// `skip`.
    ///
    /// # Errors
    /// [`SelectionError`] for an entry that matches none of `checks`.
    pub fn new(only: &[String], skip: &[String], checks: &[Check]) -> Result<Self, SelectionError> {
        let upper = |ids: &[String]| ids.iter().map(|it| it.to_ascii_uppercase()).collect();
        let selection = Self {
            only: upper(only),
            skip: upper(skip),
            among: None,
            also: BTreeSet::new(),
        };
        let unknown = |prefix: &&String| !checks.iter().any(|it| fits(prefix, &it.id));
        let mut all = selection.only.iter().chain(&selection.skip);
        match all.find(unknown) {
            Some(prefix) => Err(SelectionError {
                prefix: prefix.clone(),
            }),
            None => Ok(selection),
        }
    }

    /// Returns this selection; if `only` is empty, it is limited to these checks.
    #[must_use]
    pub fn among(mut self, ids: Option<Vec<String>>) -> Self {
        self.among = ids.map(|ids| ids.into_iter().collect());
        self
    }

    /// Returns this selection with one more check, which is judged whatever `only` contains.
    #[must_use]
    pub fn also(mut self, id: &str) -> Self {
        self.also.insert(id.to_owned());
        self
    }

    /// True if the check is selected.
    pub fn includes(&self, id: &str) -> bool {
        let has = |ids: &[String]| ids.iter().any(|prefix| fits(prefix, id));
        let is_among = || self.among.as_ref().is_none_or(|ids| ids.contains(id));
        let is_wanted = if self.also.contains(id) {
            true
        } else if self.only.is_empty() {
            is_among()
        } else {
            has(&self.only)
        };
        is_wanted && !has(&self.skip)
    }

    /// True if this check was requested by its whole id or by a profile. For checks that run only
    /// on request.
    pub fn asks_for_exactly(&self, id: &str) -> bool {
        let is_named = self.only.iter().any(|it| it.eq_ignore_ascii_case(id));
        let is_among = self.among.as_ref().is_some_and(|ids| ids.contains(id));
        let is_wanted = is_named || is_among && self.only.is_empty() || self.also.contains(id);
        is_wanted && self.includes(id)
    }

    /// True if this check was requested by its id, by the id of its family (`A-B` of A-B-01), or by
    /// a profile. For checks that run only on request.
    pub fn asks_for(&self, id: &str) -> bool {
        let family = id.rfind('-').unwrap_or(id.len());
        let names_it = |one: &String| fits(one, id) && one.len() >= family;
        let is_named = self.only.iter().any(names_it);
        let is_among = self.among.as_ref().is_some_and(|ids| ids.contains(id));
        (is_named || is_among || self.also.contains(id)) && self.includes(id)
    }
}

/// True if `prefix` is a beginning of `id`: `SCIM-PATCH` and `SCIM-PATCH-0` both match
/// SCIM-PATCH-01.
fn fits(prefix: &str, id: &str) -> bool {
    id.to_ascii_uppercase().starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    fn checks() -> Vec<Check> {
        ["A-B-01", "A-C-01"]
            .map(|id| Check {
                id: id.to_owned(),
                level: Level::Must,
                harm: crate::check::Harm::Function,
                title: String::new(),
                spec: String::new(),
                fix: String::new(),
            })
            .to_vec()
    }

    #[test]
    fn a_prefix_selects_checks_in_any_letter_case() {
        let selection = Selection::new(&["a-b".to_owned()], &[], &checks()).unwrap();
        assert!(selection.includes("A-B-01"));
        assert!(!selection.includes("A-C-01"));
        let selection = Selection::new(&[], &["a-b".to_owned()], &checks()).unwrap();
        assert!(!selection.includes("A-B-01"));
        assert!(selection.includes("A-C-01"));
        assert!(Selection::default().includes("A-C-01"));
    }

    #[test]
    fn a_list_of_ids_does_not_limit_only() {
        let among = Some(vec!["A-B-01".to_owned()]);
        let selection = Selection::default().among(among.clone());
        assert!(selection.includes("A-B-01") && selection.asks_for("A-B-01"));
        assert!(!selection.includes("A-C-01"));
        let only = Selection::new(&["a-c-01".to_owned()], &[], &checks()).unwrap();
        let only = only.among(among);
        assert!(only.includes("A-C-01") && only.asks_for("A-C-01"));
        assert!(!only.includes("A-B-01"));
        assert!(!Selection::default().asks_for("A-B-01"), "not by itself");
        let family = Selection::new(&["a-b".to_owned()], &[], &checks()).unwrap();
        assert!(family.asks_for("A-B-01"), "by its family");
        let prefix = Selection::new(&["A-".to_owned()], &[], &checks()).unwrap();
        assert!(!prefix.asks_for("A-B-01"), "not by a beginning");
        let also = prefix.also("A-C-01");
        assert!(also.asks_for("A-C-01") && also.includes("A-B-01"));
    }

    #[test]
    fn a_selection_that_matches_no_check_is_an_error() {
        let unknown = ["A-D".to_owned()];
        assert!(Selection::new(&unknown, &[], &checks()).is_err());
        assert!(Selection::new(&[], &unknown, &checks()).is_err());
    }
}
