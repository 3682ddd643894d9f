//! What the owner of the client knows: its endpoint, its identity, its ways of authentication.

use std::path::PathBuf;

use ambient::Ambient;
use url::Url;

use super::assertion::{Asserter, AssertionFault, Signer};
use super::key::ClientKey;
use super::metadata::Metadata;

/// How the client authenticates at the token endpoint.
#[derive(Clone)]
pub enum Authentication {
    /// `client_secret_basic`.
    SecretBasic(String),
    /// `client_secret_post`.
    SecretPost(String),
    /// `client_secret_jwt`.
    SecretJwt(String),
    /// `private_key_jwt`.
    PrivateKeyJwt(ClientKey),
    /// Workload identity federation: another issuer has signed the assertion.
    Federated(Federated),
}

/// Where the assertions of another issuer come from.
#[derive(Clone)]
pub enum Federated {
    /// They are signed here, with the key of that issuer.
    Signed {
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
        /// The key.
        key: ClientKey,
    },
    /// The platform writes them into a file, which is read for each request.
    File(PathBuf),
}

/// Settings of the client.
#[derive(Clone)]
pub struct Settings {
    /// Token endpoint.
    pub token_url: Url,
    /// Metadata of the authorization server, if its issuer was given.
    pub metadata: Option<Metadata>,
    /// Client ID.
    pub client_id: String,
    /// How the client authenticates.
    pub authentication: Authentication,
    /// Scope to request.
    pub scope: Option<String>,
    /// Parameter `audience` of the request, which Auth0 and others require.
    pub audience: Option<String>,
    /// Audience of client assertions; the token endpoint if `None`.
    pub assertion_audience: Option<String>,
    /// A second secret of the client that is valid at the same time.
    pub second_secret: Option<String>,
    /// A secret of the client that was revoked.
    pub revoked_secret: Option<String>,
    /// An access token of the same server that has expired.
    pub expired_token: Option<String>,
    /// A valid access token of the same server for another audience.
    pub other_audience_token: Option<String>,
}

impl Settings {
    /// Returns who signs assertions; `None` if the client does not sign them here.
    pub(super) fn asserter(&self) -> Option<Asserter<'_>> {
        let id = self.client_id.as_str();
        let audience = self.assertion_audience.as_deref();
        let audience = audience.unwrap_or(self.token_url.as_str());
        let (issuer, subject, signer) = match &self.authentication {
            Authentication::SecretJwt(secret) => (id, id, Signer::Secret(secret)),
            Authentication::PrivateKeyJwt(key) => (id, id, Signer::Key(key)),
            Authentication::Federated(Federated::Signed {
                issuer,
                subject,
                key,
            }) => (issuer.as_str(), subject.as_str(), Signer::Key(key)),
            _ => return None,
        };
        Some(Asserter {
            issuer,
            subject,
            audience,
            signer,
        })
    }

    /// Returns a signed assertion, with a fault if one is given.
    ///
    /// # Errors
    /// The client does not sign assertions, or cannot sign.
    pub(super) fn assertion(
        &self,
        fault: Option<AssertionFault>,
        ambient: &Ambient,
    ) -> Result<String, String> {
        let asserter = self.asserter();
        let asserter = asserter.ok_or("the client does not sign assertions")?;
        let jti = ambient.rng().hex(16);
        asserter.assertion(ambient.now(), &jti, fault)
    }
}
