//! How the checks authenticate to the server.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::check::oauth;

/// Credentials of the requests.
#[derive(Clone)]
pub enum Credentials {
    /// A bearer token (RFC 6750).
    Bearer(String),
    /// User name and password (RFC 7617).
    Basic {
        /// User name.
        user: String,
        /// Password of the user.
        password: String,
    },
    /// The access tokens of an OAuth client, which are renewed before they expire.
    OAuth(Arc<oauth::Client>),
    /// Only custom headers, such as an API key: see [`super::Options::headers`].
    Headers,
}

impl Credentials {
    /// Returns the token or password, which reports must not contain. Tokens of an OAuth client are
    /// masked by the names of their members.
    pub fn secret(&self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(token.clone()),
            Self::Basic { password, .. } => Some(password.clone()),
            Self::OAuth(_) | Self::Headers => None,
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
            Self::OAuth(_) => "OAuth(…)",
            Self::Headers => "Headers",
        })
    }
}

impl Credentials {
    /// Returns the OAuth client, if the tokens are requested by one.
    pub(in crate::check) fn oauth(&self) -> Option<&oauth::Client> {
        match self {
            Self::OAuth(client) => Some(client),
            _ => None,
        }
    }

    /// Returns the bearer token.
    pub(super) fn bearer(&self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(token.clone()),
            Self::OAuth(client) => Some(client.token()),
            Self::Basic { .. } | Self::Headers => None,
        }
    }

    /// Returns the name of the authentication scheme; `None` if only custom headers are used.
    pub(super) fn scheme(&self) -> Option<&'static str> {
        match self {
            Self::Bearer(_) | Self::OAuth(_) => Some("Bearer"),
            Self::Basic { .. } => Some("Basic"),
            Self::Headers => None,
        }
    }

    /// Returns the part of the Authorization header after the scheme.
    pub(super) fn parameter(&self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(token.clone()),
            Self::OAuth(client) => Some(client.token()),
            Self::Basic { user, password } => Some(STANDARD.encode(format!("{user}:{password}"))),
            Self::Headers => None,
        }
    }

    /// Returns the value of the Authorization header.
    pub(in crate::check) fn authorization(&self) -> Option<String> {
        Some(format!("{} {}", self.scheme()?, self.parameter()?))
    }

    /// Returns credentials of the same scheme that are not valid at any server.
    pub(super) fn unknown(&self, mark: &str) -> Self {
        match self {
            Self::Bearer(_) | Self::OAuth(_) | Self::Headers => {
                Self::Bearer(format!("wrong-{mark}"))
            }
            Self::Basic { user, .. } => Self::Basic {
                user: user.clone(),
                password: format!("wrong-{mark}"),
            },
        }
    }

    /// Returns the secrets that must not appear in evidence.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = match self {
            Self::Bearer(token) => vec![token.clone()],
            Self::Basic { password, .. } => vec![password.clone()],
            Self::OAuth(client) => client.secrets(),
            Self::Headers => Vec::new(),
        };
        let all = own.into_iter().chain(self.parameter());
        let all = all.filter(|it| !it.is_empty());
        let mut all: Vec<String> = all.collect();
        all.dedup();
        all
    }
}
