//! Worker applications: get access tokens with OAuth client credentials (RFC 6749 §4.4), for the
//! management API or for another API such as a SCIM endpoint. At the management API, a worker can
//! access its own environment only.

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::client_assertion::read_unverified_claim;
use super::oauth_client::{ClientSettings, Method, ProtectedResource};
use crate::Idp;
use crate::directory::{check_unique_name, get_environment, get_existing, text};
use crate::refusal::{Refused, Result};
use crate::sso::fingerprint;
use crate::store::resources::{self, Kind, Resource};
use crate::store::workers::{self, TokenRow};

/// The caller of the management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The caller has the admin token and can access every environment.
    Administrator,
    /// A worker, which can access its own environment.
    Worker { environment: String },
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone)]
pub(crate) enum ClientProof {
    /// By its secret.
    Secret(String),
    /// By a signed JWT (RFC 7523 §2.2).
    Assertion(String),
}

/// A request for an access token (RFC 6749 §4.4.2).
#[derive(Debug, Clone)]
pub(crate) struct TokenRequest {
    /// Client id; an assertion of the client itself also contains it.
    pub client: Option<String>,
    pub proof: ClientProof,
    /// Scopes, separated by spaces.
    pub scope: Option<String>,
}

/// An access token.
#[derive(Debug, Clone)]
pub(crate) struct IssuedToken {
    pub token: String,
    /// Lifetime in seconds.
    pub lifetime: i64,
    /// The scopes of the token; `None` if it has none.
    pub scope: Option<String>,
}

/// Why no token was issued (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenRefused {
    /// The client is unknown or did not authenticate; contains the reason.
    InvalidClient(String),
    UnauthorizedClient,
    /// The client may not have this scope.
    InvalidScope(String),
}

/// Name of the member of a secret's document with the secret that it replaced.
const PREVIOUS: &str = "previous";

impl Idp {
    /// Stores a worker and creates its secret.
    pub(super) async fn create_worker(&self, created: Resource) -> Result<Resource> {
        let secret = self.new_secret(&created);
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, &created.environment).await?;
        check_unique_name(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        resources::put(&mut tx, &secret).await?;
        tx.commit().await?;
        Ok(created)
    }

    fn new_secret(&self, worker: &Resource) -> Resource {
        let document = [("secret".to_owned(), self.ambient.rng().token(32).into())];
        let mut secret = self.draft(
            &worker.environment,
            Kind::Secret,
            &worker.id,
            document.into_iter().collect(),
        );
        // A worker has one current secret: a new one replaces it.
        secret.id.clone_from(&worker.id);
        secret
    }

