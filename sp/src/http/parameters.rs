//! Path and query parameters of the JSON API. Invalid parameters are answered
//! with problem details, like all other errors.

use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::Portal;

/// Path parameters.
pub(super) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Portal> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        let path = extract::Path::from_request_parts(parts, portal).await;
        path.map(|extract::Path(value)| Self(value))
            .map_err(|error| Problem::new(error.status(), "invalid-path", error.body_text()))
    }
}

/// Query parameters.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Portal> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        let query = extract::Query::from_request_parts(parts, portal).await;
        query
            .map(|extract::Query(value)| Self(value))
            .map_err(|error| Problem::new(error.status(), "invalid-query", error.body_text()))
    }
}
