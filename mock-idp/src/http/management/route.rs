//! A route of the management API: its handler, and its description for the OpenAPI document.
//! Both are in one value, so that no route lacks a description.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::Idp;

/// The successful answer of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// 200 with one resource of this schema.
    One(&'static str),
    /// 200 with a list: name of the collection, schema of its items.
    Many(&'static str, &'static str),
    /// 201 with the created resource of this schema.
    Made(&'static str),
    /// 200 with a file of this media type.
    File(&'static str),
    /// 204 without a body.
    Nothing,
}

/// A route: a method at a path.
pub(super) struct Route {
    pub method: Method,
    pub path: String,
    pub summary: &'static str,
    /// Schema of the request body, if there is one.
    pub takes: Option<&'static str>,
    /// Actions that the media type of the body can name:
    /// `application/vnd.pingidentity.<act>+json`.
    pub acts: &'static [&'static str],
    pub query: &'static [&'static str],
    pub said: Said,
    /// True if PingOne has no such route.
    pub is_ours: bool,
    pub answers: MethodRouter<Idp>,
}

impl Route {
    fn new<H, T>(
        method: Method,
        filter: MethodFilter,
        path: &str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self {
            method,
            path: path.to_owned(),
            summary,
            takes: None,
            acts: &[],
            query: &[],
            said: Said::Nothing,
            is_ours: false,
            answers: on(filter, handler),
        }
    }

    pub(super) fn get<H, T>(path: &str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self::new(Method::GET, MethodFilter::GET, path, summary, handler)
    }

    pub(super) fn post<H, T>(path: &str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self::new(Method::POST, MethodFilter::POST, path, summary, handler)
    }

    pub(super) fn put<H, T>(path: &str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self::new(Method::PUT, MethodFilter::PUT, path, summary, handler)
    }

    pub(super) fn patch<H, T>(path: &str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self::new(Method::PATCH, MethodFilter::PATCH, path, summary, handler)
    }

    pub(super) fn delete<H, T>(path: &str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Idp>,
        T: 'static,
    {
        Self::new(Method::DELETE, MethodFilter::DELETE, path, summary, handler)
    }

    /// Sets the schema of the request body.
    pub(super) fn takes(mut self, schema: &'static str) -> Self {
        self.takes = Some(schema);
        self
    }

    /// Sets the actions that the media type of the body can name.
    pub(super) fn acts(mut self, acts: &'static [&'static str]) -> Self {
        self.acts = acts;
        self
    }

    pub(super) fn query(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    pub(super) fn shows(mut self, schema: &'static str) -> Self {
        self.said = Said::One(schema);
        self
    }

    /// Sets the answer to a file of this media type.
    pub(super) fn downloads(mut self, kind: &'static str) -> Self {
        self.said = Said::File(kind);
        self
    }

    pub(super) fn makes(mut self, schema: &'static str) -> Self {
        self.said = Said::Made(schema);
        self
    }

    /// Sets the answer to a list of `schema` under the name `collection`, in pages.
    pub(super) fn lists(mut self, collection: &'static str, schema: &'static str) -> Self {
        self.said = Said::Many(collection, schema);
        self.query = &["filter", "limit", "cursor"];
        self
    }

    /// Sets the answer to a list of `schema` under the name `collection`, without pages.
    pub(super) fn lists_all(mut self, collection: &'static str, schema: &'static str) -> Self {
        self.said = Said::Many(collection, schema);
        self
    }

    /// Marks a route that PingOne does not have.
    pub(super) fn ours(mut self) -> Self {
        self.is_ours = true;
        self
    }
}
