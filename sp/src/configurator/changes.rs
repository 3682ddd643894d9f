//! Reads and changes the values of the configurator. Each change is one
//! transaction.

use super::warnings::{Warning, review};
use super::{By, ConfiguratorError, Entered, Step, lockout};
use crate::Portal;
use crate::audit::{self, Event};
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// Returns the entered values, or `None` before Start Configuring.
///
/// # Errors
/// When the database fails.
pub async fn load_entered_values(
    db: &mut Db,
    business_id: &str,
) -> Result<Option<Entered>, StoreError> {
    let Some(tenant) = store::tenants::find_by_business(db, business_id).await? else {
        return Ok(None);
    };
    let domains = store::domains::list_by_business(db, business_id).await?;
    let token = store::tenants::find_newest_token(db, &tenant.id).await?;
    Ok(Some(Entered {
        tenant,
        domains,
        token,
        warnings: Vec::new(),
    }))
}

pub(super) async fn require_entered_values(
    db: &mut Db,
    business_id: &str,
) -> Result<Entered, ConfiguratorError> {
    load_entered_values(db, business_id)
        .await?
        .ok_or(ConfiguratorError::NotStarted)
}

/// Starts the configuration (G-06); a second call changes nothing. The
/// administrator who starts it becomes the backup login, if already logged in
/// with a password.
///
/// # Errors
/// [`ConfiguratorError::NotAvailable`] if no key with per-user licensing
/// is registered.
pub async fn start(portal: &Portal, by: By<'_>) -> Result<Entered, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    if let Some(entered) = load_entered_values(&mut tx, by.business_id).await? {
        return Ok(review(&mut tx, entered).await?);
    }
    if !store::subscriptions::has_per_user(&mut tx, by.business_id).await? {
        return Err(ConfiguratorError::NotAvailable);
    }
    let id = portal.ambient.rng().uuid().to_string();
    let now = to_microseconds(portal.now());
    store::tenants::insert(&mut tx, &id, by.business_id, by.actor, now).await?;
    super::scim::make_first_token(portal, &mut tx, &id).await?;
    let mut fresh = require_entered_values(&mut tx, by.business_id).await?;
    let member = store::members::find_member(&mut tx, by.business_id, by.actor).await?;
    if member.is_some_and(|member| member.last_login.is_some()) {
        fresh.tenant.backup_login = Some(by.actor.to_owned());
        store::tenants::update(&mut tx, &fresh.tenant).await?;
    }
    note(portal, &mut tx, by, "idp-integration-started", &id, "").await?;
    tx.commit().await?;
    Ok(fresh)
}

/// Changes the values of one step. If the integration is active, refuses a
/// change that would make the step incomplete.
pub(super) async fn change(
    portal: &Portal,
    by: By<'_>,
    step: Step,
    detail: &str,
    edit: impl FnOnce(&mut TenantRow) + Send,
) -> Result<Entered, ConfiguratorError> {
    let edit = |tenant: &mut TenantRow| {
        edit(tenant);
        Ok(())
    };
    try_change(portal, by, step, detail, edit).await
}

/// As [`change`], for an edit that fails if the stored values do not permit it.
pub(super) async fn try_change(
    portal: &Portal,
    by: By<'_>,
    step: Step,
    detail: &str,
    edit: impl FnOnce(&mut TenantRow) -> Result<(), ConfiguratorError> + Send,
) -> Result<Entered, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let mut entered = require_entered_values(&mut tx, by.business_id).await?;
    let before = lockout::read_access(&mut tx, by).await?;
    let former = review(&mut tx, entered.clone()).await?;
    edit(&mut entered.tenant)?;
    if entered.tenant.active == 1 {
        let missing = step.list_missing_actions(&entered, portal.now());
        if !missing.is_empty() {
            return Err(ConfiguratorError::ActiveNeeds(missing.join(", ")));
        }
    }
    store::tenants::update(&mut tx, &entered.tenant).await?;
    let entered = review(&mut tx, entered).await?;
    let what = match step {
        Step::Groups => lockout::describe_groups(&mut tx, by, &entered.tenant).await?,
        _ => "you are signed in with a password, and only the backup login can do that".to_owned(),
    };
    let sign_in = lockout::changes_sign_in(by, step, &former.tenant, &entered.tenant);
    let mut asked: Vec<Warning> = sign_in.into_iter().collect();
    if entered.tenant.active == 1 {
        // A new warning about the admins group means that no user would be an
        // administrator by that group.
        let new = |one: &&Warning| !former.warnings.contains(one) && one.is_about_admins();
        asked.extend(entered.warnings.iter().filter(new).cloned());
    }
    lockout::ask(&mut tx, by, before, &what, asked).await?;
    note(
        portal,
        &mut tx,
        by,
        "idp-integration-changed",
        step.id(),
        detail,
    )
    .await?;
    tx.commit().await?;
    Ok(entered)
}

/// Activates the integration (G-15).
///
/// # Errors
/// [`ConfiguratorError::StepsMissing`] unless all seven steps are complete.
pub async fn activate(portal: &Portal, by: By<'_>) -> Result<Entered, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let mut entered = require_entered_values(&mut tx, by.business_id).await?;
    let grey = entered.grey(portal.now());
    if !grey.is_empty() {
        let ids = grey.into_iter().map(Step::id).collect();
        return Err(ConfiguratorError::StepsMissing(ids));
    }
    let before = lockout::read_access(&mut tx, by).await?;
    entered.tenant.active = 1;
    store::tenants::update(&mut tx, &entered.tenant).await?;
    let what = "you are signed in with a password, and once the integration is active only the backup login can do that";
    lockout::ask(&mut tx, by, before, what, Vec::new()).await?;
    let entered = review(&mut tx, entered).await?;
    let id = entered.tenant.id.clone();
    note(portal, &mut tx, by, "idp-integration-activated", &id, "").await?;
    tx.commit().await?;
    Ok(entered)
}

/// Deactivates the integration (G-15): passwords work again; SSO and new
/// activations do not. Granted licenses stay, and SCIM continues to update the
/// directory.
///
/// # Errors
/// If the configuration was not started, or the database fails.
pub async fn deactivate(portal: &Portal, by: By<'_>) -> Result<Entered, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let mut entered = require_entered_values(&mut tx, by.business_id).await?;
    let before = lockout::read_access(&mut tx, by).await?;
    entered.tenant.active = 0;
    store::tenants::update(&mut tx, &entered.tenant).await?;
    let what = "you are signed in with SSO, and SSO ends with the integration";
    lockout::ask(&mut tx, by, before, what, Vec::new()).await?;
    let entered = review(&mut tx, entered).await?;
    let id = entered.tenant.id.clone();
    note(portal, &mut tx, by, "idp-integration-deactivated", &id, "").await?;
    tx.commit().await?;
    Ok(entered)
}

pub(super) async fn note(
    portal: &Portal,
    db: &mut Db,
    by: By<'_>,
    action: &'static str,
    target: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let event = Event::new(by.actor, action, target)
        .with_detail(detail)
        .from(by.address);
    audit::record(portal, db, Some(by.business_id), event).await
}
