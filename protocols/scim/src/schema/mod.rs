//! Schemas and resource types as data (RFC 7643 §2, §6, §7).

mod core;
mod document;

use serde_json::{Map, Value, json};

pub use self::core::{ENTERPRISE_USER, GROUP, GROUP_TYPE, USER, USER_TYPE};
pub use self::document::SchemaError;

use crate::AttributePath;

/// Types of values (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// §2.3.1
    String,
    /// §2.3.2
    Boolean,
    /// §2.3.3
    Decimal,
    /// §2.3.4
    Integer,
    /// §2.3.5
    DateTime,
    /// §2.3.6
    Binary,
    /// §2.3.7
    Reference,
    /// §2.3.8
    Complex,
}

impl Kind {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::DateTime,
        Self::Binary,
        Self::Reference,
        Self::Complex,
    ];

    /// The name in schema documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write a value (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// The service provider alone.
    ReadOnly,
    /// Clients too.
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients, but nobody reads it.
    WriteOnly,
}

/// When a value is returned (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Whatever is asked.
    Always,
    /// It is never returned.
    Never,
    /// Unless something else is asked.
    Default,
    /// When asked for.
    Request,
}

/// An attribute's definition (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Whether it has many.
    pub multi_valued: bool,
    /// Whether one must be there.
    pub required: bool,
    /// Whether letter case matters.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// Whether it is unique among the server's resources.
    pub unique: bool,
    /// The values that are suggested.
    pub canonical: &'static [&'static str],
    /// What a reference may refer to.
    pub refers_to: &'static [&'static str],
    /// What it is for.
    pub description: &'static str,
    /// The parts of a complex value.
    pub sub_attributes: &'static [Attribute],
}

impl Attribute {
    /// The part of that name, in any letter case.
    pub fn sub_attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.sub_attributes
            .iter()
            .find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), self.name.into());
        out.insert("type".into(), self.kind.name().into());
        out.insert("multiValued".into(), self.multi_valued.into());
        out.insert("description".into(), self.description.into());
        out.insert("required".into(), self.required.into());
        out.insert("caseExact".into(), self.case_exact.into());
        let mutability = match self.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
            Mutability::WriteOnly => "writeOnly",
        };
        out.insert("mutability".into(), mutability.into());
        let returned = match self.returned {
            Returned::Always => "always",
            Returned::Never => "never",
            Returned::Default => "default",
            Returned::Request => "request",
        };
        out.insert("returned".into(), returned.into());
        out.insert(
            "uniqueness".into(),
            if self.unique { "server" } else { "none" }.into(),
        );
        if !self.canonical.is_empty() {
            out.insert("canonicalValues".into(), self.canonical.into());
        }
        if !self.refers_to.is_empty() {
            out.insert("referenceTypes".into(), self.refers_to.into());
        }
        if !self.sub_attributes.is_empty() {
            let subs: Vec<Value> = self.sub_attributes.iter().map(Self::to_json).collect();
            out.insert("subAttributes".into(), subs.into());
        }
        Value::Object(out)
    }
}

/// A schema (RFC 7643 §7).
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

impl Schema {
    /// The attribute of that name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
    }

    /// The document at `/Schemas/{id}`.
    pub fn to_json(&self, base_url: &str) -> Value {
        let attributes: Vec<Value> = self.attributes.iter().map(Attribute::to_json).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{base_url}/Schemas/{}", self.id)},
        })
    }
}

/// A kind of resource (RFC 7643 §6).
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Its path, from the base URL.
    pub endpoint: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its schema.
    pub schema: &'static Schema,
    /// Its extensions, none of which is required.
    pub extensions: &'static [&'static Schema],
}

impl ResourceType {
    /// The extension a path names, if it names one.
    pub fn extension(&self, path: &AttributePath) -> Option<&'static Schema> {
        let urn = path.schema.as_deref()?;
        self.extension_by_id(urn)
    }

    /// The extension with that URN.
    pub fn extension_by_id(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions
            .iter()
            .copied()
            .find(|one| one.id.eq_ignore_ascii_case(urn))
    }

    /// The definition a path leads to, without its sub-attribute.
    pub fn attribute(&self, path: &AttributePath) -> Option<&'static Attribute> {
        match path.schema.as_deref() {
            None => self
                .common(&path.name)
                .or_else(|| self.schema.attribute(&path.name)),
            Some(urn) if urn.eq_ignore_ascii_case(self.schema.id) => {
                self.schema.attribute(&path.name)
            }
            Some(urn) => self.extension_by_id(urn)?.attribute(&path.name),
        }
    }

    /// This type with more extensions: an organization's own, read from
    /// documents at the start. It stays for as long as the process runs.
    pub fn extended(&'static self, more: &[&'static Schema]) -> &'static Self {
        if more.is_empty() {
            return self;
        }
        let extensions = [self.extensions, more].concat();
        Box::leak(Box::new(Self {
            extensions: extensions.leak(),
            ..*self
        }))
    }

    /// Whether a resource has attributes that can be written once only.
    pub fn has_immutable(&self) -> bool {
        let is = |one: &Attribute| one.mutability == Mutability::Immutable;
        self.schema.attributes.iter().any(is)
            || self
                .extensions
                .iter()
                .any(|extension| extension.attributes.iter().any(is))
    }

    fn common(&self, name: &str) -> Option<&'static Attribute> {
        core::COMMON
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
    }

    /// The attributes at the top of a resource: common ones and the schema's.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        core::COMMON.iter().chain(self.schema.attributes)
    }

    /// The document at `/ResourceTypes/{name}`.
    pub fn to_json(&self, base_url: &str) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|extension| json!({"schema": extension.id, "required": false}))
            .collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base_url}/ResourceTypes/{}", self.name),
            },
        })
    }
}
