//! The attributes of a server, read from its `/Schemas`, or those of RFC 7643 if the server has no
//! schemas.

use serde_json::Value;

use super::reading::{member, text, values};

/// Characteristics of an attribute (RFC 7643 §7).
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) multi_valued: bool,
    pub(super) required: bool,
    pub(super) case_exact: bool,
    pub(super) mutability: String,
    pub(super) returned: String,
    pub(super) canonical: Vec<String>,
    pub(super) inner: Vec<Attribute>,
}

/// A schema of the server.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) id: String,
    pub(super) attributes: Vec<Attribute>,
    /// True if the server declares it at `/Schemas`, false if it is the schema of the RFC.
    pub(super) is_declared: bool,
}

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// String attributes of users, if the server has no schemas (RFC 7643 §4.1).
const USER_TEXTS: [&str; 9] = [
    "userName",
    "displayName",
    "nickName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
];

impl Attribute {
    fn read(said: &Value) -> Option<Self> {
        let or = |name: &str, default: &str| text(said, &[name]).unwrap_or(default).to_owned();
        let flag = |name: &str| member(said, name).and_then(Value::as_bool).unwrap_or(false);
        Some(Self {
            name: text(said, &["name"])?.to_owned(),
            kind: or("type", "string"),
            multi_valued: flag("multiValued"),
            required: flag("required"),
            case_exact: flag("caseExact"),
            mutability: or("mutability", "readWrite"),
            returned: or("returned", "default"),
            canonical: values(said, "canonicalValues")
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            inner: values(said, "subAttributes")
                .iter()
                .filter_map(Self::read)
                .collect(),
        })
    }

    fn plain(name: &str, kind: &str, inner: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            multi_valued: false,
            required: name == "userName",
            case_exact: false,
            mutability: "readWrite".to_owned(),
            returned: "default".to_owned(),
            canonical: Vec::new(),
            inner: inner
                .iter()
                .map(|name| {
                    let kind = if *name == "primary" {
                        "boolean"
                    } else {
                        "string"
                    };
                    Self::plain(name, kind, &[])
                })
                .collect(),
        }
    }

    /// True if a client may set the attribute.
    pub(super) fn writable(&self) -> bool {
        self.mutability != "readOnly"
    }
}

impl Schema {
    /// Reads a schema; returns `None` if it has no id.
    pub(super) fn read(said: &Value) -> Option<Self> {
        Some(Self {
            id: text(said, &["id"])?.to_owned(),
            attributes: values(said, "attributes")
                .iter()
                .filter_map(Attribute::read)
                .collect(),
            is_declared: true,
        })
    }

    /// Returns the User schema of RFC 7643 §4.1, as far as the checks need it.
    pub(super) fn of_users() -> Self {
        let texts = USER_TEXTS
            .iter()
            .map(|name| Attribute::plain(name, "string", &[]));
        let mut attributes: Vec<Attribute> = texts.collect();
        attributes.push(Attribute::plain("active", "boolean", &[]));
        let name = ["formatted", "familyName", "givenName"];
        attributes.push(Attribute::plain("name", "complex", &name));
        let plural = ["value", "display", "type", "primary"];
        let mut emails = Attribute::plain("emails", "complex", &plural);
        emails.multi_valued = true;
        attributes.push(emails);
        for attribute in &mut attributes {
            if attribute.name == "password" {
                attribute.mutability = "writeOnly".to_owned();
                attribute.returned = "never".to_owned();
            }
        }
        Self {
            id: USER.to_owned(),
            attributes,
            is_declared: false,
        }
    }

    /// Returns the Group schema of RFC 7643 §4.2.
    pub(super) fn of_groups() -> Self {
        let mut display = Attribute::plain("displayName", "string", &[]);
        display.required = true;
        let mut members = Attribute::plain("members", "complex", &["value", "$ref", "type"]);
        members.multi_valued = true;
        Self {
            id: GROUP.to_owned(),
            attributes: vec![display, members],
            is_declared: false,
        }
    }

    /// Returns the attribute at a path such as `name.givenName`.
    pub(super) fn attribute(&self, path: &str) -> Option<&Attribute> {
        let mut among = &self.attributes;
        let mut found = None;
        for name in path.split('.') {
            let one = among
                .iter()
                .find(|one| one.name.eq_ignore_ascii_case(name))?;
            among = &one.inner;
            found = Some(one);
        }
        found
    }
}
