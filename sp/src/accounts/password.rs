//! Passwords: how strong, and how they are kept (Argon2id, PHC strings).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};

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

/// What is wrong with a password, if anything: at least ten characters of at
/// least five kinds, not the e-mail, and not built on one that everybody uses.
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
        Err("too easy to guess: it is built on your e-mail address")
    } else if OFTEN_USED.iter().any(|often| lower.starts_with(often)) && password.len() < 16 {
        Err("too easy to guess: it begins with a common password. Choose another")
    } else {
        Ok(())
    }
}

/// The PHC string to keep; hashing takes `memory` KiB.
pub(super) async fn hash(password: String, salt: [u8; 16], memory: u32) -> String {
    let standard = argon2::Params::default();
    let cost = argon2::Params::new(memory, standard.t_cost(), standard.p_cost(), None);
    let cost = cost.unwrap_or(standard);
    let hashing = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password_customized(password.as_bytes(), &salt, None, None, cost)
            .map(|hash: PasswordHash| hash.to_string())
    });
    match hashing.await {
        Ok(Ok(hash)) => hash,
        // Argon2 refuses only passwords beyond 4 GiB and bad salts; a hash
        // that nothing verifies against fails closed.
        _ => String::new(),
    }
}

/// Whether the password is the one that was hashed. Without a hash the same
/// work is done, so that the time taken doesn't tell which accounts exist.
pub(super) async fn verify(password: String, hash: Option<String>) -> bool {
    tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODY.to_owned());
        let right = PasswordHash::new(&text).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        right && known
    })
    .await
    .unwrap_or(false)
}

const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_password_is_told_why() {
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
        assert!(verify("correct horse".into(), Some(hash.clone())).await);
        assert!(!verify("correct house".into(), Some(hash)).await);
        assert!(!verify("correct horse".into(), None).await);
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
