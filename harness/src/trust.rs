//! By which certificate authorities the parties are trusted.

use std::path::PathBuf;

use browser::{Browser, BrowserError};
use reqwest::{Certificate, ClientBuilder};
use serde_json::Value;

/// Whom the run's clients trust.
#[derive(Debug, Clone, Default)]
pub(crate) enum Trust {
    /// Nobody: plain HTTP. The machine's needn't be read, file by file.
    #[default]
    Nobody,
    /// This authority alone.
    Only(Certificate),
    /// The machine's, and perhaps another.
    Machine(Option<Certificate>),
}

/// Why an authority can't be trusted.
#[derive(Debug, thiserror::Error)]
#[error("expected a certificate in PEM at {} (tls.ca_file): {reason}", file.display())]
pub struct TrustError {
    file: PathBuf,
    reason: String,
}

impl Trust {
    /// As the JSON of `rehearsal up` tells: `tls.ca_file`, where it is there,
    /// and whether a party is reached by HTTPS at all.
    pub(crate) fn of(ready: &Value) -> Result<Self, TrustError> {
        let by_tls = ["sp", "idp"].iter().any(|party| {
            let base = ready[party]["base_url"].as_str().unwrap_or_default();
            base.starts_with("https:")
        });
        if !by_tls {
            return Ok(Self::Nobody);
        }
        let Some(file) = ready["tls"]["ca_file"].as_str() else {
            return Ok(Self::Machine(None));
        };
        let unusable = |reason: String| TrustError {
            file: file.into(),
            reason,
        };
        let text = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
        let root = Certificate::from_pem(&text).map_err(|error| unusable(error.to_string()))?;
        Ok(Self::Machine(Some(root)))
    }

    /// A client's set-up.
    pub(crate) fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .dns_resolver(ambient::LocalhostResolver)
            .no_proxy();
        match self {
            Self::Nobody => builder.tls_certs_only([]),
            Self::Only(root) => builder.tls_certs_only([root.clone()]),
            Self::Machine(root) => builder.tls_certs_merge(root.clone()),
        }
    }

    /// A person's browser.
    pub(crate) fn browser(&self, name: &str) -> Result<Browser, BrowserError> {
        Browser::of(self.client(), name)
    }
}
