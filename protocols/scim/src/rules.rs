//! How a server reads requests: by RFC 7644, which ignores what it does not know, or by stricter
//! rules, those of the interoperability profile (draft-zollner-scim-interop-profile-02) and of the
//! IPSIE account lifecycle profile. Okta, Google and older clients of Entra ID send requests that the
//! strict rules refuse.

use serde_json::{Value, json};

use crate::patch::{self, Action, Operation};
use crate::resource::member;
use crate::schema::{Attribute, Kind, ResourceType, Returned, Schema};
use crate::{Error, PatchPath, Resource, ScimType};

/// Values of the sub-attribute `type` where RFC 7643 suggests none.
const TYPES: [&str; 2] = ["work", "other"];

/// The rules by which a server reads requests and describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rules {
    /// RFC 7644, with the deviations of well-known clients.
    #[default]
    Rfc7644,
    /// The interoperability profile and IPSIE: an unknown attribute, an unknown schema and a PATCH
    /// operation without a path are refused, `replace` on a complex attribute replaces all of it,
    /// there are no passwords, and the displayName of groups is unique.
    Strict,
}

impl Rules {
    /// All rules.
    pub const ALL: [Self; 2] = [Self::Rfc7644, Self::Strict];

    /// Returns the name: `rfc7644` or `strict`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rfc7644 => "rfc7644",
            Self::Strict => "strict",
        }
    }

    /// Returns the rules with this name.
    pub fn find_by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Parses the body of POST or PUT.
    ///
    /// # Errors
    /// As [`Resource::parse`]; by the strict rules also `invalidSyntax` for an unknown attribute or
    /// schema.
    pub fn parse_resource(self, body: &Value, of: &ResourceType) -> Result<Resource, Error> {
        if self == Self::Strict {
            require_known_schemas(body, of)?;
            require_known_members(body, of)?;
        }
        Resource::parse(body, of)
    }

    /// Parses the body of PATCH.
    ///
    /// # Errors
    /// As [`patch::parse`]; by the strict rules also `invalidSyntax` for an operation without a path
    /// and for an unknown attribute or schema.
    pub fn parse_patch(self, body: &Value, of: &ResourceType) -> Result<Vec<Operation>, Error> {
        if self == Self::Rfc7644 {
            return patch::parse(body);
        }
        require_paths(body)?;
        let operations = patch::parse(body)?;
        let mut strict = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            let number = index + 1;
            let is_whole = changes_whole_complex(&operation, of).map_err(|what| {
                Error::of(
                    ScimType::InvalidSyntax,
                    format!("operation {number}: {what}"),
                )
            })?;
            if operation.action == Action::Replace && is_whole {
                strict.push(Operation {
                    action: Action::Remove,
                    value: None,
                    ..operation.clone()
                });
            }
            strict.push(operation);
        }
        Ok(strict)
    }

    /// True if no two groups may have the same displayName.
    pub fn has_unique_groups(self) -> bool {
        self == Self::Strict
    }

    /// Returns the document at `/Schemas/{id}`.
    pub fn describe_schema(self, schema: &Schema, base_url: &str) -> Value {
        let mut document = schema.to_json(base_url);
        if self == Self::Rfc7644 {
            return document;
        }
        let Some(attributes) = document["attributes"].as_array_mut() else {
            return document;
        };
        attributes.retain(|one| one["returned"] != "never");
        let parts = attributes
            .iter_mut()
            .filter_map(|one| one["subAttributes"].as_array_mut());
        for part in parts.flatten() {
            if part["name"] == "type" && part["canonicalValues"].is_null() {
                part["canonicalValues"] = json!(TYPES);
            }
        }
        document
    }

    /// Adds to the document at `/ServiceProviderConfig` what the rules contain.
    pub fn describe_service(self, document: &mut Value) {
        if self == Self::Strict {
            document["interopProfileConformant"] = json!(true);
        }
    }
}

/// True if the attribute exists by the strict rules, which have no credentials.
fn is_known(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Never
}

fn unknown_error(what: &str, of: &ResourceType) -> Error {
    Error::of(
        ScimType::InvalidSyntax,
        format!(
            "unknown attribute or schema of {}: {what}; GET /Schemas has them all",
            of.name
        ),
    )
}

