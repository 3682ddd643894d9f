//! Evaluates a parsed expression with the data of a user, within limits of steps and bytes.

use std::cell::Cell;

use jiff::Timestamp;

use super::functions;
use super::tree::{Node, Operator, What, Which};
use super::value::Value;
use super::{Result, wrong};

/// Maximum number of steps of an evaluation. A step is an evaluated node, or 64 bytes or one
/// item of a result, so the limit bounds time and memory.
const MOST_STEPS: usize = 200_000;
const LONGEST_TEXT: usize = 64 * 1024;
const LONGEST_LIST: usize = 10_000;

/// The evaluation of one mapping. All its expressions share one limit of steps.
pub(super) struct Run<'v> {
    root: &'v Value,
    now: Timestamp,
    steps: Cell<usize>,
}

/// Returns the number of steps that a value costs.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Big(text) => 1 + text.len() / 64,
        Value::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Map(members) => {
            let one = |(key, value): &(String, Value)| 1 + key.len() / 64 + size(value);
            members.iter().map(one).sum::<usize>() + 1
        }
        _ => 1,
    }
}

/// Fails if a text or a list is too long.
fn check_length(value: &Value, column: usize) -> Result<()> {
    match value {
        Value::Text(text) if text.len() > LONGEST_TEXT => wrong(
            column,
            format!("expected at most {LONGEST_TEXT} bytes of text"),
        ),
        Value::List(items) if items.len() > LONGEST_LIST => {
            wrong(column, format!("expected at most {LONGEST_LIST} items"))
        }
        _ => Ok(()),
    }
}

/// Returns a member of a map; null if the value is no map or has no such member, because
/// property access is null-safe.
fn property<'v>(value: &'v Value, name: &str) -> &'v Value {
    match value {
        Value::Map(members) => members
            .iter()
            .find(|(key, _)| key == name)
            .map_or(&Value::Null, |(_, value)| value),
        _ => &Value::Null,
    }
}

impl<'v> Run<'v> {
    /// Creates an evaluation with this data, at the time `now`.
    pub(super) fn new(root: &'v Value, now: Timestamp) -> Self {
        Self {
            root,
            now,
            steps: Cell::new(0),
        }
    }

    /// Evaluates an expression.
    pub(super) fn evaluate(&self, node: &Node) -> Result<Value> {
        self.of(node, self.root)
    }

    /// Counts steps, and fails above the limit. Copies count by their size, so that no
    /// expression can exceed the limit by copying.
    fn spend(&self, steps: usize, column: usize) -> Result<()> {
        let spent = self.steps.get().saturating_add(steps);
        self.steps.set(spent);
        if spent > MOST_STEPS {
            return wrong(
                column,
                format!("the expression needs more than {MOST_STEPS} steps"),
            );
        }
        Ok(())
    }

    fn of(&self, node: &Node, this: &Value) -> Result<Value> {
        let value = match self.find(node, this)? {
            Some(found) => found.clone(),
            None => self.value(node, this)?,
        };
        check_length(&value, node.column)?;
        self.spend(size(&value), node.column)?;
        Ok(value)
    }

