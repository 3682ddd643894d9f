//! Converts a user of the directory to a SCIM User by attribute mappings: the defaults below,
//! or those of the rules. If a rule has any mapping of its own, no default applies.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::directory::{Document, text};
use crate::expression::{Model, Template};
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A mapping from an expression to a SCIM attribute.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub source: Template,
    /// SCIM attribute path: `name.givenName`, `emails[type eq "work"].value`.
    pub target: String,
}

/// Default mappings: PingOne attribute or expression, SCIM attribute.
const DEFAULTS: [(&str, &str); 13] = [
    ("user.username", "userName"),
    ("user.id", "externalId"),
    ("user.enabled", "active"),
    ("user.name.given", "name.givenName"),
    ("user.name.family", "name.familyName"),
    ("user.name.middle", "name.middleName"),
    (
        "#string.firstNonBlank(user.name.formatted, #string.trim(#string.join({user.name.given, user.name.family}, ' ')))",
        "displayName",
    ),
    ("user.email", "emails[type eq \"work\"].value"),
    ("user.nickname", "nickName"),
    ("user.title", "title"),
    ("user.preferredLanguage", "preferredLanguage"),
    ("user.locale", "locale"),
    ("user.timezone", "timezone"),
];

/// Parses a mapping `{sourceAttribute | expression, targetAttribute}`.
pub(crate) fn parse_mapping(document: &Document) -> Result<Mapping> {
    let target = text(document, "targetAttribute")
        .ok_or_else(|| Refused::required("targetAttribute"))?
        .to_owned();
    let (key, source) = match (
        text(document, "sourceAttribute"),
        text(document, "expression"),
    ) {
        (Some(attribute), None) => {
            let path = attribute.trim_start_matches("user.");
            ("sourceAttribute", format!("${{user.{path}}}"))
        }
        (None, Some(expression)) if expression.contains("${") => {
            ("expression", expression.to_owned())
        }
        (None, Some(expression)) => ("expression", format!("${{{expression}}}")),
        _ => {
            return Err(Refused::invalid(
                "sourceAttribute",
                "expected exactly one of sourceAttribute and expression",
            ));
        }
    };
    let source =
        Template::parse(&source).map_err(|error| Refused::invalid(key, error.to_string()))?;
    Ok(Mapping { source, target })
}

/// Returns the mappings of these rules; if they have none, the defaults.
pub(crate) async fn list_user_mappings(
    db: &mut Db,
    environment: &str,
    rules: &[Resource],
) -> Result<Vec<Mapping>> {
    let mut own = Vec::new();
    for rule in rules {
        for stored in resources::list(db, environment, Kind::Mapping, Some(&rule.id)).await? {
            own.push(parse_mapping(&stored.document)?);
        }
    }
    if !own.is_empty() {
        return Ok(own);
    }
    DEFAULTS
        .iter()
        .map(|(source, target)| {
            let source = Template::parse(&format!("${{{source}}}"))
                .map_err(|error| Refused::Internal(error.to_string()))?;
            Ok(Mapping {
                source,
                target: (*target).to_owned(),
            })
        })
        .collect()
}

/// Converts a user of the directory to a SCIM User.
pub(crate) fn user(mappings: &[Mapping], user: &Value, now: Timestamp) -> Result<Value> {
    let context = Model::of(&json!({"user": user}));
    let mut resource = Map::new();
    resource.insert("schemas".into(), json!([USER]));
    for mapping in mappings {
        let value = mapping.source.evaluate(&context, now).map_err(|error| {
            Refused::invalid(&mapping.target, format!("the mapping failed: {error}"))
        })?;
        if !value.is_null() && value != "" {
            place(&mut resource, &mapping.target, value);
        }
    }
    resource
        .entry("active")
        .or_insert_with(|| Value::Bool(user["enabled"] != Value::Bool(false)));
    Ok(Value::Object(resource))
}

/// Sets the value at a SCIM attribute path.
fn place(resource: &mut Map<String, Value>, path: &str, value: Value) {
    if path == "workEmail" {
        return place(resource, "emails[type eq \"work\"].value", value);
    }
    if path.starts_with("urn:")
        && let Some((urn, attribute)) = path.rsplit_once(':')
    {
        if let Some(Value::Array(schemas)) = resource.get_mut("schemas")
            && !schemas.iter().any(|schema| schema == urn)
        {
            schemas.push(urn.into());
        }
        if let Value::Object(extension) = resource
            .entry(urn)
            .or_insert_with(|| Value::Object(Map::new()))
        {
            place(extension, attribute, value);
        }
        return;
    }
    if let Some((attribute, rest)) = path.split_once('[') {
        let kind = rest.split('"').nth(1).unwrap_or("work").to_owned();
        let part = rest.rsplit_once("].").map_or("value", |(_, part)| part);
        let items = resource
            .entry(attribute)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = items {
            let first = items.is_empty();
            match items.iter_mut().find(|item| item["type"] == kind.as_str()) {
                Some(Value::Object(item)) => {
                    item.insert(part.to_owned(), value);
                }
                _ => items.push(json!({part: value, "type": kind, "primary": first})),
            }
        }
        return;
    }
    match path.split_once('.') {
        None => {
            resource.insert(path.to_owned(), value);
        }
        Some((outer, inner)) => {
            if let Value::Object(object) = resource
                .entry(outer)
                .or_insert_with(|| Value::Object(Map::new()))
            {
                place(object, inner, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_where_its_path_says() {
        let mut resource = Map::from_iter([("schemas".to_owned(), json!([USER]))]);
        for (path, value) in [
            ("name.givenName", "Ada"),
            ("workEmail", "ada@example.com"),
            ("phoneNumbers[type eq \"mobile\"].value", "1"),
            ("urn:x:User:department", "R&D"),
        ] {
            place(&mut resource, path, value.into());
        }
        assert_eq!(
            Value::Object(resource),
            json!({
                "schemas": [USER, "urn:x:User"],
                "name": {"givenName": "Ada"},
                "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
                "phoneNumbers": [{"value": "1", "type": "mobile", "primary": true}],
                "urn:x:User": {"department": "R&D"},
            })
        );
    }
}
