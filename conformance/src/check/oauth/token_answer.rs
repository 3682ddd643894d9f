//! An answer of the token endpoint.

use serde_json::Value;

use super::token_request::MASK;

/// Answer of the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body; null if it is not JSON.
    pub body: Value,
    /// Why the body is not JSON.
    pub invalid_json: Option<String>,
    /// Request and answer for reports, without secrets.
    pub evidence: Value,
}

impl TokenAnswer {
    /// Returns the access token, if one was issued.
    pub fn token(&self) -> Option<&str> {
        let is_success = (200..300).contains(&self.status);
        self.body["access_token"].as_str().filter(|_| is_success)
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns status and error for texts.
    pub fn summary(&self) -> String {
        let said = self.body["error_description"].as_str();
        let said = said.or(self.body["error"].as_str());
        match (self.token(), said.or(self.invalid_json.as_deref())) {
            (Some(_), _) => format!("HTTP {} with an access token", self.status),
            (None, Some(said)) => format!("HTTP {}, {said}", self.status),
            (None, None) => format!("HTTP {}, no access_token", self.status),
        }
    }
}

/// Returns the body for reports, without the access token.
pub(super) fn shown_body(body: &Value) -> Value {
    let mut shown = body.clone();
    if shown["access_token"].is_string() {
        shown["access_token"] = MASK.into();
    }
    shown
}
