//! Shows a resource before and after an exchange, with removed and added lines.

use maud::{Markup, html};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Removed(&'t str),
    Added(&'t str),
}

/// Compares the lines by their longest common subsequence.
fn lines<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            longest[i][j] = if one == other {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len() || i < old.len() && longest[i + 1][j] >= longest[i][j + 1] {
            out.push(Line::Removed(old[i]));
            i += 1;
        } else {
            out.push(Line::Added(new[j]));
            j += 1;
        }
    }
    out
}

pub(super) fn markup(before: &Value, after: &Value) -> Markup {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    let (before, after) = (text(before), text(after));
    html! {
        pre {
            @for line in lines(&before, &after) {
                @match line {
                    Line::Same(text) => { "  " (text) "\n" }
                    Line::Removed(text) => { span.removed { "- " (text) } "\n" }
                    Line::Added(text) => { span.added { "+ " (text) } "\n" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_marked() {
        assert_eq!(
            lines("a\nb\nc", "a\nx\nc"),
            [
                Line::Same("a"),
                Line::Removed("b"),
                Line::Added("x"),
                Line::Same("c")
            ]
        );
        assert_eq!(lines("", "a"), [Line::Added("a")]);
    }
}
