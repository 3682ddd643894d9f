//! Passwords: kept as Argon2id PHC strings, locked after many wrong ones for a
//! while; changes that are forced, accounts that are to be verified.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::users::user;
use crate::Idp;
use crate::refusal::{Refused, Result};
use crate::store::logins;
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
    /// The password is right and must be changed before it is of use.
    MustChange,
    /// The password is right; the address is to be verified by a code first.
    Unverified,
}

/// Whether nobody signs on with the account now.
pub(crate) fn is_locked(idp: &Idp, user: &UserRow) -> bool {
    unlocks_at(idp, user).is_some_and(|until| idp.now() < until)
}

/// When a locked account opens by itself.
pub(crate) fn unlocks_at(idp: &Idp, user: &UserRow) -> Option<Timestamp> {
    let at = user.locked_at?;
    Some(
        at.saturating_add(idp.config.lock_duration)
            .unwrap_or(Timestamp::MAX),
    )
}

/// The shortest password that a person may choose.
const SHORTEST_CHOSEN: usize = 8;

/// A light cost: this is a simulator, and its passwords are test data.
fn cost() -> argon2::Params {
    argon2::Params::new(8 * 1024, 1, 1, None).unwrap_or_default()
}

/// How many passwords are hashed at once: each takes a processor and the
/// memory of [`cost`] for itself.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

async fn hash(password: String, salt: [u8; 16]) -> Result<String> {
    // The permit ends with the work, also when nobody waits for it any more.
    let permit = AT_ONCE.acquire().await;
    let hashing = tokio::task::spawn_blocking(move || {
        let _permit = permit;
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

/// Whether it is the password that was hashed. Without a hash the same work is
/// done, so that the time taken doesn't tell which users exist.
async fn verify(password: String, known: Option<String>) -> bool {
    let Some(known) = known else {
        let _ = hash(password, [0; 16]).await;
        return false;
    };
    let permit = AT_ONCE.acquire().await;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        PasswordHash::new(&known).is_ok_and(|hash| {
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
        let salt = self.ambient.rng().bytes();
        user.password = Some(hash(value.to_owned(), salt).await?);
        user.must_change = password.get("forceChange") == Some(&Value::Bool(true));
        user.failures = 0;
        user.locked_at = None;
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
        current.locked_at = None;
        users::put(&mut tx, &current).await?;
        tx.commit().await?;
        Ok(current)
    }

    /// Whether it is the user's password; the answer counts, so that nobody
    /// can try them all.
    pub(crate) async fn check_password(
        &self,
        environment: &str,
        id: &str,
        password: &str,
    ) -> Result<bool> {
        // Counted before it is known whether it is right: else all who come
        // while the first password is checked are let through.
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        if is_locked(self, &found) {
            return Ok(false);
        }
        if found.locked_at.take().is_some() {
            found.failures = 0;
        }
        found.failures += 1;
        if found.failures >= self.config.lock_after {
            found.locked_at = Some(self.now());
        }
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        if !verify(password.to_owned(), found.password).await {
            return Ok(false);
        }
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        found.failures = 0;
        found.locked_at = None;
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Locks an account, or opens it again.
    pub(crate) async fn set_locked(
        &self,
        environment: &str,
        id: &str,
        locked: bool,
    ) -> Result<UserRow> {
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        found.locked_at = locked.then(|| self.now());
        found.failures = 0;
        users::put(&mut tx, &found).await?;
        if locked {
            logins::close_all(&mut tx, environment, id).await?;
        }
        tx.commit().await?;
        Ok(found)
    }

    /// The user must choose another password at the next sign-on.
    pub(crate) async fn force_change(&self, environment: &str, id: &str) -> Result<UserRow> {
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        if found.password.is_none() {
            return Err(Refused::constraint(
                "password",
                "expected a user with a password, this one has none: set one",
            ));
        }
        found.must_change = true;
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(found)
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
            verify(password.to_owned(), None).await;
            return Ok(SignOn::Wrong);
        };
        if is_locked(self, &found) {
            return Ok(SignOn::Locked);
        }
        if !self
            .check_password(environment, &found.id, password)
            .await?
        {
            return Ok(SignOn::Wrong);
        }
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, &found.id).await?;
        if found.document.get("enabled") == Some(&Value::Bool(false)) {
            return Ok(SignOn::Disabled);
        }
        if found.must_change {
            return Ok(SignOn::MustChange);
        }
        if found.document["lifecycle"]["status"] == "VERIFICATION_REQUIRED" {
            return Ok(SignOn::Unverified);
        }
        found.document.insert(
            "lastSignOn".into(),
            serde_json::json!({"at": self.now().to_string()}),
        );
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(SignOn::Welcome(Box::new(found)))
    }

    /// Changes a password that must be changed, for whoever knows it; what the
    /// new one lacks, when it won't do.
    pub(crate) async fn change_password(
        &self,
        environment: &str,
        username: &str,
        current: &str,
        new: &str,
    ) -> Result<std::result::Result<(), String>> {
        let known = {
            let mut db = self.store.read().await?;
            users::by_username(&mut db, environment, &username.trim().to_lowercase()).await?
        };
        let wrong = "Incorrect username or password. Please try again.".to_owned();
        let Some(known) = known else {
            return Ok(Err(wrong));
        };
        if !self.check_password(environment, &known.id, current).await? {
            return Ok(Err(wrong));
        }
        if new.chars().count() < SHORTEST_CHOSEN {
            return Ok(Err(format!(
                "Choose a password of at least {SHORTEST_CHOSEN} characters."
            )));
        }
        if new == current {
            return Ok(Err(
                "Choose a password that differs from the current one.".to_owned()
            ));
        }
        self.set_password(environment, &known.id, &Value::from(new))
            .await?;
        Ok(Ok(()))
    }

    /// Draws the code by which a user proves the address; it is not sent
    /// anywhere, the control port shows it.
    pub(crate) async fn send_verification_code(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<UserRow> {
        let [a, b, c, d] = self.ambient.rng().bytes::<4>();
        let code = u32::from_be_bytes([a, b, c, d]) % 100_000_000;
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        found.verification_code = Some(format!("{code:08}"));
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Verifies a user by the code that was sent; whether it was the code. A
    /// wrong one ends it: a code can't be guessed.
    pub(crate) async fn verify_user(
        &self,
        environment: &str,
        id: &str,
        code: &str,
    ) -> Result<bool> {
        let mut tx = self.store.write().await?;
        let mut found = user(&mut tx, environment, id).await?;
        let right = found
            .verification_code
            .take()
            .is_some_and(|sent| sent == code.trim());
        if right {
            let document = &mut found.document;
            document.insert(
                "lifecycle".into(),
                serde_json::json!({"status": "ACCOUNT_OK"}),
            );
            document.insert("emailVerified".into(), true.into());
        }
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(right)
    }

    /// The user of that name, whatever its case.
    pub(crate) async fn user_of_name(
        &self,
        environment: &str,
        username: &str,
    ) -> Result<Option<UserRow>> {
        let mut db = self.store.read().await?;
        Ok(users::by_username(&mut db, environment, &username.trim().to_lowercase()).await?)
    }
}
