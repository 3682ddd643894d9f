//! Lists of resources: filter, sorting, paging, and the returned attributes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use rehearsal::check::scim::wire::ScimAnswer;

use super::filter::{self, scope};
use super::schemas::{ENTERPRISE, KINDS, Kind, member};
use super::server::{Refusal, State, answer, attribute, meets};

/// Answers a query for a list.
pub(crate) fn list(
    state: &State,
    kinds: &[usize],
    query: &BTreeMap<String, String>,
) -> Result<ScimAnswer, Refusal> {
    let bad = |name: &str| Refusal(400, Some("invalidValue"), format!("{name} is no number"));
    let number = |name: &str| match query.get(name) {
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| bad(name)),
        None => Ok(None),
    };
    let wanted = query
        .get("filter")
        .map(|text| filter::parse(text))
        .transpose()?;
    if let Some(wanted) = &wanted {
        // An invalid filter is refused also if there are no resources.
        for kind in kinds {
            meets(wanted, &KINDS[*kind], &json!({}))?;
        }
    }
    let mut all = Vec::new();
    for (number, kind, whole) in state.of(kinds) {
        let meets = match &wanted {
            Some(wanted) => meets(wanted, kind, &whole)?,
            None => true,
        };
        if meets {
            all.push((number, kind, whole));
        }
    }
    if let Some(by) = query.get("sortBy") {
        let up = query
            .get("sortOrder")
            .is_none_or(|order| order == "ascending");
        all.sort_by(|(_, kind, a), (_, _, b)| {
            let order = match (key(kind, a, by), key(kind, b, by)) {
                (None, None) => std::cmp::Ordering::Equal,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(_), None) => std::cmp::Ordering::Less,
                (Some(a), Some(b)) => a.cmp(&b),
            };
            if up { order } else { order.reverse() }
        });
    }
    let total = all.len();
    let count = number("count")?.unwrap_or(100).clamp(0, 200);
    let count = usize::try_from(count).unwrap_or_default();
    let start = number("startIndex")?.unwrap_or(1).max(1);
    let mut out = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
    });
    let mut rest = all;
    if let Some(cursor) = query.get("cursor") {
        let after = match cursor.strip_prefix("after-").map(str::parse::<u64>) {
            None if cursor.is_empty() => 0,
            Some(Ok(after)) => after,
            _ => {
                return Err(Refusal(
                    400,
                    Some("invalidCursor"),
                    "no cursor of ours".into(),
                ));
            }
        };
        rest.retain(|(number, ..)| *number > after);
        if rest.len() > count
            && let Some((last, ..)) = count.checked_sub(1).and_then(|last| rest.get(last))
        {
            out["nextCursor"] = format!("after-{last}").into();
        }
    } else {
        out["startIndex"] = start.into();
        let skipped = usize::try_from(start - 1).unwrap_or(usize::MAX);
        rest.drain(..skipped.min(rest.len()));
    }
    rest.truncate(count);
    let rest: Vec<Value> = rest
        .iter()
        .map(|(_, kind, whole)| cut(kind, whole, query))
        .collect();
    out["itemsPerPage"] = rest.len().into();
    out["Resources"] = rest.into();
    Ok(answer(200, &out))
}

fn key(kind: &Kind, whole: &Value, by: &str) -> Option<String> {
    let (name, part) = by.split_once('.').map_or((by, None), |(a, b)| (a, Some(b)));
    let mut value = member(whole, name)?;
    if let Some(all) = value.as_array() {
        let primary = all.iter().find(|one| one["primary"] == json!(true));
        value = primary.or_else(|| all.first())?;
    }
    if let Some(part) = part {
        value = member(value, part)?;
    }
    let text = value.as_str()?;
    let exact = attribute(kind, by).is_some_and(super::schemas::Attr::exact);
    Some(if exact {
        text.to_owned()
    } else {
        text.to_lowercase()
    })
}

/// Returns the attributes of a resource that the query asks for.
pub(crate) fn cut(kind: &'static Kind, whole: &Value, query: &BTreeMap<String, String>) -> Value {
    let names = |name: &str| -> Option<Vec<String>> {
        let text = query.get(name)?;
        Some(text.split(',').map(|one| one.trim().to_owned()).collect())
    };
    let mut out = Map::new();
    if let Some(only) = names("attributes") {
        for attr in kind.attrs.iter().filter(|attr| attr.always()) {
            out.insert(attr.name.to_owned(), whole[attr.name].clone());
        }
        for path in only {
            let (extension, among, rest) = scope(kind, &path);
            let holder = match extension {
                Some(urn) => member(whole, urn),
                None => Some(whole),
            };
            let (name, part) = rest
                .split_once('.')
                .map_or((rest.as_str(), None), |(a, b)| (a, Some(b)));
            let attr = super::schemas::find(among, name);
            let Some((attr, value)) = attr.and_then(|attr| Some((attr, member(holder?, name)?)))
            else {
                continue;
            };
            let value = match part {
                Some(part) => only_part(value, part),
                None => value.clone(),
            };
            match extension {
                Some(urn) => {
                    let inner = out.entry(urn).or_insert_with(|| json!({}));
                    inner[attr.name] = value;
                }
                None => drop(out.insert(attr.name.to_owned(), value)),
            }
        }
        return out.into();
    }
    let mut out = whole.clone();
    for path in names("excludedAttributes").unwrap_or_default() {
        if path.eq_ignore_ascii_case(ENTERPRISE) {
            out.as_object_mut().map(|out| out.shift_remove(ENTERPRISE));
            continue;
        }
        let (_, among, rest) = scope(kind, &path);
        let (name, part) = rest
            .split_once('.')
            .map_or((rest.as_str(), None), |(a, b)| (a, Some(b)));
        let Some(attr) = super::schemas::find(among, name).filter(|attr| !attr.always()) else {
            continue;
        };
        if let Some(part) = part {
            out[attr.name]
                .as_object_mut()
                .map(|inner| inner.shift_remove(part));
        } else {
            out.as_object_mut().map(|out| out.shift_remove(attr.name));
        }
    }
    out
}

fn only_part(value: &Value, part: &str) -> Value {
    match value {
        Value::Array(all) => all.iter().map(|one| only_part(one, part)).collect(),
        one => match member(one, part) {
            Some(found) => json!({ part: found }),
            None => json!({}),
        },
    }
}
