//! `#data`: functions for lists. Values of different types are different, as in Java: `2.1f` is
//! not `2.1`.

use super::{Answer, Value, list};

fn count(items: usize) -> Value {
    Value::Int(i64::try_from(items).unwrap_or(i64::MAX))
}

type Both<'v> = Option<(&'v [Value], &'v [Value])>;

fn two(arguments: &[Value]) -> Result<Both<'_>, String> {
    Ok(list(arguments, 0)?.zip(list(arguments, 1)?))
}

fn keep(arguments: &[Value], wanted: impl Fn(&[Value], &Value) -> bool) -> Answer {
    let Some(items) = list(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let other = list(arguments, 1)?.unwrap_or_default();
    let kept = items.iter().filter(|item| wanted(other, item));
    Ok(Value::List(kept.cloned().collect()))
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match function {
        "indexOf" => list(arguments, 0).map(|items| {
            let wanted = arguments.get(1).unwrap_or(&Value::Null);
            let found = items.and_then(|items| items.iter().position(|item| item == wanted));
            found.map_or(Value::Int(-1), count)
        }),
        "isNotEmpty" => list(arguments, 0)
            .map(|items| Value::Bool(items.is_some_and(|items| !items.is_empty()))),
        "size" => list(arguments, 0).map(|items| count(items.map_or(0, <[Value]>::len))),
        "containsAll" => two(arguments).map(|both| {
            Value::Bool(both.is_some_and(|(all, some)| some.iter().all(|item| all.contains(item))))
        }),
        "containsAny" => two(arguments).map(|both| {
            Value::Bool(both.is_some_and(|(all, some)| some.iter().any(|item| all.contains(item))))
        }),
        "equals" => two(arguments).map(|both| Value::Bool(both.is_some_and(|(a, b)| a == b))),
        "removeAll" => keep(arguments, |other, item| !other.contains(item)),
        "retainAll" => keep(arguments, |other, item| other.contains(item)),
        "union" => list(arguments, 0).and_then(|one| {
            let both = [one, list(arguments, 1)?];
            Ok(Value::List(
                both.into_iter().flatten().flatten().cloned().collect(),
            ))
        }),
        _ => return None,
    })
}
