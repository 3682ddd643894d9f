//! Evaluates filters over resources.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Filter, Operator};
use crate::resource::member;
use crate::schema::{Attribute, Kind, ResourceType, Returned};
use crate::{AttributePath, Error, ScimType};

/// True if `resource` matches `filter`.
///
/// # Errors
/// `invalidFilter` when an attribute does not exist, or the operator does not fit it (RFC 7644
/// §3.4.2.2).
pub fn matches(filter: &Filter, resource: &Value, of: &ResourceType) -> Result<bool, Error> {
    Ok(match filter {
        Filter::Or(a, b) => matches(a, resource, of)? | matches(b, resource, of)?,
        Filter::And(a, b) => matches(a, resource, of)? & matches(b, resource, of)?,
        Filter::Not(inner) => !matches(inner, resource, of)?,
        // The path names a whole extension.
        Filter::Present(path) if of.extension_by_id(&path.to_string()).is_some() => {
            member(resource, &path.to_string()).is_some_and(has_content)
        }
        Filter::Present(path) => {
            let (_, values) = select(path, resource, of)?;
            values.iter().any(|value| has_content(value))
        }
        Filter::Compare(path, operator, wanted) => {
            let (attribute, values) = select(path, resource, of)?;
            judge(attribute, &values, *operator, wanted)?
        }
        Filter::ValuePath(path, inner) => {
            let attribute = readable(of.attribute(path), path)?;
            if path.sub.is_some() || attribute.kind != Kind::Complex {
                return Err(unknown(path));
            }
            let holder = holder(path, resource, of);
            let mut found = false;
            for value in each(holder.and_then(|object| member(object, &path.name))) {
                found |= matches_value(inner, value, attribute)?;
            }
            found
        }
    })
}

/// True if one value of a complex attribute matches `filter`.
pub(crate) fn matches_value(filter: &Filter, value: &Value, of: &Attribute) -> Result<bool, Error> {
    let sub = |path: &AttributePath| match (&path.schema, &path.sub) {
        (None, None) => readable(of.sub_attribute(&path.name), path),
        _ => Err(unknown(path)),
    };
    Ok(match filter {
        Filter::Or(a, b) => matches_value(a, value, of)? | matches_value(b, value, of)?,
        Filter::And(a, b) => matches_value(a, value, of)? & matches_value(b, value, of)?,
        Filter::Not(inner) => !matches_value(inner, value, of)?,
        Filter::Present(path) => {
            sub(path)?;
            member(value, &path.name).is_some_and(has_content)
        }
        Filter::Compare(path, operator, wanted) => {
            let values: Vec<&Value> = each(member(value, &path.name)).collect();
            judge(sub(path)?, &values, *operator, wanted)?
        }
        Filter::ValuePath(path, _) => return Err(unknown(path)),
    })
}

/// Refuses attributes that are never returned: filters could find out their value step by step.
fn readable<'s>(
    found: Option<&'s Attribute>,
    path: &AttributePath,
) -> Result<&'s Attribute, Error> {
    found
        .filter(|attribute| attribute.returned != Returned::Never)
        .ok_or_else(|| unknown(path))
}

fn unknown(path: &AttributePath) -> Error {
    Error::of(
        ScimType::InvalidFilter,
        format!("expected an attribute of the schema, got {path}; GET /Schemas has them all"),
    )
}

/// Returns the object that contains the attribute: the resource or one of its extensions.
fn holder<'r>(path: &AttributePath, resource: &'r Value, of: &ResourceType) -> Option<&'r Value> {
    match of.extension(path) {
        Some(extension) => member(resource, extension.id),
        None => Some(resource),
    }
}

fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Some(Value::Array(values)) => (None, values.as_slice()),
        other => (other, [].as_slice()),
    };
    one.into_iter().chain(many)
}

