//! Worker applications: get access tokens for the management API with OAuth client credentials
//! (RFC 6749 §4.4). A worker can access its own environment only.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Idp;
use crate::directory::{environment, existing, text, unique_name};
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

/// Why no token was issued (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefused {
    InvalidClient,
    UnauthorizedClient,
}

impl Idp {
    /// Stores a worker and creates its secret.
    pub(super) async fn create_worker(&self, created: Resource) -> Result<Resource> {
        let secret = self.new_secret(&created);
        let mut tx = self.store.write().await?;
        environment(&mut tx, &created.environment).await?;
        unique_name(&mut tx, &created).await?;
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
        // A worker has one secret: a new one replaces it.
        secret.id.clone_from(&worker.id);
        secret
    }

    /// Returns the secret of a worker.
    pub(crate) async fn worker_secret(&self, environment_id: &str, id: &str) -> Result<Resource> {
        self.get(environment_id, Kind::Secret, id).await
    }

    /// Creates a new secret and revokes the tokens issued for the old one.
    pub(crate) async fn renew_worker_secret(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        existing(&mut tx, environment_id, Kind::Secret, id).await?;
        let worker = existing(&mut tx, environment_id, Kind::Application, id).await?;
        let secret = self.new_secret(&worker);
        resources::put(&mut tx, &secret).await?;
        workers::revoke(&mut tx, environment_id, id).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Issues an access token for a client id and secret. Returns the token and its lifetime in
    /// seconds.
    pub(crate) async fn issue_token(
        &self,
        environment_id: &str,
        client: &str,
        secret: &str,
    ) -> Result<std::result::Result<(String, i64), TokenRefused>> {
        let (worker, known) = {
            let mut db = self.store.read().await?;
            (
                resources::get(&mut db, environment_id, Kind::Application, client).await?,
                resources::get(&mut db, environment_id, Kind::Secret, client).await?,
            )
        };
        let known = known.as_ref().and_then(|row| text(&row.document, "secret"));
        // Digests are compared, so that the time taken reveals neither length nor content of
        // the secret.
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        let right = digest(secret).ct_eq(&digest(known.unwrap_or_default()));
        let Some(worker) = worker.filter(|_| known.is_some() && bool::from(right)) else {
            return Ok(Err(TokenRefused::InvalidClient));
        };
        if worker.document.get("enabled") != Some(&json!(true)) {
            return Ok(Err(TokenRefused::UnauthorizedClient));
        }
        let now = self.now();
        let token = self.ambient.rng().token(32);
        let lifetime = self.config.token_lifetime;
        let row = TokenRow {
            token: fingerprint(&token),
            environment: environment_id.to_owned(),
            application: worker.id,
            expires_at: now.saturating_add(lifetime).unwrap_or(now),
        };
        let mut tx = self.store.write().await?;
        workers::add(&mut tx, &row, now).await?;
        tx.commit().await?;
        Ok(Ok((token, lifetime.as_secs())))
    }

    /// Returns the caller to whom this token was issued; `None` if it is not valid.
    pub(crate) async fn caller(&self, token: &str) -> Result<Option<Caller>> {
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
