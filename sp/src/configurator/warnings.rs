//! Warnings about step 3: compares the entered groups with those that SCIM and
//! sign-ins have named.

use super::Entered;
use crate::roles::{self, Mapped};
use crate::store::people::GroupNameRow;
use crate::store::{self, Db, StoreError};

/// Maximum number of group names in a warning.
const NAMED: i64 = 5;

/// Maximum number of different group lists of sign-ins that are compared.
const SIGN_INS: i64 = 200;

/// A warning about a complete step that is probably wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable code in kebab case.
    pub code: &'static str,
    /// Text for the administrator: what is wrong and what to do.
    pub message: String,
    /// The group of step 3 that the warning is about ([`Mapped::purpose`]), if
    /// any.
    group: Option<&'static str>,
}

impl Warning {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            group: None,
        }
    }

    fn of(group: Mapped<'_>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            group: Some(group.purpose),
            ..Self::new(code, message)
        }
    }

    /// True if the warning is about the admins group.
    pub(super) fn is_about_admins(&self) -> bool {
        self.group == Some(roles::ADMINS)
    }
}

/// Sets the warnings about the entered values.
///
/// # Errors
/// When the database fails.
pub async fn review(db: &mut Db, mut entered: Entered) -> Result<Entered, StoreError> {
    entered.warnings = review_groups(db, &entered).await?;
    Ok(entered)
}

/// The groups of the identity provider that are known from SCIM and sign-ins.
struct Known {
    /// The first groups provisioned by SCIM.
    groups: Vec<GroupNameRow>,
    /// Number of groups provisioned by SCIM.
    count: i64,
    /// Names or IDs in the Responses of sign-ins.
    asserted: Vec<String>,
}

async fn review_groups(db: &mut Db, entered: &Entered) -> Result<Vec<Warning>, StoreError> {
    let tenant = &entered.tenant;
    let (groups, count) =
        store::people::list_and_count_groups(db, &tenant.business_id, NAMED).await?;
    let lists = store::people::list_asserted_groups(db, &tenant.business_id, SIGN_INS).await?;
    let asserted = lists
        .iter()
        .flat_map(|list| serde_json::from_str::<Vec<String>>(list).unwrap_or_default())
        .collect();
    let known = Known {
        groups,
        count,
        asserted,
    };
    let mut warnings = Vec::new();
    let (admins, users) = roles::mapped_groups(tenant);
    for group in [admins, users].into_iter().flatten() {
        let like =
            store::people::list_groups_like(db, &tenant.business_id, group.name, group.id).await?;
        warnings.extend(review_group(group, &like, &known));
    }
    warnings.dedup();
    Ok(warnings)
}

fn review_group(group: Mapped<'_>, like: &[GroupNameRow], known: &Known) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let exact = like.iter().find(|row| row.display_name == group.name);
    let mut differs = like.iter().filter_map(|row| group.is(row).err());
    if let Some(exact) = exact {
        if let Some(id) = exact.external_id.as_deref()
            && id != group.id
        {
            warnings.push(Warning::of(
                group,
                "group-id-differs",
                format!(
                    "the {} group `{}` is entered with the ID `{}`, the identity provider gives it the ID `{id}`: copy the ID again",
                    group.purpose, group.name, group.id
                ),
            ));
        }
    } else if let Some(why) = differs.next() {
        warnings.push(Warning::of(group, "group-name-differs", why));
    } else if known.count > 0 && !known.asserted.iter().any(|got| got == group.id) {
        let names: Vec<String> = known
            .groups
            .iter()
            .map(|row| format!("`{}`", row.display_name))
            .collect();
        let more = known.count - i64::try_from(names.len()).unwrap_or(known.count);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        warnings.push(Warning::of(
            group,
            "group-not-found",
            format!(
                "the {} group is entered as `{}`, and the identity provider has sent no group with this name or ID: it sent {}{more}; correct the entry, or add the group to the provisioning rule",
                group.purpose, group.name, names.join(", ")
            ),
        ));
    }
    let by_sign_in = known
        .asserted
        .iter()
        .filter_map(|got| group.recognizes(got).err());
    for why in by_sign_in {
        let warning = Warning::of(group, "group-name-differs", why);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let seen = known.asserted.iter().any(|got| got == group.id)
        || like
            .iter()
            .any(|row| row.external_id.as_deref() == Some(group.id));
    if !seen && !looks_like_an_id(group.id) {
        warnings.push(Warning::of(
            group,
            "group-id-implausible",
            format!(
                "`{}` does not look like the ID of the {} group: copy the Group ID (Object ID) from the group's page in the identity provider, such as 8e3dd2a4-51f9-4c23-9c0a-7d1b5f0a6c11",
                group.id, group.purpose
            ),
        ));
    }
    warnings
}

/// True if this can be a group ID of an identity provider. UUIDs and shorter
/// IDs contain digits; distinguished names and URNs contain `=` or `:`.
fn looks_like_an_id(id: &str) -> bool {
    let has_digit = id.bytes().any(|byte| byte.is_ascii_digit());
    id.contains(['=', ':']) || (id.len() >= 6 && has_digit && !id.chars().any(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_ids() {
        for id in ["not-an-id", "new", "1", "Portal Admins", "my group 12345"] {
            assert!(!looks_like_an_id(id), "{id}");
        }
        for id in [
            "8e3dd2a4-51f9-4c23-9c0a-7d1b5f0a6c11",
            "00g1emaKYZTWRYYRRTSK",
            "0184mhaj2v1xyz0",
            "CN=Portal Admins,OU=Groups,DC=corp,DC=example",
        ] {
            assert!(looks_like_an_id(id), "{id}");
        }
    }
}
