//! Passwords: Argon2id hashes as PHC strings, locks after too many wrong passwords, forced
//! changes, and verification of accounts.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Version};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::users::get_user;
use crate::Idp;
use crate::refusal::{Refused, Result};
use crate::store::Writing;
use crate::store::logins;
use crate::store::users::{self, UserRow};

/// A user whose user name and password are right.
pub(crate) struct SignedOn {
    pub user: UserRow,
    /// Stores the sign-on. The caller adds the session and commits.
    pub tx: Writing,
}

/// Result of a sign-on with a password.
pub(crate) enum SignOn {
    /// User name and password are right.
    Welcome(Box<SignedOn>),
    /// Unknown user or wrong password. The page does not say which, so that an attacker cannot find
    /// out which users exist.
    Wrong,
    /// The account is locked after too many wrong passwords.
    Locked,
    /// The user is disabled in the directory.
    Disabled,
    /// The password is right and must be changed first.
    MustChange,
    /// The password is right; the e-mail address must be verified by a code first.
    Unverified,
}

/// True if the account is locked now.
pub(crate) fn is_locked(idp: &Idp, user: &UserRow) -> bool {
    unlocks_at(idp, user).is_some_and(|until| idp.now() < until)
}

/// Returns the time at which a locked account unlocks by itself.
pub(crate) fn unlocks_at(idp: &Idp, user: &UserRow) -> Option<Timestamp> {
    let at = user.locked_at?;
    Some(
        at.saturating_add(idp.config.lock_duration)
            .unwrap_or(Timestamp::MAX),
    )
}

/// Minimum length of a password that a user chooses, in characters.
const SHORTEST_CHOSEN: usize = 8;

/// Returns the cost of a hash that uses `memory` KiB.
fn cost(memory: u32) -> argon2::Params {
    let standard = argon2::Params::default();
    let cost = argon2::Params::new(memory, standard.t_cost(), standard.p_cost(), None);
    cost.unwrap_or(standard)
}

/// Maximum number of passwords hashed at the same time. Each takes one processor and the memory
/// of [`cost`].
static AT_ONCE: Semaphore = Semaphore::const_new(4);

async fn hash(password: String, salt: [u8; 16], memory: u32) -> Result<String> {
    // The permit is released when the hash is done, even if the request was canceled before.
    let permit = AT_ONCE.acquire().await;
    let hashing = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        hash_now(password.as_bytes(), &salt, memory)
    });
    match hashing.await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(error)) => Err(Refused::Internal(error.to_string())),
        Err(error) => Err(Refused::Internal(error.to_string())),
    }
}

/// Memory of a hash, for the next one: getting it from the operating system, page by page, takes a
/// considerable part of the time of a hash.
static MEMORY: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// Computes an Argon2 hash, in memory that is used again.
fn argon2_hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> argon2::Result<Output> {
    let kept = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = std::mem::take(&mut *kept());
    memory.resize(argon2.params().block_count(), Block::new());
    let mut bytes = [0; argon2::Params::DEFAULT_OUTPUT_LEN];
    let hashed = argon2.hash_password_into_with_memory(password, salt, &mut bytes, &mut memory);
    *kept() = memory;
    hashed?;
    Output::new(&bytes).map_err(|_| argon2::Error::OutputTooLong)
}

fn hash_now(
    password: &[u8],
    salt: &[u8],
    memory: u32,
) -> std::result::Result<String, argon2::password_hash::Error> {
    let argon2 = Argon2::from(cost(memory));
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(salt)?),
        hash: Some(argon2_hash(&argon2, password, salt)?),
    };
    Ok(hash.to_string())
}

/// True if the password has this hash.
fn has_hash(password: &[u8], known: &str) -> bool {
    let Ok(PasswordHash {
        algorithm,
        version,
        params,
        salt: Some(salt),
        hash: Some(expected),
    }) = PasswordHash::new(known)
    else {
        return false;
    };
    let version = version.map_or(Ok(Version::default()), Version::try_from);
    let (Ok(algorithm), Ok(version), Ok(params)) = (
        Algorithm::try_from(algorithm.as_str()),
        version,
        (&params).try_into(),
    ) else {
        return false;
    };
    let argon2 = Argon2::new(algorithm, version, params);
    // `Output` compares in constant time.
    argon2_hash(&argon2, password, &salt).is_ok_and(|hash| hash == expected)
}

