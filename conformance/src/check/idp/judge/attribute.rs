//! Checks of the four attributes that the guide requires (G-10), and of attributes in general
//! (saml-core §2.7.3).

use std::collections::BTreeSet;

use super::assertion::is_address;
use super::{
    Item, Observation, Ruled, absent, breaks, holds, item, judge_each_assertion, not_judged,
    quote_all, right, wrong,
};
use crate::check::Harm;
use crate::check::Level::{May, Must, Should};
use crate::check::idp::reading::Case;
use crate::inspection::response::{Assertion, Attribute};

const NEEDED: [&str; 4] = ["name", "displayname", "objectidentifier", "groups"];

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Style;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-ATTR-01", Must, "portal guide (G-10)"),
        "The attribute name is present: the user name.",
        "an attribute called exactly name, with one value",
        "Add an attribute mapping: name → the user name (their e-mail address). The portal identifies the user by it.",
        |case| judge_needed(case, "name"),
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-02", Must, "portal guide (G-10)"),
        "The attribute displayname is present: the name to show.",
        "an attribute called exactly displayname, with one value",
        "Add an attribute mapping: displayname → given name and family name, separated by a space.",
        |case| judge_needed(case, "displayname"),
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-03", Must, "portal guide (G-10)"),
        "The attribute objectidentifier is present: the user's id.",
        "an attribute called exactly objectidentifier, with one value",
        "Add an attribute mapping: objectidentifier → the user's unique, unchanging id in the directory.",
        |case| judge_needed(case, "objectidentifier"),
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-04", Must, "portal guide (G-10)"),
        "The attribute groups is present.",
        "an attribute called exactly groups, with a value for each group of the user",
        "In the application's attribute mappings add groups → the ids of the user's groups (PingOne: ${user.memberOfGroupIDs}). If the mapping exists, the user is in no group: add the user to the group of product users and run again. Without it nobody gets a role or a license.",
        |case| judge_needed(case, "groups"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-ATTR-05",
            Must,
            "portal guide (G-10), saml-core §2.7.3.1",
        ),
        "No attribute name differs from a required one in letter case only.",
        "name, displayname, objectidentifier, groups in lower case",
        "In the application's attribute mappings retype the name quoted above in lower case: name, displayname, objectidentifier, groups. For a service provider displayName and displayname are two different attributes.",
        judge_letter_case,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-06", Should, "saml-core §2.7.3.1"),
        "Each attribute name occurs once.",
        "one Attribute for each name, with all its values",
        "Put all values into one Attribute element: of two elements with the same name many readers use only the first or the last.",
        judge_duplicates,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ATTR-07",
            Must,
            "saml-core §2.7.3.1.1, portal guide (G-10)",
        ),
        "Each group is a separate AttributeValue.",
        "one AttributeValue for each group",
        "Send a list with one AttributeValue for each group, not one text joined by commas or semicolons: the portal looks for a value that equals the group's id.",
        judge_separate_groups,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-08", Should, "portal guide (G-07, G-10)"),
        "The attribute groups contains group ids, not names.",
        "ids that stay when a group is renamed, not names",
        "Map groups to the groups' ids (memberOfGroupIDs and the like): names can be changed or reused for another group, and the portal compares ids first.",
        judge_ids_of_groups,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ATTR-09",
            Should,
            "saml-profiles §8.1, saml-core §8.2",
        ),
        "The NameFormat of each attribute is one that the standard defines.",
        "NameFormat unspecified, basic or uri, or none",
        "Choose basic or unspecified as NameFormat.",
        judge_name_formats,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-10", Must, "portal guide (G-10)"),
        "The attribute objectidentifier stays the same from one sign-on to the next.",
        "one value for one user, at every sign-on",
        "Map it to the user's id, not to a value of the session: the portal finds the user's account by it.",
        |case| judge_stability(case, "objectidentifier"),
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-11", Must, "portal guide (G-10), G-03"),
        "The attribute name is an e-mail address.",
        "one address, without spaces, commas or markup",
        "Map name to the user's e-mail address: the portal decides by its domain to which business account the user belongs.",
        judge_address,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-12", Should, "saml-core §2.7.3.1.1"),
        "No required attribute is empty.",
        "a text in each of the four, and never the word null",
        "Fill in the field for this user, and mark the mapping as required, so that a missing value is reported at once.",
        judge_emptiness,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-13", Must, "saml-core §2.7.3"),
        "The value of the attribute `name` belongs to the user who signed on.",
        "the user who signed on (--user), and no other user",
        "Check how the name is mapped and whose session was used: an assertion about another user signs the wrong person on.",
        judge_user,
    ),
    item(
        HARM,
        ("SAML-IDP-ATTR-14", May, "GDPR Art. 5(1)(c)"),
        "The assertion has few attributes.",
        "at most twelve attributes",
        "Remove the attributes that the service provider does not need from the mapping: they are personal data.",
        judge_number,
    ),
];

const NO_ATTRIBUTES: &str = "no assertion has an attribute";

fn find<'a>(assertion: &'a Assertion, name: &str) -> Option<&'a Attribute> {
    assertion.attributes.iter().find(|it| it.name == name)
}

fn names(assertion: &Assertion) -> String {
    let names: Vec<&str> = assertion
        .attributes
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    quote_all(&names)
}

fn judge_needed(case: &Case<'_>, name: &str) -> Ruled {
    judge_each_assertion(case, |_, it| match find(it, name) {
        Some(_) => right("it is"),
        None => wrong(format!("the attributes are {}", names(it))),
    })
}

