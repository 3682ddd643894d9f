//! Stores the IdP's single logout endpoints of step 4.

use ::saml::metadata::Endpoint;
use ::saml::names;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored {
    binding: String,
    location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_location: Option<String>,
}

/// Returns the supported endpoints as a JSON array: HTTP-Redirect first, then
/// HTTP-POST.
pub(super) fn endpoints_to_json(endpoints: &[Endpoint]) -> String {
    let usable = [names::HTTP_REDIRECT, names::HTTP_POST];
    let all: Vec<Stored> = usable
        .iter()
        .flat_map(|binding| endpoints.iter().filter(move |it| it.binding == *binding))
        .map(|endpoint| Stored {
            binding: endpoint.binding.clone(),
            location: endpoint.location.clone(),
            response_location: endpoint.response_location.clone(),
        })
        .collect();
    serde_json::to_string(&all).unwrap_or_else(|_| "[]".to_owned())
}

/// Parses the stored endpoints.
pub(super) fn read(stored: &str) -> Vec<Endpoint> {
    let all: Vec<Stored> = serde_json::from_str(stored).unwrap_or_default();
    all.into_iter()
        .map(|stored| Endpoint {
            binding: stored.binding,
            location: stored.location,
            response_location: stored.response_location,
        })
        .collect()
}
