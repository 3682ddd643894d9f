//! Assigns users to subscriptions, and changes subscriptions for
//! administrators.
//!
//! A subscription may be reserved for one group of the IdP (a secondary key).
//! Users of such a group get licenses from that subscription only, all others
//! from subscriptions without a group.

use crate::Portal;
use crate::audit::{self, Event};
use crate::configurator::By;
use crate::store::people::PersonRow;
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{self, Db, StoreError};

/// Why a subscription or device cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The business account has no such subscription.
    #[error(
        "subscription {0} not found in this business account: GET /api/business/subscriptions lists all"
    )]
    Unknown(String),
    /// Another subscription is reserved for the group.
    #[error(
        "the subscription {0} is already assigned to this group: a group can have one subscription"
    )]
    GroupTaken(String),
    /// The display name is empty.
    #[error("the subscription needs a display name")]
    Unnamed,
    /// The device is not activated with this license.
    #[error("device not found: it is not activated with this license")]
    NoSuchDevice,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MappingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Returns the per-user subscriptions from which this user can get a license.
pub(super) async fn list_usable_subscriptions(
    db: &mut Db,
    person: &PersonRow,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let all = store::subscriptions::list_by_business(db, &person.business_id).await?;
    let per_user: Vec<SubscriptionRow> = all
        .into_iter()
        .filter(|subscription| subscription.licensing == "per-user")
        .collect();
    let mut held: Vec<String> = Vec::new();
    if per_user.iter().any(|one| one.group_name.is_some()) {
        for group in store::people::list_groups_of_user(db, &person.id).await? {
            held.push(group.display_name);
            held.extend(group.external_id);
        }
        if let Some(asserted) = store::people::find_asserted_roles(db, &person.id).await? {
            let got: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
            held.extend(got);
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

/// Changes the display name of a subscription, and the group (name and ID) that
/// it is reserved for.
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
    let all = store::subscriptions::list_by_business(&mut tx, by.business_id).await?;
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
        .with_detail(format!("serves {serves}"))
        .from(by.address);
    audit::record(portal, &mut tx, Some(by.business_id), event).await?;
    tx.commit().await?;
    Ok(row)
}

/// Removes a device from its license, so that the user can activate another
/// one.
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
