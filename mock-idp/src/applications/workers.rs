//! Workers: applications that hold tokens of the management API, by OAuth's
//! client credentials (RFC 6749, section 4.4). A worker acts in its own
//! environment and in no other.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Idp;
use crate::directory::{environment, existing, text, unique_name};
use crate::refusal::{Refused, Result};
use crate::sso::fingerprint;
use crate::store::resources::{self, Kind, Resource};
use crate::store::workers::{self, TokenRow};

/// Who calls the management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The holder of the admin token, anywhere.
    Administrator,
    /// A worker, in its own environment.
    Worker { environment: String },
}

/// Why no token was issued (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefused {
    InvalidClient,
    UnauthorizedClient,
}

impl Idp {
    /// Stores a worker with a secret of its own.
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
        // One for each worker: a new one takes the place of the former.
        secret.id.clone_from(&worker.id);
        secret
    }

    /// The secret of a worker.
    pub(crate) async fn worker_secret(&self, environment_id: &str, id: &str) -> Result<Resource> {
        self.get(environment_id, Kind::Secret, id).await
    }

    /// A new secret; tokens that the former one got are over.
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

    /// A token for a client's credentials, and how many seconds it lasts.
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
        // Compared by digest, so that neither length nor content shows in the time.
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

    /// Who holds this token.
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

    /// The secret that a client shows.
    pub(crate) fn secret_text(secret: &Resource) -> Result<&str> {
        text(&secret.document, "secret")
            .ok_or_else(|| Refused::Internal("a worker's secret is damaged".into()))
    }
}
