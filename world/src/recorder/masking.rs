//! Masks secrets before an exchange is kept, so that no report can show them.

use serde_json::Value;

/// The text that replaces a secret.
const MASK: &str = "•••";

/// Names of JSON members and form fields whose values are secrets.
const SECRETS: [&str; 15] = [
    "password",
    "value",
    "token",
    "license_token",
    "activation_secret",
    "OAUTH_ACCESS_TOKEN",
    "OAUTH_CLIENT_SECRET",
    "BASIC_AUTH_PASSWORD",
    "access_token",
    "client_secret",
    "client_assertion",
    "secret",
    "admin_token",
    "bearer_token",
    "key",
];

/// Returns a body with its secrets masked, if it is JSON or a form.
pub(super) fn mask_body(media_type: &str, target: &str, body: &str) -> String {
    if media_type.contains("json") {
        if let Ok(mut value) = serde_json::from_str::<Value>(body) {
            mask(&mut value, target);
            return serde_json::to_string_pretty(&value).unwrap_or_default();
        }
    } else if media_type.starts_with("application/x-www-form-urlencoded") {
        let fields = url::form_urlencoded::parse(body.as_bytes()).map(|(name, value)| {
            let value = if is_secret(&name, target) {
                MASK.into()
            } else {
                value
            };
            (name, value)
        });
        return url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
    }
    body.to_owned()
}

fn mask(value: &mut Value, target: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if member.is_string() && is_secret(name, target) {
                    *member = Value::from(MASK);
                } else {
                    mask(member, target);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, target)),
        _ => {}
    }
}

/// `value` is a secret only where a password is set. Elsewhere it is an ordinary member of
/// SCIM and of attribute mappings.
fn is_secret(name: &str, target: &str) -> bool {
    SECRETS.contains(&name) && (name != "value" || target.ends_with("/password"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_never_reach_a_report() {
        let body = r#"{"email":"a@b","password":"pw-1","nested":{"token":"tok-1"}}"#;
        let kept = mask_body("application/json", "/api/session", body);
        assert!(!kept.contains("pw-1") && !kept.contains("tok-1"));
        assert!(kept.contains("a@b"));
        let form = "grant_type=client_credentials&client_secret=s-1&client_assertion=a-1";
        let kept = mask_body("application/x-www-form-urlencoded", "/as/token", form);
        assert!(!kept.contains("s-1") && !kept.contains("a-1"));
        assert!(kept.contains("client_credentials"));
        let form = mask_body(
            "application/x-www-form-urlencoded",
            "/f",
            "username=a&password=pw-1",
        );
        assert!(!form.contains("pw-1") && form.contains("username=a"));
    }

    #[test]
    fn the_value_of_a_scim_member_is_shown_and_that_of_a_password_is_not() {
        let body = r#"{"value":"v-1"}"#;
        assert!(mask_body("application/scim+json", "/scim/t/v2/Groups", body).contains("v-1"));
        assert!(!mask_body("application/json", "/v1/users/1/password", body).contains("v-1"));
    }
}
