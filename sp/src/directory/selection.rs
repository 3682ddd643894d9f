//! Translates a SCIM filter to a database condition, as far as the key columns
//! of the tables can answer it.

use scim::AttributePath;
use scim::filter::{Filter, Operator};
use scim::schema::ResourceType;
use serde_json::Value;

use crate::store::selection::{Condition, Field, Operand, Order, Test};
use crate::store::to_microseconds;

/// The database condition for a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// True for every row that matches the filter.
    pub condition: Condition,
    /// True if the condition is false for all other rows. Otherwise the filter
    /// must be applied to each row.
    pub exact: bool,
}

impl Asked {
    const ANYTHING: Self = Self {
        condition: Condition::Always,
        exact: false,
    };

    /// Returns the default sort order. If the filter asks only for
    /// changes since a time, it is the order of these changes; otherwise
    /// that of creation.
    pub fn order(&self) -> Order {
        let is_since = |one: &Condition| match one {
            Condition::Has(Field::LastModified, tests) => {
                tests.iter().all(|(test, _)| *test != Test::Equal)
            }
            _ => false,
        };
        let since = match &self.condition {
            Condition::All(all) => all.iter().all(is_since),
            one => is_since(one),
        };
        if since {
            return Order {
                by: Field::LastModified,
                descending: false,
            };
        }
        Order::CREATED
    }

    fn exactly(condition: Condition) -> Self {
        Self {
            condition,
            exact: true,
        }
    }

    /// Returns the condition for a filter; without a filter it
    /// matches everything.
    pub fn of(filter: Option<&Filter>, of: &ResourceType) -> Self {
        match filter {
            None => Self::exactly(Condition::Always),
            Some(filter) => translate_filter(filter, of),
        }
    }
}

fn translate_filter(filter: &Filter, of: &ResourceType) -> Asked {
    match filter {
        Filter::And(a, b) => {
            let (a, b) = (translate_filter(a, of), translate_filter(b, of));
            let exact = a.exact && b.exact;
            let condition = match (a.condition, b.condition) {
                (Condition::Always, other) | (other, Condition::Always) => other,
                (a, b) => Condition::All(vec![a, b]),
            };
            Asked { condition, exact }
        }
        Filter::Or(a, b) => {
            let (a, b) = (translate_filter(a, of), translate_filter(b, of));
            if Asked::ANYTHING == a || Asked::ANYTHING == b {
                return Asked::ANYTHING;
            }
            Asked {
                condition: Condition::Any(vec![a.condition, b.condition]),
                exact: a.exact && b.exact,
            }
        }
        Filter::Not(inner) => {
            let inner = translate_filter(inner, of);
            if !inner.exact {
                return Asked::ANYTHING;
            }
            Asked::exactly(Condition::Not(Box::new(inner.condition)))
        }
        Filter::Present(path) => match key_of(path, of) {
            Some(Key { field, kind }) => Asked::exactly(match kind {
                Kind::Text { .. } => Condition::Filled(field),
                Kind::Instant | Kind::Flag => Condition::Always,
            }),
            None => Asked::ANYTHING,
        },
        Filter::Compare(path, operator, wanted) => match key_of(path, of) {
            Some(key) => {
                comparison(&key, *operator, wanted).map_or(Asked::ANYTHING, Asked::exactly)
            }
            None => Asked::ANYTHING,
        },
        Filter::ValuePath(path, inner) => {
            let whole = AttributePath {
                sub: Some("value".into()),
                ..path.clone()
            };
            let many = [Field::Email, Field::Group, Field::Member];
            let Some(key) = key_of(&whole, of).filter(|key| many.contains(&key.field)) else {
                return Asked::ANYTHING;
            };
            let mut tests = Vec::new();
            let exact = of_one_value(inner, &key, &mut tests);
            if tests.is_empty() {
                return Asked::ANYTHING;
            }
            Asked {
                condition: Condition::Has(key.field, tests),
                exact,
            }
        }
    }
}

