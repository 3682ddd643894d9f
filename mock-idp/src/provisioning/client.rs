//! A SCIM 2.0 client (RFC 7644) with one method for each operation of the provisioning engine.
//!
//! Each request is sent once. An error that may be temporary says when to try again
//! ([`super::backoff`]); the engine's queue, which is stored in the database, does that. If the
//! answer to a creation is lost, the client first looks for the resource, so that it is not
//! created twice.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::connection::Connection;
use super::{backoff, look_up};
use ambient::answer_body::{self, BodyError};

/// Why an operation failed at the target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushError {
    /// A temporary error: no connection, 429 or 5xx.
    #[error("{reason}")]
    Later {
        reason: String,
        /// `Retry-After`, in seconds.
        after: Option<i64>,
    },
    /// The resource does not exist: reading its id also answers 404 or 410.
    #[error("{0}")]
    Gone(String),
    /// The resource exists already (409).
    #[error("{0}")]
    Exists(String),
    /// The target does not support the method: 405, 501, or 404 although the resource can be
    /// read.
    #[error("{0}")]
    Unsupported(String),
    /// A permanent error: the same request will fail again.
    #[error("{0}")]
    Refused(String),
}

/// A successful answer of a target.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Value,
}

/// A SCIM client for one connection.
pub(crate) struct Client<'c> {
    pub http: &'c reqwest::Client,
    pub connection: &'c Connection,
    pub user_agent: Option<&'c str>,
}

/// Maximum number of redirects that one request follows.
const MAX_REDIRECTS: usize = 3;

/// Number of resources in a page of a list.
const PAGE: usize = 100;

const SCIM_JSON: &str = "application/scim+json";

/// Quotes a string as a value in a SCIM filter: as a JSON string (RFC 7644 §3.4.2.2).
fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// Encodes an id as a path segment, because an id may contain any character (RFC 7643 §3.1).
fn segment(id: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// Returns the id at the end of a resource's URL.
fn id_in(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|it| !it.is_empty())?;
    // In a path a plus sign is literal, but `form_urlencoded` would decode it as a space.
    let pair = format!("id={}", last.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, id)| id.into_owned())
}

