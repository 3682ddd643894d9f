//! PATCH (RFC 7644 §3.5.2), with the ways known clients depart from it.
//!
//! Taken in beyond the standard: operation names in any letter case, paths as
//! keys of a value without a path, lists of values to remove, and values for
//! an `attribute[type eq "…"]` that has no such value yet, which is then made.

use serde_json::{Map, Value};

use crate::filter::{Filter, Operator, matches_value};
use crate::resource::{member, member_mut};
use crate::schema::{Attribute, Kind, Mutability, ResourceType};
use crate::{Error, PatchPath, ScimType, messages};

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
    /// With what.
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
                        "operation {number}: expected op add, remove or replace, came {name:?}"
                    )));
                }
            };
            let path = match member(operation, "path") {
                None | Some(Value::Null) => None,
                Some(Value::String(path)) if path.trim().is_empty() => None,
                Some(Value::String(path)) => Some(path.clone()),
                Some(other) => {
                    return Err(syntax(format!(
                        "operation {number}: expected path to be a text, came {other}"
                    )));
                }
            };
            let value = member(operation, "value")
                .filter(|value| !value.is_null())
                .cloned();
            if action == Action::Remove && path.is_none() {
                return Err(Error::of(
                    ScimType::NoTarget,
                    format!("operation {number}: expected a path of what to remove, found none"),
                ));
            }
            if action == Action::Add && value.is_none() {
                return Err(syntax(format!(
                    "operation {number}: expected a value to add, found none"
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
            at_path(*action, path, Some(value), resource, of, true)?;
        }
        return Ok(());
    };
    at_path(*action, path, value.as_ref(), resource, of, false)
}

/// One operation at one path. `key` tells that the path was a member's name:
/// then what only the service provider may say is ignored, as in a PUT.
fn at_path(
    action: Action,
    path: &str,
    value: Option<&Value>,
    resource: &mut Value,
    of: &ResourceType,
    key: bool,
) -> Result<(), Error> {
    if path.eq_ignore_ascii_case("schemas") {
        return Ok(());
    }
    if let Some(extension) = of.extension_by_id(path) {
        return match (action, value) {
            (Action::Remove, _) | (Action::Replace, None) => {
                remove_member(resource, extension.id);
                Ok(())
            }
            (_, Some(Value::Object(members))) => members.iter().try_for_each(|(name, value)| {
                let path = format!("{}:{name}", extension.id);
                at_path(action, &path, Some(value), resource, of, key)
            }),
            (_, came) => Err(Error::of(
                ScimType::InvalidValue,
                format!("expected an object for {}, came {came:?}", extension.id),
            )),
        };
    }
    let path = PatchPath::parse(path)?;
    let Some(attribute) = of.attribute(&path.attribute) else {
        return Err(Error::of(
            ScimType::InvalidPath,
            format!(
                "expected an attribute of {}, came {}; GET /Schemas has them all",
                of.name, path.attribute
            ),
        ));
    };
    let sub = match path.attribute.sub.as_deref().or(path.sub.as_deref()) {
        None => None,
        Some(name) => Some(attribute.sub_attribute(name).ok_or_else(|| {
            Error::of(
                ScimType::InvalidPath,
                format!(
                    "expected a sub-attribute of {}, came {name}",
                    attribute.name
                ),
            )
        })?),
    };
    let guarded = sub.filter(|_| !attribute.multi_valued).unwrap_or(attribute);
    if attribute.mutability == Mutability::ReadOnly || guarded.mutability == Mutability::ReadOnly {
        if key {
            return Ok(());
        }
        return Err(Error::of(
            ScimType::Mutability,
            format!(
                "expected an attribute that clients may write, came {}",
                path.attribute
            ),
        ));
    }
    let holder = match of.extension(&path.attribute) {
        Some(extension) => entry(resource, extension.id, || Value::Object(Map::new()))?,
        None => resource,
    };
    // Replacing with nothing is removing (RFC 7643 §2.5).
    let (action, value) = match (action, value) {
        (Action::Replace, None) => (Action::Remove, None),
        other => other,
    };
    match (&path.filter, sub) {
        (Some(filter), sub) => at_filtered(action, attribute, filter, sub, value, holder),
        (None, Some(sub)) => at_sub(action, attribute, sub, value, holder),
        (None, None) => at_attribute(action, attribute, value, holder),
    }
}

fn at_attribute(
    action: Action,
    attribute: &Attribute,
    value: Option<&Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    let Some(value) = value else {
        remove_member(holder, attribute.name);
        return Ok(());
    };
    if attribute.multi_valued {
        let values = as_list(value);
        if action == Action::Replace {
            set_member(holder, attribute.name, Value::Array(values));
            return Ok(());
        }
        let list = list_of(holder, attribute)?;
        if action == Action::Remove {
            list.retain(|held| !values.iter().any(|value| same(held, value)));
            return Ok(());
        }
        for value in values {
            if value["primary"] == Value::Bool(true) {
                demote(list);
            }
            match list.iter_mut().find(|held| same(held, &value)) {
                Some(held) => merge(held, &value),
                None => list.push(value),
            }
        }
        return Ok(());
    }
    match (action, attribute.kind) {
        (Action::Remove, _) => remove_member(holder, attribute.name),
        // A complex value is merged: what is not named stays (§3.5.2.1, §3.5.2.3).
        (_, Kind::Complex) if value.is_object() => {
            let held = entry(holder, attribute.name, || Value::Object(Map::new()))?;
            merge(held, value);
        }
        // Entra sends the manager as a bare id.
        (_, Kind::Complex) if value.is_string() && attribute.sub_attribute("value").is_some() => {
            let held = entry(holder, attribute.name, || Value::Object(Map::new()))?;
            set_member(held, "value", value.clone());
        }
        _ => set_member(holder, attribute.name, value.clone()),
    }
    Ok(())
}

fn at_sub(
    action: Action,
    attribute: &Attribute,
    sub: &Attribute,
    value: Option<&Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    let change = |held: &mut Value| match (action, value) {
        (Action::Remove, _) | (_, None) => remove_member(held, sub.name),
        (_, Some(value)) => set_member(held, sub.name, value.clone()),
    };
    if attribute.multi_valued {
        list_of(holder, attribute)?.iter_mut().for_each(change);
        return Ok(());
    }
    if action == Action::Remove && member(holder, attribute.name).is_none() {
        return Ok(());
    }
    change(entry(holder, attribute.name, || Value::Object(Map::new()))?);
    Ok(())
}

fn at_filtered(
    action: Action,
    attribute: &Attribute,
    filter: &Filter,
    sub: Option<&Attribute>,
    value: Option<&Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    if !attribute.multi_valued || attribute.kind != Kind::Complex {
        return Err(Error::of(
            ScimType::InvalidPath,
            format!(
                "expected brackets after a list of complex values, came {}[…]",
                attribute.name
            ),
        ));
    }
    let list = list_of(holder, attribute)?;
    let mut chosen = Vec::new();
    for (index, held) in list.iter().enumerate() {
        if matches_value(filter, held, attribute)? {
            chosen.push(index);
        }
    }
    if action == Action::Remove {
        match sub {
            Some(sub) => chosen
                .iter()
                .for_each(|index| remove_member(&mut list[*index], sub.name)),
            None => {
                let mut index = 0;
                list.retain(|_| {
                    index += 1;
                    !chosen.contains(&(index - 1))
                });
            }
        }
        return Ok(());
    }
    if chosen.is_empty() {
        let mut made = Value::Object(Map::new());
        if !describes(filter, &mut made) {
            return Err(Error::of(
                ScimType::NoTarget,
                format!(
                    "expected a value of {} that satisfies {filter}, found none",
                    attribute.name
                ),
            ));
        }
        list.push(made);
        chosen.push(list.len() - 1);
    }
    let value = value.cloned().unwrap_or(Value::Null);
    let makes_primary = match sub {
        Some(sub) => sub.name == "primary" && (value == true || value == "True"),
        None => value["primary"] == Value::Bool(true),
    };
    if makes_primary {
        demote(list);
    }
    for index in chosen {
        let held = &mut list[index];
        match sub {
            Some(sub) => set_member(held, sub.name, value.clone()),
            None => merge(held, &value),
        }
    }
    Ok(())
}

/// Fills in the value that an equality, or several joined by `and`, describes.
fn describes(filter: &Filter, value: &mut Value) -> bool {
    match filter {
        Filter::Compare(path, Operator::Equal, wanted) => {
            set_member(value, &path.name, wanted.clone());
            true
        }
        Filter::And(a, b) => describes(a, value) && describes(b, value),
        _ => false,
    }
}

fn as_list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}

