//! Why a SCIM server cannot be judged, and what its owner has to do.

use super::reading::text;
use super::wire::{ScimAnswer, WireError};
use crate::check::SetUpError;
use crate::check::runner::{AnswerError, LIMIT_FIX, page_summary};
use crate::excerpt::{excerpt, unescape};

/// Why a server cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The server does not answer.
    #[error("cannot reach the SCIM server: {0}")]
    Unreachable(String),
    /// The server did not answer in time; contains the request too.
    #[error("cannot read the answer to {0}: {1}")]
    Slow(String, String),
    /// The answer to this request is longer than the checks read.
    #[error("cannot read the answer to {0}: {1}")]
    TooLong(String, String),
    /// This request was not sent.
    #[error("cannot send {0}: {1}")]
    NotSent(String, String),
    /// The credentials are not accepted anywhere.
    #[error("the server refused the credentials: {0}")]
    Refused(String),
    /// There is no SCIM server at the base URL.
    #[error("there is no SCIM server at this base URL: {0}")]
    Nothing(String),
    /// The answers of the server are no JSON.
    #[error("the answers of the server are not valid JSON: {0}")]
    InvalidJson(String),
    /// The server refuses every user that the checks can create.
    #[error("the server refuses the users that the checks create: {0}")]
    NoUsers(String),
    /// The server limits requests for longer than the run waits; has a summary of its answer.
    #[error(
        "the server limits the number of requests: {0}, and the time until the next request is longer than --timeout or --deadline allows"
    )]
    Limited(String),
    /// The credentials may not create users.
    #[error("the server does not let these credentials create users: {0}")]
    MayNotCreate(String),
    /// The server refuses every user with the members of the template.
    #[error("the server refuses the users that the checks create with --user-template: {0}")]
    NoTemplateUsers(String),
    /// The server answers its own users with an error.
    #[error("cannot read the users of the server: {0}")]
    Failing(String),
    /// The credentials of the second tenant do not list its users.
    #[error("the second tenant's credentials do not list its own users: {0}")]
    SecondTenant(String),
    /// The second tenant is the first one.
    #[error("the second tenant has the same credentials and the same base URL as the first")]
    SameTenant,
}

impl CheckError {
    /// Converts the error of the first requests.
    pub(super) fn of(error: &WireError, request: &str) -> Self {
        let (request, why) = (request.to_owned(), error.to_string());
        match error {
            WireError::NotSent(_) => Self::NotSent(request, why),
            WireError::NoAnswer(AnswerError::TooLong(_)) => Self::TooLong(request, why),
            WireError::NoAnswer(AnswerError::Timeout(_)) => Self::Slow(request, why),
            WireError::NoAnswer(
                AnswerError::Closed(_)
                | AnswerError::Transport(_)
                | AnswerError::Certificate(_)
                | AnswerError::Redirects(_)
                | AnswerError::Status(_),
            ) => Self::Unreachable(why),
        }
    }

    /// Converts the error for the report.
    pub fn to_set_up_error(&self, base: &str) -> SetUpError {
        let (code, fix) = match self {
            Self::Unreachable(_) => (
                "unreachable",
                "Check --base-url (host, port, http or https) and whether the server runs and can be reached from this machine. A server with a private certificate needs --ca FILE.",
            ),
            Self::Slow(..) => (
                "unreachable",
                "Check --base-url, and whether the server answers other clients. A slow server needs more time: --timeout SECONDS.",
            ),
            Self::TooLong(..) => (
                "unreadable-answer",
                "Check that --base-url is the URL of the SCIM endpoint, not of a download or a stream. If the answer is a list of users, the server has to limit the length of a page (RFC 7644 §3.4.2.4).",
            ),
            Self::Limited(_) => ("rate-limited", LIMIT_FIX),
            Self::NotSent(..) => (
                "not-sent",
                "The token is sent only to the host of --base-url. If the server redirects, give --base-url the address that it redirects to. With OAuth, check the options of the token endpoint.",
            ),
            Self::Refused(_) => (
                "wrong-token",
                "Check the credentials (--token, --token-file, --basic, --header or the options of OAuth): they have to be those of this SCIM endpoint, not expired, with the right to read and write users and groups. Check --base-url too: it may belong to another tenant. With OAuth, the server must accept the issuer, the audience and the client of the access token.",
            ),
            Self::Nothing(_) => (
                "wrong-base-url",
                "Set --base-url to the URL without /Users, such as https://scim.example/v2. It often ends in /scim/v2.",
            ),
            Self::InvalidJson(_) => (
                "invalid-json",
                "Correct how the server writes JSON: every body has to be valid JSON in UTF-8 (RFC 7644 §3.8, RFC 8259). If this is not the SCIM server's own answer, check --base-url: it is the URL without /Users.",
            ),
            Self::NoUsers(_) => (
                "users-refused",
                "The server may require attributes of users that its schemas do not declare as required: put them into --user-template FILE (a user as JSON, {name} stands for a unique userName). It may also accept only users of a domain: name it with --domain. --read-only judges without creating users.",
            ),
            Self::MayNotCreate(_) => (
                "users-refused",
                "Give the credentials the right to create users, or judge without creating users by --read-only. If the server answers so about the values of the user, name a domain whose users it accepts with --domain, or its attributes with --user-template FILE.",
            ),
            Self::NoTemplateUsers(_) => (
                "users-refused",
                "The cause may be --user-template: compare the names and values of its members with /Schemas. An attribute of an extension belongs below the URN of its schema, which schemas has to name too. The server may also require more attributes, accept only users of a domain (--domain), or, with 401 or 403, not let the credentials write.",
            ),
            Self::SecondTenant(_) | Self::SameTenant => (
                "second-tenant",
                "Check --second-token (or --second-token-file) and --second-base-url: they have to be those of another tenant of the server.",
            ),
            Self::Failing(_) => (
                "server-error",
                "Look into the server's log. Once GET /Users answers, run the checks again.",
            ),
        };
        SetUpError::new(code, format!("At {base}, {self}."), fix)
    }
}

/// Summarizes an answer that is not a SCIM resource: its status, and its SCIM detail or the text of
/// a page.
pub(super) fn summary(answer: &ScimAnswer) -> String {
    let media_type = answer.media_type();
    let detail = answer.json().and_then(|body| {
        let detail = text(&body, &["detail"]).map(str::to_owned);
        detail.or_else(|| text(&body, &["message"]).map(str::to_owned))
    });
    let what = match (detail, answer.header("location")) {
        (Some(detail), _) => format!(": {}", excerpt(&unescape(&detail), 200)),
        (None, Some(to)) if (300..400).contains(&answer.status) => {
            format!(" and redirects to {to}")
        }
        _ if answer.text.trim_start().starts_with('<') => {
            let page = page_summary(&answer.text, 120);
            format!(" with a page ({media_type}) that says \"{page}\"")
        }
        _ if answer.text.is_empty() => String::new(),
        _ => {
            let quoted = excerpt(&unescape(answer.text.trim()), 200);
            match media_type.is_empty() {
                true => format!(" without a Content-Type: {quoted}"),
                false => format!(" ({media_type}): {quoted}"),
            }
        }
    };
    format!("{} answered {}{what}", answer.request, answer.status)
}
