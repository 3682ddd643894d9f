//! Sort values of resources (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;

use serde_json::Value;

use crate::resource::member;
use crate::schema::{Attribute, Kind, ResourceType, Returned};
use crate::{AttributePath, Error, ScimType};

/// The value by which a resource is sorted.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// Numbers; times in microseconds; booleans as 0 and 1.
    Number(f64),
    /// Strings, in lower case unless the attribute is `caseExact`.
    Text(String),
    /// No value: last in ascending order, first in descending order.
    Absent,
}

impl SortValue {
    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Absent => 2,
        }
    }
}

impl Eq for SortValue {}

impl PartialOrd for SortValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

/// Returns the definition of the attribute in `sortBy`.
fn definition(path: &AttributePath, of: &ResourceType) -> Result<&'static Attribute, Error> {
    let unknown = || {
        Error::of(
            ScimType::InvalidPath,
            format!(
                "sortBy: expected an attribute of {} that can be sorted by, got {path}",
                of.name
            ),
        )
    };
    let attribute = of.attribute(path).ok_or_else(unknown)?;
    let sub = match &path.sub {
        Some(sub) => Some(sub.as_str()),
        None if attribute.kind == Kind::Complex => Some("value"),
        None => None,
    };
    let leaf = match sub {
        Some(sub) => attribute.sub_attribute(sub).ok_or_else(unknown)?,
        None => attribute,
    };
    if attribute.returned == Returned::Never || leaf.returned == Returned::Never {
        return Err(unknown());
    }
    Ok(leaf)
}

/// Returns the value by which the resource is sorted: of a multi-valued attribute the primary
/// value, or else the first.
///
/// # Errors
/// `invalidPath` when the attribute does not exist or is never returned.
pub fn sort_value(
    path: &AttributePath,
    resource: &Value,
    of: &ResourceType,
) -> Result<SortValue, Error> {
    let leaf = definition(path, of)?;
    Ok(found(path, resource, of)
        .and_then(|value| to_sort_value(leaf, value))
        .unwrap_or(SortValue::Absent))
}

fn found<'r>(path: &AttributePath, resource: &'r Value, of: &ResourceType) -> Option<&'r Value> {
    let holder = match of.extension(path) {
        Some(extension) => member(resource, extension.id)?,
        None => resource,
    };
    let value = match member(holder, &path.name)? {
        Value::Array(values) => {
            let primary = values
                .iter()
                .find(|one| one["primary"] == Value::Bool(true));
            primary.or_else(|| values.first())?
        }
        other => other,
    };
    match (&path.sub, value) {
        (Some(sub), value) => member(value, sub),
        (None, Value::Object(_)) => member(value, "value"),
        (None, value) => Some(value),
    }
}

fn to_sort_value(leaf: &Attribute, value: &Value) -> Option<SortValue> {
    Some(match (leaf.kind, value) {
        (Kind::DateTime, Value::String(text)) => {
            let instant: jiff::Timestamp = text.parse().ok()?;
            // A double is exact until the year 2255.
            #[allow(clippy::cast_precision_loss)]
            SortValue::Number(instant.as_microsecond() as f64)
        }
        (_, Value::Bool(flag)) => SortValue::Number(f64::from(u8::from(*flag))),
        (_, Value::Number(number)) => SortValue::Number(number.as_f64()?),
        (_, Value::String(text)) if leaf.case_exact => SortValue::Text(text.clone()),
        (_, Value::String(text)) => SortValue::Text(text.to_lowercase()),
        _ => return None,
    })
}