/// Collects the tests that a filter in brackets requires of one value. Returns
/// true if they are the whole filter.
fn of_one_value(filter: &Filter, key: &Key, tests: &mut Vec<(Test, Operand)>) -> bool {
    match filter {
        Filter::And(a, b) => {
            let a = of_one_value(a, key, tests);
            of_one_value(b, key, tests) && a
        }
        Filter::Compare(path, operator, wanted)
            if path.name.eq_ignore_ascii_case("value") && path.sub.is_none() =>
        {
            match comparison(key, *operator, wanted) {
                Some(Condition::Has(_, mut one)) => {
                    tests.append(&mut one);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

struct Key {
    field: Field,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Text { exact: bool },
    Instant,
    Flag,
}

/// Returns the key column of an attribute path, if there is one.
fn key_of(path: &AttributePath, of: &ResourceType) -> Option<Key> {
    let attribute = of.attribute(path)?;
    if of.extension(path).is_some() {
        return None;
    }
    let sub = path.sub.as_deref().map(str::to_ascii_lowercase);
    let text = |field, exact| {
        Some(Key {
            field,
            kind: Kind::Text { exact },
        })
    };
    match (attribute.name, sub.as_deref()) {
        ("id", None) => text(Field::Id, true),
        ("userName", None) => text(Field::UserName, false),
        ("externalId", None) => text(Field::ExternalId, true),
        ("displayName", None) => text(Field::DisplayName, false),
        ("active", None) => Some(Key {
            field: Field::Active,
            kind: Kind::Flag,
        }),
        ("meta", Some("created")) => Some(Key {
            field: Field::Created,
            kind: Kind::Instant,
        }),
        ("meta", Some("lastmodified")) => Some(Key {
            field: Field::LastModified,
            kind: Kind::Instant,
        }),
        ("emails", None | Some("value")) => text(Field::Email, false),
        ("groups", None | Some("value")) => text(Field::Group, true),
        ("members", None | Some("value")) => text(Field::Member, true),
        _ => None,
    }
}

/// Returns the field for sorting in the database; only fields with at most
/// one value.
pub(super) fn sort_field(path: &AttributePath, of: &ResourceType) -> Option<Field> {
    let several = [Field::Email, Field::Group, Field::Member];
    key_of(path, of)
        .map(|key| key.field)
        .filter(|field| !several.contains(field))
}

fn comparison(key: &Key, operator: Operator, wanted: &Value) -> Option<Condition> {
    if operator == Operator::NotEqual {
        let equal = comparison(key, Operator::Equal, wanted)?;
        return Some(Condition::Not(Box::new(equal)));
    }
    let field = key.field;
    let has = |test, operand| Some(Condition::Has(field, vec![(test, operand)]));
    match (key.kind, wanted) {
        (Kind::Text { .. }, Value::Null) if operator == Operator::Equal => {
            Some(Condition::Not(Box::new(Condition::Filled(field))))
        }
        (Kind::Text { exact }, Value::String(text)) => {
            // No stored value contains NUL, and PostgreSQL does not accept it.
            if text.contains('\0') {
                return None;
            }
            let text = if exact {
                text.clone()
            } else {
                text.to_lowercase()
            };
            let test = match operator {
                Operator::Equal | Operator::NotEqual => Test::Equal,
                Operator::Contains => Test::Contains,
                Operator::StartsWith => Test::StartsWith,
                Operator::EndsWith => Test::EndsWith,
                Operator::Greater => Test::Greater,
                Operator::GreaterOrEqual => Test::GreaterOrEqual,
                Operator::Less => Test::Less,
                Operator::LessOrEqual => Test::LessOrEqual,
            };
            has(test, Operand::Text(text))
        }
        (Kind::Flag, wanted) if operator == Operator::Equal => {
            let flag = match wanted {
                Value::Bool(flag) => *flag,
                Value::String(text) if text.eq_ignore_ascii_case("true") => true,
                Value::String(text) if text.eq_ignore_ascii_case("false") => false,
                _ => return None,
            };
            has(Test::Equal, Operand::Number(i64::from(flag)))
        }
        (Kind::Instant, Value::String(text)) => {
            let wanted: jiff::Timestamp = text.parse().ok()?;
            // Timestamps are stored in whole microseconds; a finer one lies
            // between two of them.
            let between = wanted.as_nanosecond().rem_euclid(1000) != 0;
            let floor = i64::try_from(wanted.as_nanosecond().div_euclid(1000))
                .unwrap_or_else(|_| to_microseconds(wanted));
            let test = match (operator, between) {
                (Operator::Equal, false) => Test::Equal,
                (Operator::Equal, true) => return Some(Condition::Any(Vec::new())),
                (Operator::Greater, _) | (Operator::GreaterOrEqual, true) => Test::Greater,
                (Operator::GreaterOrEqual, false) => Test::GreaterOrEqual,
                (Operator::Less, false) => Test::Less,
                (Operator::Less, true) | (Operator::LessOrEqual, _) => Test::LessOrEqual,
                _ => return None,
            };
            has(test, Operand::Number(floor))
        }
        _ => None,
    }
}
