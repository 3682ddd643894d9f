//! Issues, registers and cancels license keys (G-03, G-04).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use super::KeyState;
use crate::Portal;
use crate::accounts::{Identity, Who};
use crate::audit::{self, Event};
use crate::store::members::{BusinessRow, MemberRow};
use crate::store::subscriptions::{KeyRow, SubscriptionRow};
use crate::store::{self, StoreError, to_microseconds};

const GROUPS: usize = 5;
const GROUP_LENGTH: usize = 6;
/// Letters and digits that cannot be confused with others.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Why a key cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text does not have the format of a key.
    #[error(
        "`{0}` is not a license key: expected five groups of six letters or digits, like ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDEF"
    )]
    Malformed(String),
    /// The vendor has not issued this key.
    #[error("license key not found: compare it with the order confirmation")]
    Unknown,
    /// The key is already registered.
    #[error(
        "this license key is already registered: each key can be registered once, by one business account"
    )]
    Used,
    /// The key has expired.
    #[error(
        "this license key ended on {}: renew the subscription or register another key",
        crate::words::moment(*.0)
    )]
    Expired(Timestamp),
    /// The vendor has cancelled the key; contains the reason.
    #[error("the vendor cancelled this license key: {0}; ask the vendor for another one")]
    Cancelled(String),
    /// The user belongs to no business account and the request contains no
    /// organization.
    #[error(
        "you have no business account yet: send the data of your organization, at least its name"
    )]
    OrganizationRequired,
    /// The name of the organization is empty.
    #[error("enter the organization's name")]
    OrganizationUnnamed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for KeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A key to issue.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Number of seats.
    pub seats: u32,
    /// When the subscription starts; `None`: now.
    pub starts: Option<Timestamp>,
    /// When the subscription ends; `None`: one year after `starts`.
    pub ends: Option<Timestamp>,
    /// Licensing: `per-user` or `per-device`.
    pub licensing: String,
    /// Edition: `business`.
    pub edition: String,
    /// Devices per user.
    pub devices: u32,
    /// How long licenses stay valid after the end.
    pub grace: SignedDuration,
}

/// The data of a new organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Name of the organization.
    pub name: String,
    /// Further data, such as the country.
    pub details: Map<String, Value>,
}

impl Organization {
    /// Checks that a business account can be created from the data.
    ///
    /// # Errors
    /// [`KeyError::OrganizationUnnamed`].
    pub fn check(&self) -> Result<(), KeyError> {
        if self.name.trim().is_empty() {
            return Err(KeyError::OrganizationUnnamed);
        }
        Ok(())
    }
}

/// Returns the key in the format in which it was issued: upper case, without
/// spaces around it.
///
/// # Errors
/// [`KeyError::Malformed`].
pub fn check_key(key: &str) -> Result<String, KeyError> {
    well_formed(key).ok_or_else(|| KeyError::Malformed(key.to_owned()))
}

/// A registered key.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The business account.
    pub business: BusinessRow,
    /// The new subscription.
    pub subscription: SubscriptionRow,
}

/// Issues a license key.
///
/// # Errors
/// When the database fails.
pub async fn create_key(portal: &Portal, new: NewKey) -> Result<String, StoreError> {
    let drawn = portal.ambient.rng().bytes::<{ GROUPS * GROUP_LENGTH }>();
    let letters: String = drawn
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect();
    let key = letters
        .as_bytes()
        .chunks(GROUP_LENGTH)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect::<Vec<_>>()
        .join("-");
    let starts = new.starts.unwrap_or_else(|| portal.now());
    let year = SignedDuration::from_hours(365 * 24);
    let row = KeyRow {
        license_key: key.clone(),
        edition: new.edition,
        licensing: new.licensing,
        seats: i64::from(new.seats),
        starts: to_microseconds(starts),
        ends: to_microseconds(
            new.ends
                .unwrap_or(starts.saturating_add(year).unwrap_or(Timestamp::MAX)),
        ),
        used: 0,
        devices: i64::from(new.devices),
        grace: i64::try_from(new.grace.as_micros()).unwrap_or(i64::MAX),
        cancelled: None,
    };
    let mut tx = portal.store.write().await?;
    store::subscriptions::insert_key(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(key)
}

/// A key that the vendor issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssuedKey {
    /// The license key.
    pub key: String,
    /// What the seats are counted by: `per-user` or `per-device`.
    pub licensing: String,
    /// Number of seats.
    pub seats: i64,
    /// End of the subscription.
    pub ends: Timestamp,
    /// `valid` for a key that can be registered, `registered`, `expired` or `cancelled`.
    pub state: &'static str,
}

/// Returns all keys that the vendor issued, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_keys(portal: &Portal) -> Result<Vec<IssuedKey>, StoreError> {
    let mut db = portal.store.read().await?;
    let rows = store::subscriptions::list_keys(&mut db).await?;
    let now = portal.now();
    let issued = |row: KeyRow| {
        let ends = store::instant(row.ends);
        IssuedKey {
            state: match (&row.cancelled, row.used) {
                (Some(_), _) => "cancelled",
                (None, 0) if ends <= now => "expired",
                (None, 0) => "valid",
                (None, _) => "registered",
            },
            key: row.license_key,
            licensing: row.licensing,
            seats: row.seats,
            ends,
        }
    };
    Ok(rows.into_iter().map(issued).collect())
}

