//! Step 3, Configure user groups mapping (G-09).

use super::changes::change;
use super::{By, ConfiguratorError, Entered, Step, all_of};
use crate::Portal;

/// A group, as entered in step 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntered {
    /// Name of the group; letter case counts.
    pub name: String,
    /// ID of the group at the IdP.
    pub id: String,
}

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    let tenant = &entered.tenant;
    let mut missing = Vec::new();
    if tenant.admins_group_name.is_none() {
        missing.push("enter the admins group's name and id".to_owned());
    }
    if tenant.users_group_name.is_none() {
        missing.push("enter the product users group's name and id".to_owned());
    }
    missing
}

/// Enters one or both groups; `None` leaves a group unchanged.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn enter(
    portal: &Portal,
    by: By<'_>,
    admins: Option<GroupEntered>,
    users: Option<GroupEntered>,
) -> Result<Entered, ConfiguratorError> {
    let mut errors = Vec::new();
    let admins = admins.map(|group| complete("admins", group, &mut errors));
    let users = users.map(|group| complete("users", group, &mut errors));
    all_of(errors)?;
    if let (Some(admins), Some(users)) = (&admins, &users)
        && (admins.id == users.id || admins.name == users.name)
    {
        return Err(ConfiguratorError::SameGroups(admins.name.clone()));
    }
    let detail = [("admins", &admins), ("users", &users)]
        .iter()
        .filter_map(|(purpose, group)| {
            let group = group.as_ref()?;
            Some(format!("{purpose}: {} ({})", group.name, group.id))
        })
        .collect::<Vec<_>>()
        .join(", ");
    change(portal, by, Step::Groups, &detail, |tenant| {
        if let Some(group) = admins {
            tenant.admins_group_name = Some(group.name);
            tenant.admins_group_id = Some(group.id);
        }
        if let Some(group) = users {
            tenant.users_group_name = Some(group.name);
            tenant.users_group_id = Some(group.id);
        }
    })
    .await
}

/// Removes spaces around name and ID; adds an error to `errors` for each empty
/// one.
fn complete(
    group: &'static str,
    entered: GroupEntered,
    errors: &mut Vec<ConfiguratorError>,
) -> GroupEntered {
    let name = entered.name.trim().to_owned();
    let id = entered.id.trim().to_owned();
    for (value, what) in [(&name, "its name"), (&id, "its id")] {
        if value.is_empty() {
            errors.push(ConfiguratorError::GroupIncomplete { group, what });
        }
    }
    GroupEntered { name, id }
}
