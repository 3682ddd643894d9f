//! Gives a scenario its own domains, when several organizations use one portal: a domain
//! can belong to only one of them.

use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::catalogue::Case;

/// Inserts the label into each name that ends in `.example`.
pub(super) fn insert_label(text: &str, label: &str) -> String {
    static NAMES: OnceLock<Regex> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        Regex::new(r"\b([a-z0-9-]+)\.example\b").expect("the pattern is well-formed")
    });
    let mark = |name: &Captures<'_>| format!("{}-{label}.example", &name[1]);
    names.replace_all(text, mark).into_owned()
}

impl Case {
    /// Replaces every domain in the steps.
    pub(super) fn replace_domains(&mut self, label: &str) {
        for step in &mut self.scenario.steps {
            step.value = insert_label(&step.value, label);
            let cells = step.table.iter_mut().flat_map(|table| &mut table.rows);
            for cell in cells.flatten() {
                *cell = insert_label(cell, label);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_is_moved_and_nothing_else() {
        assert_eq!(
            insert_label(
                r#"When Ada changes "grace@lumen.example" to "x@lumen-works.example""#,
                "7f"
            ),
            r#"When Ada changes "grace@lumen-7f.example" to "x@lumen-works-7f.example""#
        );
        assert_eq!(
            insert_label("an example of examples", "7f"),
            "an example of examples"
        );
    }
}
