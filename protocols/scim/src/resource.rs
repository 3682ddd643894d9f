//! Resources that follow their schemas: names in their canonical letter case, values of the right
//! type, no read-only attributes of the client.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::schema::{Attribute, Kind, Mutability, ResourceType, Returned};
use crate::{Error, ScimType};

/// Returns the member of an object; its name is compared without letter case (RFC 7643 §2.1).
pub fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let object = object.as_object()?;
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// Returns the member for changing it; see [`member`].
pub fn member_mut<'v>(object: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let object = object.as_object_mut()?;
    object
        .iter_mut()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// A resource that follows its schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource(Map<String, Value>);

impl Resource {
    /// Parses a resource from a client. Unknown and read-only attributes are ignored (RFC 7644
    /// §3.3); null and empty arrays mean unassigned (RFC 7643 §2.5).
    ///
    /// # Errors
    /// `invalidSyntax` when it is not an object, `invalidValue` when a value is missing or has the
    /// wrong type; the detail names the attribute.
    pub fn parse(body: &Value, of: &ResourceType) -> Result<Self, Error> {
        let Some(object) = body.as_object() else {
            return Err(Error::of(
                ScimType::InvalidSyntax,
                format!(
                    "expected a {} as JSON object, got {}",
                    of.name,
                    kind_of(body)
                ),
            ));
        };
        check_schemas(body, of)?;
        let mut out = Map::new();
        let mut schemas = vec![Value::from(of.schema.id)];
        // `schemas` is the first member, as readers expect; it is filled in at the end.
        out.insert("schemas".into(), Value::Null);
        for attribute in of.attributes() {
            if attribute.name == "schemas" {
                continue;
            }
            read(
                &mut out,
                attribute,
                member(body, attribute.name),
                attribute.name,
            )?;
        }
        for extension in of.extensions {
            let held = object
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(extension.id));
            let Some((_, held)) = held.filter(|(_, held)| !held.is_null()) else {
                continue;
            };
            if !held.is_object() {
                return Err(wrong(extension.id, "an object", held));
            }
            let mut inner = Map::new();
            for attribute in extension.attributes {
                let place = format!("{}:{}", extension.id, attribute.name);
                read(&mut inner, attribute, member(held, attribute.name), &place)?;
            }
            if !inner.is_empty() {
                schemas.push(extension.id.into());
                out.insert(extension.id.to_owned(), inner.into());
            }
        }
        out.insert("schemas".into(), schemas.into());
        Ok(Self(out))
    }

    /// Removes attributes that are never returned (RFC 7643 §2.2): a password that is not used is
    /// not stored.
    pub fn forget_secrets(&mut self, of: &ResourceType) {
        let is_secret = |attribute: &&Attribute| attribute.returned == Returned::Never;
        for attribute in of.attributes().filter(is_secret) {
            self.0.remove(attribute.name);
        }
        for extension in of.extensions {
            if let Some(held) = self.0.get_mut(extension.id).and_then(Value::as_object_mut) {
                for attribute in extension.attributes.iter().filter(is_secret) {
                    held.remove(attribute.name);
                }
            }
        }
    }

    /// Returns a top-level attribute by its canonical name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a top-level string attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Removes and returns an attribute.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Returns the `value` of a multi-valued attribute that is primary, or else the first one.
    pub fn preferred_value(&self, name: &str) -> Option<&str> {
        let values = self.get(name)?.as_array()?;
        let is_primary = |value: &&Value| value["primary"] == Value::Bool(true);
        values.iter().find(is_primary).or_else(|| values.first())?["value"].as_str()
    }

    /// Returns the members of the resource.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the resource as JSON.
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// Requires that `schemas`, if present, names the resource's own schema.
fn check_schemas(body: &Value, of: &ResourceType) -> Result<(), Error> {
    let Some(schemas) = member(body, "schemas") else {
        return Ok(());
    };
    let names_ours = schemas.as_array().is_some_and(|all| {
        all.iter()
            .filter_map(Value::as_str)
            .any(|urn| urn.eq_ignore_ascii_case(of.schema.id))
    });
    if names_ours {
        return Ok(());
    }
    Err(Error::of(
        ScimType::InvalidValue,
        format!("expected schemas to name {}, got {schemas}", of.schema.id),
    ))
}

fn read(
    out: &mut Map<String, Value>,
    attribute: &Attribute,
    value: Option<&Value>,
    place: &str,
) -> Result<(), Error> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let value = match value {
        None | Some(Value::Null) => None,
        Some(value) if attribute.multi_valued => {
            let single = [value.clone()];
            let values = value.as_array().map_or(single.as_slice(), Vec::as_slice);
            let mut read: Vec<Value> = Vec::new();
            let mut known = HashSet::new();
            for (index, value) in values.iter().enumerate() {
                let place = format!("{place}[{index}]");
                if let Some(value) = one(attribute, value, &place)?
                    && known.insert(canonical(&value))
                {
                    read.push(value);
                }
            }
            let primaries = read
                .iter()
                .filter(|value| value["primary"] == Value::Bool(true));
            if primaries.count() > 1 {
                return Err(Error::of(
                    ScimType::InvalidValue,
                    format!("expected at most one value of {place} with primary true"),
                ));
            }
            (!read.is_empty()).then_some(Value::Array(read))
        }
        Some(value) => one(attribute, value, place)?,
    };
    match value {
        Some(value) => {
            out.insert(attribute.name.to_owned(), value);
            Ok(())
        }
        None if attribute.required => Err(Error::of(
            ScimType::InvalidValue,
            format!("expected {place}, which is required, found none"),
        )),
        None => Ok(()),
    }
}

