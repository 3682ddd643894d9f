//! Protects administrators from locking themselves out: a change that would end
//! the administrator's own admin access needs a confirmation.
//!
//! There is no list of dangerous changes. Each change of the configurator
//! checks, within its transaction, whether the acting user is still an
//! administrator of the business account afterwards: in this session, and after
//! the next sign-in.

use super::warnings::Warning;
use super::{By, ConfiguratorError, Step};
use crate::accounts::{self, Identity, Role, domain_of};
use crate::roles;
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError};

/// The admin access of the acting user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    /// True if the user is an administrator in this session.
    session: bool,
    /// True if the user would be an administrator after the next sign-in.
    next_sign_in: bool,
}

/// Returns the acting user's access according to the database; `None` if the
/// portal itself acts.
pub(super) async fn read_access(db: &mut Db, by: By<'_>) -> Result<Option<Access>, StoreError> {
    let Some(who) = by.who else { return Ok(None) };
    let reached = match &who.identity {
        Identity::Password(account) => {
            accounts::list_workspaces_of_email(db, &account.email).await?
        }
        Identity::Sso(person) => accounts::list_workspaces_of_person(db, person).await?,
    };
    let session = reached
        .iter()
        .any(|workspace| workspace.id == by.business_id && workspace.role == Role::Admin);
    let next_sign_in = match &who.identity {
        Identity::Password(_) => session,
        Identity::Sso(person) => {
            let tenant = store::tenants::find_by_business(db, by.business_id).await?;
            let domain = domain_of(who.email());
            let verified = store::domains::list_by_business(db, by.business_id)
                .await?
                .iter()
                .any(|row| row.domain == domain && row.status == "verified");
            match tenant {
                Some(tenant) => {
                    verified && roles::is_admin_at_next_sign_in(db, &tenant, &person.id).await?
                }
                None => false,
            }
        }
    };
    Ok(Some(Access {
        session,
        next_sign_in,
    }))
}

/// Refuses a change that ends the acting user's own access, or that has
/// warnings, unless the user has confirmed it. Call it in the transaction of
/// the change, before the commit.
///
/// # Errors
/// [`ConfiguratorError::ConfirmationRequired`] with the warnings.
pub(super) async fn ask(
    db: &mut Db,
    by: By<'_>,
    before: Option<Access>,
    what: &str,
    mut warnings: Vec<Warning>,
) -> Result<(), ConfiguratorError> {
    if by.confirmed {
        return Ok(());
    }
    let after = read_access(db, by).await?;
    if let (Some(before), Some(after)) = (before, after) {
        let lost =
            (before.session && !after.session) || (before.next_sign_in && !after.next_sign_in);
        if lost {
            let message = describe_role_loss(db, by, what, after).await?;
            warnings.insert(0, Warning::new("own-admin-role", message));
        }
    }
    if warnings.is_empty() {
        Ok(())
    } else {
        Err(ConfiguratorError::ConfirmationRequired(warnings))
    }
}

async fn describe_role_loss(
    db: &mut Db,
    by: By<'_>,
    what: &str,
    after: Access,
) -> Result<String, StoreError> {
    let tenant = store::tenants::find_by_business(db, by.business_id).await?;
    let backup = tenant
        .as_ref()
        .filter(|tenant| tenant.active == 1)
        .and_then(|tenant| tenant.backup_login.clone());
    let when = if after.session {
        "from the next sign-in on"
    } else {
        "at once"
    };
    let way_back = match backup {
        Some(backup) if Some(backup.as_str()) != by.who.map(accounts::Who::email) => {
            format!("the backup login `{backup}` can still log in with its password")
        }
        Some(backup) => {
            format!("`{backup}` can still log in as the backup login, with its password")
        }
        None => "local administrators can still log in with their passwords".to_owned(),
    };
    Ok(format!(
        "this takes your own admin role away {when}: {what}; {way_back}"
    ))
}

/// Describes the effect of step 3 on the acting user: the entered group, and
/// the groups that the user is known to be in.
pub(super) async fn describe_groups(
    db: &mut Db,
    by: By<'_>,
    tenant: &TenantRow,
) -> Result<String, StoreError> {
    let (admins, _) = roles::mapped_groups(tenant);
    let entered = admins.map_or_else(
        || "no admins group is entered".to_owned(),
        |group| {
            format!(
                "the admins group is entered as `{}` with the ID `{}`",
                group.name, group.id
            )
        },
    );
    let Some(accounts::Who {
        identity: Identity::Sso(person),
        ..
    }) = by.who
    else {
        return Ok(entered);
    };
    let yours: Vec<String> = accounts::list_groups_of_user(db, Some(tenant), &person.id)
        .await?
        .into_iter()
        .map(|group| match group.id {
            Some(id) => format!("`{}` (ID `{id}`)", group.name),
            None => format!("`{}`", group.name),
        })
        .collect();
    let yours = if yours.is_empty() {
        "you are in no group that the identity provider has named".to_owned()
    } else {
        format!(
            "the identity provider says that you are in {}",
            yours.join(", ")
        )
    };
    Ok(format!("{entered}, and {yours}"))
}

/// Returns a warning if step 4 changes something that the next sign-in depends
/// on, for a user who is signed in by SSO.
pub(super) fn changes_sign_in(
    by: By<'_>,
    step: Step,
    before: &TenantRow,
    after: &TenantRow,
) -> Option<Warning> {
    let by_sso = by
        .who
        .is_some_and(|who| matches!(who.identity, Identity::Sso(_)));
    if !by_sso || step != Step::Saml || before.active == 0 {
        return None;
    }
    let certificates = |tenant: &TenantRow| -> Vec<String> {
        let stored = tenant.idp_certificates.as_deref().unwrap_or("[]");
        serde_json::from_str(stored).unwrap_or_default()
    };
    let kept = certificates(after);
    let mut changed = Vec::new();
    if before.idp_entity_id != after.idp_entity_id {
        changed.push("another Entity ID");
    }
    if before.idp_sso_url != after.idp_sso_url {
        changed.push("another SSO URL");
    }
    if certificates(before).iter().any(|one| !kept.contains(one)) {
        changed.push("another certificate");
    }
    if before.signature_policy != after.signature_policy && after.signature_policy != "either" {
        changed.push("a stricter signature policy");
    }
    if before.requested_authn_context != after.requested_authn_context
        && after.requested_authn_context.is_some()
    {
        changed.push("another authentication context");
    }
    if changed.is_empty() {
        return None;
    }
    let backup = after.backup_login.as_deref().unwrap_or("none");
    Some(Warning::new(
        "own-sign-in",
        format!(
            "you are logged in with SSO, and this change sets {}. If it does not match the identity provider, no user can log in with SSO, not even you. Then only the backup login `{backup}` can log in, with its password",
            changed.join(", ")
        ),
    ))
}
