//! Forms: read once, never lost. What was typed comes back with the error
//! beside its field.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use subtle::ConstantTimeEq as _;

use super::super::problem::Problem;
use super::super::{largest_body, too_large};
use super::form_token::token;
use super::shell;
use crate::Portal;
use crate::words::sentence;

/// What the hint of a field that may stay empty begins with.
const OPTIONAL: &str = "Optional";

/// What a form said, from our own page.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted(HashMap<String, String>);

impl Posted {
    /// A field, trimmed; empty when it wasn't there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// A field as it was typed: passwords may begin with a space.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a box was ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field that isn't empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }
}

impl FromRequest<Portal> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Response> {
        let refused = |status: StatusCode, text: &str| {
            (status, shell::message("This form was not sent", text)).into_response()
        };
        let headers = request.headers().clone();
        let origin = headers.get(header::ORIGIN);
        if origin.is_some_and(|origin| origin.as_bytes() != portal.origin().as_bytes()) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "It came from another site. Open the page in the portal itself and try again.",
            ));
        }
        let limit = largest_body(request.uri().path());
        let unreadable = |status: StatusCode| match status {
            StatusCode::PAYLOAD_TOO_LARGE => refused(status, &sentence(&too_large(limit))),
            _ => refused(
                StatusCode::BAD_REQUEST,
                "It could not be read. Go back and try again.",
            ),
        };
        let kind = headers.get(header::CONTENT_TYPE).map(|it| it.as_bytes());
        let mut fields = HashMap::new();
        if kind.is_some_and(|kind| kind.starts_with(b"multipart/form-data")) {
            let mut parts = Multipart::from_request(request, portal)
                .await
                .map_err(|error| unreadable(error.status()))?;
            while let Some(part) = parts
                .next_field()
                .await
                .map_err(|error| unreadable(error.status()))?
            {
                let name = part.name().unwrap_or_default().to_owned();
                let bytes = part.bytes().await;
                let bytes = bytes.map_err(|error| unreadable(error.status()))?;
                // A metadata file says in which encoding it was saved.
                let text = saml::encoding::decode_lossy(&bytes);
                // A file that wasn't chosen must not wipe the text beside it.
                if !text.is_empty() || !fields.contains_key(&name) {
                    fields.insert(name, text);
                }
            }
        } else {
            let bytes = Bytes::from_request(request, portal)
                .await
                .map_err(|error| unreadable(error.status()))?;
            fields = url::form_urlencoded::parse(&bytes).into_owned().collect();
        }
        let given = fields.get("csrf").map(String::as_str).unwrap_or_default();
        let wanted = token(&headers);
        if !bool::from(given.as_bytes().ct_eq(wanted.as_bytes())) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "You have logged in or out since the page was opened. Open it again and repeat the change.",
            ));
        }
        Ok(Self(fields))
    }
}

/// A form that was sent, as its page shows it again.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    /// What was typed.
    pub(super) typed: Posted,
    /// Why it wasn't taken.
    pub(super) problem: Option<Problem>,
}

impl Attempt {
    /// Refused for this reason.
    pub(super) fn failed(typed: Posted, problem: impl Into<Problem>) -> Self {
        Self {
            typed,
            problem: Some(problem.into()),
        }
    }

    /// The status of a page that shows it.
    pub(super) fn status(&self) -> StatusCode {
        let problem = self.problem.as_ref();
        problem.map_or(StatusCode::OK, Problem::status)
    }

    /// What is wrong with this field.
    pub(super) fn error_at(&self, name: &str) -> Option<String> {
        let fields = self.problem.as_ref()?.fields();
        let (_, detail) = fields.iter().find(|(field, _)| *field == name)?;
        Some(sentence(detail))
    }

    /// The error, where none of the form's fields is to blame; with several
    /// wrong fields, how many.
    pub(super) fn alert(&self, fields: &[&str]) -> Markup {
        let Some(problem) = &self.problem else {
            return html! {};
        };
        let beside = problem
            .fields()
            .iter()
            .filter(|(field, _)| fields.contains(field))
            .count();
        html! {
            @if beside == 0 {
                p.say.bad role="alert" { (sentence(problem.detail())) }
            } @else if beside > 1 {
                p.say.bad role="alert" { (beside) " fields need a correction." }
            }
        }
    }

    /// Every field that was sent, for a form that asks to send it again.
    pub(super) fn again(&self) -> Markup {
        let mut fields: Vec<(&String, &String)> = self
            .typed
            .0
            .iter()
            .filter(|(name, _)| *name != "csrf" && *name != "confirm")
            .collect();
        fields.sort();
        html! {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
        }
    }

    /// A labeled field with what was typed, or else what is stored.
    pub(super) fn field(
        &self,
        kind: &str,
        name: &str,
        label: &str,
        stored: &str,
        hint: &str,
    ) -> Markup {
        let typed = self.typed.0.get(name).map(String::as_str);
        let value = if kind == "password" {
            ""
        } else {
            typed.unwrap_or(stored)
        };
        let error = self.error_at(name);
        let error_id = format!("{name}-error");
        let hint_id = format!("{name}-hint");
        let optional = hint.starts_with(OPTIONAL) || label.ends_with("(optional)");
        let required = !optional && kind != "textarea";
        let described = match (&error, hint.is_empty()) {
            (Some(_), _) => Some(error_id.as_str()),
            (None, false) => Some(hint_id.as_str()),
            (None, true) => None,
        };
        html! {
            label for=(name) { (label) }
            @if kind == "textarea" {
                textarea id=(name) name=(name) spellcheck="false" aria-invalid=[error.as_ref().map(|_| "true")] aria-describedby=[described]
                    data-understood=(format!("{name}-understood")) data-at="/profile/business/idp_integration/understood" { (value) }
            } @else {
                input id=(name) name=(name) type=(kind) value=(value) autocomplete=[completion(name)] aria-required=[required.then_some("true")] aria-invalid=[error.as_ref().map(|_| "true")] aria-describedby=[described];
            }
            @if let Some(error) = &error { p.error id=(error_id) { (error) } }
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
        }
    }
}

fn completion(name: &str) -> Option<&'static str> {
    match name {
        "email" => Some("email"),
        "account" => Some("username"),
        "name" => Some("name"),
        "organization" => Some("organization"),
        _ => None,
    }
}