impl Client<'_> {
    /// Returns the URL of a path at the target. Base URL and path may both have a query, such
    /// as Entra's `?aadOptscim062020`.
    fn address(&self, path: &str, query: Option<(&str, &str)>) -> Result<Url, PushError> {
        let base = &self.connection.base_url;
        let mut url = Url::parse(base)
            .map_err(|error| PushError::Refused(format!("{base}: not a URL: {error}")))?;
        let (path, own) = path.split_once('?').unwrap_or((path, ""));
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        let fixed = url.query().unwrap_or_default().to_owned();
        let mut all: Vec<String> = [fixed.as_str(), own]
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some((key, value)) = query {
            let mut pair = url::form_urlencoded::Serializer::new(String::new());
            all.push(pair.append_pair(key, value).finish());
        }
        let all = all.join("&");
        url.set_query((!all.is_empty()).then_some(all.as_str()));
        Ok(url)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: Option<(&str, &str)>,
        body: Option<&Value>,
    ) -> Result<Answer, PushError> {
        let mut url = self.address(path, query)?;
        let what = format!("{method} {url}");
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&method, url.clone(), body).await;
            let answer = answer.map_err(|error| PushError::Later {
                reason: format!("{what}: no answer: {}", super::describe_no_answer(&error)),
                after: None,
            })?;
            let status = answer.status();
            let location = answer.headers().get(header::LOCATION);
            let location = location.and_then(|it| it.to_str().ok()).map(str::to_owned);
            if !status.is_redirection() {
                return read(&what, answer, location).await;
            }
            let to = location.as_deref().and_then(|it| url.join(it).ok());
            match to {
                Some(to) if may_follow(&method, status, &url, &to) => url = to,
                _ => {
                    let location = location.as_deref().unwrap_or("no Location");
                    return Err(PushError::Refused(format!(
                        "{what}: {status} to {location}, a redirect that is not followed; correct SCIM_URL"
                    )));
                }
            }
        }
        Err(PushError::Refused(format!(
            "{what}: more than {MAX_REDIRECTS} redirects"
        )))
    }

    async fn send(
        &self,
        method: &Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self
            .http
            .request(method.clone(), url)
            .header(header::ACCEPT, "application/scim+json, application/json");
        if let Some(name) = self.user_agent {
            request = request.header(header::USER_AGENT, name);
        }
        if let Some(authorization) = &self.connection.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, SCIM_JSON)
                .body(body.to_string());
        }
        request.send().await
    }

    /// Sends a request about one resource. Some targets answer 404 to a method that they do not
    /// support, so a 404 counts as `Gone` only if reading the resource also fails with 404.
    async fn call_one(
        &self,
        method: Method,
        path: &str,
        id: &str,
        body: Option<&Value>,
    ) -> Result<Answer, PushError> {
        let at = format!("{path}/{}", segment(id));
        let done = self.call(method, &at, None, body).await;
        let Err(PushError::Gone(reason)) = done else {
            return done;
        };
        match self.call(Method::GET, &at, None, None).await {
            Ok(_) => Err(PushError::Unsupported(format!(
                "{reason}; but the resource is still there: GET finds it"
            ))),
            Err(PushError::Gone(_)) => Err(PushError::Gone(reason)),
            Err(error) => Err(error),
        }
    }

    /// Tests the connection: the target must answer, accept the credentials and return a SCIM
    /// ListResponse.
    pub(crate) async fn test(&self) -> Result<(), PushError> {
        let users = &self.connection.users;
        let answer = self
            .call(Method::GET, users, Some(("count", "1")), None)
            .await?;
        look_up::resources(users, &answer.body).map(|_| ())
    }

    /// Returns the id of the only resource whose `attribute` equals `value`. Compares the
    /// values in the answer, because some targets ignore the filter and list other resources.
    pub(crate) async fn find(
        &self,
        path: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Option<String>, PushError> {
        Ok(self
            .find_resource(path, attribute, value)
            .await?
            .map(|(id, _)| id))
    }

    /// Does the same as [`Self::find`] and also returns the resource.
    pub(crate) async fn find_resource(
        &self,
        path: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Option<(String, Value)>, PushError> {
        let filter = format!("{attribute} eq {}", quote(value));
        let list = self
            .call(Method::GET, path, Some(("filter", &filter)), None)
            .await?;
        let asked = format!("{path}?filter={filter}");
        let found = look_up::resources(&asked, &list.body)?;
        let matches: Vec<&Value> = found
            .iter()
            .filter(|one| look_up::has_value(one, attribute, value))
            .collect();
        match matches[..] {
            [] if found.is_empty() || look_up::is_whole(&list.body, found.len()) => Ok(None),
            [] => Err(PushError::Refused(format!(
                "{asked}: the target ignores the filter: none of the {} resources in its answer has that value",
                found.len()
            ))),
            [one] => match one["id"].as_str() {
                Some(id) => Ok(Some((id.to_owned(), one.clone()))),
                None => Err(PushError::Refused(format!(
                    "{asked}: the resource in the answer has no id"
                ))),
            },
            ref many => Err(PushError::Refused(format!(
                "{asked}: expected at most one resource, got {}",
                many.len()
            ))),
        }
    }

    /// Does the same as [`Self::find`] by reading the list of all resources page by page, as
    /// clients do that send no filter.
    pub(crate) async fn find_in_list(
        &self,
        path: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Option<String>, PushError> {
        let mut read = 0;
        loop {
            let asked = format!("{path}?startIndex={}&count={PAGE}", read + 1);
            let list = self.call(Method::GET, &asked, None, None).await?;
            let page = look_up::resources(&asked, &list.body)?;
            let found = page
                .iter()
                .find(|one| look_up::has_value(one, attribute, value))
                .and_then(|one| one["id"].as_str());
            if let Some(id) = found {
                return Ok(Some(id.to_owned()));
            }
            read += page.len();
            if page.is_empty() || look_up::is_whole(&list.body, read) {
                return Ok(None);
            }
        }
    }

    /// Returns the resource with this id.
    pub(crate) async fn get(&self, path: &str, id: &str) -> Result<Value, PushError> {
        self.get_with_query(path, id, "").await
    }

    /// Returns the resource with this id, requested with a query.
    pub(crate) async fn get_with_query(
        &self,
        path: &str,
        id: &str,
        query: &str,
    ) -> Result<Value, PushError> {
        let at = match query {
            "" => format!("{path}/{}", segment(id)),
            query => format!("{path}/{}?{query}", segment(id)),
        };
        let answer = self.call(Method::GET, &at, None, None).await?;
        Ok(answer.body)
    }

    /// Creates a resource and returns its id. If the answer is lost, looks for a resource with
    /// the same name and takes it for the created one.
    pub(crate) async fn create(&self, path: &str, resource: &Value) -> Result<String, PushError> {
        let made = match self.call(Method::POST, path, None, Some(resource)).await {
            Ok(made) => made,
            Err(PushError::Later {
                reason,
                after: None,
            }) => {
                return match self.find_created(path, resource).await {
                    Some(id) => Ok(id),
                    None => Err(PushError::Later {
                        reason,
                        after: None,
                    }),
                };
            }
            Err(error) => return Err(error),
        };
        // A body in a 201 answer is optional (SHOULD), `Location` is not (RFC 7644 §3.3).
        if let Some(id) = made.body["id"].as_str().filter(|it| !it.is_empty()) {
            return Ok(id.to_owned());
        }
        if let Some(id) = made.location.as_deref().and_then(id_in) {
            return Ok(id);
        }
        let found = self.find_created(path, resource).await;
        found.ok_or_else(|| {
            PushError::Refused(format!(
                "POST {path}: {} with neither an id in the body nor Location",
                made.status
            ))
        })
    }

    async fn find_created(&self, path: &str, resource: &Value) -> Option<String> {
        let (attribute, name) = ["userName", "displayName"]
            .into_iter()
            .find_map(|attribute| Some((attribute, resource[attribute].as_str()?)))?;
        self.find(path, attribute, name).await.ok()?
    }

    /// Replaces the resource with this id by PUT.
    pub(crate) async fn replace(
        &self,
        path: &str,
        id: &str,
        resource: &Value,
    ) -> Result<(), PushError> {
        self.call_one(Method::PUT, path, id, Some(resource))
            .await
            .map(|_| ())
    }

    /// Changes a resource by PATCH operations (RFC 7644 §3.5.2).
    ///
    /// # Errors
    /// [`PushError::Unsupported`] also if the target refuses the PATCH and its
    /// `ServiceProviderConfig` says that PATCH is not supported.
    pub(crate) async fn patch(
        &self,
        path: &str,
        id: &str,
        operations: Value,
    ) -> Result<(), PushError> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        match self.call_one(Method::PATCH, path, id, Some(&body)).await {
            Err(PushError::Refused(reason)) if !self.supports_patch().await => {
                Err(PushError::Unsupported(reason))
            }
            done => done.map(|_| ()),
        }
    }

    /// True unless the target's `ServiceProviderConfig` says that PATCH is not supported.
    async fn supports_patch(&self) -> bool {
        let config = self
            .call(Method::GET, "/ServiceProviderConfig", None, None)
            .await;
        config.map_or(true, |it| {
            it.body["patch"]["supported"] != Value::Bool(false)
        })
    }

    /// Deletes a resource. Succeeds also if it does not exist.
    pub(crate) async fn delete(&self, path: &str, id: &str) -> Result<(), PushError> {
        match self.call_one(Method::DELETE, path, id, None).await {
            Ok(_) | Err(PushError::Gone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// True if a redirect may be followed: 307 and 308 for every method, others for GET only, and
/// never to another origin, because the credentials are not meant for it.
fn may_follow(method: &Method, status: StatusCode, from: &Url, to: &Url) -> bool {
    let keeps_method = matches!(status.as_u16(), 307 | 308);
    (keeps_method || *method == Method::GET) && from.origin() == to.origin()
}

/// Maximum size of an answer in bytes: enough for a group with 100,000 members.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Reads the body of a target's answer as text.
pub(super) async fn read_text(what: &str, answer: reqwest::Response) -> Result<String, PushError> {
    let status = answer.status();
    match answer_body::read(answer, LARGEST_ANSWER).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error @ BodyError::TooLong(_)) => Err(PushError::Refused(format!(
            "{what}: {status}, cannot read the body: {error}"
        ))),
        Err(error @ BodyError::Broken(_)) => Err(PushError::Later {
            reason: format!("{what}: {status}, cannot read the body: {error}"),
            after: None,
        }),
    }
}

/// Reads an answer, and turns an error status into a [`PushError`].
async fn read(
    what: &str,
    answer: reqwest::Response,
    location: Option<String>,
) -> Result<Answer, PushError> {
    let status = answer.status();
    let after = backoff::retry_after(answer.headers());
    let text = read_text(what, answer).await?;
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(Answer {
            status,
            location,
            body,
        });
    }
    let detail = body["detail"].as_str().unwrap_or(&text);
    let reason = format!(
        "{what}: {status} {}",
        detail.chars().take(300).collect::<String>()
    );
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => PushError::Gone(reason),
        StatusCode::CONFLICT => PushError::Exists(reason),
        // 501 is permanent: waiting does not add the method.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            PushError::Unsupported(reason)
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            PushError::Later { reason, after }
        }
        status if status.is_server_error() => PushError::Later { reason, after },
        _ => PushError::Refused(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_there_and_back() {
        for id in ["4711", "a/b#c?d e+f%", "ada@example.com"] {
            let location = format!("https://sp.example/scim/Users/{}", segment(id));
            assert!(!segment(id).contains(['/', '#', '?', ' ']), "{id}");
            assert_eq!(id_in(&location).as_deref(), Some(id));
        }
        assert_eq!(id_in("/Users/7/").as_deref(), Some("7"));
    }
}
