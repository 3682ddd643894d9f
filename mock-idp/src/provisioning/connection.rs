//! A provisioning connection: the SCIM endpoint of a propagation store, how to authenticate
//! there, and which operations are allowed (PingOne's configuration keys).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use crate::directory::Document;
use crate::refusal::{Refused, Result};

/// What happens at the target to a user whom no rule covers any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemoveAction {
    Disable,
    Delete,
}

/// How the engine authenticates at the token endpoint of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ClientAuthentication {
    SecretBasic(String),
    SecretPost(String),
    /// An assertion signed with the secret (RFC 7523 §2.2).
    SecretJwt(String),
    /// An assertion of the client, signed with the default key of the environment.
    PrivateKeyJwt,
    /// An assertion of the environment as issuer about this subject, signed with its default key.
    Federated(String),
}

/// OAuth 2.0 client credentials (RFC 6749 §4.4), to get an access token for the target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientCredentials {
    pub token_url: String,
    pub id: String,
    pub authentication: ClientAuthentication,
    pub scope: Option<String>,
    /// Parameter `audience` of the token request.
    pub audience: Option<String>,
    /// Audience of assertions; the token endpoint if `None`.
    pub assertion_audience: Option<String>,
    /// Scheme before the token in `Authorization`: `Bearer` or a custom one.
    pub scheme: String,
}

/// The parsed configuration of a propagation store.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// Base URL. Resource paths are appended to its path; it may have a query.
    pub base_url: String,
    pub users: String,
    /// Path of groups; `None` if groups are not provisioned.
    pub groups: Option<String>,
    /// Value of the `Authorization` header; `None` for client credentials, where it comes with
    /// the access token.
    pub authorization: Option<String>,
    pub credentials: Option<ClientCredentials>,
    /// Attribute that identifies a user at the target: `userName` or `emails`.
    pub unique: String,
    /// Attribute in the filter that looks a user up at the target.
    pub filter_attribute: String,
    pub create: bool,
    pub update: bool,
    pub disable: bool,
    pub remove: RemoveAction,
    /// True if disabled users are created as well.
    pub provision_disabled: bool,
    /// True if members that others added to a group at the target stay in it.
    pub merge_members: bool,
    /// True if all changes are sent by PUT, because the target has no PATCH. If false, the
    /// target's answers show whether it has PATCH.
    pub put_only: bool,
}

/// Values of `AUTHENTICATION_METHOD`.
const METHODS: [&str; 4] = [
    "None",
    "Basic Authentication",
    "OAuth 2 Bearer Token",
    "OAuth 2 Client Credentials",
];

/// Values of `OAUTH_CLIENT_AUTHENTICATION`, which is not in PingOne.
pub(crate) const CLIENT_AUTHENTICATIONS: [&str; 5] = [
    "Client Secret Basic",
    "Client Secret Post",
    "Client Secret JWT",
    "Private Key JWT",
    "Federated",
];

/// Boolean settings with their default values.
const SWITCHES: [(&str, bool); 4] = [
    ("CREATE_USERS", true),
    ("UPDATE_USERS", true),
    ("DISABLE_USERS", true),
    ("PROVISION_DISABLED_USERS", false),
];

/// The members of `configuration`, not parsed yet.
struct Settings<'c>(Option<&'c Document>);

fn key(name: &str) -> String {
    format!("configuration.{name}")
}

