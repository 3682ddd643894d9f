//! Lists the users of a business account: members with a portal password, and
//! users of the SCIM directory.

use std::collections::HashMap;

use super::{AccountError, normalize_email};
use crate::Portal;
use crate::audit::{self, Event};
use crate::configurator::By;
use crate::roles;
use crate::store::licenses::LicenseRow;
use crate::store::members::MemberRow;
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// A user of a business account, as its administrators see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// ID of the account or directory user; `None` for an invited e-mail
    /// without an account.
    pub id: Option<String>,
    /// E-mail address.
    pub email: String,
    /// User name in the directory.
    pub user_name: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Role: `admin` or `member`.
    pub role: &'static str,
    /// Status: `active` or `disabled`.
    pub status: &'static str,
    /// Source of the user: `local`, `scim` or `sso`.
    pub source: String,
    /// ID of the user at the IdP (SCIM `externalId`, attribute
    /// `objectidentifier`).
    pub external_id: Option<String>,
    /// Names of the user's groups: from the directory, or else from the
    /// last Response.
    pub groups: Vec<String>,
    /// Explanations of groups that nearly match step 3.
    pub notes: Vec<String>,
    /// License of the user, if any.
    pub license: Option<LicenseRow>,
    /// Time of the last login, in microseconds since the Unix epoch.
    pub last_login: Option<i64>,
}

/// Returns all users of a business account: local members first, then directory
/// users.
///
/// # Errors
/// When the database fails.
pub async fn list_users(db: &mut Db, business_id: &str) -> Result<Vec<Listed>, StoreError> {
    let tenant = store::tenants::find_by_business(db, business_id).await?;
    let mut licenses: HashMap<String, LicenseRow> =
        store::licenses::list_by_business(db, business_id)
            .await?
            .into_iter()
            .map(|license| (license.user_id.clone(), license))
            .collect();
    let mut all = Vec::new();
    for member in store::members::list_by_business(db, business_id).await? {
        all.push(Listed {
            id: member.account_id,
            email: member.email,
            user_name: None,
            name: member.name,
            role: role(member.role == "admin"),
            status: "active",
            source: "local".to_owned(),
            external_id: None,
            groups: Vec::new(),
            notes: Vec::new(),
            license: None,
            last_login: member.last_login,
        });
    }
    for person in store::people::list_by_business(db, business_id).await? {
        let roles = match &tenant {
            Some(tenant) => roles::find_roles(db, tenant, &person.id).await?,
            None => roles::Roles::default(),
        };
        let groups = list_groups_of_user(db, tenant.as_ref(), &person.id).await?;
        let groups = groups.into_iter().map(|group| group.name).collect();
        all.push(Listed {
            license: licenses.remove(&person.id),
            email: person.email.unwrap_or_else(|| person.user_name.clone()),
            user_name: Some(person.user_name),
            id: Some(person.id),
            name: person.display_name,
            role: role(roles.admin),
            status: if person.active == 1 {
                "active"
            } else {
                "disabled"
            },
            source: person.source,
            external_id: person.external_id,
            groups,
            notes: roles.near_misses,
            last_login: person.last_login,
        });
    }
    Ok(all)
}

fn role(admin: bool) -> &'static str {
    if admin { "admin" } else { "member" }
}

/// A group of a user, with the name and ID that the identity provider uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupOfPerson {
    /// Name of the group, or its ID if the name is unknown.
    pub name: String,
    /// ID of the group at the identity provider, if SCIM has sent one.
    pub id: Option<String>,
}

/// Returns the user's groups: those of the directory, or else those of the last
/// Response, with IDs replaced by the names known from step 3 or SCIM. Omits a
/// mapped group if SCIM has changed it since that Response.
pub(crate) async fn list_groups_of_user(
    db: &mut Db,
    tenant: Option<&TenantRow>,
    user_id: &str,
) -> Result<Vec<GroupOfPerson>, StoreError> {
    let groups = store::people::list_groups_of_user(db, user_id).await?;
    if groups.is_empty()
        && let Some(asserted) = store::people::find_asserted_roles(db, user_id).await?
    {
        let received: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
        let (admins, users) = tenant.map(roles::mapped_groups).unwrap_or_default();
        let mut named = Vec::with_capacity(received.len());
        for value in received {
            let group = resolve_group_value(db, tenant, &asserted.business_id, &value).await?;
            let is = |mapped: Option<roles::Mapped<'_>>| {
                mapped.is_some_and(|mapped| {
                    [&value, &group.name]
                        .map(|it| mapped.recognizes(it))
                        .contains(&Ok(true))
                })
            };
            let is_overruled =
                (is(admins) && asserted.in_admins == 0) || (is(users) && asserted.in_users == 0);
            if !is_overruled {
                named.push(group);
            }
        }
        return Ok(named);
    }
    Ok(groups
        .into_iter()
        .map(|group| GroupOfPerson {
            name: group.display_name,
            id: group.external_id,
        })
        .collect())
}

/// Returns the group that a value of the groups attribute means. The value is a
/// name, or an ID whose name is known from SCIM or step 3.
async fn resolve_group_value(
    db: &mut Db,
    tenant: Option<&TenantRow>,
    business_id: &str,
    value: &str,
) -> Result<GroupOfPerson, StoreError> {
    let by_scim = store::people::list_groups_like(db, business_id, "", value).await?;
    let known = by_scim
        .into_iter()
        .find(|row| row.external_id.as_deref() == Some(value))
        .map(|row| row.display_name);
    let (admins, users) = tenant.map(roles::mapped_groups).unwrap_or_default();
    let named = known.or_else(|| {
        [admins, users]
            .into_iter()
            .flatten()
            .find(|group| !group.id.is_empty() && group.id == value)
            .map(|group| group.name.to_owned())
    });
    Ok(match named {
        Some(name) => GroupOfPerson {
            name,
            id: Some(value.to_owned()),
        },
        None => GroupOfPerson {
            name: value.to_owned(),
            id: None,
        },
    })
}

/// Adds a member with a portal password. After the first login that member can
/// become the backup login (G-14).
///
/// # Errors
/// The e-mail or role is invalid, or the e-mail is already a member.
pub async fn add_member(
    portal: &Portal,
    by: By<'_>,
    email: &str,
    role: &str,
) -> Result<MemberRow, AccountError> {
    let email =
        normalize_email(email).ok_or_else(|| AccountError::InvalidEmail(email.to_owned()))?;
    if !matches!(role, "admin" | "member") {
        return Err(AccountError::InvalidRole(role.to_owned()));
    }
    let row = MemberRow {
        business_id: by.business_id.to_owned(),
        email,
        role: role.to_owned(),
        added: to_microseconds(portal.now()),
        last_login: None,
    };
    let mut tx = portal.store.write().await?;
    match store::members::insert(&mut tx, &row).await {
        Err(error) if error.is_unique_violation() => {
            return Err(AccountError::AlreadyMember(row.email));
        }
        other => other?,
    }
    let event = Event::new(by.actor, "member-added", &row.email)
        .with_detail(row.role.clone())
        .from(by.address);
    audit::record(portal, &mut tx, Some(&row.business_id), event).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(row)
}
