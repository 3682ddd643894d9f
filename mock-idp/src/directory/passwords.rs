//! Passwords: kept as Argon2id PHC strings, locked after many wrong ones.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use serde_json::Value;

use super::users::user;
use crate::Idp;
use crate::refusal::{Refused, Result};
use crate::store::users::{self, UserRow};

/// How a sign-on with a password ended.
#[derive(Debug)]
pub(crate) enum SignOn {
    /// The person is who they say.
    Welcome(Box<UserRow>),
    /// Unknown user or wrong password: the page doesn't say which.
    Wrong,
    /// Too many wrong passwords.
    Locked,
    /// Switched off in the directory.
    Disabled,
}

/// A light cost: this is a simulator, and its passwords are test data.
fn cost() -> argon2::Params {
    argon2::Params::new(8 * 1024, 1, 1, None).unwrap_or_default()
}

async fn hash(password: String, salt: [u8; 16]) -> Result<String> {
    let hashing = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password_customized(password.as_bytes(), &salt, None, None, cost())
            .map(|hash: PasswordHash| hash.to_string())
    });
    match hashing.await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(error)) => Err(Refused::Internal(error.to_string())),
        Err(error) => Err(Refused::Internal(error.to_string())),
    }
}

async fn verify(password: String, hash: Option<String>) -> bool {
    let Some(hash) = hash else { return false };
    tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    })
    .await
    .unwrap_or(false)
}

impl Idp {
    /// Gives a user the password of `"…"` or `{"value": "…", "forceChange": …}`.
    pub(crate) async fn give_password(&self, user: &mut UserRow, password: &Value) -> Result<()> {
        let value = password
            .as_str()
            .or_else(|| password.get("value")?.as_str())
            .ok_or_else(|| Refused::required("value"))?;
        if value.is_empty() || value.len() > 1024 {
            return Err(Refused::invalid("value", "expected 1 to 1024 bytes"));
        }
        let salt = self.ambient.chance().bytes();
        user.password = Some(hash(value.to_owned(), salt).await?);
        user.must_change = password.get("forceChange") == Some(&Value::Bool(true));
        user.failures = 0;
        Ok(())
    }

    /// Sets the password of a user there is.
    pub(crate) async fn set_password(
        &self,
        environment: &str,
        id: &str,
        password: &Value,
    ) -> Result<UserRow> {
        let mut with_password = self.user(environment, id).await?;
        self.give_password(&mut with_password, password).await?;
        let mut tx = self.store.write().await?;
        let mut current = user(&mut tx, environment, id).await?;
        current.password = with_password.password;
        current.must_change = with_password.must_change;
        current.failures = 0;
        users::put(&mut tx, &current).await?;
        tx.commit().await?;
        Ok(current)
    }

    /// Tries a user name and a password, as the login page does.
    pub(crate) async fn sign_on(
        &self,
        environment: &str,
        username: &str,
        password: &str,
    ) -> Result<SignOn> {
        let found = {
            let mut db = self.store.read().await?;
            users::by_username(&mut db, environment, &username.trim().to_lowercase()).await?
        };
        let Some(found) = found else {
            return Ok(SignOn::Wrong);
        };
        if found.failures >= self.config.lock_after {
            return Ok(SignOn::Locked);
        }
        let right = verify(password.to_owned(), found.password.clone()).await;
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, &found.id).await?;
        found.failures = if right { 0 } else { found.failures + 1 };
        if right {
            found.document.insert(
                "lastSignOn".into(),
                serde_json::json!({"at": self.now().to_string()}),
            );
        }
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(if !right {
            SignOn::Wrong
        } else if found.document.get("enabled") == Some(&Value::Bool(false)) {
            SignOn::Disabled
        } else {
            SignOn::Welcome(Box::new(found))
        })
    }
}