/// Registers a key in the user's business account. If the user has none,
/// creates one.
///
/// # Errors
/// See [`KeyError`].
pub async fn register_key(
    portal: &Portal,
    who: &Who,
    key: &str,
    name: Option<String>,
    organization: Option<Organization>,
    address: &str,
) -> Result<Registered, KeyError> {
    let key = check_key(key)?;
    let now = portal.now();
    let mut tx = portal.store.write().await?;
    let row = store::subscriptions::find_key(&mut tx, &key)
        .await?
        .ok_or(KeyError::Unknown)?;
    KeyState::of(&row, now).registrable()?;
    let mine = who.workspace().or(who.workspaces.first());
    let business = match (mine, organization) {
        (Some(workspace), _) => store::members::find_business(&mut tx, &workspace.id)
            .await?
            .ok_or(KeyError::OrganizationRequired)?,
        (None, Some(organization)) => {
            organization.check()?;
            let business = BusinessRow {
                id: portal.ambient.rng().uuid().to_string(),
                name: organization.name.trim().to_owned(),
                details: Value::Object(organization.details).to_string(),
                created: to_microseconds(now),
            };
            store::members::insert_business(&mut tx, &business).await?;
            business
        }
        (None, None) => return Err(KeyError::OrganizationRequired),
    };
    if mine.is_none()
        && let Identity::Password(account) = &who.identity
    {
        let member = MemberRow {
            business_id: business.id.clone(),
            email: account.email.clone(),
            role: "admin".to_owned(),
            added: to_microseconds(now),
            last_login: Some(to_microseconds(now)),
        };
        store::members::insert(&mut tx, &member).await?;
    }
    if !store::subscriptions::take_key(&mut tx, &key).await? {
        return Err(KeyError::Used);
    }
    let subscription = SubscriptionRow {
        id: portal.ambient.rng().uuid().to_string(),
        business_id: business.id.clone(),
        license_key: key.clone(),
        name: name
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| "Parallels Desktop for Mac Business Edition".to_owned()),
        licensing: row.licensing,
        seats: row.seats,
        starts: row.starts,
        ends: row.ends,
        registered: to_microseconds(now),
        devices: row.devices,
        grace: row.grace,
        cancelled: None,
        group_name: None,
        group_id: None,
    };
    store::subscriptions::insert(&mut tx, &subscription).await?;
    store::accounts::select_workspace(&mut tx, &who.session.token_hash, &business.id).await?;
    let event = Event::new(who.email(), "license-key-registered", &mask_key(&key))
        .with_detail(format!("subscription {}", subscription.name))
        .from(address);
    audit::record(portal, &mut tx, Some(&business.id), event).await?;
    tx.commit().await?;
    Ok(Registered {
        business,
        subscription,
    })
}

/// Cancels a key for the vendor: it can no longer be registered, and the
/// licenses of its subscription are revoked.
///
/// # Errors
/// [`KeyError::Unknown`]; [`KeyError::Cancelled`] if it was already cancelled.
pub async fn cancel_key(portal: &Portal, key: &str, reason: &str) -> Result<(), KeyError> {
    let key = check_key(key)?;
    let mut tx = portal.store.write().await?;
    let row = store::subscriptions::find_key(&mut tx, &key)
        .await?
        .ok_or(KeyError::Unknown)?;
    if let Some(subscription) = store::subscriptions::find_by_key(&mut tx, &key).await? {
        store::locks::lock_directory(&mut tx, &subscription.business_id).await?;
    }
    if !store::subscriptions::cancel_key(&mut tx, &key, reason).await? {
        return Err(KeyError::Cancelled(row.cancelled.unwrap_or_default()));
    }
    if let Some(subscription) = store::subscriptions::find_by_key(&mut tx, &key).await? {
        let because = format!("the vendor cancelled the license key: {reason}");
        let now = to_microseconds(portal.now());
        for license in store::licenses::list_by_subscription(&mut tx, &subscription.id).await? {
            store::licenses::revoke(&mut tx, &license.id, now, &because).await?;
        }
        let event =
            Event::new("vendor", "license-key-cancelled", &mask_key(&key)).with_detail(reason);
        audit::record(portal, &mut tx, Some(&subscription.business_id), event).await?;
    }
    Ok(tx.commit().await?)
}

/// Returns the key with all groups hidden but the last.
pub fn mask_key(key: &str) -> String {
    let last = key.rsplit('-').next().unwrap_or_default();
    format!("{}{last}", "••••••-".repeat(GROUPS - 1))
}

fn well_formed(key: &str) -> Option<String> {
    let key = key.trim().to_uppercase();
    let groups: Vec<&str> = key.split('-').collect();
    let fits = groups.len() == GROUPS
        && groups.iter().all(|group| {
            group.len() == GROUP_LENGTH && group.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_five_groups_of_six() {
        let key = "abcdef-ABCDEF-123456-ABCDEF-ABC234";
        assert_eq!(well_formed(key), Some(key.to_uppercase()));
        for bad in [
            "",
            "ABCDEF",
            "ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDE",
            "ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDE_",
        ] {
            assert_eq!(well_formed(bad), None, "{bad}");
        }
        assert!(mask_key(key).ends_with("-ABC234"));
        assert!(!mask_key(key).contains("123456"));
    }
}
