//! How the checks authenticate to the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a request authenticates with.
#[derive(Clone)]
pub enum Credentials {
    /// A bearer token (RFC 6750).
    Bearer(String),
    /// A user name and a password (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// Custom headers alone, such as an API key: see [`super::Options::headers`].
    Headers,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
            Self::Headers => "Headers",
        })
    }
}

impl Credentials {
    /// The scheme's name; `None` where only custom headers authenticate.
    pub(super) fn scheme(&self) -> Option<&'static str> {
        match self {
            Self::Bearer(_) => Some("Bearer"),
            Self::Basic { .. } => Some("Basic"),
            Self::Headers => None,
        }
    }

    /// What follows the scheme's name in the Authorization header.
    pub(super) fn parameter(&self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(token.clone()),
            Self::Basic { user, password } => Some(STANDARD.encode(format!("{user}:{password}"))),
            Self::Headers => None,
        }
    }

    /// The value of the Authorization header.
    pub(super) fn authorization(&self) -> Option<String> {
        Some(format!("{} {}", self.scheme()?, self.parameter()?))
    }

    /// Credentials of the same scheme that no server knows.
    pub(super) fn unknown(&self, mark: &str) -> Self {
        match self {
            Self::Bearer(_) | Self::Headers => Self::Bearer(format!("wrong-{mark}")),
            Self::Basic { user, .. } => Self::Basic {
                user: user.clone(),
                password: format!("wrong-{mark}"),
            },
        }
    }

    /// What must not appear in evidence.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = match self {
            Self::Bearer(token) => token.clone(),
            Self::Basic { password, .. } => password.clone(),
            Self::Headers => String::new(),
        };
        let all = [Some(own), self.parameter()];
        let all = all.into_iter().flatten().filter(|it| !it.is_empty());
        let mut all: Vec<String> = all.collect();
        all.dedup();
        all
    }
}