/// True if the password matches the hash. Without a hash it does the same amount of work (with
/// `memory` KiB), so that the time taken does not reveal which users exist.
async fn verify(password: String, known: Option<String>, memory: u32) -> bool {
    let Some(known) = known else {
        let _ = hash(password, [0; 16], memory).await;
        return false;
    };
    let permit = AT_ONCE.acquire().await;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        has_hash(password.as_bytes(), &known)
    })
    .await
    .unwrap_or(false)
}

impl Idp {
    /// Sets the password of a user: `"…"` or `{"value": "…", "forceChange": …}`. Does not store
    /// the user.
    pub(crate) async fn give_password(&self, user: &mut UserRow, password: &Value) -> Result<()> {
        let value = password
            .as_str()
            .or_else(|| password.get("value")?.as_str())
            .ok_or_else(|| Refused::required("value"))?;
        if value.is_empty() || value.len() > 1024 {
            return Err(Refused::invalid("value", "expected 1 to 1024 bytes"));
        }
        let salt = self.ambient.rng().bytes();
        let memory = self.config.password_memory;
        user.password = Some(hash(value.to_owned(), salt, memory).await?);
        user.must_change = password.get("forceChange") == Some(&Value::Bool(true));
        user.failures = 0;
        user.locked_at = None;
        Ok(())
    }

    /// Sets and stores the password of an existing user.
    pub(crate) async fn set_password(
        &self,
        environment: &str,
        id: &str,
        password: &Value,
    ) -> Result<UserRow> {
        let mut with_password = self.get_user(environment, id).await?;
        self.give_password(&mut with_password, password).await?;
        let mut tx = self.store.write().await?;
        let mut current = get_user(&mut tx, environment, id).await?;
        current.password = with_password.password;
        current.must_change = with_password.must_change;
        current.failures = 0;
        current.locked_at = None;
        users::put(&mut tx, &current).await?;
        tx.commit().await?;
        Ok(current)
    }

