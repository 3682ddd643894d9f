//! Checks the strength of passwords, and hashes and verifies them (Argon2id,
//! PHC strings).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

const OFTEN_USED: [&str; 12] = [
    "password",
    "passwort",
    "12345678",
    "qwertyui",
    "qwertzui",
    "letmein1",
    "iloveyou",
    "welcome1",
    "admin123",
    "changeme",
    "parallels",
    "11111111",
];

/// Checks the strength: at least 10 characters, 5 of them different, not based
/// on the e-mail address or on a common password. The error is a text for the
/// user.
pub(super) fn check_strength(password: &str, email: &str) -> Result<(), &'static str> {
    let lower = password.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if password.chars().count() < 10 {
        Err("too short: use at least 10 characters")
    } else if password.len() > 1024 {
        Err("too long: use at most 1024 bytes")
    } else if kinds.len() < 5 {
        Err("too easy to guess: use at least five different characters")
    } else if (!email.is_empty() && lower.contains(email))
        || (local.len() >= 4 && lower.starts_with(local))
    {
        Err("too easy to guess: it is based on your e-mail address")
    } else if OFTEN_USED.iter().any(|often| lower.starts_with(often)) && password.len() < 16 {
        Err("too easy to guess: it begins with a common password. Choose another")
    } else {
        Ok(())
    }
}

/// Limits concurrent hashing to four: each hash occupies one processor core and
/// the memory of [`hash`].
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Returns the hash as a PHC string. Uses `memory` KiB of memory.
pub(super) async fn hash(password: String, salt: [u8; 16], memory: u32) -> String {
    let standard = argon2::Params::default();
    let cost = argon2::Params::new(memory, standard.t_cost(), standard.p_cost(), None);
    let cost = cost.unwrap_or(standard);
    // The thread holds the permit, so it is released even if the caller has
    // gone.
    let permit = AT_ONCE.acquire().await;
    let hashing = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        Argon2::default()
            .hash_password_customized(password.as_bytes(), &salt, None, None, cost)
            .map(|hash: PasswordHash| hash.to_string())
    });
    match hashing.await {
        Ok(Ok(hash)) => hash,
        // Argon2 fails only for passwords above 4 GiB and invalid salts. No
        // password matches an empty hash, so this denies access.
        _ => String::new(),
    }
}

/// True if the password matches the hash. Without a hash it does the same work
/// (with `memory` KiB), so that the response time does not reveal which
/// accounts exist.
pub(super) async fn verify(password: String, known: Option<String>, memory: u32) -> bool {
    let Some(known) = known else {
        let _ = hash(password, [0; 16], memory).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_password_is_refused_with_the_reason() {
        for weak in [
            "short1!",
            "aaaaaaaaaaaa",
            "jo.doe@example.com",
            "password123!",
        ] {
            assert!(
                check_strength(weak, "jo.doe@example.com").is_err(),
                "{weak}"
            );
        }
        assert_eq!(
            check_strength("correct horse battery", "jo@example.com"),
            Ok(())
        );
    }

    #[tokio::test]
    async fn only_the_password_that_was_hashed_verifies() {
        let hash = hash("correct horse".into(), [7; 16], 1024).await;
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse".into(), Some(hash.clone()), 1024).await);
        assert!(!verify("correct house".into(), Some(hash), 1024).await);
        assert!(!verify("correct horse".into(), None, 1024).await);
    }
}