/// Whether two values of a list are the same one: equal, or with equal
/// `value` and — where both have it — `type`.
fn same(held: &Value, value: &Value) -> bool {
    if held == value {
        return true;
    }
    let (Some(a), Some(b)) = (member(held, "value"), member(value, "value")) else {
        return false;
    };
    let types = member(held, "type").zip(member(value, "type"));
    a == b && types.is_none_or(|(a, b)| a == b)
}

fn demote(list: &mut [Value]) {
    for held in list {
        if let Some(primary) = member_mut(held, "primary") {
            *primary = false.into();
        }
    }
}

fn merge(held: &mut Value, value: &Value) {
    match value {
        Value::Object(members) if held.is_object() => {
            for (name, value) in members {
                if value.is_null() {
                    remove_member(held, name);
                } else {
                    set_member(held, name, value.clone());
                }
            }
        }
        other => *held = other.clone(),
    }
}

fn set_member(object: &mut Value, name: &str, value: Value) {
    if let Some(held) = member_mut(object, name) {
        *held = value;
    } else if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn remove_member(object: &mut Value, name: &str) {
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

fn entry<'v>(
    object: &'v mut Value,
    name: &str,
    make: impl FnOnce() -> Value,
) -> Result<&'v mut Value, Error> {
    if member(object, name).is_none_or(Value::is_null) {
        remove_member(object, name);
        set_member(object, name, make());
    }
    member_mut(object, name).ok_or_else(|| {
        Error::of(
            ScimType::NoTarget,
            format!("expected an object to hold {name}"),
        )
    })
}

fn list_of<'v>(holder: &'v mut Value, attribute: &Attribute) -> Result<&'v mut Vec<Value>, Error> {
    let held = entry(holder, attribute.name, || Value::Array(Vec::new()))?;
    if !held.is_array() {
        *held = Value::Array(vec![held.take()]);
    }
    held.as_array_mut().ok_or_else(|| {
        Error::of(
            ScimType::NoTarget,
            format!("expected {} to be a list", attribute.name),
        )
    })
}
