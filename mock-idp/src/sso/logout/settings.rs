//! Settings of an application for single logout: PingOne's `sloEndpoint`,
//! `sloResponseEndpoint`, `sloBinding` and `sloWindow`.

use jiff::{SignedDuration, Timestamp};
use saml::names;

use crate::applications::Application;

fn binding(application: &Application) -> &'static str {
    match application.slo_binding.as_deref() {
        Some("HTTP_REDIRECT") => names::HTTP_REDIRECT,
        _ => names::HTTP_POST,
    }
}

/// Returns the binding and endpoint for `LogoutRequest`s; `None` if the application has no
/// endpoint.
pub(super) fn requests(application: &Application) -> Option<(&'static str, &str)> {
    Some((binding(application), application.slo_endpoint.as_deref()?))
}

/// Returns the binding and endpoint for `LogoutResponse`s.
pub(super) fn responses(application: &Application) -> Option<(&'static str, &str)> {
    let own = application.slo_response_endpoint.as_deref();
    let location = own.or(application.slo_endpoint.as_deref())?;
    Some((binding(application), location))
}

/// True if an application whose user signed on at `since` still takes part in single logout.
/// `sloWindow` limits this time, in hours; without it there is no limit.
pub(super) fn within_window(application: &Application, since: Timestamp, now: Timestamp) -> bool {
    let window = application.slo_window.filter(|hours| *hours > 0);
    window.is_none_or(|hours| now.duration_since(since) <= SignedDuration::from_hours(hours))
}
