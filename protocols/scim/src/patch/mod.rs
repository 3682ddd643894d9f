//! PATCH (RFC 7644 §3.5.2), with the ways known clients depart from it.
//!
//! Taken in beyond the standard: operation names in any letter case, paths as
//! keys of a value without a path, lists of values to remove, complex values
//! as the bare text of their `value`, and values added to an
//! `attribute[type eq "…"]` that has no such value yet, which is then made.
//!
//! - [`target`]: one operation at one path.
//! - [`list`]: operations on one list told apart from the rest, so that a
//!   group of 50,000 members need not be loaded to add one.

mod list;
mod target;

pub use list::{ListChange, Split, split};

use serde_json::Value;

use crate::resource::member;
use crate::schema::ResourceType;
use crate::{Error, ScimType, messages};

/// What an operation does.
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
    /// What it does.
    pub action: Action,
    /// Where; the resource itself when there is none.
    pub path: Option<String>,
    /// With what; null unassigns (RFC 7643 §2.5).
    pub value: Option<Value>,
}

/// Reads the body of a PATCH.
///
/// # Errors
/// `invalidSyntax`, naming the operation by its number.
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

/// Applies the operations in order: all of them, or — on an error — none.
///
/// # Errors
/// `invalidPath`, `noTarget`, `mutability`, `invalidValue`.
pub fn apply(
    operations: &[Operation],
    resource: &Value,
    of: &ResourceType,
) -> Result<Value, Error> {
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
