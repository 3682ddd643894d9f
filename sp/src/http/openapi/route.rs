//! An operation of the JSON API: its handler and its description. Both the
//! router and the OpenAPI document are created from it, so they always contain
//! the same operations.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::Portal;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Access {
    /// Everybody; no session is necessary.
    Public,
    /// Users with a valid session.
    Session,
    /// Administrators of the selected business account.
    Admin,
}

/// The answer of an operation that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Success {
    /// 200 with a value of this schema.
    Ok(&'static str),
    /// 201 with a value of this schema.
    Created(&'static str),
    /// 204 without a body.
    NoContent,
}

/// A parameter of the query.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct QueryParameter {
    pub name: &'static str,
    /// JSON type of the value.
    pub kind: &'static str,
    pub description: &'static str,
}

/// An operation: a method at a path.
pub(in crate::http) struct Route {
    pub method: Method,
    pub path: String,
    pub summary: &'static str,
    pub access: Access,
    /// Name of the schema of the request's body.
    pub body: Option<&'static str>,
    pub query: &'static [QueryParameter],
    pub success: Success,
    /// Error statuses in addition to those that follow from the other fields.
    pub refusals: &'static [u16],
    handler: MethodRouter<Portal>,
}

impl Route {
    fn new<H, T>(method: Method, filter: MethodFilter, path: &str, handler: H) -> Self
    where
        H: Handler<T, Portal>,
        T: 'static,
    {
        Self {
            method,
            path: path.to_owned(),
            summary: "",
            access: Access::Public,
            body: None,
            query: &[],
            success: Success::NoContent,
            refusals: &[],
            handler: on(filter, handler),
        }
    }

    pub(in crate::http) fn get<H, T>(path: &str, handler: H) -> Self
    where
        H: Handler<T, Portal>,
        T: 'static,
    {
        Self::new(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(in crate::http) fn post<H, T>(path: &str, handler: H) -> Self
    where
        H: Handler<T, Portal>,
        T: 'static,
    {
        Self::new(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(in crate::http) fn put<H, T>(path: &str, handler: H) -> Self
    where
        H: Handler<T, Portal>,
        T: 'static,
    {
        Self::new(Method::PUT, MethodFilter::PUT, path, handler)
    }

    pub(in crate::http) fn delete<H, T>(path: &str, handler: H) -> Self
    where
        H: Handler<T, Portal>,
        T: 'static,
    {
        Self::new(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    /// Sets the summary: a short description for people.
    pub(in crate::http) fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// Requires a session.
    pub(in crate::http) fn session(self) -> Self {
        let access = Access::Session;
        Self { access, ..self }
    }

    /// Requires an administrator.
    pub(in crate::http) fn admin(self) -> Self {
        let access = Access::Admin;
        Self { access, ..self }
    }

    /// Sets the schema of the request's body.
    pub(in crate::http) fn body(self, schema: &'static str) -> Self {
        let body = Some(schema);
        Self { body, ..self }
    }

    pub(in crate::http) fn query(self, query: &'static [QueryParameter]) -> Self {
        Self { query, ..self }
    }

    /// Sets the answer: 200 with a value of this schema.
    pub(in crate::http) fn returns(self, schema: &'static str) -> Self {
        let success = Success::Ok(schema);
        Self { success, ..self }
    }

    /// Sets the answer: 201 with a value of this schema.
    pub(in crate::http) fn creates(self, schema: &'static str) -> Self {
        let success = Success::Created(schema);
        Self { success, ..self }
    }

    /// Adds error statuses.
    pub(in crate::http) fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

/// Creates the router of these operations.
pub(in crate::http) fn router(routes: Vec<Route>) -> Router<Portal> {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(&route.path, route.handler)
    })
}
