//! Which provider an environment speaks as. What follows from it stands where
//! it is used, as data: [`provisioning::habits`](crate::provisioning) for SCIM,
//! [`Flavor::attributes`] for what a new application's assertions say.

use serde_json::Value;

use crate::store::resources::Resource;

/// The provider whose ways an environment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Flavor {
    #[default]
    Ping,
    Entra,
    Okta,
}

/// Names in `flavor`, a member of an environment that is this simulator's own.
pub(crate) const NAMES: [&str; 3] = ["ping", "entra", "okta"];

/// An attribute mapping: name, name format, value.
pub(crate) type Mapping = (&'static str, &'static str, &'static str);

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";
const URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// The claims that Entra ID gives a new application, by their URIs.
const ENTRA: [Mapping; 8] = [
    (
        "http://schemas.microsoft.com/identity/claims/tenantid",
        URI,
        "${user.environment.id}",
    ),
    (
        "http://schemas.microsoft.com/identity/claims/objectidentifier",
        URI,
        "${user.id}",
    ),
    (
        "http://schemas.microsoft.com/identity/claims/displayname",
        URI,
        "${user.name.given + ' ' + user.name.family}",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        URI,
        "${user.name.given}",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        URI,
        "${user.name.family}",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        URI,
        "${user.email}",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        URI,
        "${user.username}",
    ),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
        URI,
        "${user.memberOfGroupIDs}",
    ),
];

/// Okta's usual attribute statements; names are the administrator's choice.
const OKTA: [Mapping; 4] = [
    ("email", UNSPECIFIED, "${user.email}"),
    ("firstName", UNSPECIFIED, "${user.name.given}"),
    ("lastName", UNSPECIFIED, "${user.name.family}"),
    ("groups", UNSPECIFIED, "${user.memberOfGroupNames}"),
];

impl Flavor {
    /// The flavor of an environment.
    pub(crate) fn of(environment: &Resource) -> Self {
        match environment.document.get("flavor").and_then(Value::as_str) {
            Some("entra") => Self::Entra,
            Some("okta") => Self::Okta,
            _ => Self::Ping,
        }
    }

    /// What becomes the `NameID` of a new application's users.
    /// A name of the format emailAddress must be one (saml-core §8.3.2).
    pub(crate) fn subject(self, by_email: bool) -> &'static str {
        match self {
            Self::Ping if by_email => "${user.email}",
            Self::Ping => "${user.id}",
            Self::Entra | Self::Okta => "${user.username}",
        }
    }

    /// The format of that `NameID`, where the provider chooses one.
    pub(crate) fn name_id_format(self) -> Option<&'static str> {
        match self {
            Self::Ping => None,
            Self::Entra => Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
            Self::Okta => Some("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
        }
    }

    /// The mappings that a new application begins with, beside its subject's.
    pub(crate) fn attributes(self) -> &'static [Mapping] {
        match self {
            Self::Ping => &[],
            Self::Entra => &ENTRA,
            Self::Okta => &OKTA,
        }
    }
}
