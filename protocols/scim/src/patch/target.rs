//! Applies one PATCH operation at one path.

use serde_json::{Map, Value};

use super::Action;
use super::values::{Removed, Values};
use crate::filter::{Filter, Operator, matches_value};
use crate::resource::{coerce, coerce_one, member, member_mut};
use crate::schema::{Attribute, Kind, Mutability, ResourceType, Schema};
use crate::{Error, PatchPath, ScimType};

/// The place that an operation changes.
struct Target<'p> {
    attribute: &'static Attribute,
    sub: Option<&'static Attribute>,
    filter: Option<&'p Filter>,
    extension: Option<&'static Schema>,
}

/// Applies one operation at one path. `key` is true if the path was a key of `value`: read-only
/// attributes are then ignored, as in a PUT.
pub(super) fn at_path(
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
        return at_extension(action, extension, value, resource, of, key);
    }
    // The key is the URN of the resource's own schema: its attributes are at the top level.
    if let (true, true, Some(Value::Object(members))) =
        (key, path.eq_ignore_ascii_case(of.schema.id), value)
    {
        return members
            .iter()
            .try_for_each(|(name, value)| at_path(action, name, Some(value), resource, of, true));
    }
    let path = PatchPath::parse(path)?;
    let target = target(&path, of)?;
    let (attribute, sub) = (target.attribute, target.sub);
    let read_only = |one: &Attribute| one.mutability == Mutability::ReadOnly;
    if read_only(attribute) || sub.is_some_and(read_only) {
        return if key {
            Ok(())
        } else {
            Err(Error::of(
                ScimType::Mutability,
                format!(
                    "expected an attribute that clients may write, got {}",
                    path.attribute
                ),
            ))
        };
    }
    let place = path.attribute.to_string();
    let value = match (action, value) {
        (_, None) => Value::Null,
        (Action::Remove, Some(value)) => value.clone(),
        (_, Some(value)) => match (sub, target.filter) {
            (Some(sub), _) => coerce(sub, value, &place)?,
            (None, Some(_)) => coerce_one(attribute, value, &place)?,
            (None, None) => coerce(attribute, value, &place)?,
        },
    };
    let leaf = sub.unwrap_or(attribute);
    let unassigns = match action {
        Action::Add if value.is_null() => return ignore_or_refuse_null(&place, key),
        Action::Add => false,
        // Replacing with null removes the value (RFC 7643 §2.5).
        Action::Replace => value.is_null(),
        Action::Remove => true,
    };
    if unassigns && leaf.required && target.filter.is_none() {
        let scim_type = if action == Action::Remove {
            ScimType::Mutability
        } else {
            ScimType::InvalidValue
        };
        return Err(Error::of(
            scim_type,
            format!("expected {place} to keep a value, which is required"),
        ));
    }
    let action = if unassigns { Action::Remove } else { action };
    let holder = match target.extension {
        Some(extension) => entry(resource, extension.id, || Value::Object(Map::new()))?,
        None => resource,
    };
    // Only `remove` on a whole list can have a value that says what to remove.
    let takes = action != Action::Remove || (target.filter.is_none() && sub.is_none());
    let value = Some(value).filter(|value| takes && !value.is_null());
    match (target.filter, sub) {
        (Some(filter), sub) => at_filtered(action, attribute, filter, sub, value, holder),
        (None, Some(sub)) => at_sub(action, attribute, sub, value, holder),
        (None, None) => at_attribute(action, attribute, value, holder),
    }
}

fn target<'p>(path: &'p PatchPath, of: &ResourceType) -> Result<Target<'p>, Error> {
    let invalid = |detail: String| Error::of(ScimType::InvalidPath, detail);
    let attribute = of.attribute(&path.attribute).ok_or_else(|| {
        invalid(format!(
            "expected an attribute of {}, got {}; GET /Schemas has them all",
            of.name, path.attribute
        ))
    })?;
    let sub = match path.attribute.sub.as_deref().or(path.sub.as_deref()) {
        None => None,
        Some(name) => Some(attribute.sub_attribute(name).ok_or_else(|| {
            invalid(format!(
                "expected a sub-attribute of {}, got {name}",
                attribute.name
            ))
        })?),
    };
    if path.filter.is_some() {
        if !attribute.multi_valued
            || attribute.kind != Kind::Complex
            || path.attribute.sub.is_some()
        {
            return Err(invalid(format!(
                "expected brackets after a list of complex values, got {}[…]",
                path.attribute
            )));
        }
        // Check the filter, even if there are no values to filter.
        if let Some(filter) = &path.filter {
            matches_value(filter, &Value::Object(Map::new()), attribute)
                .map_err(|error| invalid(error.detail))?;
        }
    }
    Ok(Target {
        attribute,
        sub,
        filter: path.filter.as_ref(),
        extension: of.extension(&path.attribute),
    })
}

