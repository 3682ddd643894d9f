//! Finds values of a multi-valued attribute that are the same. Each value is looked up by its hash:
//! comparing every pair would take minutes for a list of some ten thousand values.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::resource::{canonical, member};
use crate::schema::Attribute;

/// The values of a list, in their order. Two values are the same if they are equal, or if they have
/// an equal `value` and, where both have it, an equal `type` (RFC 7643 §2.4).
pub(super) struct Values<'a> {
    attribute: &'a Attribute,
    /// Values with the sub-attribute `value`, by it.
    by_value: HashMap<String, Places>,
    /// Positions of the other values.
    whole: HashMap<String, usize>,
    length: usize,
}

/// Positions of values with the same `value`.
#[derive(Default)]
struct Places {
    first: usize,
    without_type: BTreeSet<usize>,
    /// The first position of each type.
    by_type: HashMap<String, usize>,
}

impl<'a> Values<'a> {
    pub(super) fn new(attribute: &'a Attribute, list: &[Value]) -> Self {
        let mut values = Self {
            attribute,
            by_value: HashMap::with_capacity(list.len()),
            whole: HashMap::new(),
            length: 0,
        };
        for value in list {
            values.push(value);
        }
        values
    }

    /// Adds the value that comes after those in the list.
    pub(super) fn push(&mut self, value: &Value) {
        let at = self.length;
        self.length += 1;
        self.insert(value, at);
    }

    fn insert(&mut self, value: &Value, at: usize) {
        let Some(key) = self.key(value, "value") else {
            self.whole.entry(canonical(value)).or_insert(at);
            return;
        };
        let kind = self.key(value, "type");
        let places = self.by_value.entry(key).or_insert_with(|| Places {
            first: at,
            ..Places::default()
        });
        match kind {
            Some(kind) => {
                let first = places.by_type.entry(kind).or_insert(at);
                *first = at.min(*first);
            }
            None => {
                places.without_type.insert(at);
            }
        }
    }

    /// Returns the position of the first value that is the same as this one.
    pub(super) fn find(&self, value: &Value) -> Option<usize> {
        let Some(key) = self.key(value, "value") else {
            return self.whole.get(&canonical(value)).copied();
        };
        let places = self.by_value.get(&key)?;
        let Some(kind) = self.key(value, "type") else {
            return Some(places.first);
        };
        let with_type = places.by_type.get(&kind);
        let without = places.without_type.first();
        with_type.into_iter().chain(without).min().copied()
    }

    /// Notes that the value at this position, which was found as the same, was merged into `merged`.
    pub(super) fn replace(&mut self, at: usize, merged: &Value) {
        let Some(places) = self
            .key(merged, "value")
            .and_then(|key| self.by_value.get_mut(&key))
        else {
            return;
        };
        // The merge can have added a type, but never removed or changed one.
        if places.without_type.remove(&at) {
            self.insert(merged, at);
        }
    }

    /// Returns the hash key of a sub-attribute, in lower case unless it is case-exact.
    fn key(&self, value: &Value, name: &str) -> Option<String> {
        let held = member(value, name)?;
        let is_exact = self
            .attribute
            .sub_attribute(name)
            .is_none_or(|sub| sub.case_exact);
        Some(match held.as_str() {
            Some(text) if !is_exact => canonical(&Value::from(text.to_lowercase())),
            _ => canonical(held),
        })
    }
}

/// The values that a `remove` names: whole values, or the text of their `value`.
pub(super) struct Removed<'a> {
    values: Values<'a>,
    texts: HashSet<String>,
}

impl<'a> Removed<'a> {
    pub(super) fn new(attribute: &'a Attribute, named: Vec<Value>) -> Self {
        let (texts, whole): (Vec<Value>, Vec<Value>) =
            named.into_iter().partition(Value::is_string);
        Self {
            values: Values::new(attribute, &whole),
            texts: texts
                .into_iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        }
    }

    /// True if a value of the list is one of them.
    pub(super) fn contains(&self, held: &Value) -> bool {
        let text = member(held, "value").and_then(Value::as_str);
        let is_named = [text, held.as_str()]
            .into_iter()
            .flatten()
            .any(|text| self.texts.contains(text));
        is_named || self.values.find(held).is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn emails() -> &'static Attribute {
        let mut all = crate::schema::USER.attributes.iter();
        all.find(|it| it.name == "emails").unwrap()
    }

    #[test]
    fn values_are_the_same_by_value_and_type() {
        let list = [
            json!({"value": "a", "type": "work"}),
            json!({"value": "A"}),
            json!({"display": "no value"}),
        ];
        let mut values = Values::new(emails(), &list);
        let find = |values: &Values<'_>, value: Value| values.find(&value);
        assert_eq!(
            find(&values, json!({"value": "A", "type": "work"})),
            Some(0)
        );
        assert_eq!(
            find(&values, json!({"value": "a", "type": "home"})),
            Some(1)
        );
        assert_eq!(find(&values, json!({"value": "a"})), Some(0));
        assert_eq!(find(&values, json!({"value": "b"})), None);
        assert_eq!(find(&values, json!({"display": "no value"})), Some(2));
        values.replace(1, &json!({"value": "A", "type": "home"}));
        assert_eq!(find(&values, json!({"value": "a", "type": "other"})), None);
        assert_eq!(
            find(&values, json!({"value": "a", "type": "home"})),
            Some(1)
        );
    }

    #[test]
    fn a_text_names_a_value() {
        let removed = Removed::new(emails(), vec![json!("a"), json!({"value": "B"})]);
        assert!(removed.contains(&json!({"value": "a", "type": "work"})));
        assert!(!removed.contains(&json!({"value": "A"})));
        assert!(removed.contains(&json!({"value": "b", "type": "work"})));
    }
}
