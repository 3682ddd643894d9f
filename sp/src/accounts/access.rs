//! Determines which business accounts a user can access, and in which role.
//!
//! The result is computed for each request and never stored: it changes at once
//! if the user loses a group or the organization activates its integration.

use serde::Serialize;

use crate::roles::{self, Roles};
use crate::store::accounts::SsoAccessRow;
use crate::store::people::PersonRow;
use crate::store::{self, Db, StoreError};

/// Role of a user in a business account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Administrator of the business account.
    Admin,
    /// Member without administrator rights.
    Member,
}

impl Role {
    /// Returns `admin` or `member`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// A business account that the user can access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// ID of the business account.
    pub id: String,
    /// Name of the business account.
    pub name: String,
    /// The user's role in it.
    pub role: Role,
}

/// The groups and roles of a user who logged in by SSO.
#[derive(Debug, Clone)]
pub struct SsoGroups {
    /// Names of the groups in the SCIM directory, and the groups of the last
    /// Response.
    pub groups: Vec<String>,
    /// The roles that they give.
    pub roles: Roles,
}

/// Returns the business accounts for a login by password: those of which this
/// e-mail is a member. If an account has an active SSO integration, only its
/// backup login has access by password (G-19).
///
/// # Errors
/// When the database fails.
pub async fn list_workspaces_of_email(
    db: &mut Db,
    email: &str,
) -> Result<Vec<Workspace>, StoreError> {
    let mut within_reach = Vec::new();
    for member in store::members::list_by_email(db, email).await? {
        let tenant = store::tenants::find_by_business(db, &member.business_id).await?;
        let active = tenant.as_ref().is_some_and(|tenant| tenant.active == 1);
        let backup = tenant.and_then(|tenant| tenant.backup_login);
        let is_backup = backup.as_deref() == Some(email);
        if active && !is_backup {
            continue;
        }
        let role = if member.role == "admin" || (active && is_backup) {
            Role::Admin
        } else {
            Role::Member
        };
        within_reach.extend(find_workspace(db, &member.business_id, role).await?);
    }
    Ok(within_reach)
}

/// Returns the business account for a login by SSO: the user's own, if its
/// integration is active and the user is enabled and in one of the mapped
/// groups.
///
/// # Errors
/// When the database fails.
pub async fn list_workspaces_of_person(
    db: &mut Db,
    person: &PersonRow,
) -> Result<Vec<Workspace>, StoreError> {
    let tenant = store::tenants::find_by_business(db, &person.business_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.active == 1 && person.active == 1) else {
        return Ok(Vec::new());
    };
    let roles = roles::find_roles(db, &tenant, &person.id).await?;
    let Some(role) = role_of(&roles) else {
        return Ok(Vec::new());
    };
    Ok(find_workspace(db, &person.business_id, role)
        .await?
        .into_iter()
        .collect())
}

/// Returns the business account of a session by SSO, as
/// [`list_workspaces_of_person`] does, and the user's groups and roles; `None` if
/// the user has no access.
///
/// # Errors
/// When the database fails.
pub(super) async fn find_workspace_of_session(
    db: &mut Db,
    access: &SsoAccessRow,
) -> Result<Option<(Workspace, SsoGroups)>, StoreError> {
    let person = &access.person;
    if access.integration_active != 1 || person.active != 1 {
        return Ok(None);
    }
    let held = store::people::list_groups_of_user(db, &person.id).await?;
    let asserted = access.asserted.as_ref();
    let mapped = roles::mapped_groups_of_access(access);
    let roles = roles::judge_directory(mapped, &held).with_asserted(asserted);
    let Some(role) = role_of(&roles) else {
        return Ok(None);
    };
    let workspace = Workspace {
        id: person.business_id.clone(),
        name: access.business_name.clone(),
        role,
    };
    let asserted: Vec<String> = asserted
        .and_then(|asserted| serde_json::from_str(&asserted.groups).ok())
        .unwrap_or_default();
    let names = held.into_iter().map(|group| group.display_name);
    let groups = names.chain(asserted).collect();
    Ok(Some((workspace, SsoGroups { groups, roles })))
}

fn role_of(roles: &Roles) -> Option<Role> {
    match (roles.admin, roles.product_user) {
        (true, _) => Some(Role::Admin),
        (false, true) => Some(Role::Member),
        (false, false) => None,
    }
}

async fn find_workspace(
    db: &mut Db,
    id: &str,
    role: Role,
) -> Result<Option<Workspace>, StoreError> {
    let business = store::members::find_business(db, id).await?;
    Ok(business.map(|business| Workspace {
        id: business.id,
        name: business.name,
        role,
    }))
}