    /// Returns the value of a path such as `user.name.given`, without copying the objects on the
    /// way: a user has dozens of members. `None` for other expressions.
    fn find<'a>(&'a self, node: &Node, this: &'a Value) -> Result<Option<&'a Value>> {
        let found = match &node.what {
            What::Root => self.root,
            What::This => this,
            What::Name(name) => property(this, name),
            What::Property(of, name) => match self.find(of, this)? {
                Some(object) => property(object, name),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.spend(1, node.column)?;
        check_length(found, node.column)?;
        Ok(Some(found))
    }

    fn value(&self, node: &Node, this: &Value) -> Result<Value> {
        let column = node.column;
        Ok(match &node.what {
            What::Null => Value::Null,
            What::Bool(flag) => Value::Bool(*flag),
            What::Int(whole) => Value::Int(*whole),
            What::Double(double) => Value::Double(*double),
            What::Text(text) => Value::Text(text.clone()),
            What::Root => self.root.clone(),
            What::This => this.clone(),
            What::Name(name) => property(this, name).clone(),
            What::List(items) => Value::List(self.all(items, this)?),
            What::Array { float, items } => {
                let items = self.all(items, this)?.into_iter();
                #[expect(clippy::cast_possible_truncation, reason = "a float[] holds floats")]
                let narrow = |value: Value| match value.number() {
                    Some(number) if *float => Value::Float(number as f32),
                    _ => value,
                };
                Value::List(items.map(narrow).collect())
            }
            What::Map(members) => {
                let mut map: Vec<(String, Value)> = Vec::new();
                for (key, value) in members {
                    let key = match &key.what {
                        What::Name(name) => name.clone(),
                        _ => self.of(key, this)?.text(),
                    };
                    map.retain(|(other, _)| *other != key);
                    map.push((key, self.of(value, this)?));
                }
                Value::Map(map)
            }
            // A map literal is the only object that is not null-safe.
            What::Property(of, name) if matches!(of.what, What::Map(_)) => {
                match self.of(of, this)? {
                    Value::Map(members) if !members.iter().any(|(key, _)| key == name) => {
                        return wrong(column, format!("the object has no property {name}"));
                    }
                    object => property(&object, name).clone(),
                }
            }
            What::Property(of, name) => property(&self.of(of, this)?, name).clone(),
            What::Index(of, index) => {
                let of = self.of(of, this)?;
                // A plain name in the brackets is a property of the current object.
                let index = self.of(index, this)?;
                self.index(&of, &index, column)?
            }
            What::Select(of, which, filter) => match self.of(of, this)? {
                Value::Null => Value::Null,
                Value::List(items) => self.select(&items, *which, filter)?,
                other => {
                    return wrong(
                        column,
                        format!("expected a list to select from, got {}", other.kind()),
                    );
                }
            },
            What::Project(of, each) => match self.of(of, this)? {
                Value::Null => Value::Null,
                Value::List(items) => Value::List(
                    items
                        .iter()
                        .map(|item| self.of(each, item))
                        .collect::<Result<_>>()?,
                ),
                other => {
                    return wrong(
                        column,
                        format!("expected a list to project, got {}", other.kind()),
                    );
                }
            },
            What::Call {
                library,
                function,
                arguments,
            } => {
                let arguments = self.all(arguments, this)?;
                if library == "regex" {
                    // A pattern reads every character, and often several times.
                    let cost = arguments.iter().map(size).sum::<usize>();
                    self.spend(cost * 16, column)?;
                }
                functions::call(library, function, &arguments, self.now)
                    .or_else(|message| wrong(column, message))?
            }
            What::Not(operand) => Value::Bool(!self.truth(operand, this)?),
            What::Negate(operand) => match self.of(operand, this)? {
                Value::Int(whole) => Value::Int(whole.wrapping_neg()),
                Value::Double(double) => Value::Double(-double),
                Value::Float(float) => Value::Float(-float),
                other => {
                    return wrong(
                        column,
                        format!("expected a number after -, got {}", other.kind()),
                    );
                }
            },
            What::Ternary(condition, yes, no) => {
                if self.truth(condition, this)? {
                    self.of(yes, this)?
                } else {
                    self.of(no, this)?
                }
            }
            What::Elvis(value, other) => match self.of(value, this)? {
                Value::Null => self.of(other, this)?,
                Value::Text(text) if text.is_empty() => self.of(other, this)?,
                value => value,
            },
            What::Binary(Operator::Or, left, right) => {
                Value::Bool(self.truth(left, this)? || self.truth(right, this)?)
            }
            What::Binary(Operator::And, left, right) => {
                Value::Bool(self.truth(left, this)? && self.truth(right, this)?)
            }
            What::Binary(operator, left, right) => {
                let (left, right) = (self.of(left, this)?, self.of(right, this)?);
                binary(*operator, left, right).or_else(|message| wrong(column, message))?
            }
        })
    }

    fn all(&self, nodes: &[Node], this: &Value) -> Result<Vec<Value>> {
        nodes.iter().map(|node| self.of(node, this)).collect()
    }

    /// Evaluates a condition. Null counts as false, so a missing property selects nothing.
    fn truth(&self, node: &Node, this: &Value) -> Result<bool> {
        match self.of(node, this)? {
            Value::Bool(flag) => Ok(flag),
            Value::Null => Ok(false),
            other => wrong(
                node.column,
                format!("expected true or false, got {}", other.kind()),
            ),
        }
    }

    fn index(&self, of: &Value, index: &Value, column: usize) -> Result<Value> {
        match (of, index) {
            (Value::Null, _) | (Value::Map(_), Value::Null) => Ok(Value::Null),
            (Value::Map(_), key) => Ok(property(of, &key.text()).clone()),
            (Value::List(items), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| items.get(at).cloned())
                .map_or_else(
                    || {
                        wrong(
                            column,
                            format!("expected an index below {}, got {at}", items.len()),
                        )
                    },
                    Ok,
                ),
            (of, index) => wrong(
                column,
                format!(
                    "expected a list with a number or a map with a key, got {}[{}]",
                    of.kind(),
                    index.kind()
                ),
            ),
        }
    }

    fn select(&self, items: &[Value], which: Which, filter: &Node) -> Result<Value> {
        let mut kept = Vec::new();
        for item in items {
            if self.truth(filter, item)? {
                kept.push(item.clone());
            }
        }
        Ok(match which {
            Which::All => Value::List(kept),
            Which::First => kept.into_iter().next().unwrap_or(Value::Null),
            Which::Last => kept.pop().unwrap_or(Value::Null),
        })
    }
}

fn binary(operator: Operator, left: Value, right: Value) -> std::result::Result<Value, String> {
    use Operator as Op;
    Ok(match operator {
        Op::Eq => Value::Bool(left.same(&right)),
        Op::Ne => Value::Bool(!left.same(&right)),
        Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            let ordering = match (&left, &right) {
                (Value::Null, Value::Null) => std::cmp::Ordering::Equal,
                // As in Spring, null is less than every other value.
                (Value::Null, _) => std::cmp::Ordering::Less,
                (_, Value::Null) => std::cmp::Ordering::Greater,
                (Value::Text(left), Value::Text(right)) => left.cmp(right),
                _ => match (left.number(), right.number()) {
                    (Some(left), Some(right)) => left
                        .partial_cmp(&right)
                        .ok_or("expected numbers that can be compared")?,
                    _ => {
                        return Err(format!(
                            "expected two numbers or two texts to compare, got {} and {}",
                            left.kind(),
                            right.kind()
                        ));
                    }
                },
            };
            Value::Bool(match operator {
                Op::Lt => ordering.is_lt(),
                Op::Le => ordering.is_le(),
                Op::Gt => ordering.is_gt(),
                _ => ordering.is_ge(),
            })
        }
        Op::Matches => match (left, right) {
            (Value::Null, _) => Value::Bool(false),
            (left, Value::Text(pattern)) => {
                Value::Bool(functions::regex::whole(&pattern, &left.text())?)
            }
            (_, other) => return Err(format!("expected a pattern, got {}", other.kind())),
        },
        Op::Add => match (&left, &right) {
            (Value::Text(_), _) | (_, Value::Text(_)) => {
                let shown = |value: &Value| match value {
                    Value::Null => "null".to_owned(),
                    other => other.text(),
                };
                Value::Text(shown(&left) + &shown(&right))
            }
            _ => arithmetic(operator, &left, &right)?,
        },
        _ => arithmetic(operator, &left, &right)?,
    })
}

fn arithmetic(
    operator: Operator,
    left: &Value,
    right: &Value,
) -> std::result::Result<Value, String> {
    use Operator as Op;
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let whole = match operator {
            Op::Add => left.checked_add(*right),
            Op::Subtract => left.checked_sub(*right),
            Op::Multiply => left.checked_mul(*right),
            Op::Divide => left.checked_div(*right),
            _ => left.checked_rem(*right),
        };
        return whole.map(Value::Int).ok_or_else(|| {
            "expected a result of at most 64 bits and no division by zero".to_owned()
        });
    }
    let (Some(one), Some(two)) = (left.number(), right.number()) else {
        return Err(format!(
            "expected two numbers, got {} and {}",
            left.kind(),
            right.kind()
        ));
    };
    Ok(Value::Double(match operator {
        Op::Add => one + two,
        Op::Subtract => one - two,
        Op::Multiply => one * two,
        Op::Divide => one / two,
        _ => one % two,
    }))
}
