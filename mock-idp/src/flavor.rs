//! The flavor of an environment: the identity provider whose behavior it imitates. The
//! differences are data at the places that use them:
//! [`provisioning::habits`](crate::provisioning) for SCIM requests, [`Flavor::attributes`] for
//! the attributes of a new application's assertions.

use serde_json::Value;

use crate::store::resources::Resource;

/// The identity provider whose behavior an environment imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Flavor {
    #[default]
    Ping,
    Entra,
    Okta,
}

/// Values of `flavor`, a member of an environment that PingOne does not have.
pub(crate) const NAMES: [&str; 3] = ["ping", "entra", "okta"];

/// An attribute mapping: name, name format, value.
pub(crate) type Mapping = (&'static str, &'static str, &'static str);

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";
const URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// The attributes that Entra ID sends for a new application by default.
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

/// Attribute statements as Okta's documentation shows them; in Okta an administrator chooses
/// the names.
const OKTA: [Mapping; 4] = [
    ("email", UNSPECIFIED, "${user.email}"),
    ("firstName", UNSPECIFIED, "${user.name.given}"),
    ("lastName", UNSPECIFIED, "${user.name.family}"),
    ("groups", UNSPECIFIED, "${user.memberOfGroupNames}"),
];

impl Flavor {
    /// Returns the flavor of an environment; `Ping` by default.
    pub(crate) fn of(environment: &Resource) -> Self {
        match environment.document.get("flavor").and_then(Value::as_str) {
            Some("entra") => Self::Entra,
            Some("okta") => Self::Okta,
            _ => Self::Ping,
        }
    }

    /// Returns the default expression for the `NameID` of a new application. A `NameID` of the
    /// format emailAddress must be an e-mail address (saml-core §8.3.2).
    pub(crate) fn subject(self, by_email: bool) -> &'static str {
        match self {
            Self::Ping if by_email => "${user.email}",
            Self::Ping => "${user.id}",
            Self::Entra | Self::Okta => "${user.username}",
        }
    }

    /// Returns the default `Format` of that `NameID`; `None` if the provider sets none.
    pub(crate) fn name_id_format(self) -> Option<&'static str> {
        match self {
            Self::Ping => None,
            Self::Entra => Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
            Self::Okta => Some("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
        }
    }

    /// Returns the attribute mappings of a new application, without the one for the `NameID`.
    pub(crate) fn attributes(self) -> &'static [Mapping] {
        match self {
            Self::Ping => &[],
            Self::Entra => &ENTRA,
            Self::Okta => &OKTA,
        }
    }
}
