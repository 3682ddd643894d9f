//! Step 7, Configure backup login (G-14, G-19).

use super::changes::change;
use super::{By, ConfiguratorError, Entered, Step};
use crate::Portal;
use crate::accounts::normalize_email;
use crate::store;

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    match entered.tenant.backup_login {
        Some(_) => Vec::new(),
        None => vec![format!(
            "confirm {} as the backup login, or choose another",
            email_to_show(entered)
        )],
    }
}

/// Returns the backup login that the page shows: the confirmed one, or else the
/// administrator who started the configuration.
pub fn email_to_show(entered: &Entered) -> &str {
    let tenant = &entered.tenant;
    tenant.backup_login.as_deref().unwrap_or(&tenant.started_by)
}

/// Sets the backup login. It must have a portal password and have logged in to
/// the business account at least once.
///
/// # Errors
/// [`ConfiguratorError::NeverLoggedIn`] if that is not the case.
pub async fn choose(
    portal: &Portal,
    by: By<'_>,
    email: &str,
) -> Result<Entered, ConfiguratorError> {
    let email =
        normalize_email(email).ok_or_else(|| ConfiguratorError::InvalidEmail(email.to_owned()))?;
    let mut db = portal.store.read().await?;
    let member = store::members::find_member(&mut db, by.business_id, &email).await?;
    drop(db);
    if member.is_none_or(|member| member.last_login.is_none()) {
        return Err(ConfiguratorError::NeverLoggedIn(email));
    }
    let detail = email.clone();
    change(portal, by, Step::BackupLogin, &detail, |tenant| {
        tenant.backup_login = Some(email);
    })
    .await
}
