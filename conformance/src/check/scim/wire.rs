//! Sends requests to the server. Requests and answers are plain data, so that a test can use a
//! server without a socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::check::runner::{Access, AnswerError, pause, read_body};

/// A future that can be sent between threads.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request of the checks.
#[derive(Debug, Clone)]
pub struct ScimRequest {
    /// HTTP method.
    pub method: Method,
    /// Path and query below the base URL, or a whole URL.
    pub target: String,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, if any.
    pub body: Option<String>,
}

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct ScimAnswer {
    /// Method and target of the request, for quotations.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub text: String,
}

impl ScimRequest {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// True if the body is a JSON object, so that the server may create a resource from it.
    pub(super) fn has_object(&self) -> bool {
        let body = self.body.as_deref().unwrap_or_default();
        serde_json::from_str::<serde_json::Map<_, _>>(body).is_ok()
    }

    /// Returns method and target.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

impl ScimAnswer {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The request was not sent.
    #[error("{0}")]
    NotSent(String),
    /// The request was sent, or its sending failed, and no answer arrived.
    #[error("{0}")]
    NoAnswer(AnswerError),
}

impl WireError {
    /// Returns why a request cannot be judged, in a sentence.
    pub(super) fn sentence(&self, request: &str) -> String {
        match self {
            Self::NotSent(why) => format!("cannot judge {request}: {why}"),
            Self::NoAnswer(why) => format!("{request} got no answer: {why}"),
        }
    }
}

/// Sends requests to a server.
pub trait Wire: Send + Sync {
    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// The reason for the missing answer.
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>>;

    /// Waits, if the server requests it.
    fn pause(&self, length: Duration) -> Pending<'_, ()> {
        Box::pin(pause(length))
    }
}

/// Sends requests by HTTP.
#[derive(Debug)]
pub struct Http {
    /// Replaced after an answer with 5xx: some servers then close the connection without a word,
    /// and a request on it would be lost.
    client: Mutex<reqwest::Client>,
    base: Url,
    access: Access,
}

fn create_client(access: &Access) -> Result<reqwest::Client, reqwest::Error> {
    access.client().user_agent("rehearsal-check").build()
}

impl Http {
    /// Creates a client for the server with this base URL.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn to(base: Url, access: Access) -> Result<Self, reqwest::Error> {
        let client = Mutex::new(create_client(&access)?);
        Ok(Self {
            client,
            base,
            access,
        })
    }

    fn lock_client(&self) -> MutexGuard<'_, reqwest::Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the URL of a target. A URL outside of the base URL is refused, because the token is
    /// only for this server.
    fn url(&self, target: &str) -> Result<Url, String> {
        let mut base = self.base.clone();
        // Entra ID lets tenants write a query in their base URL (?aadOptscim062020): it belongs to
        // every request.
        let fixed = base.query().filter(|it| !it.is_empty()).map(str::to_owned);
        base.set_query(None);
        let base = base.as_str().trim_end_matches('/');
        let text = if target.starts_with('/') {
            format!("{base}{target}")
        } else {
            target.to_owned()
        };
        let mut url = Url::parse(&text).map_err(|error| format!("invalid URL {text}: {error}"))?;
        if let Some(fixed) = fixed.filter(|_| target.starts_with('/')) {
            let all = match url.query() {
                Some(own) => format!("{fixed}&{own}"),
                None => fixed,
            };
            url.set_query(Some(&all));
        }
        if url.origin() == self.base.origin() {
            return Ok(url);
        }
        Err(format!(
            "{url} has another scheme, host or port than {}, and was not asked",
            self.base
        ))
    }
}

impl Wire for Http {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            let url = self.url(&request.target).map_err(WireError::NotSent)?;
            let client = self.lock_client().clone();
            let mut builder = client.request(request.method.clone(), url);
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            if let Some(body) = &request.body {
                builder = builder.body(body.clone());
            }
            let timeout = self.access.timeout;
            let lost = WireError::NoAnswer;
            let received = builder
                .send()
                .await
                .map_err(|error| lost(AnswerError::of(&error, timeout)))?;
            if received.status().is_server_error()
                && let Ok(client) = create_client(&self.access)
            {
                *self.lock_client() = client;
            }
            let headers = received
                .headers()
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect();
            Ok(ScimAnswer {
                request: request.line(),
                status: received.status().as_u16(),
                headers,
                text: read_body(received, timeout).await.map_err(lost)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_base_address_is_kept_and_the_token_stays_at_its_host() {
        let base = "https://scim.example/v2/?aadOptscim062020".parse().unwrap();
        let http = Http::to(base, Access::default()).unwrap();
        let url = |target: &str| http.url(target).map(String::from);
        assert_eq!(
            url("/Users?count=1").unwrap(),
            "https://scim.example/v2/Users?aadOptscim062020&count=1"
        );
        assert_eq!(
            url("/Users/a%2Fb").unwrap(),
            "https://scim.example/v2/Users/a%2Fb?aadOptscim062020"
        );
        assert!(url("https://elsewhere.example/v2/Users").is_err());
    }
}