fn require_known_schemas(body: &Value, of: &ResourceType) -> Result<(), Error> {
    let named = member(body, "schemas").and_then(Value::as_array);
    let urns = named.into_iter().flatten().filter_map(Value::as_str);
    let is_ours = |urn: &str| urn.eq_ignore_ascii_case(of.schema.id);
    match urns
        .into_iter()
        .find(|urn| !is_ours(urn) && of.extension_by_id(urn).is_none())
    {
        Some(urn) => Err(unknown_error(urn, of)),
        None => Ok(()),
    }
}

fn require_known_members(body: &Value, of: &ResourceType) -> Result<(), Error> {
    for (name, value) in body.as_object().into_iter().flatten() {
        if let Some(extension) = of.extension_by_id(name) {
            let find = |name: &str| extension.attribute(name);
            require_known(value, name, of, &find)?;
            continue;
        }
        let mut all = of.attributes();
        let attribute = all.find(|one| one.name.eq_ignore_ascii_case(name));
        let attribute = attribute.filter(|one| is_known(one));
        let attribute = attribute.ok_or_else(|| unknown_error(name, of))?;
        require_known_parts(value, attribute, name, of)?;
    }
    Ok(())
}

/// Requires that every member of this object is an attribute that `find` knows.
fn require_known(
    value: &Value,
    place: &str,
    of: &ResourceType,
    find: &dyn Fn(&str) -> Option<&'static Attribute>,
) -> Result<(), Error> {
    for (name, value) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        let attribute = find(name).filter(|one| is_known(one));
        let attribute = attribute.ok_or_else(|| unknown_error(&place, of))?;
        require_known_parts(value, attribute, &place, of)?;
    }
    Ok(())
}

/// Requires that a value of this attribute, or each of its values, has known sub-attributes.
fn require_known_parts(
    value: &Value,
    attribute: &Attribute,
    place: &str,
    of: &ResourceType,
) -> Result<(), Error> {
    // `meta` is the server's own, which clients send back.
    if attribute.kind != Kind::Complex || attribute.name == "meta" {
        return Ok(());
    }
    let single = std::slice::from_ref(value);
    let find = |name: &str| attribute.sub_attribute(name);
    let mut all = value.as_array().map_or(single, Vec::as_slice).iter();
    all.try_for_each(|one| require_known(one, place, of, &find))
}

/// Requires that each operation has a path.
fn require_paths(body: &Value) -> Result<(), Error> {
    let operations = member(body, "Operations").and_then(Value::as_array);
    for (index, operation) in operations.into_iter().flatten().enumerate() {
        let path = member(operation, "path").and_then(Value::as_str);
        if path.is_none_or(|path| path.trim().is_empty()) {
            let number = index + 1;
            let detail = format!(
                "operation {number}: missing path: expected the attribute that the operation changes"
            );
            return Err(Error::of(ScimType::InvalidSyntax, detail));
        }
    }
    Ok(())
}