impl Settings<'_> {
    /// Returns a value as text, from a JSON string, boolean or number; `None` if it is blank.
    fn text(&self, name: &str) -> Option<String> {
        match self.0?.get(name)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn required_text(&self, name: &str) -> Result<String> {
        self.text(name).ok_or_else(|| Refused::required(&key(name)))
    }

    fn url(&self, name: &str) -> Result<String> {
        let url = self.required_text(name)?;
        if Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Ok(url);
        }
        Err(Refused::invalid(
            &key(name),
            format!("expected an http or https URL, got {url:?}"),
        ))
    }

    fn switch(&self, name: &str) -> Result<bool> {
        let default = SWITCHES.contains(&(name, true));
        match self
            .text(name)
            .map(|text| text.to_ascii_lowercase())
            .as_deref()
        {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(Refused::invalid(
                &key(name),
                format!("expected true or false, got {other:?}"),
            )),
        }
    }

    fn path(&self, name: &str) -> Option<String> {
        Some(format!("/{}", self.text(name)?.trim_matches('/')))
    }

    /// Returns the allowed value, in any letter case; the first one by default.
    fn one_of(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str> {
        let Some(text) = self.text(name) else {
            return Ok(allowed[0]);
        };
        allowed
            .iter()
            .find(|known| text.eq_ignore_ascii_case(known))
            .copied()
            .ok_or_else(|| Refused::none_of(&key(name), allowed, &text.into()))
    }

    /// Returns the scheme before the token in `Authorization`. A value of `AUTHORIZATION_TYPE`
    /// that is not PingOne's is a custom scheme and is used unchanged.
    fn scheme(&self) -> String {
        match self.text("AUTHORIZATION_TYPE") {
            Some(custom)
                if !["basic", "bearer", "oauth client credentials"]
                    .contains(&custom.to_ascii_lowercase().as_str()) =>
            {
                custom
            }
            _ => "Bearer".to_owned(),
        }
    }

    fn read_authentication(&self) -> Result<(Option<String>, Option<ClientCredentials>)> {
        let method = match self.text("AUTHENTICATION_METHOD") {
            None if self.text("OAUTH_ACCESS_TOKEN").is_some() => METHODS[2],
            _ => self.one_of("AUTHENTICATION_METHOD", &METHODS)?,
        };
        Ok(match method {
            "OAuth 2 Bearer Token" => {
                let token = self.required_text("OAUTH_ACCESS_TOKEN")?;
                (Some(format!("{} {token}", self.scheme())), None)
            }
            "Basic Authentication" => {
                let user = self.required_text("BASIC_AUTH_USER")?;
                let password = self.text("BASIC_AUTH_PASSWORD").unwrap_or_default();
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                (Some(format!("Basic {encoded}")), None)
            }
            "OAuth 2 Client Credentials" => {
                let credentials = ClientCredentials {
                    token_url: self.url("OAUTH_TOKEN_REQUEST")?,
                    id: self.required_text("OAUTH_CLIENT_ID")?,
                    authentication: self.client_authentication()?,
                    scope: self.text("OAUTH_SCOPE"),
                    audience: self.text("OAUTH_AUDIENCE"),
                    assertion_audience: self.text("OAUTH_ASSERTION_AUDIENCE"),
                    scheme: self.scheme(),
                };
                (None, Some(credentials))
            }
            _ => (None, None),
        })
    }

    fn client_authentication(&self) -> Result<ClientAuthentication> {
        let secret = || self.required_text("OAUTH_CLIENT_SECRET");
        let way = self.one_of("OAUTH_CLIENT_AUTHENTICATION", &CLIENT_AUTHENTICATIONS)?;
        Ok(match way {
            "Client Secret Post" => ClientAuthentication::SecretPost(secret()?),
            "Client Secret JWT" => ClientAuthentication::SecretJwt(secret()?),
            "Private Key JWT" => ClientAuthentication::PrivateKeyJwt,
            "Federated" => ClientAuthentication::Federated(self.required_text("OAUTH_SUBJECT")?),
            _ => ClientAuthentication::SecretBasic(secret()?),
        })
    }

    /// Returns the attribute in `USER_FILTER`, such as `userName eq "%s"`, by which a user is
    /// looked up.
    fn filter_attribute(&self, unique: &str) -> Result<String> {
        let Some(filter) = self.text("USER_FILTER") else {
            return Ok(unique.to_owned());
        };
        let lower = filter.to_ascii_lowercase();
        let read = lower.rfind(" eq ").and_then(|at| {
            let value = filter[at + 4..].trim().trim_matches('"');
            (value == "%s").then(|| filter[..at].trim().to_owned())
        });
        read.filter(|attribute| !attribute.is_empty())
            .ok_or_else(|| {
                Refused::invalid(
                    &key("USER_FILTER"),
                    format!("expected a filter such as userName eq \"%s\", got {filter:?}"),
                )
            })
    }
}

