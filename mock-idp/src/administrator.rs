//! The administrator of the console: a single account, whose password is the admin token of the
//! management API, so that there is only one secret.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Idp;
use crate::directory::Document;
use crate::refusal::Result;
use crate::store::console;

/// Name of the environment that is created at the first sign-on if there is none. PingOne also
/// begins with such an environment.
const FIRST_ENVIRONMENT: &str = "Administrator environment";

fn fingerprint(purpose: &str, token: &str) -> String {
    let digest = Sha256::new()
        .chain_update(purpose)
        .chain_update([0])
        .chain_update(token)
        .finalize();
    ambient::hexadecimal(&digest)
}

/// Returns the token that every form of a session must contain. It cannot be computed without
/// the session token.
pub(crate) fn form_token(session: &str) -> String {
    fingerprint("console form", session)
}

impl Idp {
    /// Signs the administrator on. Returns the session token; `None` for a wrong password.
    pub(crate) async fn open_console(&self, password: &str) -> Result<Option<String>> {
        let right = password
            .trim()
            .as_bytes()
            .ct_eq(self.admin_token.as_bytes());
        if !bool::from(right) {
            return Ok(None);
        }
        if self.list_environments().await?.is_empty() {
            let first = [
                ("name".to_owned(), FIRST_ENVIRONMENT.into()),
                ("type".to_owned(), "PRODUCTION".into()),
            ];
            self.create_environment(Document::from_iter(first)).await?;
        }
        let token = self.ambient.rng().token(32);
        let now = self.now();
        let ends = now
            .saturating_add(self.config.session_lifetime)
            .unwrap_or(Timestamp::MAX);
        let mut tx = self.store.write_aside().await?;
        console::open(&mut tx, &fingerprint("console", &token), now, ends).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// True if this is the token of a session that has not expired.
    pub(crate) async fn is_console_open(&self, token: &str) -> Result<bool> {
        let mut db = self.store.read().await?;
        Ok(console::is_open(&mut db, &fingerprint("console", token), self.now()).await?)
    }

    /// Ends a session of the console.
    pub(crate) async fn close_console(&self, token: &str) -> Result<()> {
        let mut tx = self.store.write_aside().await?;
        console::close(&mut tx, &fingerprint("console", token)).await?;
        tx.commit().await?;
        Ok(())
    }
}
