//! The attributes that the guide maps (G-10): `name`, `objectidentifier`,
//! `displayname` and `groups`. Entra's claim URIs are accepted as well. Names
//! are case-sensitive.

use saml::acceptance::Checked;
use saml::names::WHITE_SPACE;

use crate::refusal::{Kind, Refused, kinds};
use crate::store::MAX_KEY_BYTES;

/// The user attributes in a Response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `name`: the user name, an e-mail address.
    pub user_name: String,
    /// `objectidentifier`: the user's id.
    pub object_id: String,
    /// `displayname`.
    pub display_name: Option<String>,
    /// `groups`; `None` if the Response has no such attribute.
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
    /// Reads the mapped attributes of a Response.
    ///
    /// # Errors
    /// An attribute is missing, empty or too long, or its name has a different
    /// letter case.
    pub fn of(checked: &Checked) -> Result<Self, Refused> {
        let got: Vec<String> = checked
            .attributes()
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let mut wrong = Vec::new();
        let mut expected = Vec::new();
        for name in [&NAME, &OBJECT_IDENTIFIER, &DISPLAY_NAME, &GROUPS] {
            if values(checked, name).is_none()
                && let Some(other) = got.iter().find(|got| {
                    got.eq_ignore_ascii_case(name.short) || got.eq_ignore_ascii_case(name.uri)
                })
            {
                wrong.push(format!("expected `{}`, got `{other}`", name.short));
                expected.push(name.short);
            }
        }
        if !wrong.is_empty() {
            return Err(refusal(
                &kinds::ATTRIBUTE_CASE,
                &format!("{}: attribute names are case-sensitive", wrong.join("; ")),
                &expected,
                &got,
            ));
        }
        let one = |name: &Name| {
            values(checked, name)
                .and_then(|values| values.first())
                .map(|value| value.trim_matches(WHITE_SPACE).to_owned())
                .filter(|value| !value.is_empty())
        };
        let required = |name: &Name| {
            one(name).ok_or_else(|| {
                refusal(
                    &kinds::ATTRIBUTE_MISSING,
                    &format!("the attribute `{}` is missing or empty", name.short),
                    &[name.short],
                    &got,
                )
            })
        };
        let (object_id, display_name) = (required(&OBJECT_IDENTIFIER)?, one(&DISPLAY_NAME));
        check_length(OBJECT_IDENTIFIER.short, &object_id)?;
        check_length(
            DISPLAY_NAME.short,
            display_name.as_deref().unwrap_or_default(),
        )?;
        Ok(Self {
            user_name: required(&NAME)?,
            object_id,
            display_name,
            groups: values(checked, &GROUPS).map(<[String]>::to_vec),
        })
    }
}

/// Refuses a value that is longer than a database index allows.
pub(super) fn check_length(name: &str, value: &str) -> Result<(), Refused> {
    if value.len() <= MAX_KEY_BYTES {
        return Ok(());
    }
    Err(Refused::new(
        &kinds::VALUE_TOO_LONG,
        format!(
            "invalid {name}: expected at most {MAX_KEY_BYTES} bytes, got {}",
            value.len()
        ),
    ))
}

fn values<'c>(checked: &'c Checked, name: &Name) -> Option<&'c [String]> {
    checked
        .attribute(name.short)
        .or_else(|| checked.attribute(name.uri))
}

/// Lists names for an error text. At most 20 names of at most 120 characters,
/// because the message may contain anything.
pub(super) fn list_names<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .take(20)
        .map(|name| format!("`{}`", name.chars().take(120).collect::<String>()))
        .collect();
    if names.is_empty() {
        "no attributes".to_owned()
    } else {
        names.join(", ")
    }
}

/// Creates a refusal whose public text names the expected and the received
/// attributes, so that the user can pass it on to the administrator.
fn refusal(kind: &Kind, what: &str, expected: &[&str], got: &[String]) -> Refused {
    let got = list_names(got.iter().map(String::as_str));
    let noun = if expected.len() == 1 {
        "an attribute"
    } else {
        "attributes"
    };
    Refused::new(
        kind,
        format!(
            "{what}; the identity provider sent {got}; the guide maps `displayname`, `groups`, `name` and `objectidentifier`"
        ),
    )
    .with_public(format!(
        "The portal expected {noun} {}; your identity provider sent {got}.",
        list_names(expected.iter().copied())
    ))
}
