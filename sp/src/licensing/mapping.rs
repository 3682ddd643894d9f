//! Which subscription a user draws on, and what admins change of it.
//!
//! A subscription may serve one group of the IdP (a secondary key). Users of
//! such a group draw on its subscription only, everybody else on those that
//! serve no group in particular.

use crate::Portal;
use crate::audit::{self, Event};
use crate::configurator::By;
use crate::store::people::PersonRow;
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{self, Db, StoreError};

/// Why a subscription isn't changed.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Not one of this business account's.
    #[error(
        "this business account has no subscription {0}: GET /api/business/subscriptions lists them"
    )]
    Unknown(String),
    /// Another one serves the group.
    #[error("the subscription {0} serves this group already: a group draws on one subscription")]
    GroupTaken(String),
    /// Without a name.
    #[error("the subscription needs a display name")]
    Unnamed,
    /// Not activated under this license.
    #[error("no such device is activated under this license")]
    NoSuchDevice,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MappingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The per-user subscriptions that this user may draw on.
pub(super) async fn drawn_on(
    db: &mut Db,
    person: &PersonRow,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let all = store::subscriptions::of_business(db, &person.business_id).await?;
    let per_user: Vec<SubscriptionRow> = all
        .into_iter()
        .filter(|subscription| subscription.licensing == "per-user")
        .collect();
    let mut held: Vec<String> = Vec::new();
    if per_user.iter().any(|one| one.group_name.is_some()) {
        for group in store::people::groups_of(db, &person.id).await? {
            held.push(group.display_name);
            held.extend(group.external_id);
        }
        if let Some(asserted) = store::people::asserted(db, &person.id).await? {
            let came: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
            held.extend(came);
        }
    }
    let serves = |subscription: &SubscriptionRow| {
        [&subscription.group_name, &subscription.group_id]
            .into_iter()
            .flatten()
            .any(|group| held.contains(group))
    };
    let (theirs, others): (Vec<_>, Vec<_>) = per_user.into_iter().partition(serves);
    if theirs.is_empty() {
        let unmapped = |one: &SubscriptionRow| one.group_name.is_none();
        return Ok(others.into_iter().filter(unmapped).collect());
    }
    Ok(theirs)
}

/// Names a subscription, and the group (name and id) that it serves.
///
/// # Errors
/// See [`MappingError`].
pub async fn change_subscription(
    portal: &Portal,
    by: By<'_>,
    id: &str,
    name: Option<&str>,
    group: Option<Option<(&str, &str)>>,
) -> Result<SubscriptionRow, MappingError> {
    let mut tx = portal.store.write().await?;
    let all = store::subscriptions::of_business(&mut tx, by.business_id).await?;
    let known = all.iter().find(|one| one.id == id).cloned();
    let mut row = known.ok_or_else(|| MappingError::Unknown(id.to_owned()))?;
    if let Some(name) = name {
        if name.trim().is_empty() {
            return Err(MappingError::Unnamed);
        }
        name.trim().clone_into(&mut row.name);
    }
    match group {
        None => {}
        Some(None) => (row.group_name, row.group_id) = (None, None),
        Some(Some((name, group_id))) => {
            let taken = all
                .iter()
                .find(|other| other.id != id && other.group_name.as_deref() == Some(name.trim()));
            if let Some(other) = taken {
                return Err(MappingError::GroupTaken(other.name.clone()));
            }
            row.group_name = Some(name.trim().to_owned());
            row.group_id = Some(group_id.trim().to_owned()).filter(|id| !id.is_empty());
        }
    }
    store::subscriptions::update(&mut tx, &row).await?;
    let serves = row.group_name.as_deref().unwrap_or("everybody");
    let event = Event::new(by.actor, "subscription-changed", &row.name)
        .saying(format!("serves {serves}"))
        .from(by.address);
    audit::record(portal, &mut tx, Some(by.business_id), event).await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes a device from under its license, so that another may be activated.
///
/// # Errors
/// [`MappingError::NoSuchDevice`].
pub async fn release_device(
    portal: &Portal,
    by: By<'_>,
    license_id: &str,
    device_id: &str,
) -> Result<(), MappingError> {
    let mut tx = portal.store.write().await?;
    if !store::licenses::release_device(&mut tx, by.business_id, license_id, device_id).await? {
        return Err(MappingError::NoSuchDevice);
    }
    let event = Event::new(by.actor, "device-released", device_id).from(by.address);
    audit::record(portal, &mut tx, Some(by.business_id), event).await?;
    Ok(tx.commit().await?)
}
