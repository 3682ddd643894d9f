//! PATCH (RFC 7644 §3.5.2): this server's own implementation.

use serde_json::{Map, Value, json};

use super::filter::{self, Filter, scope, value_matches};
use super::schemas::{Attr, ENTERPRISE, Kind, find, member};
use super::server::Refusal;

fn no(keyword: &'static str, why: impl Into<String>) -> Refusal {
    Refusal(400, Some(keyword), why.into())
}

/// Applies all operations to a copy of the resource.
pub(crate) fn apply(
    body: &Value,
    kind: &Kind,
    resource: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let named = member(body, "schemas").and_then(Value::as_array);
    let urn = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    if named.is_none_or(|all| !all.contains(&urn.into())) {
        return Err(no("invalidSyntax", "expected schemas to name PatchOp"));
    }
    let operations = member(body, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| no("invalidSyntax", "expected Operations"))?;
    let mut out = Value::Object(resource.clone());
    for operation in operations {
        one(operation, kind, &mut out)?;
    }
    match out {
        Value::Object(out) => Ok(out),
        _ => Err(no("invalidSyntax", "expected an object")),
    }
}

fn one(operation: &Value, kind: &Kind, out: &mut Value) -> Result<(), Refusal> {
    let op = member(operation, "op")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let op = op.to_ascii_lowercase();
    if !["add", "replace", "remove"].contains(&op.as_str()) {
        return Err(no("invalidSyntax", format!("there is no op {op}")));
    }
    let value = member(operation, "value");
    if op == "add" && value.is_none() {
        return Err(no("invalidValue", "expected a value"));
    }
    if let Some(path) = member(operation, "path").and_then(Value::as_str) {
        return at(&op, path, value, kind, out);
    }
    if op == "remove" {
        return Err(no("noTarget", "expected a path"));
    }
    for (key, value) in value.and_then(Value::as_object).into_iter().flatten() {
        if key.eq_ignore_ascii_case(ENTERPRISE) {
            for (name, value) in value.as_object().into_iter().flatten() {
                at(&op, &format!("{ENTERPRISE}:{name}"), Some(value), kind, out)?;
            }
            continue;
        }
        let (_, among, rest) = scope(kind, key);
        let name = rest.split('.').next().unwrap_or_default();
        if find(among, name).is_some_and(|attr| !attr.read_only() && attr.name != "schemas") {
            at(&op, key, Some(value), kind, out)?;
        }
    }
    Ok(())
}

/// A parsed path.
struct Path<'k> {
    extension: Option<&'static str>,
    attr: &'k Attr,
    filter: Option<Filter>,
    part: Option<&'k Attr>,
}

fn read<'k>(path: &str, kind: &'k Kind) -> Result<Path<'k>, Refusal> {
    let bad = || no("invalidPath", format!("can't read the path {path}"));
    let (front, filter, rest) = match path.split_once('[') {
        Some((front, rest)) => {
            let (inside, rest) = rest.rsplit_once(']').ok_or_else(bad)?;
            let filter = filter::parse(inside).map_err(|_| bad())?;
            (
                front,
                Some(filter),
                rest.strip_prefix('.').unwrap_or(rest).to_owned(),
            )
        }
        None => (path, None, String::new()),
    };
    let (extension, among, name) = scope(kind, front);
    let (name, rest) = match name.split_once('.') {
        Some((name, part)) => (name.to_owned(), part.to_owned()),
        None => (name, rest),
    };
    let attr = find(among, &name).ok_or_else(bad)?;
    let part = match rest.as_str() {
        "" => None,
        part => Some(find(&attr.inner, part).ok_or_else(bad)?),
    };
    Ok(Path {
        extension,
        attr,
        filter,
        part,
    })
}

fn at(
    op: &str,
    path: &str,
    value: Option<&Value>,
    kind: &Kind,
    out: &mut Value,
) -> Result<(), Refusal> {
    let path = read(path, kind)?;
    if path.attr.read_only() {
        return Err(no("mutability", format!("{} is read-only", path.attr.name)));
    }
    if op == "remove" && path.attr.required() && path.part.is_none() && path.filter.is_none() {
        return Err(no("mutability", format!("{} is required", path.attr.name)));
    }
    let holder = match path.extension {
        Some(urn) => {
            let object = out.as_object_mut().expect("a resource is an object");
            object.entry(urn).or_insert_with(|| json!({}))
        }
        None => out,
    };
    let holder = holder.as_object_mut().expect("a holder is an object");
    let value = value.filter(|value| !value.is_null());
    if path.attr.multi() {
        many(op, &path, value, holder)
    } else {
        single(op, &path, value, holder);
        Ok(())
    }
}

