//! Step 3's mapping at work: who is an admin, who is a product user.
//!
//! A group is recognized by its id or by its name, letter case included; a
//! group whose id is right and whose name is known and differs is *not* it,
//! and the reader is told. What a directory's SCIM pushes decides; what the
//! last Response said stands beside it until SCIM speaks of that user.

use crate::store::people::{AssertedRow, GroupNameRow};
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, stored};
use jiff::Timestamp;

/// A user's place in the business account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// In the admins group.
    pub admin: bool,
    /// In the product users group.
    pub product_user: bool,
    /// What nearly matched, for an admin to read.
    pub near_misses: Vec<String>,
}

/// [`Mapped::purpose`] of the admins group.
pub const ADMINS: &str = "admins";

/// One of the two groups of step 3.
#[derive(Debug, Clone, Copy)]
pub struct Mapped<'a> {
    /// What it stands for.
    pub purpose: &'static str,
    /// As entered in the portal.
    pub name: &'a str,
    /// As entered in the portal.
    pub id: &'a str,
}

impl Mapped<'_> {
    /// Whether a name or id from the IdP means this group, or why it nearly does.
    pub(crate) fn recognizes(&self, came: &str) -> Result<bool, String> {
        if (!self.id.is_empty() && came == self.id) || came == self.name {
            Ok(true)
        } else if loosely(came) == loosely(self.name) {
            Err(self.spelled_otherwise(came))
        } else {
            Ok(false)
        }
    }

    /// Whether a group of the directory is this group, or why it nearly is.
    pub(crate) fn is(&self, group: &GroupNameRow) -> Result<bool, String> {
        let same_id =
            !self.id.is_empty() && group.external_id.as_deref().is_some_and(|id| id == self.id);
        if group.display_name == self.name {
            Ok(true)
        } else if loosely(&group.display_name) == loosely(self.name) {
            Err(self.spelled_otherwise(&group.display_name))
        } else if same_id {
            Err(format!(
                "the {} group is entered as `{}`, the identity provider calls it `{}` (ID {}): make both names the same",
                self.purpose, self.name, group.display_name, self.id
            ))
        } else {
            Ok(false)
        }
    }

    fn spelled_otherwise(&self, came: &str) -> String {
        let differs = if came.to_lowercase() == self.name.to_lowercase() {
            "letter case included"
        } else {
            "they differ in spaces or punctuation"
        };
        format!(
            "the {} group is entered as `{}`, the identity provider calls it `{came}`: make both names the same, {differs}",
            self.purpose, self.name
        )
    }

    /// The id that came is that of a group whose name was entered with
    /// another id.
    fn other_id(&self, group: &GroupNameRow, came: &str) -> Option<String> {
        let is_it = group.external_id.as_deref() == Some(came) && group.display_name == self.name;
        (is_it && came != self.id).then(|| {
            format!(
                "the {} group `{}` is entered with the id `{}`, the identity provider sends its ID `{came}`: copy the ID from the identity provider's Groups page",
                self.purpose, self.name, self.id
            )
        })
    }
}

/// A group's name without letter case, spaces and punctuation: equal for names
/// that a reader takes for the same.
fn loosely(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The two groups of step 3, those that are entered.
pub fn mapped(tenant: &TenantRow) -> (Option<Mapped<'_>>, Option<Mapped<'_>>) {
    fn one<'a>(
        purpose: &'static str,
        name: &'a Option<String>,
        id: &'a Option<String>,
    ) -> Option<Mapped<'a>> {
        Some(Mapped {
            purpose,
            name: name.as_deref()?,
            id: id.as_deref().unwrap_or_default(),
        })
    }
    (
        one(ADMINS, &tenant.admins_group_name, &tenant.admins_group_id),
        one("users", &tenant.users_group_name, &tenant.users_group_id),
    )
}

