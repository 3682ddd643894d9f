//! Which business accounts a person reaches, and as what.
//!
//! Never stored: a person who loses a group, or an organization that
//! activates its integration, changes the answer at once.

use serde::Serialize;

use crate::roles;
use crate::store::people::PersonRow;
use crate::store::{self, Db, StoreError};

/// What a person may do in a business account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Administers it.
    Admin,
    /// Belongs to it.
    Member,
}

impl Role {
    /// `admin` or `member`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// A business account within reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// The business account.
    pub id: String,
    /// Its name.
    pub name: String,
    /// As what.
    pub role: Role,
}

/// By password: every business account that this e-mail is a member of,
/// except those that log in by SSO; there, only the backup login (G-19).
///
/// # Errors
/// When the database fails.
pub async fn workspaces_of_email(db: &mut Db, email: &str) -> Result<Vec<Workspace>, StoreError> {
    let mut within_reach = Vec::new();
    for member in store::members::of_email(db, email).await? {
        let tenant = store::tenants::of_business(db, &member.business_id).await?;
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
        within_reach.extend(workspace(db, &member.business_id, role).await?);
    }
    Ok(within_reach)
}

/// By SSO: the user's own business account while its integration is active,
/// the user is enabled and in one of the mapped groups.
///
/// # Errors
/// When the database fails.
pub async fn workspaces_of_person(
    db: &mut Db,
    person: &PersonRow,
) -> Result<Vec<Workspace>, StoreError> {
    let tenant = store::tenants::of_business(db, &person.business_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.active == 1 && person.active == 1) else {
        return Ok(Vec::new());
    };
    let standing = roles::standing(db, &tenant, &person.id).await?;
    let role = match (standing.admin, standing.product_user) {
        (true, _) => Role::Admin,
        (false, true) => Role::Member,
        (false, false) => return Ok(Vec::new()),
    };
    Ok(workspace(db, &person.business_id, role)
        .await?
        .into_iter()
        .collect())
}

async fn workspace(db: &mut Db, id: &str, role: Role) -> Result<Option<Workspace>, StoreError> {
    let business = store::members::business(db, id).await?;
    Ok(business.map(|business| Workspace {
        id: business.id,
        name: business.name,
        role,
    }))
}
