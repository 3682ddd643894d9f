//! The app's client for the portal's desktop API, and the error answers of that API.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::ActivationError;
use browser::{Browser, BrowserError};

/// An error answer of the portal: a problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status of the answer.
    #[serde(default)]
    pub status: u16,
    /// Problem code. It does not change between versions.
    #[serde(default)]
    pub code: String,
    /// Short summary.
    #[serde(default)]
    pub title: String,
    /// What is wrong and what to do. The app shows this text.
    #[serde(default)]
    pub detail: String,
    /// Reason why a license was revoked.
    #[serde(default)]
    pub reason: String,
}

impl Problem {
    /// Returns what is wrong and what to do; the summary if the answer says no more.
    pub(crate) fn text(&self) -> &str {
        match self.detail.is_empty() {
            true => &self.title,
            false => &self.detail,
        }
    }
}

/// Client for the portal's desktop API.
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
            expected: "a portal URL that a path can be appended to",
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
        let text = browser::read_text(answer, &at).await?;
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
