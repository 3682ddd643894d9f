//! The link at the foot of a party's pages to the page with the simulation's
//! controls. It belongs to a server, and every page of it has the link: so it
//! goes with the request's task rather than by every function that draws.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// What the link says.
pub const SIMULATION_LINK_TEXT: &str = "Simulation: license keys, DNS, clock, faults";

tokio::task_local! {
    static LINK: Option<Arc<str>>;
}

/// Middleware: pages that are drawn for the request have this link.
pub async fn with_simulation_link(
    State(url): State<Option<Arc<str>>>,
    request: Request,
    next: Next,
) -> Response {
    LINK.scope(url, next.run(request)).await
}

/// Where the simulation page of this request's server is, if it has one.
pub fn simulation_link() -> Option<Arc<str>> {
    LINK.try_with(Clone::clone).ok().flatten()
}