/// True if an operation changes all of a complex attribute that has one value. Returns why the
/// operation is refused if it names something unknown.
fn changes_whole_complex(operation: &Operation, of: &ResourceType) -> Result<bool, String> {
    let path = operation.path.as_deref().unwrap_or_default();
    let unknown = || unknown_error(path, of).detail;
    let value = operation.value.as_ref().unwrap_or(&Value::Null);
    if let Some(extension) = of.extension_by_id(path) {
        let find = |name: &str| extension.attribute(name);
        require_known(value, path, of, &find).map_err(|error| error.detail)?;
        return Ok(value.is_object());
    }
    // A path that cannot be parsed is refused later, as RFC 7644 wants it.
    let Ok(parsed) = PatchPath::parse(path) else {
        return Ok(false);
    };
    let attribute = of.attribute(&parsed.attribute).filter(|one| is_known(one));
    let attribute = attribute.ok_or_else(unknown)?;
    let sub = parsed.attribute.sub.as_deref().or(parsed.sub.as_deref());
    if let Some(sub) = sub {
        attribute.sub_attribute(sub).ok_or_else(unknown)?;
    } else {
        require_known_parts(value, attribute, path, of).map_err(|error| error.detail)?;
    }
    let is_single = !attribute.multi_valued && attribute.kind == Kind::Complex;
    Ok(is_single && sub.is_none() && value.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ENTERPRISE_USER, USER, USER_TYPE};

    fn parse(rules: Rules, more: &Value) -> Result<Resource, Error> {
        let mut body = json!({"schemas": [USER.id], "userName": "ada"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        rules.parse_resource(&body, &USER_TYPE)
    }

    #[test]
    fn the_strict_rules_refuse_what_rfc_7644_ignores() {
        for (unknown, named) in [
            (json!({"shoeSize": 42}), "shoeSize"),
            (json!({"password": "secret"}), "password"),
            (json!({"name": {"givenName": "Ada", "x": 1}}), "name.x"),
            (
                json!({"emails": [{"value": "a@b.example", "x": 1}]}),
                "emails.x",
            ),
            (
                json!({"schemas": [USER.id, "urn:example:x"]}),
                "urn:example:x",
            ),
            (json!({"urn:example:x": {"a": 1}}), "urn:example:x"),
            (json!({ENTERPRISE_USER.id: {"x": 1}}), ".x"),
        ] {
            assert!(parse(Rules::Rfc7644, &unknown).is_ok(), "{unknown}");
            let error = parse(Rules::Strict, &unknown).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{unknown}");
            assert!(error.detail.contains(named), "{}", error.detail);
        }
        let known = json!({
            "id": "1", "meta": {"version": "W/1", "x": 1}, "USERNAME": "ada", "active": true,
            "name": {"givenName": "Ada"}, "emails": [{"value": "a@b.example", "type": "work"}],
            "schemas": [USER.id, ENTERPRISE_USER.id],
            ENTERPRISE_USER.id: {"department": "X", "manager": {"value": "2"}},
        });
        assert!(parse(Rules::Strict, &known).is_ok());
    }

    fn parse_one(rules: Rules, operation: &Value) -> Result<Vec<Operation>, Error> {
        let body = json!({"schemas": [crate::messages::PATCH_OP], "Operations": [operation]});
        rules.parse_patch(&body, &USER_TYPE)
    }

    #[test]
    fn the_strict_rules_require_a_known_path() {
        for operation in [
            json!({"op": "replace", "value": {"displayName": "x"}}),
            json!({"op": "replace", "path": " ", "value": {"displayName": "x"}}),
            json!({"op": "replace", "path": "shoeSize", "value": "x"}),
            json!({"op": "replace", "path": "password", "value": "x"}),
            json!({"op": "replace", "path": "name.x", "value": "x"}),
            json!({"op": "replace", "path": "emails[type eq \"work\"].x", "value": "x"}),
            json!({"op": "replace", "path": "urn:example:x:title", "value": "x"}),
            json!({"op": "add", "path": "name", "value": {"x": 1}}),
        ] {
            assert!(parse_one(Rules::Rfc7644, &operation).is_ok(), "{operation}");
            let error = parse_one(Rules::Strict, &operation).unwrap_err();
            assert_eq!(
                error.scim_type,
                Some(ScimType::InvalidSyntax),
                "{operation}"
            );
            assert!(
                error.detail.starts_with("operation 1: "),
                "{}",
                error.detail
            );
        }
    }

    #[test]
    fn by_the_strict_rules_replace_of_a_complex_value_replaces_all_of_it() {
        let name = json!({"givenName": "Ada", "familyName": "Lovelace"});
        let user = json!({"schemas": [USER.id], "userName": "ada", "name": name});
        let change = |op: &str, rules: Rules| {
            let operation = json!({"op": op, "path": "name", "value": {"givenName": "Eve"}});
            let operations = parse_one(rules, &operation).unwrap();
            patch::apply(&operations, &user, &USER_TYPE).unwrap()["name"].clone()
        };
        let merged = json!({"givenName": "Eve", "familyName": "Lovelace"});
        assert_eq!(change("replace", Rules::Rfc7644), merged);
        assert_eq!(change("add", Rules::Strict), merged);
        assert_eq!(
            change("replace", Rules::Strict),
            json!({"givenName": "Eve"})
        );
    }

    #[test]
    fn the_strict_schema_has_no_password_and_a_value_for_each_type() {
        let text = |rules: Rules| rules.describe_schema(&USER, "").to_string();
        assert!(text(Rules::Rfc7644).contains("\"password\""));
        assert!(!text(Rules::Strict).contains("\"password\""));
        let document = Rules::Strict.describe_schema(&USER, "");
        for attribute in document["attributes"].as_array().unwrap() {
            let parts = attribute["subAttributes"].as_array().into_iter().flatten();
            for part in parts.filter(|it| it["name"] == "type") {
                assert!(part["canonicalValues"].is_array(), "{attribute}");
            }
        }
    }
}
