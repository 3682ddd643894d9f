//! Schemas and resource types as data (RFC 7643 §2, §6, §7).

mod core;
mod document;

use serde_json::{Map, Value, json};

pub use self::core::{ENTERPRISE_USER, GROUP, GROUP_TYPE, USER, USER_TYPE};
pub use self::document::SchemaError;

use crate::AttributePath;

/// Data types (RFC 7643 §2.3).
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

    /// Returns the name in schema documents.
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

/// `mutability`: who may set a value (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Only the service provider.
    ReadOnly,
    /// Clients too.
    ReadWrite,
    /// Clients, but only once.
    Immutable,
    /// Clients; the value is never returned.
    WriteOnly,
}

/// `returned`: when a value is in an answer (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// In every answer.
    Always,
    /// In no answer.
    Never,
    /// Unless the client requests other attributes.
    Default,
    /// Only if the client requests it by name.
    Request,
}

/// Definition of an attribute (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name of the attribute.
    pub name: &'static str,
    /// Data type.
    pub kind: Kind,
    /// True if it is multi-valued.
    pub multi_valued: bool,
    /// True if it is required.
    pub required: bool,
    /// True if letter case matters.
    pub case_exact: bool,
    /// Who may set it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// True if no two resources may have the same value.
    pub unique: bool,
    /// Suggested values (`canonicalValues`).
    pub canonical: &'static [&'static str],
    /// Resource types that a reference may have (`referenceTypes`).
    pub refers_to: &'static [&'static str],
    /// Description of the attribute.
    pub description: &'static str,
    /// Sub-attributes of a complex attribute.
    pub sub_attributes: &'static [Attribute],
}

impl Attribute {
    /// Returns the sub-attribute with this name, in any letter case.
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
    /// URN of the schema.
    pub id: &'static str,
    /// Name of the schema.
    pub name: &'static str,
    /// Description of the schema.
    pub description: &'static str,
    /// Attributes of the schema.
    pub attributes: &'static [Attribute],
}

impl Schema {
    /// Returns the attribute with this name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
    }

    /// Returns the document at `/Schemas/{id}`.
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

/// A resource type (RFC 7643 §6).
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Name of the resource type.
    pub name: &'static str,
    /// Path below the base URL, such as `/Users`.
    pub endpoint: &'static str,
    /// Description of the resource type.
    pub description: &'static str,
    /// The core schema.
    pub schema: &'static Schema,
    /// The extensions; none of them is required.
    pub extensions: &'static [&'static Schema],
}

impl ResourceType {
    /// Returns the extension that a path names, if it names one.
    pub fn extension(&self, path: &AttributePath) -> Option<&'static Schema> {
        let urn = path.schema.as_deref()?;
        self.extension_by_id(urn)
    }

    /// Returns the extension with this URN.
    pub fn extension_by_id(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions
            .iter()
            .copied()
            .find(|one| one.id.eq_ignore_ascii_case(urn))
    }

    /// Returns the definition of the attribute at a path, without its sub-attribute.
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

    /// Returns this type with more extensions, which an organization provides as documents. The
    /// type is kept until the process ends.
    pub fn with_extensions(&'static self, more: &[&'static Schema]) -> &'static Self {
        if more.is_empty() {
            return self;
        }
        let extensions = [self.extensions, more].concat();
        Box::leak(Box::new(Self {
            extensions: extensions.leak(),
            ..*self
        }))
    }

    /// True if the type has immutable attributes.
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

    /// Returns the top-level attributes: the common ones and those of the schema.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        core::COMMON.iter().chain(self.schema.attributes)
    }

    /// Returns the document at `/ResourceTypes/{name}`.
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
