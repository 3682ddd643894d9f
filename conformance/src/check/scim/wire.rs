//! How requests reach the server: plain data on the way there and back, so
//! that a test can put a server behind it that has no socket.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::check::runner::{Access, AnswerError, pause, read_body};

/// A future that can be sent between threads.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query below the base address, or a whole address.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Told {
    /// Method and target of what was asked, to quote.
    pub asked: String,
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub text: String,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Method and target.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

impl Told {
    /// The value of a header.
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
    /// It was sent, or tried to be, and no answer came.
    #[error("{0}")]
    NoAnswer(String),
}

/// The way to a server.
pub trait Wire: Send + Sync {
    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// Why no answer came.
    fn send<'a>(&'a self, asked: &'a Asked) -> Pending<'a, Result<Told, WireError>>;

    /// Lets time pass, where the server asks for it.
    fn pause(&self, length: Duration) -> Pending<'_, ()> {
        Box::pin(pause(length))
    }
}

/// HTTP, as everybody speaks it.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    base: Url,
    access: Access,
}

impl Http {
    /// To the server whose endpoints are below this address.
    ///
    /// # Errors
    /// When the machine's TLS can't be set up.
    pub fn to(base: Url, access: Access) -> Result<Self, reqwest::Error> {
        let client = access.client().user_agent("rehearsal-check").build()?;
        Ok(Self {
            client,
            base,
            access,
        })
    }

    /// The address of a target. An address elsewhere is none: the token is
    /// for this server only.
    fn url(&self, target: &str) -> Result<Url, String> {
        let mut base = self.base.clone();
        // Entra ID has tenants write their base address with a query
        // (?aadOptscim062020): it belongs to every request.
        let fixed = base.query().filter(|it| !it.is_empty()).map(str::to_owned);
        base.set_query(None);
        let base = base.as_str().trim_end_matches('/');
        let text = if target.starts_with('/') {
            format!("{base}{target}")
        } else {
            target.to_owned()
        };
        let mut url = Url::parse(&text).map_err(|error| format!("{text}: {error}"))?;
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
            "{url} is on another host than {}, and was not asked",
            self.base
        ))
    }
}

impl Wire for Http {
    fn send<'a>(&'a self, asked: &'a Asked) -> Pending<'a, Result<Told, WireError>> {
        Box::pin(async move {
            let url = self.url(&asked.target).map_err(WireError::NotSent)?;
            let mut request = self.client.request(asked.method.clone(), url);
            for (name, value) in &asked.headers {
                request = request.header(name, value);
            }
            if let Some(body) = &asked.body {
                request = request.body(body.clone());
            }
            let timeout = self.access.timeout;
            let lost = |error: AnswerError| WireError::NoAnswer(error.to_string());
            let answer = request
                .send()
                .await
                .map_err(|error| lost(AnswerError::of(&error, timeout)))?;
            let headers = answer
                .headers()
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect();
            Ok(Told {
                asked: asked.line(),
                status: answer.status().as_u16(),
                headers,
                text: read_body(answer, timeout).await.map_err(lost)?,
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
