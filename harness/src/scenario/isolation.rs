//! A scenario moved to domains of its own, where several organizations meet at
//! one portal: a domain belongs to one of them only.

use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::catalogue::Case;

/// The text with each name under `.example` marked as this label's.
pub(super) fn moved(text: &str, label: &str) -> String {
    static NAMES: OnceLock<Regex> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        Regex::new(r"\b([a-z0-9-]+)\.example\b").expect("the pattern is well-formed")
    });
    let mark = |name: &Captures<'_>| format!("{}-{label}.example", &name[1]);
    names.replace_all(text, mark).into_owned()
}

impl Case {
    /// Moves every domain that the steps name.
    pub(super) fn moves_to(&mut self, label: &str) {
        for step in &mut self.scenario.steps {
            step.value = moved(&step.value, label);
            let cells = step.table.iter_mut().flat_map(|table| &mut table.rows);
            for cell in cells.flatten() {
                *cell = moved(cell, label);
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
            moved(
                r#"When Ada changes "grace@lumen.example" to "x@lumen-works.example""#,
                "7f"
            ),
            r#"When Ada changes "grace@lumen-7f.example" to "x@lumen-works-7f.example""#
        );
        assert_eq!(
            moved("an example of examples", "7f"),
            "an example of examples"
        );
    }
}
