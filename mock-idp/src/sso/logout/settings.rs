//! What single logout needs of an application: PingOne's `sloEndpoint`,
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

/// Binding and address of requests; without one the application can't be told.
pub(super) fn requests(application: &Application) -> Option<(&'static str, &str)> {
    Some((binding(application), application.slo_endpoint.as_deref()?))
}

/// Binding and address of answers.
pub(super) fn responses(application: &Application) -> Option<(&'static str, &str)> {
    let own = application.slo_response_endpoint.as_deref();
    let location = own.or(application.slo_endpoint.as_deref())?;
    Some((binding(application), location))
}

/// Whether logout messages are still exchanged with an application that signed
/// on at `since`; always, when no window is set.
pub(super) fn within_window(application: &Application, since: Timestamp, now: Timestamp) -> bool {
    let window = application.slo_window.filter(|hours| *hours > 0);
    window.is_none_or(|hours| now.duration_since(since) <= SignedDuration::from_hours(hours))
}
