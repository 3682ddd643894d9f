//! The address of a party's control port, and its secret.

use ambient::{ControlSecret, ControlSecretError};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

/// A control port of a running party. The secret is sent as bearer token, so that the URLs of
/// requests, which errors and recordings contain, do not show it.
#[derive(Debug, Clone)]
pub struct ControlPort {
    /// The address without the secret.
    base: Url,
    secret: Option<ControlSecret>,
}

/// Why the control port of a target cannot be used. The URL and the secret are not part of the
/// error.
#[derive(Debug, thiserror::Error)]
pub enum ControlPortError {
    /// The address is not a URL.
    #[error("invalid {party}.control_url: expected a URL")]
    Url {
        /// `sp` or `idp`.
        party: String,
        /// What is wrong with it.
        #[source]
        source: url::ParseError,
    },
    /// The secret cannot be one.
    #[error("invalid {party}.control_secret")]
    Secret {
        /// `sp` or `idp`.
        party: String,
        /// What is wrong with it.
        #[source]
        source: ControlSecretError,
    },
}

impl ControlPort {
    /// Returns the control port at `control_url`, which may contain the secret as the first segment
    /// of its path.
    pub fn new(control_url: &Url, secret: Option<ControlSecret>) -> Self {
        let first = control_url.path_segments().and_then(|mut all| all.next());
        let in_path = first.and_then(|first| ControlSecret::parse(first).ok());
        let mut base = control_url.clone();
        if let Some(in_path) = &in_path {
            let rest = base.path()[1 + in_path.reveal().len()..].to_owned();
            base.set_path(&rest);
        }
        Self {
            base,
            secret: in_path.or(secret),
        }
    }

    /// Reads `control_url` and `control_secret` of a party (`sp`, `idp`) in a ready file or target
    /// file; `None` without `control_url`.
    ///
    /// # Errors
    /// [`ControlPortError`].
    pub fn of_party(target: &Value, party: &str) -> Result<Option<Self>, ControlPortError> {
        let text = |member: &str| target[party][member].as_str();
        let Some(url) = text("control_url") else {
            return Ok(None);
        };
        let url = Url::parse(url).map_err(|source| ControlPortError::Url {
            party: party.to_owned(),
            source,
        })?;
        let secret = text("control_secret").map(ControlSecret::parse).transpose();
        let secret = secret.map_err(|source| ControlPortError::Secret {
            party: party.to_owned(),
            source,
        })?;
        Ok(Some(Self::new(&url, secret)))
    }

    /// Returns the URL with the secret and without a slash at the end, for the ready file.
    pub fn url(&self) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        match &self.secret {
            Some(secret) => secret.add_to(base),
            None => base.to_owned(),
        }
    }

    /// Returns the secret, for the ready file.
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(ControlSecret::reveal)
    }

    /// Returns the URL of a path that begins with a slash, without the secret.
    ///
    /// # Errors
    /// If it is not a path.
    pub fn address(&self, path: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!(
            "{}{path}",
            self.base.as_str().trim_end_matches('/')
        ))
    }

    /// Creates a request for a path that begins with a slash.
    ///
    /// # Errors
    /// If it is not a path.
    pub fn request(
        &self,
        client: &Client,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, url::ParseError> {
        let request = client.request(method, self.address(path)?);
        Ok(match &self.secret {
            Some(secret) => request.bearer_auth(secret.reveal()),
            None => request,
        })
    }
}

impl std::fmt::Display for ControlPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.base.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "0123456789abcdef-_ABCDEF";

    #[test]
    fn the_secret_is_found_in_the_url_or_beside_it() {
        let with = format!("http://127.0.0.1:1/{SECRET}");
        for party in [
            json!({"control_url": with}),
            json!({"control_url": format!("{with}/")}),
            json!({"control_url": "http://127.0.0.1:1", "control_secret": SECRET}),
            json!({"control_url": with, "control_secret": SECRET}),
        ] {
            let port = ControlPort::of_party(&json!({"sp": party}), "sp").unwrap();
            let port = port.unwrap();
            assert_eq!(port.url(), with);
            assert_eq!(port.secret(), Some(SECRET));
            let shown = format!(
                "{port} {port:?} {}",
                port.address("/control/reset").unwrap()
            );
            assert!(!shown.contains(SECRET), "{shown}");
            let request = port.request(&Client::new(), Method::GET, "/control/snapshot");
            let request = request.unwrap().build().unwrap();
            assert_eq!(request.url().path(), "/control/snapshot");
            let sent = &request.headers()["authorization"];
            assert_eq!(sent, &format!("Bearer {SECRET}"));
        }
    }

    #[test]
    fn a_port_without_a_secret_or_below_a_path_stays_as_it_is() {
        let plain = "http://127.0.0.1:1/control-ports/portal";
        let target = json!({"sp": {"control_url": plain}, "idp": {}});
        let port = ControlPort::of_party(&target, "sp").unwrap().unwrap();
        assert_eq!((port.url().as_str(), port.secret()), (plain, None));
        let address = port.address("/sim/clock").unwrap();
        assert_eq!(address.as_str(), format!("{plain}/sim/clock"));
        assert!(ControlPort::of_party(&target, "idp").unwrap().is_none());
        let short = json!({"sp": {"control_url": plain, "control_secret": "short-one"}});
        let error = ControlPort::of_party(&short, "sp").unwrap_err();
        let text = ambient::error_chain(&error);
        assert!(text.contains("at least 22") && !text.contains("short-one"));
    }
}
