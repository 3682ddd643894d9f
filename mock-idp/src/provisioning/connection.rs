//! A connection: where a propagation store's SCIM endpoint is, how it lets us
//! in, and what we may do there (PingOne's configuration keys).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use crate::directory::Document;
use crate::refusal::{Refused, Result};

/// What happens at the target to whom the rules no longer cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemoveAction {
    Disable,
    Delete,
}

/// A store's configuration, read.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// Without a slash at its end.
    pub base_url: String,
    pub users: String,
    /// None: groups are not pushed.
    pub groups: Option<String>,
    pub authorization: Option<String>,
    /// `userName` or `emails`: what tells users of the target apart.
    pub unique: String,
    pub create: bool,
    pub update: bool,
    pub disable: bool,
    pub remove: RemoveAction,
    /// Disabled users are made too.
    pub provision_disabled: bool,
    /// Members that others put into a group at the target stay.
    pub merge_members: bool,
}

/// A value's text, whatever its JSON type.
fn setting(configuration: &Document, key: &str) -> Option<String> {
    match configuration.get(key)? {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn switch(configuration: &Document, key: &str, default: bool) -> bool {
    setting(configuration, key).map_or(default, |text| text.eq_ignore_ascii_case("true"))
}

fn path(configuration: &Document, key: &str) -> Option<String> {
    let text = setting(configuration, key)?;
    Some(format!("/{}", text.trim_matches('/')))
}

impl Connection {
    /// Reads the configuration of a store (`{"configuration": {"SCIM_URL": …}}`).
    pub(crate) fn of(store: &Document) -> Result<Self> {
        let empty = Document::new();
        let configuration = match store.get("configuration") {
            Some(Value::Object(configuration)) => configuration,
            _ => &empty,
        };
        let key = |name: &str| format!("configuration.{name}");
        let base = setting(configuration, "SCIM_URL")
            .ok_or_else(|| Refused::required(&key("SCIM_URL")))?;
        if !Url::parse(&base).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Refused::invalid(
                &key("SCIM_URL"),
                format!("expected an http or https URL, came {base:?}"),
            ));
        }
        if let Some(version) = setting(configuration, "SCIM_VERSION")
            && version != "2.0"
        {
            return Err(Refused::invalid(
                &key("SCIM_VERSION"),
                format!("expected 2.0, came {version}"),
            ));
        }
        let method = setting(configuration, "AUTHENTICATION_METHOD");
        let authorization = match method.as_deref() {
            Some("OAuth 2 Bearer Token") => {
                let token = setting(configuration, "OAUTH_ACCESS_TOKEN")
                    .ok_or_else(|| Refused::required(&key("OAUTH_ACCESS_TOKEN")))?;
                Some(format!("Bearer {token}"))
            }
            Some("Basic Authentication") => {
                let user = setting(configuration, "BASIC_AUTH_USER")
                    .ok_or_else(|| Refused::required(&key("BASIC_AUTH_USER")))?;
                let password = setting(configuration, "BASIC_AUTH_PASSWORD").unwrap_or_default();
                Some(format!(
                    "Basic {}",
                    STANDARD.encode(format!("{user}:{password}"))
                ))
            }
            None | Some("None") => {
                setting(configuration, "OAUTH_ACCESS_TOKEN").map(|token| format!("Bearer {token}"))
            }
            Some(other) => {
                return Err(Refused::invalid(
                    &key("AUTHENTICATION_METHOD"),
                    format!(
                        "expected \"OAuth 2 Bearer Token\", \"Basic Authentication\" or \"None\", came {other:?}"
                    ),
                ));
            }
        };
        let remove = match setting(configuration, "REMOVE_ACTION").as_deref() {
            None => RemoveAction::Delete,
            Some(action) if action.eq_ignore_ascii_case("delete") => RemoveAction::Delete,
            Some(action) if action.eq_ignore_ascii_case("disable") => RemoveAction::Disable,
            Some(other) => {
                return Err(Refused::invalid(
                    &key("REMOVE_ACTION"),
                    format!("expected Disable or Delete, came {other:?}"),
                ));
            }
        };
        let unique = match setting(configuration, "UNIQUE_USER_IDENTIFIER").as_deref() {
            Some("workEmail") => "emails",
            _ => "userName",
        };
        Ok(Self {
            base_url: base.trim_end_matches('/').to_owned(),
            users: path(configuration, "USERS_RESOURCE").unwrap_or_else(|| "/Users".to_owned()),
            groups: match configuration.get("GROUPS_RESOURCE") {
                None => Some("/Groups".to_owned()),
                Some(_) => path(configuration, "GROUPS_RESOURCE"),
            },
            authorization,
            unique: unique.to_owned(),
            create: switch(configuration, "CREATE_USERS", true),
            update: switch(configuration, "UPDATE_USERS", true),
            disable: switch(configuration, "DISABLE_USERS", true),
            remove,
            provision_disabled: switch(configuration, "PROVISION_DISABLED_USERS", false),
            merge_members: setting(configuration, "GROUP_MEMBERSHIP_HANDLING")
                .is_some_and(|handling| handling.eq_ignore_ascii_case("merge")),
        })
    }
}
