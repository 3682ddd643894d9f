//! The JSON of PingOne's API: HAL resources and lists, and errors.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::directory::Document;
use crate::directory::filter::Filter;
use crate::refusal::{Detail, Refused};
use crate::store::resources::Resource;

/// An error in PingOne's form: `{id, code, message, details}`.
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
}

/// The answer of a handler.
pub(super) type Answer = Result<Response, Problem>;

impl Problem {
    /// Returns the error for a body that cannot be parsed as JSON.
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST",
            format!("Expected JSON: {error}."),
        )
    }

    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNEXPECTED_ERROR",
            "An unexpected error occurred. The log of the identity provider contains the reason.",
        )
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// Returns the error for a request that axum refused before a handler got it.
    fn of_status(status: StatusCode, said: &str) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::PAYLOAD_TOO_LARGE => "REQUEST_TOO_LARGE",
            status if status.is_server_error() => "UNEXPECTED_ERROR",
            _ => "INVALID_REQUEST",
        };
        let message = match said.trim() {
            "" => status.canonical_reason().unwrap_or("The request failed."),
            said => said,
        };
        Self::new(status, code, message)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound { .. } => Self::not_found(refused.to_string()),
            Refused::Invalid(ref details) => Self {
                status: StatusCode::BAD_REQUEST,
                code: "INVALID_DATA",
                message: format!(
                    "The request could not be completed. One or more validation errors were in the request: {refused}"
                ),
                details: details.clone(),
            },
            Refused::Store(_) | Refused::Internal(_) => {
                tracing::error!(%refused, "a request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details: Vec<Value> = self
            .details
            .iter()
            .map(|detail| {
                let mut shown =
                    json!({"code": detail.code, "target": detail.target, "message": detail.message});
                if let Some(inner) = &detail.inner {
                    shown["innerError"] = inner.clone();
                }
                shown
            })
            .collect();
        let body = json!({
            "code": self.code,
            "message": self.message,
            "details": details,
        });
        let mut response = (self.status, Json(body.clone())).into_response();
        response.extensions_mut().insert(Unnumbered(body));
        response
    }
}

/// The body of an error that has no `id` yet.
#[derive(Clone)]
struct Unnumbered(Value);

/// Adds an `id` to an error, which the log contains too. Converts an error of axum to PingOne's
/// form.
pub(super) async fn add_error_id(mut response: Response, id: impl FnOnce() -> String) -> Response {
    let status = response.status();
    if (status.is_client_error() || status.is_server_error())
        && response.extensions().get::<Unnumbered>().is_none()
    {
        let (parts, body) = response.into_parts();
        let said = axum::body::to_bytes(body, 4096).await.unwrap_or_default();
        response = Problem::of_status(status, &String::from_utf8_lossy(&said)).into_response();
        // Keep headers such as `Allow` and `WWW-Authenticate`.
        for (name, value) in &parts.headers {
            if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    let Some(Unnumbered(body)) = response.extensions_mut().remove() else {
        return response;
    };
    let mut numbered = Map::new();
    numbered.insert("id".into(), id().into());
    tracing::info!(id = %numbered["id"], %status, error = %body, "refused");
    if let Value::Object(body) = body {
        numbered.extend(body);
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Value::Object(numbered).to_string().into())
}

/// A request body that is a JSON object, sent as `application/json` or any `…+json` type.
pub(super) struct Body(pub Document);

/// A JSON object whose media type names the action: PingOne's
/// `application/vnd.pingidentity.<act>+json`.
pub(super) struct Acted {
    /// Action, such as `password.set` or `account.lock`; empty for `application/json`.
    pub act: String,
    pub document: Document,
}

impl<S: Send + Sync> FromRequest<S> for Acted {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let act = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next()?.trim().strip_suffix("+json"))
            .and_then(|value| value.strip_prefix("application/vnd.pingidentity."))
            .unwrap_or_default()
            .to_owned();
        let Body(document) = Body::from_request(request, state).await?;
        Ok(Self { act, document })
    }
}

/// A parsed query string. An invalid one is refused with an error in PingOne's form.
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(asked)| Self(asked))
            .map_err(|error| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "INVALID_REQUEST",
                    error.body_text(),
                )
            })
    }
}

/// The query of a list: filter, page size and cursor.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    pub filter: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page of a list, with the query of the next page.
pub(super) struct Part<'i, T> {
    pub shown: &'i [T],
    total: usize,
    next: Option<String>,
}

