//! Attributes that service providers often misread, with what to do.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::Verdict;
use super::name_format::describe_wrong_version;
use super::verdict::list;
use crate::inspection::response::{Assertion, Attribute};
use crate::inspection::{child, ns};

/// Attributes of Entra with the link to the groups, if the user is in more than 150 groups.
const GROUP_LINKS: [&str; 2] = [
    "http://schemas.microsoft.com/claims/groups.link",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups.link",
];

/// Entra's attribute of the groups.
const GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";

/// Adds remarks on the attributes, and on a NameID without them.
pub(super) fn judge(assertion: &Assertion, node: Node<'_, '_>, verdict: &mut Verdict) {
    for it in &assertion.attributes {
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
    judge_duplicates(&assertion.attributes, verdict);
    let empty = assertion.attributes.iter().filter(|it| is_empty(it));
    let empty: Vec<&str> = empty.map(|it| it.name.as_str()).collect();
    if !empty.is_empty() {
        verdict.add_remark(format!(
            "without a value: {}. The user has none at the identity provider, or it is read from the wrong field",
            list(&empty)
        ));
    }
    judge_name(
        assertion,
        child(node, ns::ASSERTION, "AttributeStatement").is_some(),
        verdict,
    );
}

fn is_empty(attribute: &Attribute) -> bool {
    attribute.values.iter().all(String::is_empty)
}

fn judge_duplicates(attributes: &[Attribute], verdict: &mut Verdict) {
    let mut counts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for it in attributes {
        *counts
            .entry((&it.name, it.name_format.as_deref()))
            .or_default() += 1;
    }
    let twice = counts.iter().filter(|(_, count)| **count > 1);
    let twice: Vec<&str> = twice.map(|((name, _), _)| *name).collect();
    if !twice.is_empty() {
        verdict.add_remark(format!(
            "several Attribute elements have the name {}: python3-saml and php-saml refuse that (\"Found an Attribute element with duplicated Name\"), and others read only one of them. Write all values into one Attribute (Keycloak: \"Single Role Attribute\" of the role list)",
            list(&twice)
        ));
    }
}

fn judge_name(assertion: &Assertion, has_attributes: bool, verdict: &mut Verdict) {
    let format = assertion
        .name_id
        .as_ref()
        .and_then(|it| it.format.as_deref());
    let is_transient = format.is_some_and(|it| it.ends_with(":transient"));
    if is_transient && !has_attributes {
        verdict.add_remark(
            "the NameID is transient, another one at each login, and there is no attribute: a service provider cannot recognize the user, or creates a new account each time. Send attributes, or choose a persistent NameID or the e-mail address",
        );
    } else if !has_attributes {
        verdict.add_remark(
            "no attribute: service providers that read name, e-mail address or groups find none (php-saml: \"There is no AttributeStatement on the Response\")",
        );
    }
    if let Some(wrong) = format.and_then(describe_wrong_version) {
        verdict.add_remark_once(format!("NameID: {wrong}"));
    }
    if let Some(name) = &assertion.name_id
        && name.value.contains("#EXT#")
    {
        verdict.add_remark(
            "the NameID is the user principal name of a guest in Entra (#EXT#), not the e-mail address: choose user.mail or user.localuserprincipalname as its source attribute in Entra",
        );
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|it| it.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|it| it.chars().all(|sign| sign.is_ascii_hexdigit()))
}
