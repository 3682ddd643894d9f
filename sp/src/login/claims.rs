//! The attributes that the guide maps (G-10): `name`, `objectidentifier`,
//! `displayname` and `groups`, by these names or by Entra's claim URIs, letter
//! case included.

use saml::acceptance::Checked;

use crate::refusal::Refused;

/// Who the IdP says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `name`: the user name, an e-mail address.
    pub user_name: String,
    /// `objectidentifier`: the user's id.
    pub object_id: String,
    /// `displayname`.
    pub display_name: Option<String>,
    /// `groups`; none when the attribute didn't come.
    pub groups: Option<Vec<String>>,
}

struct Name {
    short: &'static str,
    uri: &'static str,
}

const NAME: Name = Name {
    short: "name",
    uri: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
};
const OBJECT_IDENTIFIER: Name = Name {
    short: "objectidentifier",
    uri: "http://schemas.microsoft.com/identity/claims/objectidentifier",
};
const DISPLAY_NAME: Name = Name {
    short: "displayname",
    uri: "http://schemas.microsoft.com/identity/claims/displayname",
};
const GROUPS: Name = Name {
    short: "groups",
    uri: "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
};

impl Claims {
    /// Reads the attributes.
    ///
    /// # Errors
    /// A missing attribute, or one whose name is spelt in another letter case.
    pub fn of(checked: &Checked) -> Result<Self, Refused> {
        let came: Vec<String> = checked
            .attributes()
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let mut wrong = Vec::new();
        for name in [&NAME, &OBJECT_IDENTIFIER, &DISPLAY_NAME, &GROUPS] {
            if values(checked, name).is_none()
                && let Some(other) = came.iter().find(|came| {
                    came.eq_ignore_ascii_case(name.short) || came.eq_ignore_ascii_case(name.uri)
                })
            {
                wrong.push(format!("expected `{}`, came `{other}`", name.short));
            }
        }
        if !wrong.is_empty() {
            return Err(refused(
                "attribute-name-case",
                format!("{}: attribute names are case-sensitive", wrong.join("; ")),
                &came,
            ));
        }
        let one = |name: &Name| {
            values(checked, name)
                .and_then(|values| values.first())
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let required = |name: &Name| {
            one(name).ok_or_else(|| {
                refused(
                    "attribute-missing",
                    format!("the attribute `{}` is missing or empty", name.short),
                    &came,
                )
            })
        };
        Ok(Self {
            user_name: required(&NAME)?,
            object_id: required(&OBJECT_IDENTIFIER)?,
            display_name: one(&DISPLAY_NAME),
            groups: values(checked, &GROUPS).map(<[String]>::to_vec),
        })
    }
}

fn values<'c>(checked: &'c Checked, name: &Name) -> Option<&'c [String]> {
    checked
        .attribute(name.short)
        .or_else(|| checked.attribute(name.uri))
}

fn refused(code: &str, what: String, came: &[String]) -> Refused {
    let came = if came.is_empty() {
        "none".to_owned()
    } else {
        came.iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Refused::new(
        code,
        "Your organization's IdP didn't send what the portal needs to know.",
        format!(
            "{what}; the attributes that came: {came}; the guide maps `displayname`, `groups`, `name` and `objectidentifier`"
        ),
        "Ask your administrator to correct the application's Attribute Mappings in the IdP.",
    )
}
