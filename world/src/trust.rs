//! The certificate authorities by which the parties are trusted.

use std::path::PathBuf;

use browser::{Browser, BrowserError};
use reqwest::{Certificate, ClientBuilder};
use serde_json::Value;

/// The certificate authorities that the HTTP clients of a run trust.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// None, because the parties use plain HTTP. This saves reading the machine's
    /// certificates, which takes long.
    #[default]
    Nobody,
    /// Only this authority.
    Only(Certificate),
    /// The authorities of the machine, and optionally one more.
    Machine(Option<Certificate>),
}

/// The file `tls.ca_file` of a target contains no usable certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} (tls.ca_file) as a certificate in PEM: {reason}", file.display())]
pub struct TrustError {
    file: PathBuf,
    reason: String,
}

impl Trust {
    /// Reads which authorities are needed from the content of a ready file: `tls.ca_file`,
    /// if it is there, and whether the URLs of the parties begin with `https:`.
    pub fn of(ready: &Value) -> Result<Self, TrustError> {
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
        let text =
            ambient::text_file::read_bytes(file).map_err(|error| unusable(error.to_string()))?;
        let root = Certificate::from_pem(&text).map_err(|error| unusable(error.to_string()))?;
        Ok(Self::Machine(Some(root)))
    }

    /// Returns the builder of an HTTP client that trusts these authorities.
    pub fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .dns_resolver(ambient::LocalhostResolver)
            .no_proxy();
        match self {
            Self::Nobody => builder.tls_certs_only([]),
            Self::Only(root) => builder.tls_certs_only([root.clone()]),
            Self::Machine(root) => builder.tls_certs_merge(root.clone()),
        }
    }

    /// Returns a browser that trusts these authorities.
    pub fn browser(&self, name: &str) -> Result<Browser, BrowserError> {
        Browser::of(self.client(), name)
    }
}