/// Returns the values at a path, and their definition. A path to a complex multi-valued attribute
/// means its `value` (§3.4.2.2).
fn select<'r, 's>(
    path: &AttributePath,
    resource: &'r Value,
    of: &'s ResourceType,
) -> Result<(&'s Attribute, Vec<&'r Value>), Error> {
    let attribute = readable(of.attribute(path), path)?;
    let values = each(holder(path, resource, of).and_then(|object| member(object, &path.name)));
    let sub = match &path.sub {
        Some(sub) => Some(sub.as_str()),
        None if attribute.multi_valued && attribute.sub_attribute("value").is_some() => {
            Some("value")
        }
        None => None,
    };
    match sub {
        None => Ok((attribute, values.collect())),
        Some(name) => {
            let definition = readable(attribute.sub_attribute(name), path)?;
            let values = values.flat_map(|value| each(member(value, name)));
            Ok((definition, values.collect()))
        }
    }
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn judge(
    attribute: &Attribute,
    values: &[&Value],
    operator: Operator,
    wanted: &Value,
) -> Result<bool, Error> {
    if operator == Operator::NotEqual {
        return Ok(!judge(attribute, values, Operator::Equal, wanted)?);
    }
    if wanted.is_null() {
        if operator != Operator::Equal {
            return Err(mismatch(attribute, operator, wanted));
        }
        return Ok(!values.iter().any(|value| has_content(value)));
    }
    let mut found = false;
    for value in values {
        found |= compare(attribute, value, operator, wanted)?;
    }
    if values.is_empty() {
        // Check that the operator fits the attribute, even if there is no value.
        compare(attribute, &Value::Null, operator, wanted)?;
    }
    Ok(found)
}

fn mismatch(attribute: &Attribute, operator: Operator, wanted: &Value) -> Error {
    Error::of(
        ScimType::InvalidFilter,
        format!(
            "the operator {} with {wanted} does not go with {}, which is a {}",
            operator.keyword(),
            attribute.name,
            attribute.kind.name()
        ),
    )
}

fn compare(
    attribute: &Attribute,
    value: &Value,
    operator: Operator,
    wanted: &Value,
) -> Result<bool, Error> {
    let mismatch = || mismatch(attribute, operator, wanted);
    match attribute.kind {
        Kind::Boolean => {
            let wanted = match wanted {
                Value::Bool(wanted) => *wanted,
                // Some clients put booleans in quotes.
                Value::String(text) if text.eq_ignore_ascii_case("true") => true,
                Value::String(text) if text.eq_ignore_ascii_case("false") => false,
                _ => return Err(mismatch()),
            };
            if operator != Operator::Equal {
                return Err(mismatch());
            }
            Ok(value.as_bool() == Some(wanted))
        }
        Kind::Integer | Kind::Decimal => {
            let wanted = wanted.as_f64().ok_or_else(mismatch)?;
            let ordering = value.as_f64().and_then(|value| value.partial_cmp(&wanted));
            is_ordered(operator, ordering).ok_or_else(mismatch)
        }
        Kind::DateTime => {
            let instant = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
            let is_textual = matches!(
                operator,
                Operator::Contains | Operator::StartsWith | Operator::EndsWith
            );
            if is_textual {
                return text(false, value, operator, wanted).ok_or_else(mismatch);
            }
            let wanted = instant(wanted).ok_or_else(mismatch)?;
            let ordering = instant(value).map(|value| value.cmp(&wanted));
            is_ordered(operator, ordering).ok_or_else(mismatch)
        }
        Kind::Binary
            if matches!(
                operator,
                Operator::Greater
                    | Operator::GreaterOrEqual
                    | Operator::Less
                    | Operator::LessOrEqual
            ) =>
        {
            Err(mismatch())
        }
        Kind::String | Kind::Reference | Kind::Binary => {
            text(attribute.case_exact, value, operator, wanted).ok_or_else(mismatch)
        }
        Kind::Complex => Err(mismatch()),
    }
}

fn is_ordered(operator: Operator, ordering: Option<Ordering>) -> Option<bool> {
    let test: fn(Ordering) -> bool = match operator {
        Operator::Equal => Ordering::is_eq,
        Operator::NotEqual => Ordering::is_ne,
        Operator::Greater => Ordering::is_gt,
        Operator::GreaterOrEqual => Ordering::is_ge,
        Operator::Less => Ordering::is_lt,
        Operator::LessOrEqual => Ordering::is_le,
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => return None,
    };
    Some(ordering.is_some_and(test))
}

fn text(case_exact: bool, value: &Value, operator: Operator, wanted: &Value) -> Option<bool> {
    let fold = |text: &str| {
        if case_exact {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    };
    let wanted = fold(wanted.as_str()?);
    let Some(value) = value.as_str().map(fold) else {
        return Some(false);
    };
    Some(match operator {
        Operator::Contains => value.contains(&wanted),
        Operator::StartsWith => value.starts_with(&wanted),
        Operator::EndsWith => value.ends_with(&wanted),
        other => return is_ordered(other, Some(value.cmp(&wanted))),
    })
}
