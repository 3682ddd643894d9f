//! Attributes that service providers often misread, with what to do.

use super::Verdict;
use crate::inspection::response::Attribute;

/// Attributes of Entra with the link to the groups, if the user is in more than 150 groups.
const GROUP_LINKS: [&str; 2] = [
    "http://schemas.microsoft.com/claims/groups.link",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups.link",
];

/// Entra's attribute of the groups.
const GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";

/// Adds remarks on the attributes.
pub(super) fn judge(attributes: &[Attribute], verdict: &mut Verdict) {
    for it in attributes {
        let name = it.name.as_str();
        if GROUP_LINKS.contains(&name) {
            verdict.add_remark(
                "the attribute groups.link stands for the groups: Entra sends it in place of them if the user is in more than 150 groups, and service providers then see no group. In Entra, choose \"Groups assigned to the application\" for the group claim, filter the groups, or use app roles",
            );
        } else if name == GROUPS && !it.values.is_empty() && it.values.iter().all(|it| is_guid(it))
        {
            verdict.add_remark(
                "the groups are object IDs of Entra, not names: enter the IDs at the service provider, or choose another source attribute for the group claim in Entra",
            );
        }
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|it| it.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|it| it.chars().all(|sign| sign.is_ascii_hexdigit()))
}
