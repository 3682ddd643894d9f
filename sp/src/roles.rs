//! Applies the groups mapping of step 3: decides which users are admins and
//! which are product users.
//!
//! A group matches by its ID or by its name; letter case counts. If the ID
//! matches but the directory knows the group by a different name, the group
//! does not match, and the administrator sees why. Memberships that SCIM
//! provisioned decide. The groups in the user's last Response count in
//! addition, until SCIM changes that user.

use crate::store::accounts::SsoAccessRow;
use crate::store::people::{AssertedRow, GroupNameRow};
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, to_microseconds};
use jiff::Timestamp;

/// The roles of a user in the business account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// True if the user is in the admins group.
    pub admin: bool,
    /// True if the user is in the product users group.
    pub product_user: bool,
    /// Explanations of groups that nearly matched, for the administrator.
    pub near_misses: Vec<String>,
}

impl Roles {
    /// Adds the roles of the user's last Response.
    #[must_use]
    pub fn with_asserted(mut self, asserted: Option<&AssertedRow>) -> Self {
        if let Some(asserted) = asserted {
            self.admin |= asserted.in_admins == 1;
            self.product_user |= asserted.in_users == 1;
        }
        self
    }
}

/// Value of [`Mapped::purpose`] for the admins group.
pub const ADMINS: &str = "admins";

/// A group that was entered in step 3: the admins group or the users group.
#[derive(Debug, Clone, Copy)]
pub struct Mapped<'a> {
    /// Role of the group: `admins` or `users`.
    pub purpose: &'static str,
    /// Name of the group, as entered in step 3.
    pub name: &'a str,
    /// ID of the group, as entered in step 3; may be empty.
    pub id: &'a str,
}

impl Mapped<'_> {
    /// True if a group name or ID from the identity provider is this group. The
    /// error explains a near match.
    pub(crate) fn recognizes(&self, got: &str) -> Result<bool, String> {
        if (!self.id.is_empty() && got == self.id) || got == self.name {
            Ok(true)
        } else if loosely(got) == loosely(self.name) {
            Err(self.describe_near_miss(got))
        } else {
            Ok(false)
        }
    }

    /// True if a group of the SCIM directory is this group. The error explains
    /// a near match.
    pub(crate) fn is(&self, group: &GroupNameRow) -> Result<bool, String> {
        let same_id =
            !self.id.is_empty() && group.external_id.as_deref().is_some_and(|id| id == self.id);
        if group.display_name == self.name {
            Ok(true)
        } else if loosely(&group.display_name) == loosely(self.name) {
            Err(self.describe_near_miss(&group.display_name))
        } else if same_id {
            Err(format!(
                "the {} group is entered as `{}`, the identity provider calls it `{}` (ID {}): make both names the same",
                self.purpose, self.name, group.display_name, self.id
            ))
        } else {
            Ok(false)
        }
    }

    /// True if the group of the SCIM directory has this ID, or this name in any
    /// letter case.
    fn is_like(&self, group: &GroupNameRow) -> bool {
        group.external_id.as_deref() == Some(self.id)
            || group.display_name.to_lowercase() == self.name.to_lowercase()
    }

    fn describe_near_miss(&self, got: &str) -> String {
        let differs = if got.to_lowercase() == self.name.to_lowercase() {
            "letter case included"
        } else {
            "they differ in spaces or punctuation"
        };
        format!(
            "the {} group is entered as `{}`, the identity provider calls it `{got}`: make both names the same, {differs}",
            self.purpose, self.name
        )
    }

    /// Explains a mismatch of IDs: the received ID belongs to the group with
    /// this name, but another ID was entered in step 3.
    fn other_id(&self, group: &GroupNameRow, got: &str) -> Option<String> {
        let is_it = group.external_id.as_deref() == Some(got) && group.display_name == self.name;
        (is_it && got != self.id).then(|| {
            format!(
                "the {} group `{}` is entered with the id `{}`, the identity provider sends its ID `{got}`: copy the ID from the identity provider's Groups page",
                self.purpose, self.name, self.id
            )
        })
    }
}

/// Returns the name without letter case, spaces and punctuation. Names that
/// people confuse become equal.
fn loosely(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The admins group and the users group of step 3; `None` for a group that is
/// not entered.
pub type MappedGroups<'a> = (Option<Mapped<'a>>, Option<Mapped<'a>>);

/// Returns the groups of step 3 of this tenant.
pub fn mapped_groups(tenant: &TenantRow) -> MappedGroups<'_> {
    (
        mapped(ADMINS, &tenant.admins_group_name, &tenant.admins_group_id),
        mapped("users", &tenant.users_group_name, &tenant.users_group_id),
    )
}

/// Returns the groups of step 3 of this user's tenant.
pub fn mapped_groups_of_access(access: &SsoAccessRow) -> MappedGroups<'_> {
    (
        mapped(ADMINS, &access.admins_group_name, &access.admins_group_id),
        mapped("users", &access.users_group_name, &access.users_group_id),
    )
}