    /// True if it is the user's password. Counts wrong ones and locks the account after too
    /// many, so that nobody can try all passwords.
    pub(crate) async fn check_password(
        &self,
        environment: &str,
        id: &str,
        password: &str,
    ) -> Result<bool> {
        let mut tx = self.store.write_user().await?;
        let found = get_user(&mut tx, environment, id).await?;
        let Some(found) = self.count_attempt(tx, found).await? else {
            return Ok(false);
        };
        let memory = self.config.password_memory;
        if !verify(password.to_owned(), found.password, memory).await {
            return Ok(false);
        }
        let mut tx = self.store.write_user().await?;
        users::set_attempts(&mut tx, environment, id, 0, None).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Counts an attempt to guess the password, and commits. Returns `None` if the account is
    /// locked already.
    ///
    /// The attempt is counted before the check. Otherwise all requests that arrive during the
    /// first check would be let through.
    async fn count_attempt(&self, mut tx: Writing, mut found: UserRow) -> Result<Option<UserRow>> {
        if is_locked(self, &found) {
            return Ok(None);
        }
        if found.locked_at.take().is_some() {
            found.failures = 0;
        }
        found.failures += 1;
        if found.failures >= self.config.lock_after {
            found.locked_at = Some(self.now());
        }
        let UserRow {
            environment, id, ..
        } = &found;
        users::set_attempts(&mut tx, environment, id, found.failures, found.locked_at).await?;
        tx.commit().await?;
        Ok(Some(found))
    }

    /// Locks or unlocks an account. Locking ends its sessions.
    pub(crate) async fn set_locked(
        &self,
        environment: &str,
        id: &str,
        locked: bool,
    ) -> Result<UserRow> {
        let mut tx = self.store.write().await?;
        let mut found = get_user(&mut tx, environment, id).await?;
        found.locked_at = locked.then(|| self.now());
        found.failures = 0;
        users::put(&mut tx, &found).await?;
        if locked {
            logins::close_all(&mut tx, environment, id).await?;
        }
        tx.commit().await?;
        Ok(found)
    }

    /// Forces the user to change the password at the next sign-on.
    pub(crate) async fn force_change(&self, environment: &str, id: &str) -> Result<UserRow> {
        let mut tx = self.store.write().await?;
        let mut found = get_user(&mut tx, environment, id).await?;
        if found.password.is_none() {
            return Err(Refused::constraint(
                "password",
                "the user has no password; set one first",
            ));
        }
        found.must_change = true;
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Checks a user name and a password, as the sign-on page does.
    pub(crate) async fn sign_on(
        &self,
        environment: &str,
        username: &str,
        password: &str,
    ) -> Result<SignOn> {
        let mut tx = self.store.write_user().await?;
        let key = username.trim().to_lowercase();
        let Some(found) = users::find_by_username(&mut tx, environment, &key).await? else {
            drop(tx);
            verify(password.to_owned(), None, self.config.password_memory).await;
            return Ok(SignOn::Wrong);
        };
        let Some(found) = self.count_attempt(tx, found).await? else {
            return Ok(SignOn::Locked);
        };
        let memory = self.config.password_memory;
        if !verify(password.to_owned(), found.password, memory).await {
            return Ok(SignOn::Wrong);
        }
        let mut tx = self.store.write_user().await?;
        // Read again: the user may have been changed or deleted during the check.
        let mut user = get_user(&mut tx, environment, &found.id).await?;
        user.failures = 0;
        user.locked_at = None;
        let refused = if user.document.get("enabled") == Some(&Value::Bool(false)) {
            Some(SignOn::Disabled)
        } else if user.must_change {
            Some(SignOn::MustChange)
        } else if user.document["lifecycle"]["status"] == "VERIFICATION_REQUIRED" {
            Some(SignOn::Unverified)
        } else {
            let at = serde_json::json!({"at": self.now().to_string()});
            user.document.insert("lastSignOn".into(), at);
            None
        };
        users::put(&mut tx, &user).await?;
        match refused {
            Some(refused) => {
                tx.commit().await?;
                Ok(refused)
            }
            None => Ok(SignOn::Welcome(Box::new(SignedOn { user, tx }))),
        }
    }

    /// Changes a password that must be changed, if the current one is right. The inner error is
    /// a text for the user.
    pub(crate) async fn change_password(
        &self,
        environment: &str,
        username: &str,
        current: &str,
        new: &str,
    ) -> Result<std::result::Result<(), String>> {
        let known = {
            let mut db = self.store.read().await?;
            users::find_by_username(&mut db, environment, &username.trim().to_lowercase()).await?
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

    /// Creates a random code with which a user verifies the e-mail address. It is not sent by
    /// e-mail; the control port returns it.
    pub(crate) async fn send_verification_code(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<UserRow> {
        let [a, b, c, d] = self.ambient.rng().bytes::<4>();
        let code = u32::from_be_bytes([a, b, c, d]) % 100_000_000;
        let mut tx = self.store.write().await?;
        let mut found = get_user(&mut tx, environment, id).await?;
        found.verification_code = Some(format!("{code:08}"));
        users::put(&mut tx, &found).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Verifies a user by the code. Returns true if it is the right one. A wrong one also makes
    /// the code invalid, so that nobody can try all codes.
    pub(crate) async fn verify_user(
        &self,
        environment: &str,
        id: &str,
        code: &str,
    ) -> Result<bool> {
        let mut tx = self.store.write().await?;
        let mut found = get_user(&mut tx, environment, id).await?;
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

    /// Returns the user with this user name, in any letter case.
    pub(crate) async fn find_user_by_name(
        &self,
        environment: &str,
        username: &str,
    ) -> Result<Option<UserRow>> {
        let mut db = self.store.read().await?;
        Ok(users::find_by_username(&mut db, environment, &username.trim().to_lowercase()).await?)
    }
}
