//! A request, ready to be delivered by a browser.

/// A request as it goes out.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) id: String,
    pub(super) xml: String,
    pub(super) signed: bool,
    pub(super) relay_state: String,
    /// The address with its query, for HTTP-Redirect; the bare one else.
    pub(super) url: String,
    /// The form's fields, for HTTP-POST.
    pub(super) fields: Vec<(String, String)>,
}
