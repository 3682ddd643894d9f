//! Errors of the JSON API: problem details (RFC 9457).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::accounts::AccountError;
use crate::configurator::{ConfiguratorError, Warning};
use crate::licensing::{KeyError, MappingError};
use crate::store::StoreError;

/// An error answer, `application/problem+json`.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    members: Vec<(String, Value)>,
    /// The fields of a form that are wrong, with the reasons.
    fields: Vec<(&'static str, String)>,
    retry_after: Option<u64>,
}

/// Result of a handler of the JSON API.
pub type Answer<T = Response> = Result<T, Problem>;

impl Problem {
    /// Creates a problem; `detail` says what is wrong and what to do.
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            members: Vec::new(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong and what to do, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields of a form that are wrong, with the reasons.
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// Assigns the problem to this field of a form.
    pub fn at(mut self, field: &'static str) -> Self {
        self.fields = vec![(field, self.detail.clone())];
        self
    }

    /// Combines several problems of one request: status and code of the first,
    /// details of all. `None` for an empty list.
    pub fn several(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut all: Vec<Self> = all.into_iter().collect();
        if all.len() < 2 {
            return all.pop();
        }
        let details: Vec<&str> = all.iter().map(|one| one.detail.as_str()).collect();
        let errors: Vec<Value> = all
            .iter()
            .map(|one| json!({"code": one.code, "detail": one.detail}))
            .collect();
        let problem = Self::new(all[0].status, all[0].code.clone(), details.join("; "));
        let fields = all.iter().flat_map(|one| one.fields.clone()).collect();
        Some(Self { fields, ..problem }.with("errors", errors))
    }

    /// Adds a member to the JSON object.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.push((name.to_owned(), value.into()));
        self
    }

    /// The request has no valid session.
    pub fn not_logged_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not-logged-in",
            "log in first: POST /api/session, or by SSO at /login",
        )
    }

    /// The resource does not exist.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", what)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(code = self.code, detail = self.detail, "the API failed");
        }
        let mut title = self.code.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("/problems/{}", self.code)));
        body.insert("title".into(), json!(title));
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("detail".into(), json!(self.detail));
        body.insert("code".into(), json!(self.code));
        body.extend(self.members);
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(
            header::CACHE_CONTROL,
            header::HeaderValue::from_static("no-store"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }
}

/// Converts warnings to JSON.
pub(super) fn warnings_shown(warnings: &[Warning]) -> Vec<Value> {
    warnings
        .iter()
        .map(|one| json!({"code": one.code, "message": one.message}))
        .collect()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "internal error of the portal: try again in a moment",
        )
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        use AccountError as E;
        let (status, code) = match &error {
            E::InvalidEmail(_) => (StatusCode::BAD_REQUEST, "invalid-email"),
            E::WeakPassword(_) => (StatusCode::BAD_REQUEST, "weak-password"),
            E::EmailTaken(_) => (StatusCode::CONFLICT, "email-taken"),
            E::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials"),
            E::UseSso => (StatusCode::FORBIDDEN, "use-sso"),
            E::InvalidRole(_) => (StatusCode::BAD_REQUEST, "invalid-role"),
            E::AlreadyMember(_) => (StatusCode::CONFLICT, "already-a-member"),
            E::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts"),
            E::NotYourWorkspace(_) => (StatusCode::FORBIDDEN, "not-your-workspace"),
            E::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let retry_after = match &error {
            E::TooMany(seconds) => Some(*seconds),
            _ => None,
        };
        if let E::Store(error) = error {
            return error.into();
        }
        let problem = Self {
            retry_after,
            ..Self::new(status, code, error.to_string())
        };
        match code {
            "invalid-email" | "email-taken" | "already-a-member" => problem.at("email"),
            "weak-password" => problem.at("password"),
            _ => problem,
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        use KeyError as E;
        let (status, code) = match &error {
            E::Malformed(_) => (StatusCode::UNPROCESSABLE_ENTITY, "license-key-malformed"),
            E::Unknown => (StatusCode::NOT_FOUND, "license-key-unknown"),
            E::Used => (StatusCode::CONFLICT, "license-key-used"),
            E::Expired(_) => (StatusCode::GONE, "license-key-expired"),
            E::Cancelled(_) => (StatusCode::GONE, "license-key-cancelled"),
            E::OrganizationRequired => (StatusCode::CONFLICT, "organization-required"),
            E::OrganizationUnnamed => (StatusCode::BAD_REQUEST, "organization-name-missing"),
            E::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if let E::Store(error) = error {
            return error.into();
        }
        let problem = Self::new(status, code, error.to_string());
        match code {
            "organization-name-missing" => problem.at("organization"),
            code if code.starts_with("license-key-") => problem.at("key"),
            _ => problem,
        }
    }
}

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        use MappingError as E;
        let (status, code) = match &error {
            E::Unknown(_) => (StatusCode::NOT_FOUND, "subscription-unknown"),
            E::GroupTaken(_) => (StatusCode::CONFLICT, "group-taken"),
            E::Unnamed => (StatusCode::BAD_REQUEST, "name-missing"),
            E::NoSuchDevice => (StatusCode::NOT_FOUND, "device-unknown"),
            E::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if let E::Store(error) = error {
            return error.into();
        }
        let problem = Self::new(status, code, error.to_string());
        match code {
            "name-missing" => problem.at("subscription_name"),
            "group-taken" => problem.at("group_name"),
            _ => problem,
        }
    }
}

impl From<ConfiguratorError> for Problem {
    fn from(error: ConfiguratorError) -> Self {
        use ConfiguratorError as E;
        let status = match &error {
            E::NotAvailable
            | E::NotStarted
            | E::DomainTaken(_)
            | E::NeverLoggedIn(_)
            | E::NoPostUrl => StatusCode::CONFLICT,
            E::StepsMissing(_)
            | E::ActiveNeeds(_)
            | E::DomainEntered(_)
            | E::ConfirmationRequired(_)
            | E::IssuerEntered(_)
            | E::TokenIsCurrent => StatusCode::CONFLICT,
            E::NoSuchIssuer(_) | E::NoSuchToken(_) => StatusCode::NOT_FOUND,
            E::NoSuchDomain(_) => StatusCode::NOT_FOUND,
            E::MetadataUnreachable { .. } => StatusCode::BAD_GATEWAY,
            E::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        if let E::Several(errors) = error {
            let all = errors.into_iter().map(Self::from);
            return Self::several(all).unwrap_or_else(|| Self::from(E::NothingToImport));
        }
        let code = error.code();
        let field = error.field();
        if let E::ConfirmationRequired(warnings) = &error {
            return Self::new(status, code, error.to_string())
                .with("warnings", warnings_shown(warnings))
                .with("confirm", "?confirm=true");
        }
        let missing = match &error {
            E::StepsMissing(missing) => Some(missing.clone()),
            _ => None,
        };
        if let E::Store(error) = error {
            return error.into();
        }
        let problem = Self::new(status, code, error.to_string());
        let problem = match field {
            Some(field) => problem.at(field),
            None => problem,
        };
        match missing {
            Some(missing) => problem.with("missing", missing),
            None => problem,
        }
    }
}
