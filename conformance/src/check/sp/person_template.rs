//! Templates of the person whom the honest Responses are about (`check sp --person`): the NameID,
//! the attributes and the authentication context. Presets are data (`fixtures/people`, one file
//! each).
//!
//! ```toml
//! preset = "eduperson"
//! authn_context = "https://refeds.org/profile/sfa"
//!
//! [name_id]
//! format = "persistent"
//! value = "{user}"
//!
//! [[attribute]]
//! name = "urn:oid:2.5.4.42"
//! name_format = "uri"
//! values = ["Jo"]
//! ```

use saml::message::{Attribute, NameIdFormat};
use saml::names;
use serde::Deserialize;

// PEOPLE, written by build.rs: (name, text) of each file under fixtures/people.
include!(concat!(env!("OUT_DIR"), "/people.rs"));

/// An attribute of a person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonAttribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`; the attribute has none if `None`.
    pub name_format: Option<String>,
    /// The values; `{user}` stands for the user name.
    pub values: Vec<String>,
}

impl PersonAttribute {
    /// Creates an attribute with one value and an unspecified `NameFormat`.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            name_format: Some(names::ATTRNAME_UNSPECIFIED.to_owned()),
            values: vec![value.into()],
        }
    }

    /// Returns the attribute of this user.
    pub(super) fn of(&self, user: &str) -> Attribute {
        let values = self.values.iter();
        Attribute {
            name: self.name.clone(),
            name_format: self.name_format.clone(),
            values: values.map(|value| value.replace("{user}", user)).collect(),
        }
    }
}

/// How the NameID is made of a user name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameTemplate {
    /// URI of the format.
    pub format: String,
    /// The value; `{user}` stands for the user name.
    pub value: String,
    /// `NameQualifier`.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
}

impl Default for NameTemplate {
    /// The user name in the format emailAddress.
    fn default() -> Self {
        Self {
            format: NameIdFormat::EmailAddress.uri().to_owned(),
            value: "{user}".to_owned(),
            name_qualifier: None,
            sp_name_qualifier: None,
        }
    }
}

/// What a template says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonTemplate {
    /// The preset that it changes.
    preset: Option<String>,
    /// The NameID.
    pub name_id: Option<NameTemplate>,
    /// The authentication context class.
    pub authn_context: Option<String>,
    /// The attributes; the usual ones if there are none.
    #[serde(rename = "attribute", default)]
    pub attributes: Vec<PersonAttribute>,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The text is not a template.
    #[error("expected TOML with preset, authn_context, [name_id] and [[attribute]]")]
    Toml(#[from] toml::de::Error),
    /// There is no such preset.
    #[error("preset {name} not found; there are {}", known.join(", "))]
    Unknown {
        /// The name that was given.
        name: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// The NameID would be that of every user.
    #[error(
        "the value of name_id is \"{0}\": expected {{user}} in it, because the Responses about the attacker must name another user"
    )]
    SameForAll(String),
    /// An attribute has no value.
    #[error("the attribute {0} has no value; expected at least one in values")]
    NoValue(String),
}

impl PersonTemplate {
    /// Returns the names of the presets.
    pub fn presets() -> Vec<&'static str> {
        PEOPLE.iter().map(|(name, _)| *name).collect()
    }

    /// Returns a preset.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`].
    pub fn preset(name: &str) -> Result<Self, TemplateError> {
        match PEOPLE.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::read(text),
            None => Err(TemplateError::Unknown {
                name: name.to_owned(),
                known: Self::presets(),
            }),
        }
    }

    /// Reads a template. What it does not say comes from its preset; an attribute replaces that of
    /// the preset with the same name.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn read(text: &str) -> Result<Self, TemplateError> {
        let mut template: Self = toml::from_str(text)?;
        for attribute in &mut template.attributes {
            if attribute.values.is_empty() {
                return Err(TemplateError::NoValue(attribute.name.clone()));
            }
            attribute.name_format = attribute.name_format.as_deref().map(name_format);
        }
        if let Some(name_id) = &mut template.name_id {
            if !name_id.value.contains("{user}") {
                return Err(TemplateError::SameForAll(name_id.value.clone()));
            }
            name_id.format = name_id_format(&name_id.format);
        }
        let Some(name) = template.preset.take() else {
            return Ok(template);
        };
        let preset = Self::preset(&name)?;
        let mut attributes = preset.attributes;
        attributes.retain(|old| template.attributes.iter().all(|it| it.name != old.name));
        attributes.append(&mut template.attributes);
        Ok(Self {
            preset: None,
            name_id: template.name_id.or(preset.name_id),
            authn_context: template.authn_context.or(preset.authn_context),
            attributes,
        })
    }
}

/// Returns the URI of a format of NameIDs: short names stand for those of saml-core §8.3.
fn name_id_format(name: &str) -> String {
    match name {
        "unspecified" | "emailAddress" | "X509SubjectName" | "WindowsDomainQualifiedName" => {
            format!("urn:oasis:names:tc:SAML:1.1:nameid-format:{name}")
        }
        "persistent" | "transient" | "entity" | "kerberos" => {
            format!("urn:oasis:names:tc:SAML:2.0:nameid-format:{name}")
        }
        uri => uri.to_owned(),
    }
}

/// Returns the URI of a format of attribute names: short names stand for those of saml-core §8.2.
fn name_format(name: &str) -> String {
    match name {
        "unspecified" | "uri" | "basic" => {
            format!("urn:oasis:names:tc:SAML:2.0:attrname-format:{name}")
        }
        uri => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_changes_its_preset() {
        let text = "preset = \"eduperson\"\n[name_id]\nformat = \"transient\"\n\
            [[attribute]]\nname = \"urn:oid:2.5.4.42\"\nvalues = [\"Jo\", \"Joan\"]\n";
        let (changed, preset) = (
            PersonTemplate::read(text).unwrap(),
            PersonTemplate::preset("eduperson").unwrap(),
        );
        assert_eq!(changed.attributes.len(), preset.attributes.len());
        let given = changed.attributes.last().unwrap();
        assert_eq!(given.values, ["Jo", "Joan"]);
        assert_eq!(given.name_format, None);
        let name_id = changed.name_id.unwrap();
        assert!(name_id.format.ends_with("2.0:nameid-format:transient"));
        assert_eq!(name_id.value, "{user}");
        assert_eq!(changed.authn_context, preset.authn_context);
    }

    #[test]
    fn a_template_that_cannot_work_is_refused() {
        for (text, said) in [
            (
                "preset = \"none\"",
                "preset none not found; there are ad-fs",
            ),
            ("[name_id]\nvalue = \"jo\"", "expected {user} in it"),
            (
                "[[attribute]]\nname = \"a\"\nvalues = []",
                "the attribute a has no value",
            ),
            ("[name]\nvalue = \"jo\"", "expected TOML with preset"),
        ] {
            let error = PersonTemplate::read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
