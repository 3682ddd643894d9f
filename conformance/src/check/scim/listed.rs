//! The check of the attributes of resources in lists (RFC 7643 §7; RFC 7644 §3.4.2).

use serde_json::{Value, json};

use super::item::{Judged, Need, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{member, text, values};
use super::target::{query, segment};

checks! {
"SCIM-READ-21", Must, "RFC 7643 §7 (returned), RFC 7644 §3.4.2"; "A resource in a list has the attributes that GET returns";
    expects "every attribute that GET returns, of a user and of a group, in lists with and without a filter";
    fix "Return in lists what GET of the resource returns, also schemas and meta: an attribute whose returned characteristic is default or always is in every answer that contains the resource.";
    needs [Need::Writes]; act(judge_listed_attributes)
}

async fn judge_listed_attributes(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let name = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let mut seen = find_lists(probe, "user", &probe.server.users.endpoint, (ann, &filter)).await?;
    // A group that cannot be created is a finding of its own.
    if let Ok(group) = create_group_with_member(probe).await {
        let name = text(&group.sent, &["displayName"]).unwrap_or_default();
        let filter = format!("displayName eq \"{name}\"");
        let endpoint = &probe.require_groups()?.endpoint;
        seen.extend(find_lists(probe, "group", endpoint, (&group, &filter)).await?);
    }
    if seen.is_empty() {
        return unjudged("no list has the user: see SCIM-FILTER-01");
    }
    let wrong: Vec<String> = seen.into_iter().flatten().collect();
    ensure(wrong.is_empty(), || wrong.join("; "))
}

async fn create_group_with_member(probe: &Probe<'_>) -> Judged<Made> {
    probe.require_groups()?;
    // Not a test user, whose groups would change.
    let user = probe.create_user(json!({})).await?;
    probe.create_group(&[&user.id]).await
}

/// Compares a resource in two lists, with a filter that finds `made` and without a filter, with the
/// answer to GET. Returns for each list that has a resource what it lacks there.
async fn find_lists(
    probe: &Probe<'_>,
    what: &str,
    endpoint: &str,
    (made, filter): (&Made, &str),
) -> Judged<Vec<Option<String>>> {
    let lists = [
        (
            format!("{what} in the list with a filter"),
            vec![("filter", filter)],
        ),
        (format!("{what} in the list without a filter"), Vec::new()),
    ];
    let mut seen = Vec::new();
    for (place, parameters) in lists {
        let has_filter = !parameters.is_empty();
        // A server may decline filters.
        let answer = probe.get(&query(endpoint, &parameters)).await?;
        let list = answer.json().filter(|_| answer.has_succeeded());
        let list = list.unwrap_or_default();
        let all = values(&list, "Resources");
        let is_made = |one: &&Value| text(one, &["id"]) == Some(&made.id);
        // The first page of all may contain only others.
        let listed = all.iter().find(is_made);
        let listed = listed.or_else(|| all.first().filter(|_| !has_filter));
        let Some((listed, id)) = listed.and_then(|it| Some((it, text(it, &["id"])?))) else {
            continue;
        };
        let answer = probe.get(&format!("{endpoint}/{}", segment(id))).await?;
        if !answer.has_succeeded() && id != made.id {
            continue;
        }
        let whole = answer.require_body_of_step("reading what is listed")?;
        let mut missing = missing_parts(&whole, listed, "");
        // SCIM-ETAG-11 judges it.
        missing.retain(|it| it != "meta.version");
        let missing = missing.join(", ");
        seen.push((!missing.is_empty()).then(|| format!("the {place} has no {missing}")));
    }
    Ok(seen)
}

/// Returns the members of `whole`, and of complex values in it, that `part` does not have.
fn missing_parts(whole: &Value, part: &Value, parent: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, value) in whole.as_object().into_iter().flatten() {
        // The name of an extension is a URN.
        let found = part.get(name).or_else(|| member(part, name));
        let path = format!("{parent}{name}");
        match (value, found) {
            (value, None) if has_value(value) => missing.push(path),
            (Value::Object(_), Some(found)) => {
                missing.extend(missing_parts(value, found, &format!("{path}.")));
            }
            (Value::Array(all), Some(Value::Array(found))) => {
                let first = all.first().zip(found.first());
                let parts = first.map(|(a, b)| missing_parts(a, b, &format!("{path}.")));
                missing.extend(parts.unwrap_or_default());
            }
            _ => {}
        }
    }
    missing
}

/// True if the value is assigned (RFC 7643 §2.5).
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(all) => !all.is_empty(),
        _ => true,
    }
}
