//! The check of the attributes of resources in lists (RFC 7643 §7; RFC 7644 §3.4.2).

use serde_json::Value;

use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{member, text, values};

checks! {
"SCIM-READ-21", Must, "RFC 7643 §7 (returned), RFC 7644 §3.4.2"; "A resource in a list has the attributes that GET returns";
    expects "every attribute of the user that GET returns";
    fix "Return in lists what GET of the resource returns, also schemas and meta: an attribute whose returned characteristic is default or always is in every answer that contains the resource.";
    needs [Need::Writes]; act(judge_listed_attributes)
}

async fn judge_listed_attributes(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let answer = probe.get(&ann.place).await?;
    let whole = answer.require_body_of_step("reading a user")?;
    let name = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    // A server may decline filters; the user may be on the first page of all.
    let mut listed = None;
    for parameters in [vec![("filter", filter.as_str())], Vec::new()] {
        let answer = probe.list_users(&parameters).await?;
        let all = answer.json().filter(|_| answer.has_succeeded());
        let all = all.unwrap_or_default();
        let mut all = values(&all, "Resources").iter();
        let is_ann = |one: &&Value| text(one, &["id"]) == Some(&ann.id);
        listed = listed.or_else(|| all.find(is_ann).cloned());
    }
    let Some(listed) = listed else {
        return unjudged("no list has the user: see SCIM-FILTER-01");
    };
    let mut missing = missing_parts(&whole, &listed, "");
    // SCIM-ETAG-11 judges it.
    missing.retain(|it| it != "meta.version");
    ensure(missing.is_empty(), || {
        format!("the user in the list has no {}", missing.join(", "))
    })
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
