//! Reads the lists in a target's answers. An answer that is not a ListResponse, or a resource
//! without the requested value, is no evidence that a resource exists or does not exist.

use serde_json::Value;

use super::client::PushError;

/// Returns the resources of a ListResponse (RFC 7644 §3.4.2).
///
/// # Errors
/// [`PushError::Refused`] if the answer is anything else, such as a login page.
pub(super) fn resources<'l>(asked: &str, list: &'l Value) -> Result<&'l [Value], PushError> {
    let total = member(list, "totalResults");
    match member(list, "Resources") {
        Some(Value::Array(all)) => Ok(all),
        // An empty ListResponse may omit `Resources`.
        None if total.and_then(Value::as_u64) == Some(0) => Ok(&[]),
        _ => {
            let got = match list {
                Value::Null => "no JSON".to_owned(),
                other => other.to_string().chars().take(200).collect(),
            };
            Err(PushError::Refused(format!(
                "GET {asked}: expected a SCIM ListResponse, got {got}"
            )))
        }
    }
}

/// True if a ListResponse with `length` resources is complete: `totalResults` is not greater
/// (RFC 7644 §3.4.2).
pub(super) fn is_whole(list: &Value, length: usize) -> bool {
    let total = member(list, "totalResults").and_then(Value::as_u64);
    total.is_some_and(|total| usize::try_from(total).is_ok_and(|total| total <= length))
}

/// True if a resource has this value, in any letter case: in the attribute of the filter, or in
/// any attribute if the answer does not contain that one.
pub(super) fn has_value(resource: &Value, attribute: &str, value: &str) -> bool {
    let shown = values(resource, attribute);
    let is_it = |one: &str| one.to_lowercase() == value.to_lowercase();
    if shown.is_empty() {
        return texts(resource).into_iter().any(is_it);
    }
    shown.into_iter().any(is_it)
}

/// Returns the string values at an attribute path of a filter, such as `userName`,
/// `name.familyName`, `emails`, `emails.value` and `emails[type eq "work"].value`.
fn values<'r>(resource: &'r Value, path: &str) -> Vec<&'r str> {
    if path.starts_with("urn:") {
        let (urn, name) = path.rsplit_once(':').unwrap_or((path, ""));
        let holder = member(resource, urn).unwrap_or(resource);
        return values(holder, name);
    }
    let (name, rest) = match path.find(['[', '.']) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let Some(found) = member(resource, name) else {
        return Vec::new();
    };
    let (condition, part) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((condition, part)) => (Some(condition), part),
        None => (None, rest),
    };
    let part = part.strip_prefix('.').unwrap_or("value");
    let all = match found {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter()
        .filter(|one| condition.is_none_or(|it| meets(one, it)))
        .filter_map(|one| match one {
            Value::Object(_) => member(one, part)?.as_str(),
            one => one.as_str(),
        })
        .collect()
}

/// True if a value meets a condition such as `type eq "work"`. Any other kind of condition
/// counts as met: the target evaluates it.
fn meets(one: &Value, condition: &str) -> bool {
    let lower = condition.to_ascii_lowercase();
    let Some(at) = lower.find(" eq ") else {
        return true;
    };
    let wanted = condition[at + 4..].trim().trim_matches('"');
    match member(one, condition[..at].trim()).and_then(Value::as_str) {
        Some(said) => said.eq_ignore_ascii_case(wanted),
        None => false,
    }
}

/// Returns all strings in a resource.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Returns a member of an object, by its name in any letter case (RFC 7643 §2.1).
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    let mut all = object.iter();
    let found = all.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).filter(|it| !it.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_resource_has_the_value_or_not() {
        let ann = json!({
            "userName": "ann@example.com",
            "displayName": "bob@example.com",
            "emails": [
                {"value": "ann@example.com", "type": "work"},
                {"value": "home@example.com", "type": "home"},
            ],
            "urn:x:User": {"department": "R&D"},
        });
        for (attribute, value, has) in [
            ("userName", "ANN@example.com", true),
            ("username", "ann@example.com", true),
            ("userName", "bob@example.com", false),
            ("emails", "home@example.com", true),
            ("emails.value", "home@example.com", true),
            (r#"emails[type eq "work"].value"#, "home@example.com", false),
            (r#"emails[type eq "home"].value"#, "home@example.com", true),
            ("urn:x:User:department", "R&D", true),
            // PingOne's own example, `email`, is no attribute of the core schema.
            ("email", "ann@example.com", true),
            ("email", "eve@example.com", false),
        ] {
            assert_eq!(
                has_value(&ann, attribute, value),
                has,
                "{attribute} {value}"
            );
        }
    }

    #[test]
    fn what_is_no_list_says_nothing() {
        for list in [json!(null), json!([]), json!({"users": []}), json!("x")] {
            assert!(resources("/Users", &list).is_err(), "{list}");
        }
        assert!(
            resources("/Users", &json!({"totalResults": 0}))
                .unwrap()
                .is_empty()
        );
        let two = json!({"totalResults": 2, "Resources": [{"id": "1"}]});
        assert_eq!(resources("/Users", &two).unwrap().len(), 1);
        assert!(!is_whole(&two, 1));
        assert!(is_whole(&json!({"totalResults": 1}), 1));
    }
}
