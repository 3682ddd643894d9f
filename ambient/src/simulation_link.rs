//! The link to the simulation page, at the foot of each page of the portal and the identity
//! provider. Its address depends on the server and is needed on every page, so it is a
//! task-local value and not an argument of every function that renders a page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Text of the link.
pub const SIMULATION_LINK_TEXT: &str = "Simulation: license keys, DNS, clock, faults";

tokio::task_local! {
    static LINK: Option<Arc<str>>;
}

/// Middleware: pages rendered for this request have a link to `url`; no link if it is `None`.
pub async fn with_simulation_link(
    State(url): State<Option<Arc<str>>>,
    request: Request,
    next: Next,
) -> Response {
    LINK.scope(url, next.run(request)).await
}

/// Returns the address of the simulation page for the current request; `None` if its server has
/// none.
pub fn simulation_link() -> Option<Arc<str>> {
    LINK.try_with(Clone::clone).ok().flatten()
}
