//! Reads posted forms and shows them again. If a form is refused, the page
//! shows the typed values with the error next to its field.

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

/// First word of the hint of an optional field.
const OPTIONAL: &str = "Optional";

/// The fields of a form that a page of the portal posted.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted(HashMap<String, String>);

impl Posted {
    /// Returns a field without spaces around it; empty if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// Returns a field unchanged, for passwords, which may start with a space.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// True if a check box was selected.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns a field if it is not empty.
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
                // A metadata file declares its encoding.
                let text = saml::encoding::decode_lossy(&bytes);
                // The empty field of a file that was not chosen must not
                // replace the text field with the same name.
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

/// A refused form, to be shown again.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    /// The typed values.
    pub(super) typed: Posted,
    /// Why the form was refused.
    pub(super) problem: Option<Problem>,
}

impl Attempt {
    /// Creates an attempt that was refused for this reason.
    pub(super) fn with_problem(typed: Posted, problem: impl Into<Problem>) -> Self {
        Self {
            typed,
            problem: Some(problem.into()),
        }
    }

    /// Returns the HTTP status of the page that shows the form again.
    pub(super) fn status(&self) -> StatusCode {
        let problem = self.problem.as_ref();
        problem.map_or(StatusCode::OK, Problem::status)
    }

    /// Returns the error of this field.
    pub(super) fn error_at(&self, name: &str) -> Option<String> {
        let fields = self.problem.as_ref()?.fields();
        let (_, detail) = fields.iter().find(|(field, _)| *field == name)?;
        Some(sentence(detail))
    }

    /// Returns the error if it belongs to none of the form's fields, or the
    /// number of wrong fields if there are several.
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

    /// Returns all posted fields as hidden fields, for a form that posts
    /// them again.
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

    /// Returns a labeled input field with the typed value, or else the
    /// stored one.
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
                input id=(name) name=(name) type=(kind) value=(value) autocomplete=[autocomplete_of(name)] aria-required=[required.then_some("true")] aria-invalid=[error.as_ref().map(|_| "true")] aria-describedby=[described];
            }
            @if let Some(error) = &error { p.error id=(error_id) { (error) } }
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
        }
    }
}

fn autocomplete_of(name: &str) -> Option<&'static str> {
    match name {
        "email" => Some("email"),
        "account" => Some("username"),
        "name" => Some("name"),
        "organization" => Some("organization"),
        _ => None,
    }
}