impl Connection {
    /// Parses the configuration of a store (`{"configuration": {"SCIM_URL": …}}`).
    pub(crate) fn of(store: &Document) -> Result<Self> {
        let settings = Settings(store.get("configuration").and_then(Value::as_object));
        let base = settings.url("SCIM_URL")?;
        settings.one_of("SCIM_VERSION", &["2.0"])?;
        let (authorization, credentials) = settings.read_authentication()?;
        let remove = match settings.one_of("REMOVE_ACTION", &["Delete", "Disable"])? {
            "Disable" => RemoveAction::Disable,
            _ => RemoveAction::Delete,
        };
        let unique = match settings.one_of("UNIQUE_USER_IDENTIFIER", &["userName", "workEmail"])? {
            "workEmail" => "emails",
            _ => "userName",
        };
        let names_groups = settings
            .0
            .is_some_and(|settings| settings.contains_key("GROUPS_RESOURCE"));
        Ok(Self {
            base_url: base,
            users: settings
                .path("USERS_RESOURCE")
                .unwrap_or_else(|| "/Users".to_owned()),
            groups: match settings.path("GROUPS_RESOURCE") {
                None if !names_groups => Some("/Groups".to_owned()),
                said => said,
            },
            authorization,
            credentials,
            unique: unique.to_owned(),
            filter_attribute: settings.filter_attribute(unique)?,
            create: settings.switch("CREATE_USERS")?,
            update: settings.switch("UPDATE_USERS")?,
            disable: settings.switch("DISABLE_USERS")?,
            remove,
            provision_disabled: settings.switch("PROVISION_DISABLED_USERS")?,
            merge_members: settings.one_of("GROUP_MEMBERSHIP_HANDLING", &["Merge", "Overwrite"])?
                == "Merge",
            put_only: settings.one_of("UPDATE_METHOD", &["Automatic", "PUT"])? == "PUT",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(more: &Value) -> Result<Connection> {
        let mut configuration = json!({"SCIM_URL": "https://sp.example/scim/"});
        for (key, value) in more.as_object().unwrap() {
            configuration[key] = value.clone();
        }
        let store = json!({"configuration": configuration});
        Connection::of(store.as_object().unwrap())
    }

    #[test]
    fn every_way_in_has_its_header() {
        for (settings, header) in [
            (json!({}), None),
            (json!({"AUTHENTICATION_METHOD": "None"}), None),
            (
                json!({"AUTHENTICATION_METHOD": "OAuth 2 Bearer Token", "OAUTH_ACCESS_TOKEN": "t"}),
                Some("Bearer t"),
            ),
            (
                json!({"AUTHENTICATION_METHOD": "OAuth 2 Bearer Token", "OAUTH_ACCESS_TOKEN": "t",
                       "AUTHORIZATION_TYPE": "SSWS"}),
                Some("SSWS t"),
            ),
            (
                json!({"AUTHENTICATION_METHOD": "Basic Authentication",
                       "BASIC_AUTH_USER": "Aladdin", "BASIC_AUTH_PASSWORD": "open sesame"}),
                Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ),
        ] {
            assert_eq!(of(&settings).unwrap().authorization.as_deref(), header);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (settings, target) in [
            (json!({"SCIM_URL": "ftp://x"}), "SCIM_URL"),
            (json!({"SCIM_VERSION": "1.1"}), "SCIM_VERSION"),
            (
                json!({"AUTHENTICATION_METHOD": "Magic"}),
                "AUTHENTICATION_METHOD",
            ),
            (
                json!({"AUTHENTICATION_METHOD": "OAuth 2 Client Credentials"}),
                "OAUTH_TOKEN_REQUEST",
            ),
            (
                json!({"AUTHENTICATION_METHOD": "OAuth 2 Client Credentials",
                       "OAUTH_TOKEN_REQUEST": "https://as.example/token", "OAUTH_CLIENT_ID": "c",
                       "OAUTH_CLIENT_AUTHENTICATION": "Federated"}),
                "OAUTH_SUBJECT",
            ),
            (json!({"REMOVE_ACTION": "Burn"}), "REMOVE_ACTION"),
            (json!({"CREATE_USERS": "maybe"}), "CREATE_USERS"),
            (json!({"USER_FILTER": "userName"}), "USER_FILTER"),
            (
                json!({"GROUP_MEMBERSHIP_HANDLING": "x"}),
                "GROUP_MEMBERSHIP_HANDLING",
            ),
        ] {
            let refused = of(&settings).unwrap_err().to_string();
            assert!(refused.starts_with(&key(target)), "{refused}");
        }
    }

    #[test]
    fn a_user_is_looked_for_by_the_filters_attribute() {
        for (settings, attribute) in [
            (json!({}), "userName"),
            (json!({"UNIQUE_USER_IDENTIFIER": "workEmail"}), "emails"),
            (json!({"USER_FILTER": "username Eq \"%s\""}), "username"),
            (
                json!({"USER_FILTER": "emails[type eq \"work\"].value eq \"%s\""}),
                "emails[type eq \"work\"].value",
            ),
        ] {
            assert_eq!(of(&settings).unwrap().filter_attribute, attribute);
        }
    }
}
