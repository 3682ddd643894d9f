//! What the app says to the portal, and how the portal refuses.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::ActivationError;
use browser::{Browser, BrowserError};

/// An answer of the portal that refuses (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The stable code.
    #[serde(default)]
    pub code: String,
    /// The sentence that the app shows.
    #[serde(default)]
    pub title: String,
    /// What is wrong and what to do.
    #[serde(default)]
    pub detail: String,
    /// Why a license was taken back.
    #[serde(default)]
    pub reason: String,
}

/// The portal's desktop interface.
#[derive(Debug)]
pub(crate) struct Portal {
    base: Url,
}

impl Portal {
    pub(crate) fn at(base: Url) -> Self {
        Self { base }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    fn unjoinable(&self, path: &str) -> ActivationError {
        ActivationError::Unexpected {
            expected: "a portal address that paths can be joined to",
            at: self.base.clone(),
            got: path.to_owned(),
        }
    }

    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        browser: &Browser,
        path: &str,
        body: &serde_json::Value,
        expected: &'static str,
    ) -> Result<T, ActivationError> {
        let at = self.base.join(path).map_err(|_| self.unjoinable(path))?;
        let request = browser.client().post(at.clone()).json(body);
        self.exchange(request, at, expected).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        browser: &Browser,
        path: &str,
        expected: &'static str,
    ) -> Result<T, ActivationError> {
        let at = self.base.join(path).map_err(|_| self.unjoinable(path))?;
        self.exchange(browser.client().get(at.clone()), at, expected)
            .await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        at: Url,
        expected: &'static str,
    ) -> Result<T, ActivationError> {
        let exchange = |source| BrowserError::Exchange {
            at: at.clone(),
            source,
        };
        let answer = request.send().await.map_err(exchange)?;
        let status = answer.status();
        let text = answer.text().await.map_err(exchange)?;
        if !status.is_success() {
            let mut problem: Problem = serde_json::from_str(&text).unwrap_or_default();
            problem.status = status.as_u16();
            return Err(ActivationError::Refused(problem));
        }
        serde_json::from_str(&text).map_err(|error| ActivationError::Unexpected {
            expected,
            at: at.clone(),
            got: format!("{text} ({error})"),
        })
    }
}
