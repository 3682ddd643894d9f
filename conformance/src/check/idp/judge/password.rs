//! What a sign-on with a wrong password reveals, and whether the right one is released (OWASP
//! Authentication Cheat Sheet and Password Storage Cheat Sheet).

use super::trial::{describe, find_trial, is_signed_on};
use super::{NO_ANSWER, Ruled, breaks, holds, not_judged, quote_all};
use crate::check::idp::reading::Case;
use crate::check::idp::recording::Ending;
use crate::excerpt::{excerpt, unescape};

pub(super) fn judge_wrong_password(case: &Case<'_>) -> Ruled {
    let names = ["wrong-password", "unknown-user"];
    for name in names {
        let trial = match find_trial(case, name) {
            Ok(trial) => trial,
            Err(ruled) => return ruled,
        };
        if !trial.pages.iter().any(|page| page.asks) {
            return not_judged("no page asked for a password, so none was refused");
        }
        if is_signed_on(case, name) {
            let trial = case.trial(name).map(|it| describe(case, name, it));
            return breaks(trial.unwrap_or_default()).at(name);
        }
    }
    holds("it is")
}

/// Judges the attributes whose value was the password, which is not in the recording.
pub(super) fn judge_password_in_attributes(case: &Case<'_>) -> Ruled {
    let mut answers = case.good().filter(|it| it.response().is_some());
    let Some(first) = answers.next() else {
        return not_judged(NO_ANSWER);
    };
    match &case.recording.password_attributes {
        None => not_judged("the password is not known: a person signed on in their own browser"),
        Some(names) => {
            let names: Vec<&String> = names.iter().collect();
            if !names.is_empty() && case.recording.is_password_part_of_user {
                return not_judged(
                    "the password is the user name or a part of it, so an attribute with this value does not show a password: choose a user with another password",
                );
            }
            match names.is_empty() {
                true => holds("none does"),
                false => breaks(format!(
                    "the password is the value of {}",
                    quote_all(&names)
                ))
                .at(first.name),
            }
        }
    }
}

/// Returns status and text of the page at which a sign-on ended, for comparison. The typed text and
/// all digits (such as flow ids) are removed, and white space is reduced to one space, because line
/// breaks carry no information.
fn refusal(case: &Case<'_>, name: &str, typed: &[&str]) -> Option<(u16, String)> {
    match &case.trial(name)?.ending {
        Ending::Page { status, text, .. } => {
            let mut text = text.clone();
            for typed in typed.iter().filter(|it| !it.is_empty()) {
                text = replace_any_case(&text, typed);
                // A page may show the name without its domain.
                if let Some((local, _)) = typed.split_once('@') {
                    text = replace_any_case(&text, local);
                }
            }
            text.retain(|it| !it.is_ascii_digit());
            Some((
                *status,
                text.split_whitespace().collect::<Vec<_>>().join(" "),
            ))
        }
        _ => None,
    }
}

/// Returns the text with `name` replaced, in any letter case.
fn replace_any_case(text: &str, name: &str) -> String {
    let name = regex::escape(name);
    match regex::RegexBuilder::new(&name)
        .case_insensitive(true)
        .build()
    {
        Ok(pattern) => pattern.replace_all(text, "…").into_owned(),
        Err(_) => text.to_owned(),
    }
}

/// Returns the user name that was typed, as the form sent it.
fn typed_names<'c>(case: &'c Case<'_>, name: &str) -> Vec<&'c str> {
    let pages = case.trial(name).map_or(&[][..], |it| &it.pages);
    pages
        .iter()
        .flat_map(|page| page.sent.lines())
        .filter_map(|line| line.split_once('=').map(|(_, value)| value))
        .filter(|it| it.len() > 2 && *it != "•••")
        .collect()
}

fn judge_same_refusal(case: &Case<'_>, one: &str, other: &str) -> Ruled {
    for name in [one, other] {
        if let Err(ruled) = find_trial(case, name) {
            return ruled;
        }
    }
    // A login page may list the names of known users, so the names of both trials are removed.
    let typed = [typed_names(case, one), typed_names(case, other)].concat();
    let first = refusal(case, one, &typed);
    let Some((first, second)) = first.zip(refusal(case, other, &typed)) else {
        return not_judged("one of the two sign-ons did not end on a page");
    };
    if first == second {
        holds(format!("HTTP {}: {}", first.0, first.1))
    } else {
        let describe = |(status, text): &(u16, String)| {
            format!("HTTP {status} \"{}\"", excerpt(&unescape(text), 120))
        };
        breaks(format!(
            "{one}: {}; {other}: {}",
            describe(&first),
            describe(&second)
        ))
    }
    .at(one)
    .at(other)
}

pub(super) fn judge_unknown_user(case: &Case<'_>) -> Ruled {
    judge_same_refusal(case, "wrong-password", "unknown-user")
}

pub(super) fn judge_disabled_user(case: &Case<'_>) -> Ruled {
    judge_same_refusal(case, "wrong-password", "disabled-wrong")
}