fn ignore_or_refuse_null(place: &str, key: bool) -> Result<(), Error> {
    if key {
        return Ok(());
    }
    Err(Error::of(
        ScimType::InvalidValue,
        format!("expected a value to add to {place}, got null"),
    ))
}

fn at_extension(
    action: Action,
    extension: &'static Schema,
    value: Option<&Value>,
    resource: &mut Value,
    of: &ResourceType,
    key: bool,
) -> Result<(), Error> {
    match (action, value) {
        (Action::Remove, _) | (Action::Replace, None | Some(Value::Null)) => {
            if let Some(required) = extension.attributes.iter().find(|one| one.required) {
                return Err(Error::of(
                    ScimType::Mutability,
                    format!("expected {} to keep {}", extension.id, required.name),
                ));
            }
            remove_member(resource, extension.id);
            Ok(())
        }
        (_, Some(Value::Object(members))) => members.iter().try_for_each(|(name, value)| {
            let path = format!("{}:{name}", extension.id);
            at_path(action, &path, Some(value), resource, of, key)
        }),
        (_, got) => Err(Error::of(
            ScimType::InvalidValue,
            format!(
                "expected an object for {}, got {}",
                extension.id,
                got.unwrap_or(&Value::Null)
            ),
        )),
    }
}

fn at_attribute(
    action: Action,
    attribute: &Attribute,
    value: Option<Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    let Some(value) = value else {
        remove_member(holder, attribute.name);
        return Ok(());
    };
    if attribute.multi_valued {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        if action == Action::Replace {
            set_member(holder, attribute.name, Value::Array(values));
            return Ok(());
        }
        let list = list_of(holder, attribute)?;
        if action == Action::Remove {
            let removed = Removed::new(attribute, values);
            list.retain(|held| !removed.contains(held));
            return Ok(());
        }
        add_values(list, attribute, values);
        return Ok(());
    }
    match action {
        Action::Remove => remove_member(holder, attribute.name),
        // A complex value is merged: sub-attributes that are not named stay (§3.5.2.1, §3.5.2.3).
        _ if value.is_object() => {
            let held = entry(holder, attribute.name, || Value::Object(Map::new()))?;
            merge(held, value);
        }
        _ => set_member(holder, attribute.name, value),
    }
    Ok(())
}

/// Adds values to a list; a value that is there already is merged.
fn add_values(list: &mut Vec<Value>, attribute: &Attribute, mut values: Vec<Value>) {
    // Each primary value makes those before it secondary, so that the last one remains.
    let mut primaries = values.iter_mut().rev().filter(|value| is_primary(value));
    if primaries.next().is_some() {
        primaries.for_each(|value| value["primary"] = false.into());
        clear_primary(list);
    }
    let mut known = Values::new(attribute, list);
    for value in values {
        match known.find(&value) {
            Some(at) => {
                merge(&mut list[at], value);
                known.replace(at, &list[at]);
            }
            None => {
                known.push(&value);
                list.push(value);
            }
        }
    }
}

fn at_sub(
    action: Action,
    attribute: &Attribute,
    sub: &Attribute,
    value: Option<Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    if attribute.multi_valued {
        let list = list_of(holder, attribute)?;
        if list.is_empty() {
            return match (action, value) {
                (Action::Add, Some(value)) => {
                    list.push(Value::Object(Map::from_iter([(
                        sub.name.to_owned(),
                        value,
                    )])));
                    Ok(())
                }
                (Action::Replace, _) => Err(no_target(attribute, "has a value")),
                _ => Ok(()),
            };
        }
        for held in list.iter_mut() {
            set_sub(held, sub, value.as_ref())?;
        }
        if value.is_none() {
            drop_empty(list, sub);
        }
        return Ok(());
    }
    if action == Action::Remove && member(holder, attribute.name).is_none() {
        return Ok(());
    }
    let held = entry(holder, attribute.name, || Value::Object(Map::new()))?;
    set_sub(held, sub, value.as_ref())
}

