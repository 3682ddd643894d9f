//! The SCIM service provider's routes, under `/scim/{tenant}/v2`.

use axum::Router;

use crate::Portal;

/// The SCIM routes.
pub fn router() -> Router<Portal> {
    Router::new()
}
