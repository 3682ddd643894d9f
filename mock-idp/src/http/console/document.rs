//! The HTML around the content of a page, and the pages that are shown without a sign-on.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::refusal::Refused;

/// An error that the user cannot correct in a form: a missing resource, or a failure of the
/// identity provider.
pub(super) struct Lost(pub Refused);

impl<E: Into<Refused>> From<E> for Lost {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Lost {
    fn into_response(self) -> Response {
        let (status, title, words) = match &self.0 {
            Refused::NotFound { what, .. } => (
                StatusCode::NOT_FOUND,
                "Not found",
                format!("There is no such {what}. It may have been deleted."),
            ),
            Refused::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "This cannot be done",
                self.0.to_string(),
            ),
            Refused::Store(_) | Refused::Internal(_) => {
                tracing::error!(refused = %self.0, "a page of the console failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something went wrong",
                    "The identity provider cannot do this. Its log contains the reason.".to_owned(),
                )
            }
        };
        let body = html! {
            p { (words) }
            p { a href="/console" { "Back to the start page" } }
        };
        alone(status, title, &body)
    }
}

/// Renders a page for a visitor who is not signed on.
pub(super) fn alone(status: StatusCode, title: &str, content: &Markup) -> Response {
    let body = html! {
        main.alone #main {
            p.brand { (mark()) "Identity Console" }
            h1 { (title) }
            (content)
        }
    };
    document(status, title, &body)
}

/// The logo of the console: a key in a square.
pub(super) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
            rect width="24" height="24" rx="6" {}
            circle cx="9.5" cy="12" r="3.2" {}
            path d="M12.7 12h6.3M16.6 12v3.2" {}
        }
    }
}

pub(super) fn document(status: StatusCode, title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Identity Console" }
                link rel="stylesheet" href="/console/assets/console.css";
                script src="/console/assets/console.js" defer {}
            }
            body {
                (body)
                @if let Some(url) = ambient::simulation_link() {
                    footer.simulation { a href=(url) { (ambient::SIMULATION_LINK_TEXT) } }
                }
            }
        }
    };
    (status, Html(page.into_string())).into_response()
}
