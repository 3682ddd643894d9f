//! Checks of identifiers over several trials: unique and random (saml-core §1.3.4).

use std::collections::BTreeMap;

use super::{Item, Ruled, breaks, holds, item, not_judged};
use crate::check::Harm;
use crate::check::Level::{Must, Should};
use crate::check::idp::reading::Case;
use crate::check::idp::trials::{POST, REDIRECT};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Protection;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-ID-01", Must, "saml-core §1.3.4"),
        "Every Response has a new ID.",
        "a different ID in every Response",
        "Generate a new ID for every Response, with a random generator; never deliver a Response twice.",
        judge_ids_of_responses,
    ),
    item(
        HARM,
        ("SAML-IDP-ID-02", Must, "saml-core §1.3.4"),
        "Every assertion has a new ID.",
        "a different ID in every assertion",
        "Generate a new ID for every assertion: service providers refuse a second one with the same ID as a replay.",
        judge_ids_of_assertions,
    ),
    item(
        HARM,
        ("SAML-IDP-ID-03", Must, "saml-core §1.3.4"),
        "IDs are random and cannot be guessed.",
        "at least 120 bits that differ from one ID to the next: SAML asks for 128, a UUID of version 4 has 122",
        "Take 16 bytes or more from the operating system's random generator; counters, times and hashes of names can be guessed.",
        judge_randomness,
    ),
    item(
        HARM,
        ("SAML-IDP-ID-04", Should, "saml-core §2.7.2"),
        "Sessions of different browsers have different SessionIndex values.",
        "a different SessionIndex for each sign-on",
        "Generate the SessionIndex for each session at the identity provider, not for each user.",
        judge_session_indexes,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ID-05",
            Should,
            "saml-core §8.3, portal guide (G-10)",
        ),
        "The NameID of a user stays the same from one sign-on to the next.",
        "one NameID for one user, unless its format is transient",
        "Map the NameID to a value that does not change for the user: a service provider creates a new account for every new name.",
        judge_stability_of_name_id,
    ),
];

fn judge_uniqueness(case: &Case<'_>, what: &str, ids: Vec<(&str, &str)>) -> Ruled {
    if case.answers.len() < 2 || ids.is_empty() {
        return not_judged("fewer than two answers could be read");
    }
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (at, id) in &ids {
        if let Some(before) = first.insert(id, at) {
            return breaks(format!("{id} is in the answers to {before} and to {at}"))
                .at(before)
                .at(at);
        }
    }
    holds(format!("{} {what}, each with an ID of its own", ids.len()))
}

fn response_ids<'c>(case: &'c Case<'_>) -> Vec<(&'c str, &'c str)> {
    let answers = case.answers.iter();
    answers
        .filter_map(|it| Some((it.name, it.response()?.id.as_deref()?)))
        .collect()
}

fn assertion_ids<'c>(case: &'c Case<'_>) -> Vec<(&'c str, &'c str)> {
    let answers = case.answers.iter();
    answers
        .filter_map(|it| {
            let first = it.response()?.assertions.first()?;
            Some((it.name, first.id.as_deref()?))
        })
        .collect()
}

fn judge_ids_of_responses(case: &Case<'_>) -> Ruled {
    judge_uniqueness(case, "Responses", response_ids(case))
}

fn judge_ids_of_assertions(case: &Case<'_>) -> Ruled {
    judge_uniqueness(case, "assertions", assertion_ids(case))
}

/// How identifiers differ from each other.
struct Variation {
    /// The largest number of bits in which they can differ.
    bits: f64,
    /// How the bits were counted.
    explanation: String,
}

/// Counts the bits in which identifiers can differ: those of the part after the common beginning, 4
/// for a hexadecimal digit, about 6 for any other letter.
fn variation(ids: &[&str]) -> Variation {
    let first = ids.first().copied().unwrap_or_default();
    let common = (0..first.len())
        .take_while(|at| {
            ids.iter()
                .all(|id| id.as_bytes().get(*at) == first.as_bytes().get(*at))
        })
        .count();
    let rest =
        |id: &str| String::from_utf8_lossy(&id.as_bytes()[common.min(id.len())..]).into_owned();
    let shortest = ids.iter().min_by_key(|id| id.len()).copied();
    let tail = rest(shortest.unwrap_or_default());
    let letters: Vec<char> = tail.chars().filter(|it| it.is_alphanumeric()).collect();
    let is_numeric = |id: &&str| rest(id).chars().all(|it| it.is_ascii_digit());
    let (each, kind) = if ids.iter().all(is_numeric) {
        (10_f64.log2(), "decimal digits")
    } else if letters.iter().all(char::is_ascii_hexdigit) {
        (4.0, "hexadecimal digits")
    } else {
        (62_f64.log2(), "letters and digits")
    };
    // Some characters are equal by chance; count them too.
    let lucky = if common > 1 && ids.len() > 2 {
        0.0
    } else {
        4.0
    };
    let beginning = match first.get(..common) {
        Some(text) if !text.is_empty() => format!("after the common beginning {text:?}, "),
        _ => String::new(),
    };
    let by_chance = if lucky > 0.0 {
        ", plus 4 bits, because one more character may have been equal by chance"
    } else {
        ""
    };
    Variation {
        bits: letters.len() as f64 * each + lucky,
        explanation: format!(
            "{beginning}{} {kind} differ, {} bits each{by_chance}",
            letters.len(),
            // One digit is enough, and none if it is 0.
            (each * 10.0).round() / 10.0
        ),
    }
}

