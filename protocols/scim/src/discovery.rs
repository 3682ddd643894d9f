//! What a service provider says it can do (RFC 7643 §5, RFC 7644 §4).

use serde_json::{Value, json};

use crate::schema::{ENTERPRISE_USER, GROUP, GROUP_TYPE, ResourceType, Schema, USER, USER_TYPE};

/// What a service provider supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// How many resources a page has at most.
    pub max_results: usize,
    /// Where to read more.
    pub documentation_uri: Option<String>,
}

/// Every schema.
pub static SCHEMAS: [&Schema; 3] = [&USER, &ENTERPRISE_USER, &GROUP];

/// Every resource type.
pub static RESOURCE_TYPES: [&ResourceType; 2] = [&USER_TYPE, &GROUP_TYPE];

/// The document at `/ServiceProviderConfig` (RFC 7643 §5).
pub fn service_provider_config(capabilities: &Capabilities, base_url: &str) -> Value {
    let mut document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": capabilities.max_results},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
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
