//! Reads a [`Schema`] from its JSON document (RFC 7643 §7), so that organizations can add
//! extensions as data.

use serde_json::Value;

use super::{Attribute, Kind, Mutability, Returned, Schema};
use crate::resource::member;

/// Error in a schema document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema document, at {place}: expected {expected}, got {got}")]
pub struct SchemaError {
    /// The wrong part of the document.
    pub place: String,
    /// What was expected there.
    pub expected: &'static str,
    /// What is there.
    pub got: String,
}

fn wrong(place: &str, expected: &'static str, got: Option<&Value>) -> SchemaError {
    SchemaError {
        place: place.to_owned(),
        expected,
        got: got.map_or_else(|| "nothing".to_owned(), Value::to_string),
    }
}

/// Keeps a text until the process ends: schemas are read once, at the start.
fn leak_text(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

impl Schema {
    /// Reads a document like the answer of `GET /Schemas/{id}`. The schema is kept until the
    /// process ends.
    ///
    /// # Errors
    /// [`SchemaError`], with the place.
    pub fn from_json(document: &Value) -> Result<&'static Self, SchemaError> {
        let id = text(document, "id", "id")?;
        if !id
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        {
            return Err(wrong("id", "a URN", member(document, "id")));
        }
        Ok(Box::leak(Box::new(Self {
            id: leak_text(id),
            name: leak_text(text(document, "name", "name")?),
            description: leak_text(optional(document, "description")),
            attributes: attributes(document, "attributes", "attributes", true)?,
        })))
    }
}

fn text<'d>(document: &'d Value, name: &str, place: &str) -> Result<&'d str, SchemaError> {
    let found = member(document, name);
    found
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| wrong(place, "a text", found))
}

fn optional<'d>(document: &'d Value, name: &str) -> &'d str {
    member(document, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn flag(document: &Value, name: &str, place: &str) -> Result<bool, SchemaError> {
    match member(document, name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        other => Err(wrong(&format!("{place}.{name}"), "true or false", other)),
    }
}

fn texts(
    document: &Value,
    name: &str,
    place: &str,
) -> Result<&'static [&'static str], SchemaError> {
    let Some(listed) = member(document, name) else {
        return Ok(&[]);
    };
    let listed = listed
        .as_array()
        .ok_or_else(|| wrong(&format!("{place}.{name}"), "a list", Some(listed)))?;
    let texts: Vec<&'static str> = listed
        .iter()
        .filter_map(Value::as_str)
        .map(leak_text)
        .collect();
    Ok(texts.leak())
}

fn attributes(
    document: &Value,
    name: &str,
    place: &str,
    at_top: bool,
) -> Result<&'static [Attribute], SchemaError> {
    let found = member(document, name);
    let Some(listed) = found.and_then(Value::as_array) else {
        return match found {
            None if !at_top => Ok(&[]),
            other => Err(wrong(place, "a list of attributes", other)),
        };
    };
    let mut read: Vec<Attribute> = Vec::new();
    for (index, one) in listed.iter().enumerate() {
        read.push(attribute(one, &format!("{place}[{index}]"), at_top)?);
    }
    Ok(read.leak())
}

fn attribute(document: &Value, place: &str, at_top: bool) -> Result<Attribute, SchemaError> {
    let name = text(document, "name", &format!("{place}.name"))?;
    if !crate::path::is_name(name) {
        let expected = "a letter, then letters, digits, - or _";
        return Err(wrong(
            &format!("{place}.name"),
            expected,
            member(document, "name"),
        ));
    }
    let one_of = |member_name: &str, default: usize, known: &[&str], expected: &'static str| {
        let found = member(document, member_name);
        match found.and_then(Value::as_str) {
            None if found.is_none() => Ok(default),
            Some(text) if known.contains(&text) => {
                Ok(known.iter().position(|one| *one == text).unwrap_or(default))
            }
            _ => Err(wrong(&format!("{place}.{member_name}"), expected, found)),
        }
    };
    let kind = Kind::ALL[one_of(
        "type",
        0,
        &Kind::ALL.map(Kind::name),
        "a type of RFC 7643 §2.3",
    )?];
    if kind == Kind::Complex && !at_top {
        let expected = "a simple type: complex attributes do not nest (RFC 7643 §2.3.8)";
        return Err(wrong(
            &format!("{place}.type"),
            expected,
            member(document, "type"),
        ));
    }
    let mutability = one_of(
        "mutability",
        1,
        &["readOnly", "readWrite", "immutable", "writeOnly"],
        "readOnly, readWrite, immutable or writeOnly",
    )?;
    let returned = one_of(
        "returned",
        2,
        &["always", "never", "default", "request"],
        "always, never, default or request",
    )?;
    let uniqueness = one_of(
        "uniqueness",
        0,
        &["none"],
        "none: only userName and id are kept unique",
    )?;
    Ok(Attribute {
        name: leak_text(name),
        kind,
        multi_valued: flag(document, "multiValued", place)?,
        required: flag(document, "required", place)?,
        case_exact: flag(document, "caseExact", place)?,
        mutability: [
            Mutability::ReadOnly,
            Mutability::ReadWrite,
            Mutability::Immutable,
            Mutability::WriteOnly,
        ][mutability],
        returned: [
            Returned::Always,
            Returned::Never,
            Returned::Default,
            Returned::Request,
        ][returned],
        unique: uniqueness != 0,
        canonical: texts(document, "canonicalValues", place)?,
        refers_to: texts(document, "referenceTypes", place)?,
        description: leak_text(optional(document, "description")),
        sub_attributes: attributes(
            document,
            "subAttributes",
            &format!("{place}.subAttributes"),
            false,
        )?,
    })
}
