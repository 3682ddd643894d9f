//! The document that describes what a service provider supports (RFC 7643 §5, RFC 7644 §4).

use serde_json::{Value, json};

/// Features and limits of a service provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest number of resources on a page.
    pub max_results: usize,
    /// Number of resources on a page if the client sends no `count`.
    pub page_size: usize,
    /// Validity of a cursor, in seconds.
    pub cursor_timeout: i64,
    /// Largest number of operations in a bulk request.
    pub max_operations: usize,
    /// Largest size of a bulk request, in bytes.
    pub max_payload: usize,
    /// URL of the documentation.
    pub documentation_uri: Option<String>,
}

/// Returns the document at `/ServiceProviderConfig` (RFC 7643 §5).
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
