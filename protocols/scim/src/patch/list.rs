//! Separates the PATCH operations on one multi-valued attribute from all others.
//!
//! The changes of the attribute are described as values that join or leave, which a store can apply
//! without reading the whole list.

use serde_json::{Map, Value};

use super::{Action, Operation};
use crate::filter::{Filter, Operator};
use crate::resource::{coerce, member};
use crate::schema::{Attribute, ResourceType};
use crate::{Error, PatchPath};

/// A change of a list whose entries are identified by their `value`.
#[derive(Debug, Clone, PartialEq)]
pub enum ListChange {
    /// Adds these values; existing ones stay.
    Join(Vec<String>),
    /// Removes these values.
    Leave(Vec<String>),
    /// Replaces the list with these values.
    Replace(Vec<String>),
}

/// Changes of the list, in order, and the operations on the other attributes.
pub type Split = (Vec<ListChange>, Vec<Operation>);

/// Returns the changes of the list `name`, in order, and the other operations. Returns `None` if an
/// operation depends on the contents of the list.
///
/// # Errors
/// `invalidValue` when a value has the wrong type for the list.
pub fn split(
    operations: &[Operation],
    name: &str,
    of: &ResourceType,
) -> Result<Option<Split>, Error> {
    let Some(attribute) = of.attributes().find(|one| one.name == name) else {
        return Ok(None);
    };
    let mut changes = Vec::new();
    let mut rest = Vec::new();
    for operation in operations {
        let Some(path) = &operation.path else {
            let (mine, others) = by_key(operation, attribute, of);
            for value in mine {
                match is_changed(operation.action, Some(&value), attribute)? {
                    Some(change) => changes.push(change),
                    None => return Ok(None),
                }
            }
            rest.extend(others);
            continue;
        };
        // An invalid path is refused when the operation is applied.
        let Some(path) = PatchPath::parse(path)
            .ok()
            .filter(|path| of.attribute(&path.attribute) == Some(attribute))
        else {
            rest.push(operation.clone());
            continue;
        };
        let value = operation.value.as_ref();
        let change = match (&path.filter, &path.sub, &path.attribute.sub) {
            (None, None, None) => is_changed(operation.action, value, attribute)?,
            (Some(filter), None, None) if operation.action == Action::Remove => {
                let mut named = Vec::new();
                equals(filter, &mut named).then_some(ListChange::Leave(named))
            }
            _ => None,
        };
        match change {
            Some(change) => changes.push(change),
            None => return Ok(None),
        }
    }
    Ok(Some((changes, rest)))
}

/// Returns the values below the key of the list, and the operation without that key.
fn by_key(
    operation: &Operation,
    attribute: &Attribute,
    of: &ResourceType,
) -> (Vec<Value>, Option<Operation>) {
    let Some(Value::Object(members)) = &operation.value else {
        return (Vec::new(), Some(operation.clone()));
    };
    let is_list = |key: &str| {
        PatchPath::parse(key).is_ok_and(|path| {
            path.filter.is_none()
                && path.attribute.sub.is_none()
                && of.attribute(&path.attribute) == Some(attribute)
        })
    };
    let mut mine = Vec::new();
    let mut others = Map::new();
    for (key, value) in members {
        if is_list(key) {
            mine.push(value.clone());
        } else {
            others.insert(key.clone(), value.clone());
        }
    }
    let others = (!others.is_empty() || mine.is_empty()).then(|| Operation {
        value: Some(others.into()),
        ..operation.clone()
    });
    (mine, others)
}

fn is_changed(
    action: Action,
    value: Option<&Value>,
    attribute: &Attribute,
) -> Result<Option<ListChange>, Error> {
    let value = match value {
        // `remove` without a value removes all values.
        None => Value::Null,
        Some(value) => coerce(attribute, value, attribute.name)?,
    };
    let named: Option<Vec<String>> = match &value {
        Value::Array(values) => values
            .iter()
            .map(|value| Some(member(value, "value")?.as_str()?.to_owned()))
            .collect(),
        _ => None,
    };
    Ok(match (action, named) {
        (Action::Add, Some(named)) => Some(ListChange::Join(named)),
        (Action::Replace, Some(named)) => Some(ListChange::Replace(named)),
        (Action::Remove, Some(named)) if !named.is_empty() => Some(ListChange::Leave(named)),
        (Action::Replace | Action::Remove, None) if value.is_null() => {
            Some(ListChange::Replace(Vec::new()))
        }
        _ => None,
    })
}

/// True if the filter is an `eq` on `value`, or several of them joined by `or`.
fn equals(filter: &Filter, named: &mut Vec<String>) -> bool {
    match filter {
        Filter::Compare(path, Operator::Equal, Value::String(wanted))
            if path.name.eq_ignore_ascii_case("value")
                && path.sub.is_none()
                && path.schema.is_none() =>
        {
            named.push(wanted.clone());
            true
        }
        Filter::Or(a, b) => equals(a, named) && equals(b, named),
        _ => false,
    }
}