fn mapped<'a>(
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

/// Determines the roles from the groups in a Response, compared with the groups
/// of the SCIM directory.
///
/// # Errors
/// When the database fails.
pub async fn judge_asserted(
    db: &mut Db,
    tenant: &TenantRow,
    got: &[String],
) -> Result<Roles, StoreError> {
    let mut roles = Roles::default();
    if got.is_empty() {
        return Ok(roles);
    }
    let (admins, users) = mapped_groups(tenant);
    let both = [admins, users];
    let directory = store::people::list_groups_like_either(
        db,
        &tenant.business_id,
        both.map(|group| group.map_or("", |group| group.name)),
        both.map(|group| group.map_or("", |group| group.id)),
    )
    .await?;
    for (group, flag) in [(admins, &mut roles.admin), (users, &mut roles.product_user)] {
        let Some(group) = group else { continue };
        // The ID may match while the directory has the group under another
        // spelling. The guide requires that the names match exactly.
        let mut spelled_otherwise = None;
        let mut known = false;
        let mut other_id = Vec::new();
        for row in directory.iter().filter(|row| group.is_like(row)) {
            other_id.extend(got.iter().filter_map(|value| group.other_id(row, value)));
            match group.is(row) {
                Ok(true) => known = true,
                Ok(false) => {}
                Err(why) => spelled_otherwise = Some(why),
            }
        }
        if !got.iter().any(|value| group.recognizes(value) == Ok(true)) {
            roles.near_misses.append(&mut other_id);
        }
        for value in got {
            match (group.recognizes(value), &spelled_otherwise) {
                (Ok(true), Some(why)) if !known => roles.near_misses.push(why.clone()),
                (Ok(true), _) => *flag = true,
                (Ok(false), _) => {}
                (Err(why), _) => roles.near_misses.push(why),
            }
        }
    }
    Ok(roles)
}

/// Returns the user's current roles: from the SCIM directory and from the
/// last Response.
///
/// # Errors
/// When the database fails.
pub async fn find_roles(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<Roles, StoreError> {
    let roles = find_directory_roles(db, tenant, user_id).await?;
    let asserted = store::people::find_asserted_roles(db, user_id).await?;
    Ok(roles.with_asserted(asserted.as_ref()))
}

/// True if the user will be an admin after the next sign-in, provided that the
/// Response contains the same groups as the last one.
///
/// # Errors
/// When the database fails.
pub async fn is_admin_at_next_sign_in(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<bool, StoreError> {
    if find_directory_roles(db, tenant, user_id).await?.admin {
        return Ok(true);
    }
    let Some(asserted) = store::people::find_asserted_roles(db, user_id).await? else {
        return Ok(false);
    };
    let got: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
    Ok(judge_asserted(db, tenant, &got).await?.admin)
}

/// Returns the user's roles according to the SCIM directory alone.
///
/// # Errors
/// When the database fails.
pub async fn find_directory_roles(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<Roles, StoreError> {
    let held = store::people::list_groups_of_user(db, user_id).await?;
    Ok(judge_directory(mapped_groups(tenant), &held))
}

/// Determines the roles from the groups that a user has in the SCIM directory.
pub fn judge_directory((admins, users): MappedGroups<'_>, held: &[GroupNameRow]) -> Roles {
    let mut roles = Roles::default();
    for row in held {
        for (group, flag) in [(admins, &mut roles.admin), (users, &mut roles.product_user)] {
            match group.map(|group| group.is(row)) {
                Some(Ok(true)) => *flag = true,
                Some(Err(why)) => roles.near_misses.push(why),
                Some(Ok(false)) | None => {}
            }
        }
    }
    roles
}

/// Stores the groups and roles from a user's Response.
///
/// # Errors
/// When the database fails.
pub async fn remember_asserted(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
    roles: &Roles,
    got: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = AssertedRow {
        user_id: user_id.to_owned(),
        business_id: tenant.business_id.clone(),
        in_admins: i64::from(roles.admin),
        in_users: i64::from(roles.product_user),
        groups: serde_json::Value::from(got).to_string(),
        asserted: to_microseconds(now),
    };
    store::people::assert_roles(db, &row).await
}

/// Called when SCIM changes this user. For each mapped group that the directory
/// contains, removes the role that the last Response gave.
///
/// # Errors
/// When the database fails.
pub async fn prefer_directory(
    db: &mut Db,
    tenant: &TenantRow,
    user_id: &str,
) -> Result<(), StoreError> {
    let Some(mut asserted) = store::people::find_asserted_roles(db, user_id).await? else {
        return Ok(());
    };
    let (admins, users) = mapped_groups(tenant);
    for (group, flag) in [
        (admins, &mut asserted.in_admins),
        (users, &mut asserted.in_users),
    ] {
        let Some(group) = group else { continue };
        let known =
            store::people::list_groups_like(db, &tenant.business_id, group.name, group.id).await?;
        if !known.is_empty() {
            *flag = 0;
        }
    }
    store::people::assert_roles(db, &asserted).await
}