/// What the groups of a Response mean, seen beside the directory's groups.
///
/// # Errors
/// When the database fails.
pub async fn judge_asserted(
    db: &mut Db,
    tenant: &TenantRow,
    came: &[String],
) -> Result<Roles, StoreError> {
    let mut standing = Roles::default();
    let (admins, users) = mapped(tenant);
    for (group, flag) in [
        (admins, &mut standing.admin),
        (users, &mut standing.product_user),
    ] {
        let Some(group) = group else { continue };
        // The id may be right while the directory knows the group by another
        // spelling: the guide wants names to match precisely.
        let mut spelled_otherwise = None;
        let mut known = false;
        let mut other_id = Vec::new();
        for row in store::people::groups_like(db, &tenant.business_id, group.name, group.id).await?
        {
            other_id.extend(came.iter().filter_map(|value| group.other_id(&row, value)));
            match group.is(&row) {
                Ok(true) => known = true,
                Ok(false) => {}
                Err(why) => spelled_otherwise = Some(why),
            }
        }
        if !came.iter().any(|value| group.recognizes(value) == Ok(true)) {
            standing.near_misses.append(&mut other_id);
        }
        for value in came {
            match (group.recognizes(value), &spelled_otherwise) {
                (Ok(true), Some(why)) if !known => standing.near_misses.push(why.clone()),
                (Ok(true), _) => *flag = true,
                (Ok(false), _) => {}
                (Err(why), _) => standing.near_misses.push(why),
            }
        }
    }
    Ok(standing)
}

/// The user's place right now, by directory and last Response.
///
/// # Errors
/// When the database fails.
pub async fn standing(db: &mut Db, tenant: &TenantRow, user_id: &str) -> Result<Roles, StoreError> {
    let mut standing = in_directory(db, tenant, user_id).await?;
    if let Some(asserted) = store::people::asserted(db, user_id).await? {
        standing.admin |= asserted.in_admins == 1;
        standing.product_user |= asserted.in_users == 1;
    }
    Ok(standing)
}

/// Whether the user is an admin once they sign in again, if the Response then
/// names the groups that the last one named.
///
/// # Errors
/// When the database fails.
pub async fn is_admin_at_next_sign_in(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<bool, StoreError> {
    if in_directory(db, tenant, user_id).await?.admin {
        return Ok(true);
    }
    let Some(asserted) = store::people::asserted(db, user_id).await? else {
        return Ok(false);
    };
    let came: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
    Ok(judge_asserted(db, tenant, &came).await?.admin)
}

/// The user's place by the directory's groups alone.
///
/// # Errors
/// When the database fails.
pub async fn in_directory(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<Roles, StoreError> {
    let mut standing = Roles::default();
    let (admins, users) = mapped(tenant);
    for row in store::people::groups_of(db, user_id).await? {
        for (group, flag) in [
            (admins, &mut standing.admin),
            (users, &mut standing.product_user),
        ] {
            match group.map(|group| group.is(&row)) {
                Some(Ok(true)) => *flag = true,
                Some(Err(why)) => standing.near_misses.push(why),
                Some(Ok(false)) | None => {}
            }
        }
    }
    Ok(standing)
}

/// Keeps what a Response said of this user's groups.
///
/// # Errors
/// When the database fails.
pub async fn remember_asserted(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
    standing: &Roles,
    came: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = AssertedRow {
        user_id: user_id.to_owned(),
        business_id: tenant.business_id.clone(),
        in_admins: i64::from(standing.admin),
        in_users: i64::from(standing.product_user),
        groups: serde_json::Value::from(came).to_string(),
        asserted: stored(now),
    };
    store::people::assert_roles(db, &row).await
}

/// SCIM spoke of this user: where the directory knows a mapped group, what a
/// Response once said of it no longer counts.
///
/// # Errors
/// When the database fails.
pub async fn prefer_directory(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<(), StoreError> {
    let Some(mut asserted) = store::people::asserted(db, user_id).await? else {
        return Ok(());
    };
    let (admins, users) = mapped(tenant);
    for (group, flag) in [
        (admins, &mut asserted.in_admins),
        (users, &mut asserted.in_users),
    ] {
        let Some(group) = group else { continue };
        let known =
            store::people::groups_like(db, &tenant.business_id, group.name, group.id).await?;
        if !known.is_empty() {
            *flag = 0;
        }
    }
    store::people::assert_roles(db, &asserted).await
}
