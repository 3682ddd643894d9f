//! The SCIM 2.0 client (RFC 7644): one method for each thing that the engine
//! asks of a target.
//!
//! A call is tried once. What may work later says when ([`super::waiting`]),
//! and the engine's queue, which outlives the process, tries again then. A
//! creation whose answer is lost is looked up first: nobody is made twice.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::connection::Connection;
use super::waiting;

/// Why the target did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushError {
    /// It may work later: no connection, 429, 5xx.
    #[error("{reason}")]
    Later {
        reason: String,
        /// `Retry-After`, in seconds.
        after: Option<i64>,
    },
    /// There is no such resource.
    #[error("{0}")]
    Gone(String),
    /// It is there already.
    #[error("{0}")]
    Exists(String),
    /// It never will work as it is.
    #[error("{0}")]
    Refused(String),
}

/// A SCIM client with its connection.
pub(crate) struct Client<'c> {
    pub http: &'c reqwest::Client,
    pub connection: &'c Connection,
}

const SCIM_JSON: &str = "application/scim+json";

/// A string as a SCIM filter's value: a JSON string (RFC 7644, section 3.4.2.2).
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl Client<'_> {
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: Option<(&str, &str)>,
        body: Option<&Value>,
    ) -> Result<Value, PushError> {
        let at = format!("{}{path}", self.connection.base_url);
        let what = format!("{method} {at}");
        let mut url = url::Url::parse(&at)
            .map_err(|error| PushError::Refused(format!("{what}: not a URL: {error}")))?;
        if let Some((key, value)) = query {
            url.query_pairs_mut().append_pair(key, value);
        }
        let mut request = self
            .http
            .request(method, url)
            .header(header::ACCEPT, "application/scim+json, application/json");
        if let Some(authorization) = &self.connection.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, SCIM_JSON)
                .body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| PushError::Later {
            reason: format!("{what}: no answer: {error}"),
            after: None,
        })?;
        let status = answer.status();
        let after = waiting::asked_for(answer.headers());
        let text = answer.text().await.map_err(|error| PushError::Later {
            reason: format!("{what}: {status}, the body broke off: {error}"),
            after: None,
        })?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(body);
        }
        let detail = body["detail"].as_str().unwrap_or(&text);
        let reason = format!(
            "{what}: {status} {}",
            detail.chars().take(300).collect::<String>()
        );
        Err(match status {
            StatusCode::NOT_FOUND => PushError::Gone(reason),
            StatusCode::CONFLICT => PushError::Exists(reason),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                PushError::Later { reason, after }
            }
            status if status.is_server_error() => PushError::Later { reason, after },
            _ => PushError::Refused(reason),
        })
    }

    /// Whether the target answers and lets us in.
    pub(crate) async fn test(&self) -> Result<(), PushError> {
        let users = &self.connection.users;
        self.call(Method::GET, users, Some(("count", "1")), None)
            .await
            .map(|_| ())
    }

    /// The id of the one resource whose `attribute` equals `value`.
    pub(crate) async fn find(
        &self,
        path: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Option<String>, PushError> {
        let filter = format!("{attribute} eq {}", quoted(value));
        let list = self
            .call(Method::GET, path, Some(("filter", &filter)), None)
            .await?;
        let found = list["Resources"].as_array().map_or(&[][..], Vec::as_slice);
        match found {
            [] => Ok(None),
            [one] => Ok(one["id"].as_str().map(str::to_owned)),
            many => Err(PushError::Refused(format!(
                "{path}?filter={filter}: expected one resource at most, came {}",
                many.len()
            ))),
        }
    }

    /// The resource with that id.
    pub(crate) async fn get(&self, path: &str, id: &str) -> Result<Value, PushError> {
        self.call(Method::GET, &format!("{path}/{id}"), None, None)
            .await
    }

    /// Makes a resource; its id. When the answer is lost, the resource that
    /// is there by its name is the one that was made.
    pub(crate) async fn create(&self, path: &str, resource: &Value) -> Result<String, PushError> {
        let made = match self.call(Method::POST, path, None, Some(resource)).await {
            Ok(made) => made,
            Err(PushError::Later {
                reason,
                after: None,
            }) => {
                return match self.made_after_all(path, resource).await {
                    Some(id) => Ok(id),
                    None => Err(PushError::Later {
                        reason,
                        after: None,
                    }),
                };
            }
            Err(error) => return Err(error),
        };
        made["id"].as_str().map(str::to_owned).ok_or_else(|| {
            PushError::Refused(format!(
                "POST {path}: expected an id in the answer, came none"
            ))
        })
    }

    async fn made_after_all(&self, path: &str, resource: &Value) -> Option<String> {
        let (attribute, name) = ["userName", "displayName"]
            .into_iter()
            .find_map(|attribute| Some((attribute, resource[attribute].as_str()?)))?;
        self.find(path, attribute, name).await.ok()?
    }

    /// Puts a resource in the place of the one with that id.
    pub(crate) async fn replace(
        &self,
        path: &str,
        id: &str,
        resource: &Value,
    ) -> Result<(), PushError> {
        let at = format!("{path}/{id}");
        self.call(Method::PUT, &at, None, Some(resource))
            .await
            .map(|_| ())
    }

    /// Changes a resource by PATCH operations (RFC 7644, section 3.5.2).
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
        self.call(Method::PATCH, &format!("{path}/{id}"), None, Some(&body))
            .await
            .map(|_| ())
    }

    /// Removes a resource; gone already is as good.
    pub(crate) async fn delete(&self, path: &str, id: &str) -> Result<(), PushError> {
        match self
            .call(Method::DELETE, &format!("{path}/{id}"), None, None)
            .await
        {
            Ok(_) | Err(PushError::Gone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
