//! The user of `--user`, whom the honest Responses are about.

use crate::check::profile::{self, Profile};

/// The user of `--user`: the NameID and the attributes of the honest Responses.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name: the value of NameID and of some attributes.
    pub user: String,
    /// Names and values of the attributes; `{user}` in a value stands for the user name.
    pub attributes: Vec<(String, String)>,
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
    /// Creates a person with the attributes that the guide maps (procedure G-10).
    pub fn of_the_guide(user: &str) -> Self {
        let guide = profile::guide();
        Self::of_profiles(user, guide.as_slice())
    }

    /// Creates a person with the attributes of these profiles. If the profiles have none, uses
    /// the attributes of the guide and those that service providers commonly read.
    pub fn of_profiles(user: &str, profiles: &[&Profile]) -> Self {
        let mut attributes: Vec<(String, String)> = Vec::new();
        for profile in profiles {
            attributes.extend(profile.attributes.iter().cloned());
        }
        if attributes.is_empty() {
            let guide = profile::guide().into_iter().flat_map(|it| &it.attributes);
            attributes.extend(guide.cloned());
            let common = COMMON_ATTRIBUTES.iter();
            attributes
                .extend(common.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        Self {
            user: user.to_owned(),
            attributes,
        }
    }
}
