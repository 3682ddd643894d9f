//! The page that explains SAML messages, like `rehearsal trace`, for users without a
//! terminal. It changes and stores nothing.

use std::sync::Arc;

use ambient::Ambient;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::site::Site;
use super::view;
use crate::inspection::encryption::DecryptionKey;
use crate::trace::{self, Account, Known, sources};

/// Maximum size of the form in bytes: a HAR file contains every answer of a sign-on.
const LARGEST_FORM: usize = 32 * 1024 * 1024;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/explain", get(show_empty_page).post(explain))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}

/// The content of the form.
#[derive(Debug, Default)]
struct Form {
    /// The text of the field, or the content of the file if one was chosen.
    message: Vec<u8>,
    metadata: String,
    audience: String,
    /// URLs, separated by white space.
    acs: String,
    /// The private key in PEM. It is not shown again.
    key: String,
    /// The time as of which the message is judged; empty for now.
    at: String,
}

async fn show_empty_page(State(site): State<Arc<Site>>) -> Response {
    Html(page(&site, &Form::default(), &html! {}).into_string()).into_response()
}

async fn explain(State(site): State<Arc<Site>>, form: Multipart) -> Response {
    let form = match read(form).await {
        Ok(form) => form,
        Err(reason) => {
            return refusal_page(&site, &Form::default(), StatusCode::BAD_REQUEST, &reason);
        }
    };
    // On a separate thread, so that other requests do not wait for a large file.
    let explained = tokio::task::spawn_blocking(move || {
        let accounts = accounts(&form);
        (form, accounts)
    });
    match explained.await {
        Ok((form, Ok(accounts))) => {
            Html(page(&site, &form, &results(&accounts)).into_string()).into_response()
        }
        Ok((form, Err(reason))) => {
            refusal_page(&site, &form, StatusCode::UNPROCESSABLE_ENTITY, &reason)
        }
        Err(error) => refusal_page(
            &site,
            &Form::default(),
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("cannot explain the message: {error}"),
        ),
    }
}

async fn read(mut parts: Multipart) -> Result<Form, String> {
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        let limit = LARGEST_FORM / 1024 / 1024;
        format!(
            "cannot read the form: {}; at most {limit} MiB",
            error.body_text()
        )
    };
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(unreadable)?;
        let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
        match name.as_str() {
            // The file follows the text field, and is empty if none was chosen.
            "message" | "file" if !bytes.is_empty() => form.message = bytes.to_vec(),
            "metadata" => form.metadata = text(),
            "audience" => form.audience = text(),
            "acs" => form.acs = text(),
            "key" => form.key = text(),
            "at" => form.at = text(),
            _ => {}
        }
    }
    Ok(form)
}

fn accounts(form: &Form) -> Result<Vec<Account>, String> {
    let trusted = match form.metadata.as_str() {
        "" => Vec::new(),
        metadata => trace::read_trusted_keys(metadata)
            .map_err(|error| format!("cannot use the metadata: {error}"))?,
    };
    let now = match form.at.as_str() {
        "" => Ambient::real().now(),
        text => text.parse().map_err(|_| {
            format!("invalid time: expected one such as 2027-01-31T12:00:00Z, got {text:?}")
        })?,
    };
    let decryption_key =
        match form.key.as_str() {
            "" => None,
            pem => Some(DecryptionKey::read(pem.as_bytes()).map_err(|error| {
                format!("invalid private key: {}", ambient::error_chain(&error))
            })?),
        };
    let known = Known {
        trusted,
        entities: trace::read_entities(&form.metadata),
        audience: Some(form.audience.clone()).filter(|it| !it.is_empty()),
        acs: form.acs.split_whitespace().map(str::to_owned).collect(),
        now: Some(now),
        decryption_key,
    };
    let found = sources::read_bytes(&form.message).map_err(|error| error.to_string())?;
    Ok(trace::accounts(found, &known))
}

fn refusal_page(site: &Site, form: &Form, status: StatusCode, reason: &str) -> Response {
    let problem = html! { p.problems role="alert" { (reason) } };
    (status, Html(page(site, form, &problem).into_string())).into_response()
}

fn results(accounts: &[Account]) -> Markup {
    html! {
        @for account in accounts {
            section.card {
                @if account.verdict.is_refused() { span.badge.bad { "Would be refused" } }
                @else { span.badge.good { "Nothing to refuse found" } }
                pre tabindex="0" { (with_labels(&account.to_text(true))) }
            }
        }
    }
}

/// The options of `rehearsal trace`, and the fields of this page in their place.
const FIELDS: [(&str, &str); 5] = [
    ("--metadata", "the field Metadata"),
    ("--audience", "the field Entity ID"),
    ("--acs", "the field ACS URL"),
    ("--key", "the field Private key"),
    ("--at", "the field Time:"),
];

/// Names the fields of this page in place of the options of the command.
fn with_labels(text: &str) -> String {
    let mut text = text.to_owned();
    for (option, field) in FIELDS {
        text = text.replace(option, field);
    }
    text
}

fn page(site: &Site, form: &Form, result: &Markup) -> Markup {
    // The content of a file is not shown again: it can be large, and a browser cannot fill
    // in a file field.
    let typed = String::from_utf8_lossy(&form.message);
    let typed = if typed.len() > 64 * 1024 {
        ""
    } else {
        typed.as_ref()
    };
    let body = html! {
        div.title { h1 { "Explain a SAML message" } }
        p.lead {
            "Paste a SAMLResponse or SAMLRequest (XML, base64, a URL or a form), or choose a file: \
             a message, a HAR file, or an export of SAML-tracer. It is judged as of now by this \
             machine's clock unless a time is given, nothing is sent anywhere, and nothing is kept."
        }
        (result)
        form method="post" action="/explain" enctype="multipart/form-data" {
            div.field {
                label for="message" { "Message" }
                textarea id="message" name="message" rows="8" spellcheck="false" { (typed) }
            }
            div.field {
                label for="file" { "Or a file" }
                input id="file" name="file" type="file";
            }
            div.field {
                label for="metadata" { "Metadata of the sender, to check signatures (optional)" }
                textarea id="metadata" name="metadata" rows="4" spellcheck="false" { (form.metadata) }
            }
            div.field {
                label for="audience" { "Entity ID of the service provider, to check the audience (optional)" }
                input id="audience" name="audience" value=(form.audience);
            }
            div.field {
                label for="acs" { "ACS URL of the service provider, to check Destination and Recipient (optional)" }
                input id="acs" name="acs" value=(form.acs);
            }
            div.field {
                label for="key" { "Private key of the service provider in PEM, to decrypt assertions (optional)" }
                textarea id="key" name="key" rows="2" spellcheck="false" autocomplete="off" {}
            }
            div.field {
                label for="at" { "Time as of which it is judged, such as 2027-01-31T12:00:00Z (optional)" }
                input id="at" name="at" value=(form.at);
            }
            div.buttons { button type="submit" { "Explain" } }
        }
    };
    view::frame(site, "Explain a SAML message", &body)
}
