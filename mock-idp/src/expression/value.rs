//! The values of the expression language.

use serde_json::{Map, Number, Value as Json};

/// A value. Integers and floating-point numbers are different types, as in Java.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// An element of a `float[]`; never equal to a `double`.
    Float(f32),
    Double(f64),
    /// A number that fits none of the other types, as its digits.
    Big(String),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Int(whole),
                (None, Some(double)) => Self::Double(double),
                (None, None) => Self::Big(number.to_string()),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => Self::Map(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    pub(super) fn into_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => flag.into(),
            Self::Int(whole) => whole.into(),
            Self::Float(float) => {
                // Converted by its digits, so that 2.1f stays 2.1.
                let double = float.to_string().parse().unwrap_or(f64::from(float));
                Number::from_f64(double).map_or(Json::Null, Json::Number)
            }
            Self::Double(double) => Number::from_f64(double).map_or(Json::Null, Json::Number),
            Self::Big(digits) => Json::String(digits),
            Self::Text(text) => text.into(),
            Self::List(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Map(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(key, value)| (key, value.into_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Returns the value as part of a text; null gives an empty text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(whole) => whole.to_string(),
            Self::Float(float) => float.to_string(),
            Self::Double(double) if double.fract() == 0.0 && double.abs() < 1e7 => {
                format!("{double:.1}")
            }
            Self::Double(double) => double.to_string(),
            Self::Big(digits) => digits.clone(),
            Self::Text(text) => text.clone(),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(","),
            Self::Map(_) => self.clone().into_json().to_string(),
        }
    }

    /// Returns the name of the type, for error texts.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) | Self::Double(_) | Self::Big(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as Java widens")]
            Self::Int(whole) => Some(*whole as f64),
            Self::Float(float) => Some(f64::from(*float)),
            Self::Double(double) => Some(*double),
            Self::Big(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// True if the operator `==` holds: numbers of different types are compared by value.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self.number(), other.number()) {
            (Some(one), Some(two)) => one == two,
            _ => self == other,
        }
    }
}