impl Page {
    /// Returns the page size: `limit`, from 1 to 1000, 100 by default.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, 1000)
    }

    /// Returns the place in the list after which the page begins, from the cursor.
    pub(super) fn after(&self) -> Result<i64, Refused> {
        match &self.cursor {
            None => Ok(0),
            Some(cursor) => i64::from_str_radix(cursor, 16).map_err(|_| {
                Refused::invalid("cursor", "expected the cursor from the next link of a list")
            }),
        }
    }

    fn query(&self, last: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("limit", &self.limit().to_string())
            .append_pair("cursor", &format!("{last:x}"));
        if let Some(filter) = &self.filter {
            query.append_pair("filter", filter);
        }
        query.finish()
    }

    /// Returns a page of `found`, which the database has limited already. It contains one item
    /// more than the page if there is a next page.
    pub(super) fn of<'i, T>(
        &self,
        found: &'i [T],
        total: usize,
        place: impl Fn(&T) -> i64,
    ) -> Part<'i, T> {
        let shown = &found[..found.len().min(self.limit())];
        let more = found.len() > shown.len();
        Part {
            shown,
            total,
            next: shown
                .last()
                .filter(|_| more)
                .map(|last| self.query(place(last))),
        }
    }

    /// Returns a page of a whole list, which is ordered by place. If items are deleted between
    /// two pages, no other item is skipped.
    pub(super) fn cut<'i, T>(
        &self,
        all: &'i [T],
        place: impl Fn(&T) -> i64,
    ) -> Result<Part<'i, T>, Refused> {
        let after = self.after()?;
        let from = all.partition_point(|item| place(item) <= after);
        Ok(self.of(&all[from..], all.len(), place))
    }

    /// Keeps the items that match the filter.
    pub(super) fn apply_filter<T>(
        &self,
        all: &mut Vec<T>,
        seen: impl Fn(&T) -> Value,
    ) -> Result<(), Refused> {
        if let Some(filter) = &self.filter {
            let filter = Filter::parse(filter)
                .map_err(|error| Refused::invalid("filter", error.to_string()))?;
            all.retain(|item| filter.holds(&seen(item)));
        }
        Ok(())
    }

    /// Returns a page of the resources that match the filter.
    pub(super) fn resources<'i>(
        &self,
        all: &'i mut Vec<Resource>,
    ) -> Result<Part<'i, Resource>, Refused> {
        self.apply_filter(all, |item| resource(item, ""))?;
        self.cut(all, |item| item.place)
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.is_empty() && kind != "application/json" && !kind.ends_with("+json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "INVALID_REQUEST",
                format!("Expected application/json, got {kind}."),
            ));
        }
        let text = String::from_request(request, state)
            .await
            .map_err(|error| Problem::new(error.status(), "INVALID_REQUEST", error.body_text()))?;
        if text.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(document)) => Ok(Self(document)),
            Ok(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                "Expected a JSON object.",
            )),
            Err(error) => Err(Problem::not_json(&error)),
        }
    }
}

/// Returns the JSON of a resource: its document with id, environment, timestamps and links.
pub(super) fn resource(resource: &Resource, href: &str) -> Value {
    let mut shown = Map::new();
    shown.insert("_links".into(), json!({"self": {"href": href}}));
    shown.insert("id".into(), resource.id.clone().into());
    if !resource.environment.is_empty() {
        shown.insert("environment".into(), json!({"id": resource.environment}));
    }
    shown.extend(resource.document.clone());
    shown.insert("createdAt".into(), resource.created_at.to_string().into());
    shown.insert("updatedAt".into(), resource.updated_at.to_string().into());
    Value::Object(shown)
}

/// Returns the JSON of a list: `{_links, _embedded: {collection: […]}, count, size}`.
pub(super) fn list<T>(
    href: &str,
    collection: &str,
    part: &Part<'_, T>,
    items: Vec<Value>,
) -> Value {
    let mut links = json!({"self": {"href": href}});
    if let Some(next) = &part.next {
        links["next"] = json!({"href": format!("{href}?{next}")});
    }
    let size = items.len();
    json!({
        "_links": links,
        "_embedded": {collection: items},
        "count": part.total,
        "size": size,
    })
}

/// Returns the JSON of a list that is never split into pages.
pub(super) fn whole(href: &str, collection: &str, items: Vec<Value>) -> Value {
    let part = Part::<Value> {
        shown: &[],
        total: items.len(),
        next: None,
    };
    list(href, collection, &part, items)
}

pub(super) fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}
