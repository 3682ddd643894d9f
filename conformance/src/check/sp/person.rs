//! The user of `--user`, whom the honest Responses are about.

use saml::message::{Attribute, NameId, NameIdFormat};
use saml::names;

use super::person_template::{NameTemplate, PersonAttribute, PersonTemplate};
use crate::check::profile::{self, Profile};

/// The user of `--user`: how the honest Responses describe them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name.
    pub user: String,
    /// How the NameID is made of a user name.
    pub name_id: NameTemplate,
    /// The attributes.
    pub attributes: Vec<PersonAttribute>,
    /// The authentication context class (saml-core §2.7.2.2).
    pub authn_context: String,
}

/// Attributes that service providers commonly read: short names, and the OIDs of the LDAP
/// attribute `mail` and of eduPersonPrincipalName.
const COMMON_ATTRIBUTES: &[(&str, &str)] = &[
    ("email", "{user}"),
    ("mail", "{user}"),
    ("uid", "{user}"),
    ("username", "{user}"),
    ("displayName", "{user}"),
    ("givenName", "Rehearsal"),
    ("firstName", "Rehearsal"),
    ("sn", "Check"),
    ("lastName", "Check"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "{user}"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "{user}"),
];

impl Person {
    /// Creates a person with these attributes. The NameID is the user name in the format
    /// emailAddress.
    pub fn new(user: &str, attributes: Vec<PersonAttribute>) -> Self {
        Self {
            user: user.to_owned(),
            name_id: NameTemplate::default(),
            attributes,
            authn_context: names::PASSWORD_PROTECTED_TRANSPORT.to_owned(),
        }
    }

    /// Creates a person with the attributes that the guide maps (procedure G-10).
    pub fn of_the_guide(user: &str) -> Self {
        let guide = profile::guide();
        Self::of_profiles(user, guide.as_slice())
    }

    /// Creates a person with the attributes of these profiles. If the profiles have none, uses
    /// the attributes of the guide and those that service providers commonly read.
    pub fn of_profiles(user: &str, profiles: &[&Profile]) -> Self {
        let of = |profile: &&Profile| profile.attributes.clone();
        let mut attributes: Vec<(String, String)> = profiles.iter().flat_map(of).collect();
        if attributes.is_empty() {
            attributes.extend(profile::guide().iter().flat_map(of));
            let common = COMMON_ATTRIBUTES.iter();
            attributes
                .extend(common.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|(name, value)| PersonAttribute::new(name, value));
        Self::new(user, attributes.collect())
    }

    /// Describes the person by a template. What the template does not say stays as it is.
    #[must_use]
    pub fn with_template(self, template: PersonTemplate) -> Self {
        Self {
            name_id: template.name_id.unwrap_or(self.name_id),
            authn_context: template.authn_context.unwrap_or(self.authn_context),
            attributes: if template.attributes.is_empty() {
                self.attributes
            } else {
                template.attributes
            },
            user: self.user,
        }
    }

    /// Returns the NameID of a user: of this person, or of another one who is described alike.
    pub(in crate::check) fn name_id_of(&self, user: &str) -> NameId {
        let template = &self.name_id;
        NameId {
            value: template.value.replace("{user}", user),
            format: NameIdFormat::from_uri(&template.format),
            name_qualifier: template.name_qualifier.clone(),
            sp_name_qualifier: template.sp_name_qualifier.clone(),
        }
    }

    /// Returns the attributes of a user: of this person, or of another one who is described alike.
    pub(in crate::check) fn attributes_of(&self, user: &str) -> Vec<Attribute> {
        self.attributes.iter().map(|it| it.of(user)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_used() {
        let presets = PersonTemplate::presets();
        assert!(presets.len() >= 5, "{presets:?}");
        for name in presets {
            let template = PersonTemplate::preset(name).unwrap();
            assert!(!template.attributes.is_empty(), "{name}");
            let person = Person::new("jo@corp.example", Vec::new()).with_template(template);
            let name_id = person.name_id_of("jo@corp.example");
            assert!(name_id.value.contains("jo@corp.example"), "{name}");
            assert!(name_id.format.uri().starts_with("urn:"), "{name}");
            let attributes = person.attributes_of("jo@corp.example");
            let mut values = attributes.iter().flat_map(|it| &it.values);
            assert!(values.any(|it| it == "jo@corp.example"), "{name}");
            assert!(person.authn_context.starts_with("urn:"), "{name}");
        }
    }
}