fn single(op: &str, path: &Path<'_>, value: Option<&Value>, holder: &mut Map<String, Value>) {
    let name = path.attr.name;
    match (path.part, value) {
        (None, Some(value)) if op != "remove" => {
            let bare = path.attr.kind == "complex" && !value.is_object();
            let given = if bare {
                json!({ "value": value })
            } else {
                value.clone()
            };
            let slot = holder.entry(name).or_insert(Value::Null);
            match (slot.as_object_mut(), given) {
                (Some(old), Value::Object(new)) => old.extend(new),
                (_, given) => *slot = given,
            }
        }
        (None, _) => drop(holder.shift_remove(name)),
        (Some(part), value) => {
            let slot = holder.entry(name).or_insert_with(|| json!({}));
            let Some(inner) = slot.as_object_mut() else {
                return;
            };
            match value {
                Some(value) if op != "remove" => {
                    drop(inner.insert(part.name.to_owned(), value.clone()))
                }
                _ => drop(inner.shift_remove(part.name)),
            }
        }
    }
}

/// Collects the values that a filter of equalities describes, to create such a value.
fn collect_values(filter: &Filter, into: &mut Map<String, Value>) {
    match filter {
        Filter::And(a, b) => {
            collect_values(a, into);
            collect_values(b, into);
        }
        Filter::Compare(name, operator, value) if operator == "eq" => {
            into.insert(name.clone(), value.clone());
        }
        _ => {}
    }
}

fn many(
    op: &str,
    path: &Path<'_>,
    value: Option<&Value>,
    holder: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let name = path.attr.name;
    let mut all = match holder.shift_remove(name) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    let given: Vec<Value> = match value {
        Some(Value::Array(given)) => given.clone(),
        Some(given) => vec![given.clone()],
        None => Vec::new(),
    };
    let same = |a: &Value, b: &Value| {
        a == b || name == "members" && member(a, "value") == member(b, "value")
    };
    let mut touched = Vec::new();
    if path.filter.is_some() || path.part.is_some() {
        let mut kept = Vec::new();
        for mut one in std::mem::take(&mut all) {
            let hit = match &path.filter {
                Some(filter) => value_matches(filter, &path.attr.inner, &one)?,
                None => true,
            };
            if hit {
                if op == "remove" && path.part.is_none() {
                    touched.push(usize::MAX);
                    continue;
                }
                let object = one.as_object_mut().expect("a value is an object");
                match (path.part, value) {
                    (Some(part), Some(value)) if op != "remove" => {
                        object.insert(part.name.to_owned(), value.clone());
                    }
                    (Some(part), _) => drop(object.shift_remove(part.name)),
                    (None, Some(Value::Object(new))) => *object = new.clone(),
                    (None, _) => {}
                }
                touched.push(kept.len());
            }
            kept.push(one);
        }
        all = kept;
        if touched.is_empty() && op == "replace" {
            return Err(no("noTarget", "no value matches"));
        }
        if touched.is_empty() && op == "add" {
            let mut made = Map::new();
            if let Some(filter) = &path.filter {
                collect_values(filter, &mut made);
            }
            if let (Some(part), Some(value)) = (path.part, value) {
                made.insert(part.name.to_owned(), value.clone());
            }
            touched.push(all.len());
            all.push(made.into());
        }
    } else if op == "remove" {
        if given.is_empty() {
            all.clear();
        }
        all.retain(|one| !given.iter().any(|gone| same(one, gone)));
    } else {
        if op == "replace" {
            all.clear();
        }
        for one in given {
            if !all.iter().any(|known| same(known, &one)) {
                touched.push(all.len());
                all.push(one);
            }
        }
    }
    one_primary(&mut all, &touched);
    if !all.is_empty() {
        holder.insert(name.to_owned(), all.into());
    }
    Ok(())
}

/// Keeps `primary` of the value that was changed last, and clears it of all others.
fn one_primary(all: &mut [Value], touched: &[usize]) {
    let primary = |one: &Value| one["primary"] == json!(true);
    let Some(winner) = touched
        .iter()
        .rev()
        .find(|at| all.get(**at).is_some_and(primary))
    else {
        return;
    };
    for (place, one) in all.iter_mut().enumerate() {
        if place != *winner && primary(one) {
            one["primary"] = json!(false);
        }
    }
}
