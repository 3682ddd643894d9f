//! PingOne's wire forms: HAL resources and lists, and its errors.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::directory::Document;
use crate::refusal::{Detail, Refused};
use crate::store::resources::Resource;

/// PingOne's error: `{id, code, message, details}`.
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
}

/// What a handler answers.
pub(super) type Answer = Result<Response, Problem>;

impl Problem {
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
            "An unexpected error occurred. The log of the identity provider has it.",
        )
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
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
                json!({"code": detail.code, "target": detail.target, "message": detail.message})
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

/// An error's body, before it has an id.
#[derive(Clone)]
struct Unnumbered(Value);

/// Gives an error the `id` by which the log has it too.
pub(super) fn numbered(mut response: Response, id: impl FnOnce() -> String) -> Response {
    let Some(Unnumbered(body)) = response.extensions_mut().remove() else {
        return response;
    };
    let mut numbered = Map::new();
    numbered.insert("id".into(), id().into());
    tracing::info!(id = %numbered["id"], status = %response.status(), error = %body, "refused");
    if let Value::Object(body) = body {
        numbered.extend(body);
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Value::Object(numbered).to_string().into())
}

/// A JSON object as body, whatever vendor's media type says so.
pub(super) struct Body(pub Document);

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
                format!("Expected application/json, came {kind}."),
            ));
        }
        let text = String::from_request(request, state)
            .await
            .map_err(|error| Problem::new(error.status(), "INVALID_REQUEST", error.body_text()))?;
        if text.trim().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(document)) => Ok(Self(document)),
            Ok(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                "Expected a JSON object.",
            )),
            Err(error) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                format!("Expected JSON: {error}."),
            )),
        }
    }
}

/// A resource: its document with id, environment, instants and links.
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

/// A list: `{_links, _embedded: {collection: […]}, count, size}`.
pub(super) fn list(href: &str, collection: &str, items: Vec<Value>) -> Value {
    let count = items.len();
    json!({
        "_links": {"self": {"href": href}},
        "_embedded": {collection: items},
        "count": count,
        "size": count,
    })
}

pub(super) fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}
