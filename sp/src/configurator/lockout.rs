//! Nobody locks themselves out: an act that would end its own author's
//! administration is not done before the author confirms it.
//!
//! The rule is not a list of dangerous acts. Each change of the configurator
//! asks, within its transaction, whether its author still administers the
//! business account afterwards: in this session, and at the next sign-in.

use super::warnings::Warning;
use super::{By, ConfiguratorError, Step};
use crate::accounts::{self, Identity, Role, domain_of};
use crate::roles;
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError};

/// What the author of an act may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    /// Administers the business account in this session.
    session: bool,
    /// Would administer it after the next sign-in.
    next_sign_in: bool,
}

/// The author's access as the database stands; none is known of the portal
/// itself.
pub(super) async fn access(db: &mut Db, by: By<'_>) -> Result<Option<Access>, StoreError> {
    let Some(who) = by.who else { return Ok(None) };
    let reached = match &who.identity {
        Identity::Password(account) => accounts::workspaces_of_email(db, &account.email).await?,
        Identity::Sso(person) => accounts::workspaces_of_person(db, person).await?,
    };
    let session = reached
        .iter()
        .any(|workspace| workspace.id == by.business_id && workspace.role == Role::Admin);
    let next_sign_in = match &who.identity {
        Identity::Password(_) => session,
        Identity::Sso(person) => {
            let tenant = store::tenants::of_business(db, by.business_id).await?;
            let domain = domain_of(who.email());
            let verified = store::domains::of_business(db, by.business_id)
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

/// Refuses a change that its author wouldn't come back from, unless the
/// author has confirmed it. Called in the change's transaction, when the
/// change is made and not committed.
///
/// # Errors
/// [`ConfiguratorError::ConfirmationRequired`] with what would be lost.
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
    let after = access(db, by).await?;
    if let (Some(before), Some(after)) = (before, after) {
        let lost =
            (before.session && !after.session) || (before.next_sign_in && !after.next_sign_in);
        if lost {
            let message = own_role(db, by, what, after).await?;
            warnings.insert(0, Warning::new("own-admin-role", message));
        }
    }
    if warnings.is_empty() {
        Ok(())
    } else {
        Err(ConfiguratorError::ConfirmationRequired(warnings))
    }
}

async fn own_role(
    db: &mut Db,
    by: By<'_>,
    what: &str,
    after: Access,
) -> Result<String, StoreError> {
    let tenant = store::tenants::of_business(db, by.business_id).await?;
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
            format!("the backup login `{backup}` still gets in with its password")
        }
        Some(backup) => format!("`{backup}` still gets in as the backup login, with its password"),
        None => "local administrators still get in with their passwords".to_owned(),
    };
    Ok(format!(
        "this takes your own admin role away {when}: {what}; {way_back}"
    ))
}

/// What step 3 would do to its author, in words: what is entered, and the
/// groups that the author is known to be in.
pub(super) async fn describe_groups(
    db: &mut Db,
    by: By<'_>,
    tenant: &TenantRow,
) -> Result<String, StoreError> {
    let (admins, _) = roles::mapped(tenant);
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
    let yours: Vec<String> = accounts::groups_of(db, Some(tenant), &person.id)
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

/// Whether step 4 changes what the next sign-in depends on, for an author who
/// is signed in that way.
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
        changed.push("a stricter rule for signatures");
    }
    if before.requested_authn_context != after.requested_authn_context
        && after.requested_authn_context.is_some()
    {
        changed.push("another way in which people must sign on");
    }
    if changed.is_empty() {
        return None;
    }
    let backup = after.backup_login.as_deref().unwrap_or("none");
    Some(Warning::new(
        "own-sign-in",
        format!(
            "you are signed in with SSO, and this sets {}: if that doesn't fit the identity provider, nobody can sign in with SSO, you neither; then only the backup login `{backup}` gets in, with its password",
            changed.join(", ")
        ),
    ))
}