fn at_filtered(
    action: Action,
    attribute: &Attribute,
    filter: &Filter,
    sub: Option<&Attribute>,
    value: Option<Value>,
    holder: &mut Value,
) -> Result<(), Error> {
    let list = list_of(holder, attribute)?;
    let mut chosen = Vec::new();
    for (index, held) in list.iter().enumerate() {
        if matches_value(filter, held, attribute)? {
            chosen.push(index);
        }
    }
    let Some(value) = value else {
        if let Some(sub) = sub {
            for index in &chosen {
                set_sub(&mut list[*index], sub, None)?;
            }
            drop_empty(list, sub);
            return Ok(());
        }
        let mut index = 0;
        let mut chosen = chosen.into_iter().peekable();
        list.retain(|_| {
            index += 1;
            chosen.next_if_eq(&(index - 1)).is_none()
        });
        return Ok(());
    };
    if chosen.is_empty() {
        // `replace` requires noTarget (§3.5.2.3). With `add`, clients expect that the value that
        // the filter describes is created.
        let mut made = Value::Object(Map::new());
        if action != Action::Add || !describes(filter, attribute, &mut made) {
            return Err(no_target(attribute, &format!("satisfies {filter}")));
        }
        list.push(made);
        chosen.push(list.len() - 1);
    }
    let makes_primary = match sub {
        Some(sub) => sub.name == "primary" && value == true,
        None => is_primary(&value),
    };
    if makes_primary {
        clear_primary(list);
    }
    for index in chosen {
        let held = &mut list[index];
        match (sub, &value) {
            (Some(sub), value) => set_sub(held, sub, Some(value))?,
            (None, Value::Object(members)) => {
                let mut whole = held.clone();
                if action == Action::Replace {
                    // Replaces the value, but keeps what the filter found it by.
                    whole = Value::Object(Map::new());
                    if !describes(filter, attribute, &mut whole) {
                        whole = Value::Object(Map::new());
                    }
                }
                merge(&mut whole, Value::Object(members.clone()));
                for sub in attribute.sub_attributes {
                    set_sub(held, sub, member(&whole, sub.name))?;
                }
            }
            (None, other) => merge(held, other.clone()),
        }
    }
    Ok(())
}

/// Removes the entries of a list whose `value` was removed: an e-mail address without a value is
/// useless, and must not stay the primary one.
fn drop_empty(list: &mut Vec<Value>, sub: &Attribute) {
    if sub.name == "value" {
        list.retain(|held| member(held, "value").is_some_and(|it| !it.is_null()));
    }
}

fn no_target(attribute: &Attribute, which: &str) -> Error {
    Error::of(
        ScimType::NoTarget,
        format!(
            "expected a value of {} that {which}, found none",
            attribute.name
        ),
    )
}

/// Sets or removes a sub-attribute of a complex value.
fn set_sub(held: &mut Value, sub: &Attribute, value: Option<&Value>) -> Result<(), Error> {
    let before = member(held, sub.name).filter(|before| !before.is_null());
    if sub.mutability == Mutability::Immutable && before.is_some_and(|before| Some(before) != value)
    {
        return Err(Error::of(
            ScimType::Mutability,
            format!("expected {} to stay: it can be written once only", sub.name),
        ));
    }
    match value {
        Some(value) => set_member(held, sub.name, value.clone()),
        None => remove_member(held, sub.name),
    }
    Ok(())
}

/// Adds to `value` what the filter describes: an `eq`, or several of them joined by `and`.
fn describes(filter: &Filter, attribute: &Attribute, value: &mut Value) -> bool {
    match filter {
        Filter::Compare(path, Operator::Equal, wanted) => {
            let Some(sub) = attribute.sub_attribute(&path.name) else {
                return false;
            };
            let Ok(wanted) = coerce(sub, wanted, sub.name) else {
                return false;
            };
            set_member(value, sub.name, wanted);
            true
        }
        Filter::And(a, b) => describes(a, attribute, value) && describes(b, attribute, value),
        _ => false,
    }
}

fn is_primary(value: &Value) -> bool {
    value["primary"] == Value::Bool(true)
}

fn clear_primary(list: &mut [Value]) {
    for held in list {
        if let Some(primary) = member_mut(held, "primary") {
            *primary = false.into();
        }
    }
}

fn merge(held: &mut Value, value: Value) {
    match value {
        Value::Object(members) if held.is_object() => {
            for (name, value) in members {
                if value.is_null() {
                    remove_member(held, &name);
                } else {
                    set_member(held, &name, value);
                }
            }
        }
        other => *held = other,
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