fn judge_letter_case(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        let alike = it.attributes.iter().find(|attribute| {
            let name = attribute.name.as_str();
            NEEDED
                .iter()
                .any(|needed| *needed != name && needed.eq_ignore_ascii_case(name))
        });
        match alike {
            Some(alike) => wrong(format!("{:?}", alike.name)),
            None => right("none does"),
        }
    })
}

fn judge_duplicates(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        if it.attributes.is_empty() {
            return absent(NO_ATTRIBUTES);
        }
        let mut seen = BTreeSet::new();
        let mut all = it.attributes.iter();
        match all.find(|attribute| !seen.insert((&attribute.name, &attribute.name_format))) {
            Some(twice) => wrong(format!("{:?}", twice.name)),
            None => right("each occurs once"),
        }
    })
}

/// Judges an attribute where it is present; another check judges its absence.
fn judge_attribute(case: &Case<'_>, name: &str, judge: impl Fn(&[String]) -> Observation) -> Ruled {
    judge_each_assertion(case, |_, it| match find(it, name) {
        Some(attribute) => judge(&attribute.values),
        None => absent(format!(
            "no assertion has the attribute {name}: see SAML-IDP-ATTR-01 to -04"
        )),
    })
}

fn judge_separate_groups(case: &Case<'_>) -> Ruled {
    judge_attribute(case, "groups", |values| {
        let joined = values
            .iter()
            .find(|it| it.contains([',', ';', '|']) || it.starts_with('['));
        match joined {
            Some(joined) => wrong(format!("{joined:?} is one value")),
            None => right(format!("{} value(s)", values.len())),
        }
    })
}

fn judge_ids_of_groups(case: &Case<'_>) -> Ruled {
    judge_attribute(case, "groups", |values| {
        let name = values.iter().find(|it| {
            let bare: String = it.chars().filter(|it| *it != '-').collect();
            it.contains(' ') || !bare.chars().any(|it| it.is_ascii_digit())
        });
        match name {
            Some(name) => wrong(format!(
                "the value {name:?} looks like the name of a group; expected its ID"
            )),
            None => right(format!("{} id(s)", values.len())),
        }
    })
}

fn judge_name_formats(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        if it.attributes.is_empty() {
            return absent(NO_ATTRIBUTES);
        }
        let known = ["unspecified", "basic", "uri"];
        let mut all = it
            .attributes
            .iter()
            .filter_map(|it| it.name_format.as_deref());
        let strange = all.find(|it| {
            let name = it.strip_prefix("urn:oasis:names:tc:SAML:2.0:attrname-format:");
            !name.is_some_and(|it| known.contains(&it))
        });
        match strange {
            Some(strange) => wrong(strange),
            None => right("it is"),
        }
    })
}

fn judge_stability(case: &Case<'_>, name: &str) -> Ruled {
    let mut first: Option<(&str, &[String])> = None;
    for answer in case.good() {
        let assertion = answer.response().and_then(|it| it.assertions.first());
        let Some(attribute) = assertion.and_then(|it| find(it, name)) else {
            continue;
        };
        match first {
            None => first = Some((answer.name, &attribute.values)),
            Some((at, values)) if values != attribute.values => {
                return breaks(format!(
                    "{} in {at}, {} in {}",
                    quote_all(values),
                    quote_all(&attribute.values),
                    answer.name
                ))
                .at(answer.name);
            }
            Some(_) => {}
        }
    }
    match first {
        Some(_) => holds("it does"),
        None => not_judged(format!("no assertion has {name}: see SAML-IDP-ATTR-03")),
    }
}

fn judge_address(case: &Case<'_>) -> Ruled {
    judge_attribute(case, "name", |values| match values {
        [value] if is_address(value) => right(value.clone()),
        values => wrong(quote_all(values)),
    })
}

fn judge_emptiness(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        let mut needed = it
            .attributes
            .iter()
            .filter(|it| NEEDED.contains(&it.name.as_str()))
            .peekable();
        if needed.peek().is_none() {
            return absent(
                "no assertion has an attribute of the set-up guide (name, displayname, objectidentifier, groups): see SAML-IDP-ATTR-01 to -04",
            );
        }
        let void = |attribute: &&Attribute| {
            let mut values = attribute.values.iter();
            attribute.values.is_empty()
                || values.any(|it| it.is_empty() || it.split(' ').any(|word| word == "null"))
        };
        match needed.find(void) {
            Some(void) => wrong(format!("{} is {}", void.name, quote_all(&void.values))),
            None => right("none is"),
        }
    })
}

fn judge_user(case: &Case<'_>) -> Ruled {
    let user = case.recording.user.to_lowercase();
    if user.is_empty() {
        return not_judged("a person signed on, under a name that only they know");
    }
    judge_attribute(case, "name", |values| {
        let same = |value: &String| {
            let value = value.to_lowercase();
            value == user || value.split('@').next() == Some(user.as_str())
        };
        if values.iter().any(same) {
            right("it does")
        } else {
            wrong(format!("{}, where {user} signed on", quote_all(values)))
        }
    })
}

fn judge_number(case: &Case<'_>) -> Ruled {
    const MOST: usize = 12;
    judge_each_assertion(case, |_, it| match it.attributes.len() {
        count @ ..=MOST => right(count.to_string()),
        count => wrong(format!("{count} attributes: {}", names(it))),
    })
}
