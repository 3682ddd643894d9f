//! PATCH (RFC 7644 §3.5.2), with the deviations of well-known clients.
//!
//! In addition to the standard it accepts: operation names in any letter case, paths as keys of a
//! value without a path, lists of values to remove, complex values as the plain text of their
//! `value`, and `add` to `attribute[type eq "…"]` without such a value, which is then created.
//!
//! - [`target`]: applies one operation at one path.
//! - [`values`]: finds values of a list that are the same.
//! - [`list`]: separates operations on one list from the others, so that adding a member to
//!   a group of 50,000 members does not load the group.

mod list;
mod target;
mod values;

pub use list::{ListChange, Split, split};

use serde_json::Value;

use crate::resource::member;
use crate::schema::ResourceType;
use crate::{Error, ScimType, messages};

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// §3.5.2.1
    Add,
    /// §3.5.2.2
    Remove,
    /// §3.5.2.3
    Replace,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The kind of operation.
    pub action: Action,
    /// The path; `None` means the resource itself.
    pub path: Option<String>,
    /// The value; null unassigns (RFC 7643 §2.5).
    pub value: Option<Value>,
}

/// Reads the body of a PATCH request.
///
/// # Errors
/// `invalidSyntax`; the detail names the operation by its number.
pub fn parse(body: &Value) -> Result<Vec<Operation>, Error> {
    let syntax = |detail: String| Error::of(ScimType::InvalidSyntax, detail);
    let is_patch = member(body, "schemas")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|urn| urn == messages::PATCH_OP));
    if !is_patch {
        return Err(syntax(format!(
            "expected a body with schemas [\"{}\"]",
            messages::PATCH_OP
        )));
    }
    let operations = member(body, "Operations")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty())
        .ok_or_else(|| syntax("expected a list Operations with one operation at least".into()))?;
    operations
        .iter()
        .enumerate()
        .map(|(index, operation)| {
            let number = index + 1;
            let name = member(operation, "op")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let action = match name.to_ascii_lowercase().as_str() {
                "add" => Action::Add,
                "remove" => Action::Remove,
                "replace" => Action::Replace,
                _ => {
                    return Err(syntax(format!(
                        "operation {number}: expected op add, remove or replace, got {name:?}"
                    )));
                }
            };
            let path = match member(operation, "path") {
                None | Some(Value::Null) => None,
                Some(Value::String(path)) if path.trim().is_empty() => None,
                Some(Value::String(path)) => Some(path.clone()),
                Some(other) => {
                    return Err(syntax(format!(
                        "operation {number}: expected path to be a text, got {other}"
                    )));
                }
            };
            let value = member(operation, "value").cloned();
            if action == Action::Remove && path.is_none() {
                return Err(Error::of(
                    ScimType::NoTarget,
                    format!("operation {number}: expected a path of what to remove, found none"),
                ));
            }
            if action != Action::Remove && value.is_none() {
                return Err(syntax(format!(
                    "operation {number}: expected a value to {}, found none",
                    name.to_ascii_lowercase()
                )));
            }
            Ok(Operation {
                action,
                path,
                value,
            })
        })
        .collect()
}

/// Largest product of the number of operations and the length of the longest list, because each
/// operation may read the whole list: this many values take about a second.
const MOST_READ: usize = 10_000_000;

/// Refuses operations that would take too long: many of them on a long list.
fn require_short(operations: &[Operation], resource: &Value) -> Result<(), Error> {
    let length = |value: &Value| value.as_array().map_or(1, Vec::len);
    let longest = |value: &Value| match value {
        Value::Object(members) => members.values().map(length).max().unwrap_or(1),
        value => length(value),
    };
    let added = operations.iter().filter_map(|it| it.value.as_ref());
    let added: usize = added.map(longest).sum();
    let list = longest(resource) + added;
    let most = (MOST_READ / list).max(1);
    // Each key of an operation without a path is a path.
    let count = |it: &Operation| match (&it.path, &it.value) {
        (None, Some(Value::Object(members))) => members.len(),
        _ => 1,
    };
    let got: usize = operations.iter().map(count).sum();
    if got <= most {
        return Ok(());
    }
    Err(Error::new(
        413,
        format!(
            "too many operations for a list of {list} values: expected at most {most} in one request, got {got}; send them in several requests, or many values in one operation"
        ),
    ))
}

/// Applies the operations in order: all of them, or none after an error.
///
/// # Errors
/// `invalidPath`, `noTarget`, `mutability`, `invalidValue`; 413 for too many operations on a long
/// list.
pub fn apply(
    operations: &[Operation],
    resource: &Value,
    of: &ResourceType,
) -> Result<Value, Error> {
    require_short(operations, resource)?;
    let mut out = resource.clone();
    for operation in operations {
        apply_one(operation, &mut out, of)?;
    }
    Ok(out)
}

fn apply_one(operation: &Operation, resource: &mut Value, of: &ResourceType) -> Result<(), Error> {
    let Operation {
        action,
        path,
        value,
    } = operation;
    let Some(path) = path else {
        let Some(Value::Object(members)) = value else {
            return Err(Error::of(
                ScimType::InvalidValue,
                "expected an object of attributes as value of an operation without a path",
            ));
        };
        for (path, value) in members {
            target::at_path(*action, path, Some(value), resource, of, true)?;
        }
        return Ok(());
    };
    target::at_path(*action, path, value.as_ref(), resource, of, false)
}
