//! What a service provider says it can do (RFC 7643 §5, RFC 7644 §4).

use serde_json::{Value, json};

/// What a service provider supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// How many resources a page has at most.
    pub max_results: usize,
    /// How many it has when the client does not say.
    pub page_size: usize,
    /// For how many seconds a cursor is good.
    pub cursor_timeout: i64,
    /// How many operations a bulk request has at most.
    pub max_operations: usize,
    /// How many bytes it has at most.
    pub max_payload: usize,
    /// Where to read more.
    pub documentation_uri: Option<String>,
}

/// The document at `/ServiceProviderConfig` (RFC 7643 §5).
pub fn service_provider_config(capabilities: &Capabilities, base_url: &str) -> Value {
    let mut document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": capabilities.max_operations,
            "maxPayloadSize": capabilities.max_payload,
        },
        "filter": {"supported": true, "maxResults": capabilities.max_results},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        // RFC 9865 §3
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": capabilities.page_size,
            "maxPageSize": capabilities.max_results,
            "cursorTimeout": capabilities.cursor_timeout,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "The token the portal shows once, in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base_url}/ServiceProviderConfig"),
        },
    });
    if let Some(uri) = &capabilities.documentation_uri {
        document["documentationUri"] = uri.as_str().into();
    }
    document
}
