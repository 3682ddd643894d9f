//! Builds bodies that the server accepts: the attributes that its schemas require, and those that a
//! check needs.

use serde_json::{Map, Value, json};

use super::reading::member;
use super::schema::Attribute;
use super::server::Kind;

/// Returns the smallest resource of this kind that the schemas allow. Its values contain `name`,
/// and `name` itself is always set. `wanted` are attributes that the server requires although its
/// schema does not say so.
pub(super) fn least(kind: &Kind, name: &str, wanted: &[String]) -> Value {
    let mut schemas = vec![Value::from(kind.schema.id.clone())];
    let mut body = Map::new();
    for attribute in &kind.schema.attributes {
        let is_wanted = wanted.contains(&attribute.name);
        let named = ["userName", "displayName"]
            .iter()
            .find(|name| kind.schema.attribute(name).is_some());
        let names_it = named.is_some_and(|name| attribute.name.eq_ignore_ascii_case(name));
        if (attribute.required || is_wanted || names_it) && attribute.writable() {
            body.insert(attribute.name.clone(), value(attribute, name));
        }
    }
    for (schema, required) in &kind.extensions {
        let inner: Map<String, Value> = schema
            .attributes
            .iter()
            .filter(|one| one.required && one.writable())
            .map(|one| (one.name.clone(), value(one, name)))
            .collect();
        if *required {
            schemas.push(schema.id.clone().into());
            body.insert(schema.id.clone(), inner.into());
        }
    }
    body.insert("schemas".to_owned(), schemas.into());
    body.into()
}

/// Removes sub-attributes that the schema does not contain, and adds those that it requires.
/// Servers with strict schemas refuse the whole resource otherwise.
pub(super) fn fit_to_schema(mut given: Value, attribute: &Attribute, name: &str) -> Value {
    let fit = |one: &mut Value| {
        let Some(object) = one.as_object_mut().filter(|_| !attribute.inner.is_empty()) else {
            return;
        };
        let part = |name: &str| {
            let mut inner = attribute.inner.iter();
            inner.find(|part| part.name.eq_ignore_ascii_case(name))
        };
        object.retain(|name, _| part(name).is_some_and(Attribute::writable));
        for part in &attribute.inner {
            let is_there = object.keys().any(|it| it.eq_ignore_ascii_case(&part.name));
            if part.required && part.writable() && !is_there {
                object.insert(part.name.clone(), value(part, name));
            }
        }
    };
    match &mut given {
        Value::Array(all) => all.iter_mut().for_each(fit),
        one => fit(one),
    }
    given
}

/// Returns a value of the attribute's type.
fn value(attribute: &Attribute, name: &str) -> Value {
    let one = match attribute.kind.as_str() {
        "boolean" => true.into(),
        "integer" => 1.into(),
        "decimal" => 1.5.into(),
        "dateTime" => "2026-01-02T03:04:05Z".into(),
        "binary" => "AAEC".into(),
        "reference" => format!("https://example.com/{name}").into(),
        "complex" => {
            let mut inner = Map::new();
            let any_required = attribute.inner.iter().any(|one| one.required);
            for part in &attribute.inner {
                let useful =
                    ["value", "familyName", "givenName", "type"].contains(&part.name.as_str());
                if part.writable()
                    && (part.required || (useful && !any_required) || part.name == "value")
                {
                    inner.insert(part.name.clone(), value(part, name));
                }
            }
            inner.into()
        }
        _ => match attribute.canonical.first() {
            Some(known) => known.as_str().into(),
            None => name.into(),
        },
    };
    if attribute.multi_valued {
        json!([one])
    } else {
        one
    }
}

/// Adds members to a body. They replace members with the same name, except `schemas`, which is
/// extended.
pub(super) fn with(mut body: Value, more: Value) -> Value {
    let (Some(object), Value::Object(more)) = (body.as_object_mut(), more) else {
        return body;
    };
    for (name, value) in more {
        if name == "schemas" {
            let mut all = object
                .get("schemas")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let new = value.as_array().cloned().unwrap_or_default();
            all.extend(
                new.into_iter()
                    .filter(|one| !all.contains(one))
                    .collect::<Vec<_>>(),
            );
            object.insert(name, all.into());
        } else {
            object.insert(name, value);
        }
    }
    body
}

/// Returns the name of the resource in a body.
pub(super) fn name_of(body: &Value) -> Option<&str> {
    let name = member(body, "userName").or_else(|| member(body, "displayName"));
    name.and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::schema::Schema;
    use super::*;

    #[test]
    fn values_fit_the_sub_attributes_of_a_strict_schema() {
        let schema = json!({"id": "urn:example:User", "attributes": [
            {"name": "name", "type": "complex", "subAttributes": [
                {"name": "formatted", "required": true},
                {"name": "givenName"},
            ]},
            {"name": "emails", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value"}]},
            {"name": "open", "type": "complex"},
        ]});
        let schema = Schema::read(&schema).unwrap();
        let fit = |name: &str, given: Value| {
            let attribute = schema.attribute(name).unwrap();
            fit_to_schema(given, attribute, "n")
        };
        assert_eq!(
            fit("name", json!({"givenName": "Ann", "familyName": "Arbor"})),
            json!({"givenName": "Ann", "formatted": "n"})
        );
        assert_eq!(
            fit(
                "emails",
                json!([{"value": "a@example.com", "type": "work"}])
            ),
            json!([{"value": "a@example.com"}])
        );
        assert_eq!(fit("open", json!({"any": 1})), json!({"any": 1}));
    }
}
