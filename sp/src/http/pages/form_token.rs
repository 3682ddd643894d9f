//! The token that every posted form must contain and that only the portal's own
//! pages know. It prevents cross-site request forgery.

use axum::http::HeaderMap;
use maud::{Markup, html};

use super::super::caller::{SESSION, cookie};
use crate::store::fingerprint;

/// Name of the cookie that replaces the session cookie on pages before
/// the login.
pub(super) const VISIT: &str = "portal_visit";

/// Returns the token for the forms of this browser.
pub(super) fn token(headers: &HeaderMap) -> String {
    let known = cookie(headers, SESSION).or(cookie(headers, VISIT));
    token_of(known.unwrap_or_default())
}

/// Returns the token that belongs to this cookie.
pub(super) fn token_of(cookie: &str) -> String {
    fingerprint(&format!("form {cookie}"))
}

/// Returns the hidden field with the token.
pub(super) fn hidden(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}
