//! A request that a browser can deliver.

/// An AuthnRequest or LogoutRequest, encoded for its binding.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) id: String,
    pub(super) xml: String,
    pub(super) signed: bool,
    pub(super) relay_state: String,
    /// For HTTP-Redirect the URL with its query string; for HTTP-POST the URL of the endpoint.
    pub(super) url: String,
    /// Form fields for HTTP-POST.
    pub(super) fields: Vec<(String, String)>,
}