/// Returns a value of a PATCH with names in their canonical letter case, values of the right type,
/// and without read-only sub-attributes. Nulls stay, because they remove values.
pub(crate) fn coerce(attribute: &Attribute, value: &Value, place: &str) -> Result<Value, Error> {
    if !attribute.multi_valued {
        return coerce_one(attribute, value, place);
    }
    let single = [value.clone()];
    let values = match value {
        Value::Null => return Ok(Value::Null),
        Value::Array(values) => values.as_slice(),
        _ => single.as_slice(),
    };
    let mut read = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let value = coerce_one(attribute, value, &format!("{place}[{index}]"))?;
        if !value.is_null() {
            read.push(value);
        }
    }
    Ok(Value::Array(read))
}

/// Applies [`coerce`] to one value of a multi-valued attribute.
pub(crate) fn coerce_one(
    attribute: &Attribute,
    value: &Value,
    place: &str,
) -> Result<Value, Error> {
    match (attribute.kind, value) {
        (Kind::Complex, Value::Object(members)) => {
            let mut out = Map::new();
            for (name, value) in members {
                let Some(sub) = attribute.sub_attribute(name) else {
                    continue;
                };
                if sub.mutability != Mutability::ReadOnly {
                    let place = format!("{place}.{}", sub.name);
                    out.insert(sub.name.to_owned(), coerce(sub, value, &place)?);
                }
            }
            Ok(Value::Object(out))
        }
        // Entra ID sends only the id as manager; others do the same for members.
        (Kind::Complex, Value::String(text)) if attribute.sub_attribute("value").is_some() => {
            Ok(serde_json::json!({"value": text}))
        }
        _ => Ok(one(attribute, value, place)?.unwrap_or(Value::Null)),
    }
}

/// Returns a text that is equal for equal values: JSON with the members of objects in order.
pub(crate) fn canonical(value: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(members) => {
                let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
                sorted.sort_unstable_by_key(|(name, _)| *name);
                out.push('{');
                for (name, value) in sorted {
                    write(&Value::from(name.as_str()), out);
                    out.push(':');
                    write(value, out);
                    out.push(',');
                }
                out.push('}');
            }
            Value::Array(values) => {
                out.push('[');
                for value in values {
                    write(value, out);
                    out.push(',');
                }
                out.push(']');
            }
            value => out.push_str(&value.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Checks that immutable attributes have not changed (RFC 7643 §2.2).
///
/// # Errors
/// `mutability`; the detail names the attribute.
pub fn keeps_immutable(before: &Value, after: &Value, of: &ResourceType) -> Result<(), Error> {
    let check = |attributes: &[Attribute], before: &Value, after: &Value| {
        for attribute in attributes {
            let Some(held) = before.get(attribute.name).filter(|held| !held.is_null()) else {
                continue;
            };
            let now = after.get(attribute.name).unwrap_or(&Value::Null);
            if attribute.mutability == Mutability::Immutable && held != now {
                return Err(Error::of(
                    ScimType::Mutability,
                    format!(
                        "expected {} to stay {held}: it can be written once only",
                        attribute.name
                    ),
                ));
            }
        }
        Ok(())
    };
    check(of.schema.attributes, before, after)?;
    for extension in of.extensions {
        if let Some(held) = before.get(extension.id) {
            let now = after.get(extension.id).unwrap_or(&Value::Null);
            check(extension.attributes, held, now)?;
        }
    }
    Ok(())
}

/// Parses one value; returns `None` if it is unassigned.
fn one(attribute: &Attribute, value: &Value, place: &str) -> Result<Option<Value>, Error> {
    let read = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (Kind::String | Kind::Reference | Kind::Binary, Value::String(text)) => {
            if attribute.required && text.trim().is_empty() {
                return Err(wrong(place, "a text that is not empty", value));
            }
            if text.contains('\0') {
                return Err(wrong(place, "a text without the character NUL", value));
            }
            value.clone()
        }
        (Kind::DateTime, Value::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => {
            value.clone()
        }
        (Kind::DateTime, _) => return Err(wrong(place, "an instant (RFC 3339)", value)),
        (Kind::Boolean, Value::Bool(_)) => value.clone(),
        // Entra ID sends booleans as "True" and "False".
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => true.into(),
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => false.into(),
        (Kind::Integer, Value::Number(number)) if number.is_i64() => value.clone(),
        (Kind::Decimal, Value::Number(_)) => value.clone(),
        (Kind::Complex, Value::Object(_)) => {
            let mut out = Map::new();
            for sub in attribute.sub_attributes {
                read(
                    &mut out,
                    sub,
                    member(value, sub.name),
                    &format!("{place}.{}", sub.name),
                )?;
            }
            if out.is_empty() {
                return Ok(None);
            }
            Value::Object(out)
        }
        // Entra ID sends only the id as manager, also in POST.
        (Kind::Complex, Value::String(text))
            if !attribute.multi_valued && attribute.sub_attribute("value").is_some() =>
        {
            return one(attribute, &serde_json::json!({"value": text}), place);
        }
        (kind, value) => return Err(wrong(place, kind.name(), value)),
    };
    Ok(Some(read))
}

fn wrong(place: &str, expected: &str, got: &Value) -> Error {
    Error::of(
        ScimType::InvalidValue,
        format!(
            "expected {place} to be {expected}, got {} {got}",
            kind_of(got)
        ),
    )
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the text",
        Value::Array(_) => "the list",
        Value::Object(_) => "the object",
    }
}