    /// Returns the secret of a worker.
    pub(crate) async fn get_worker_secret(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<Resource> {
        self.get(environment_id, Kind::Secret, id).await
    }

    /// Creates a new secret. The former one ends at once, and so do the tokens issued for it,
    /// unless it is to be valid until `previous_until` (PingOne's `previous.expiresAt`).
    pub(crate) async fn renew_worker_secret(
        &self,
        environment_id: &str,
        id: &str,
        previous_until: Option<Timestamp>,
    ) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        let former = get_existing(&mut tx, environment_id, Kind::Secret, id).await?;
        let worker = get_existing(&mut tx, environment_id, Kind::Application, id).await?;
        let mut secret = self.new_secret(&worker);
        match previous_until {
            Some(until) => {
                let previous =
                    json!({"secret": Self::secret_text(&former)?, "expiresAt": until.to_string()});
                secret.document.insert(PREVIOUS.to_owned(), previous);
            }
            None => workers::revoke(&mut tx, environment_id, id).await?,
        }
        resources::put(&mut tx, &secret).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Ends the secret that the current one has replaced, and the tokens issued before.
    pub(crate) async fn revoke_previous_secret(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        let mut secret = get_existing(&mut tx, environment_id, Kind::Secret, id).await?;
        if secret.document.remove(PREVIOUS).is_none() {
            return Err(Refused::not_found("previous secret", id));
        }
        workers::revoke(&mut tx, environment_id, id).await?;
        resources::put(&mut tx, &secret).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the secrets that are valid now: the current one, and the one that it replaced
    /// until its end.
    fn valid_secrets(&self, secret: &Resource) -> Vec<String> {
        let current = text(&secret.document, "secret").map(str::to_owned);
        let previous = secret.document.get(PREVIOUS).filter(|previous| {
            let end = previous["expiresAt"].as_str();
            end.and_then(|end| end.parse::<Timestamp>().ok())
                .is_some_and(|end| end > self.now())
        });
        let previous = previous.and_then(|previous| previous["secret"].as_str());
        current
            .into_iter()
            .chain(previous.map(str::to_owned))
            .collect()
    }

    /// Issues an access token to a client that authenticates.
    pub(crate) async fn issue_token(
        &self,
        environment_id: &str,
        request: &TokenRequest,
    ) -> Result<std::result::Result<IssuedToken, TokenRefused>> {
        let invalid = |why: &str| Ok(Err(TokenRefused::InvalidClient(why.to_owned())));
        let named = match (&request.client, &request.proof) {
            (Some(client), _) => Some(client.clone()),
            (None, ClientProof::Assertion(assertion)) => read_unverified_claim(assertion, "sub"),
            (None, ClientProof::Secret(_)) => None,
        };
        let client = named.unwrap_or_default();
        let (worker, secret) = {
            let mut db = self.store.read().await?;
            (
                resources::get(&mut db, environment_id, Kind::Application, &client).await?,
                resources::get(&mut db, environment_id, Kind::Secret, &client).await?,
            )
        };
        let secrets = secret.map_or_else(Vec::new, |secret| self.valid_secrets(&secret));
        let (Some(worker), false) = (worker, secrets.is_empty()) else {
            return invalid("Expected the client id of a worker of this environment.");
        };
        let settings = ClientSettings::of(&worker.document)?;
        match &request.proof {
            ClientProof::Secret(presented) => {
                // Digests are compared, so that the time taken reveals neither length nor
                // content of the secret.
                let digest = |text: &str| Sha256::digest(text.as_bytes());
                let presented = digest(presented);
                let is_right = secrets.iter().fold(false, |found, known| {
                    found | bool::from(presented.ct_eq(&digest(known)))
                });
                let by_secret = matches!(settings.method, Method::SecretBasic | Method::SecretPost);
                if !by_secret {
                    return invalid("This worker authenticates by a signed assertion.");
                }
                if !is_right {
                    return invalid(
                        "Expected the client id and secret of a worker of this environment.",
                    );
                }
            }
            ClientProof::Assertion(assertion) => {
                let refused = self.check_assertion(&worker, &settings, secrets, assertion);
                if let Some(why) = refused.await? {
                    return invalid(&why);
                }
            }
        }
        if worker.document.get("enabled") != Some(&json!(true)) {
            return Ok(Err(TokenRefused::UnauthorizedClient));
        }
        let scope = request.scope.as_deref();
        match &settings.resource {
            Some(resource) => self.issue_signed_token(&worker, resource, scope).await,
            None => Ok(Ok(self.issue_stored_token(&worker).await?)),
        }
    }

    /// Issues a token for the management API.
    async fn issue_stored_token(&self, worker: &Resource) -> Result<IssuedToken> {
        let now = self.now();
        let token = self.ambient.rng().token(32);
        let lifetime = self.config.token_lifetime;
        let row = TokenRow {
            token: fingerprint(&token),
            environment: worker.environment.clone(),
            application: worker.id.clone(),
            expires_at: now.saturating_add(lifetime).unwrap_or(now),
        };
        let mut tx = self.store.write().await?;
        workers::add(&mut tx, &row, now).await?;
        tx.commit().await?;
        Ok(IssuedToken {
            token,
            lifetime: lifetime.as_secs(),
            scope: None,
        })
    }

    /// Issues a signed token for another API.
    async fn issue_signed_token(
        &self,
        worker: &Resource,
        resource: &ProtectedResource,
        requested: Option<&str>,
    ) -> Result<std::result::Result<IssuedToken, TokenRefused>> {
        let allowed = &resource.scopes;
        let scopes: Vec<&str> = match requested {
            Some(requested) => requested.split(' ').filter(|it| !it.is_empty()).collect(),
            None => allowed.iter().map(String::as_str).collect(),
        };
        let unknown = scopes
            .iter()
            .find(|scope| !allowed.iter().any(|it| it == *scope));
        if let Some(unknown) = unknown {
            return Ok(Err(TokenRefused::InvalidScope((*unknown).to_owned())));
        }
        let scope = scopes.join(" ");
        let lifetime = self.config.token_lifetime;
        let (environment, client) = (&worker.environment, &worker.id);
        let token = self
            .sign_access_token(environment, client, (resource, &scope), lifetime)
            .await?;
        Ok(Ok(IssuedToken {
            token,
            lifetime: lifetime.as_secs(),
            scope: (!scope.is_empty()).then_some(scope),
        }))
    }

    /// Returns the caller to whom this token was issued; `None` if it is not valid.
    pub(crate) async fn find_caller(&self, token: &str) -> Result<Option<Caller>> {
        if bool::from(token.as_bytes().ct_eq(self.admin_token.as_bytes())) {
            return Ok(Some(Caller::Administrator));
        }
        let mut db = self.store.read().await?;
        let Some(found) = workers::get(&mut db, &fingerprint(token), self.now()).await? else {
            return Ok(None);
        };
        let worker = resources::get(
            &mut db,
            &found.environment,
            Kind::Application,
            &found.application,
        )
        .await?;
        let enabled =
            worker.is_some_and(|worker| worker.document.get("enabled") == Some(&json!(true)));
        Ok(enabled.then_some(Caller::Worker {
            environment: found.environment,
        }))
    }

    /// Returns the text of a secret.
    pub(crate) fn secret_text(secret: &Resource) -> Result<&str> {
        text(&secret.document, "secret")
            .ok_or_else(|| Refused::Internal("a worker's secret is damaged".into()))
    }
}
