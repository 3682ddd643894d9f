//! Records refused password logins of organizations with active SSO.
//! Administrators find them under Sign-in problems, like refused SSO logins.

use super::{AccountError, domain_of, normalize_email};
use crate::Portal;
use crate::refusal::{self, Flow, Kind, Refused, kinds};
use crate::store::{self, Db, StoreError};

/// Records the refusal if the e-mail belongs to an organization with an active
/// integration.
pub(super) async fn record(portal: &Portal, email: &str, error: &AccountError, address: &str) {
    let (kind, reason): (&Kind, String) = match error {
        AccountError::UseSso => (
            &kinds::PASSWORD_REFUSED,
            "a password was entered, and only the backup login may use one while the integration is active".to_owned(),
        ),
        AccountError::WrongCredentials => (
            &kinds::BACKUP_PASSWORD_WRONG,
            "the password of the backup login was wrong".to_owned(),
        ),
        AccountError::TooMany(seconds) => (
            &kinds::TOO_MANY_ATTEMPTS,
            format!("there were too many wrong passwords: the next attempt is allowed in {seconds} s"),
        ),
        _ => return,
    };
    let Some(email) = normalize_email(email) else {
        return;
    };
    let found = async {
        let mut db = portal.store.read().await?;
        find_active_integration(&mut db, &email).await
    };
    let (business_id, is_backup) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, "cannot record a refused login");
            return;
        }
    };
    if is_backup || matches!(error, AccountError::UseSso) {
        let refused = Refused::new(kind, reason).with_who(&email);
        refusal::record(
            portal,
            Some(&business_id),
            &refused,
            Flow::Password,
            address,
        )
        .await;
    }
}

/// Returns the business account with an active integration that this e-mail
/// belongs to, and whether the e-mail is its backup login.
async fn find_active_integration(
    db: &mut Db,
    email: &str,
) -> Result<Option<(String, bool)>, StoreError> {
    let mut candidates: Vec<String> = store::members::list_by_email(db, email)
        .await?
        .into_iter()
        .map(|member| member.business_id)
        .collect();
    if let Some(domain) = store::domains::find_by_name(db, domain_of(email)).await?
        && domain.status == "verified"
    {
        candidates.push(domain.business_id);
    }
    for business_id in candidates {
        if let Some(tenant) = store::tenants::find_by_business(db, &business_id).await?
            && tenant.active == 1
        {
            let is_backup = tenant.backup_login.as_deref() == Some(email);
            return Ok(Some((business_id, is_backup)));
        }
    }
    Ok(None)
}
