//! The token that a posted form carries, and that only our own pages know:
//! without it another site could post in a user's name.

use axum::http::HeaderMap;
use maud::{Markup, html};

use super::super::caller::{SESSION, cookie};
use crate::store::fingerprint;

/// The cookie that stands in for a session on the pages before the login.
pub(super) const VISIT: &str = "portal_visit";

/// The token that our pages put into their forms.
pub(super) fn token(headers: &HeaderMap) -> String {
    let known = cookie(headers, SESSION).or(cookie(headers, VISIT));
    token_of(known.unwrap_or_default())
}

/// The token that belongs to this cookie.
pub(super) fn token_of(cookie: &str) -> String {
    fingerprint(&format!("form {cookie}"))
}

/// The hidden field with the token.
pub(super) fn hidden(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}
