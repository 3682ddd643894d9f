//! One route of the management API: what answers it, and what the OpenAPI
//! document says of it. Both are made from the same value, so neither can be
//! without the other.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::Idp;

/// What a route answers when all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// 200 with one resource of that schema.
    One(&'static str),
    /// 200 with a list of them, under that name.
    Many(&'static str, &'static str),
    /// 201 with what was made.
    Made(&'static str),
    /// 200 with a file of that media type.
    File(&'static str),
    /// 204.
    Nothing,
}

/// A method at a path.
pub(super) struct Route {
    pub method: Method,
    pub path: String,
    pub summary: &'static str,
    /// The schema of the body, when it has one.
    pub takes: Option<&'static str>,
    /// `application/vnd.pingidentity.<act>+json`: what the body's media type may ask.
    pub acts: &'static [&'static str],
    pub query: &'static [&'static str],
    pub said: Said,
    /// This simulator's own: PingOne documents no such route.
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

    /// The body's schema.
    pub(super) fn takes(mut self, schema: &'static str) -> Self {
        self.takes = Some(schema);
        self
    }

    /// What the body's media type may ask.
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

    /// Answers with a file.
    pub(super) fn downloads(mut self, kind: &'static str) -> Self {
        self.said = Said::File(kind);
        self
    }

    pub(super) fn makes(mut self, schema: &'static str) -> Self {
        self.said = Said::Made(schema);
        self
    }

    /// A list of `schema` under the name `collection`, page by page.
    pub(super) fn lists(mut self, collection: &'static str, schema: &'static str) -> Self {
        self.said = Said::Many(collection, schema);
        self.query = &["filter", "limit", "cursor"];
        self
    }

    /// A list of `schema` under the name `collection`, always whole.
    pub(super) fn lists_all(mut self, collection: &'static str, schema: &'static str) -> Self {
        self.said = Said::Many(collection, schema);
        self
    }

    /// PingOne documents no such route.
    pub(super) fn ours(mut self) -> Self {
        self.is_ours = true;
        self
    }
}