fn judge_randomness(case: &Case<'_>) -> Ruled {
    let mut fewest: Option<f64> = None;
    for (what, ids) in [
        ("Response", response_ids(case)),
        ("Assertion", assertion_ids(case)),
    ] {
        let mut bare: Vec<&str> = ids.iter().map(|(_, id)| *id).collect();
        bare.sort_unstable();
        bare.dedup();
        if bare.len() < 3 {
            continue;
        }
        let Variation { bits, explanation } = variation(&bare);
        // UUIDs of version 4 have 122 random bits of 128.
        if bits < 120.0 {
            return breaks(format!(
                "{} {what} IDs such as {} and {} can differ in at most {bits:.0} bits: {explanation}",
                bare.len(),
                bare[0],
                bare[1]
            ))
            .at(ids[0].0);
        }
        fewest = Some(fewest.map_or(bits, |it| it.min(bits)));
    }
    match fewest {
        Some(bits) => holds(format!("they can differ in {bits:.0} bits")),
        None => not_judged("fewer than three answers could be read"),
    }
}

fn session_of<'c>(case: &'c Case<'_>, name: &str) -> Option<&'c str> {
    let assertion = case.answer(name)?.response()?.assertions.first()?;
    assertion.sign_ons.first()?.session_index.as_deref()
}

fn judge_session_indexes(case: &Case<'_>) -> Ruled {
    let plain = [REDIRECT, POST].into_iter();
    let mut first = plain.filter_map(|name| Some((name, session_of(case, name)?)));
    let Some(((name, one), other)) = first.next().zip(session_of(case, "second-browser")) else {
        return not_judged("there are no two sign-ons with a SessionIndex");
    };
    if one == other {
        breaks(format!("both have {one}"))
            .at(name)
            .at("second-browser")
    } else {
        holds("they have")
    }
}

fn judge_stability_of_name_id(case: &Case<'_>) -> Ruled {
    let mut names: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for answer in case.good() {
        let Some(name) = answer
            .response()
            .and_then(|it| it.assertions.first())
            .and_then(|it| it.name_id.as_ref())
        else {
            continue;
        };
        let format = name.format.as_deref().unwrap_or_default();
        if format.ends_with(":transient") {
            continue;
        }
        match names.get(format) {
            Some((at, before)) if *before != name.value => {
                return breaks(format!(
                    "{before:?} in {at}, {:?} in {}",
                    name.value, answer.name
                ))
                .at(answer.name);
            }
            _ => {
                names.insert(format, (answer.name, &name.value));
            }
        }
    }
    if names.is_empty() {
        return not_judged("every NameID is transient, or there is none");
    }
    holds("it does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_distinguished_from_random_identifiers() {
        let counter = variation(&["_1000000001", "_1000000002", "_1000000009"]);
        assert!(counter.bits < 40.0);
        assert_eq!(
            counter.explanation,
            "after the common beginning \"_100000000\", 1 decimal digits differ, 3.3 bits each"
        );
        let random = [
            "_5f0c1f7a9be24a6d8a2be1a0c5d7f301",
            "_9a1c2e4b6d8f0a3c5e7f901b3d5f7a9c",
            "_0e2d4c6b8a9f7e5d3c1b0a9f8e7d6c5b",
        ];
        assert!(variation(&random).bits >= 120.0);
        let uuids = [
            "id-5f0c1f7a-9be2-4a6d-8a2b-e1a0c5d7f301",
            "id-9a1c2e4b-6d8f-4a3c-9e7f-901b3d5f7a9c",
            "id-0e2d4c6b-8a9f-4e5d-8c1b-0a9f8e7d6c5b",
        ];
        assert!(variation(&uuids).bits >= 120.0);
    }
}
