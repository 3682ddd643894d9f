//! Finds out which filters the server evaluates. If it refuses or ignores the filter that a check
//! uses, the check must not report a finding about something else.

use serde_json::Value;

use super::item::{Judged, Stop, checks, unjudged};
use super::outcome::TEXTS;
use super::probe::Probe;
use super::reading::{text, values};
use super::target::query;
use super::wire::ScimAnswer;

checks! {
"SCIM-FILTER-61", Should, "RFC 7644 §3.4.2.2"; "Every filter operator is supported, on the usual attributes";
    expects "eq, ne, co, sw, ew, pr, gt, ge, lt, le, and, or, not, parentheses and brackets to be evaluated, and eq on each usual attribute";
    fix "Evaluate all operators of the section's tables. The RFC lets a server decline the others with 400 invalidFilter, but clients use them.";
    needs [super::item::Need::Filter]; act(judge_every_operator)
}

/// Each operator with the simplest filter that uses it.
const OPERATORS: [(&str, &str); 15] = [
    ("eq", r#"userName eq "rehearsal""#),
    ("ne", r#"userName ne "rehearsal""#),
    ("co", r#"userName co "rehearsal""#),
    ("sw", r#"userName sw "rehearsal""#),
    ("ew", r#"userName ew "rehearsal""#),
    ("pr", "userName pr"),
    ("gt", r#"userName gt "rehearsal""#),
    ("ge", r#"userName ge "rehearsal""#),
    ("lt", r#"userName lt "rehearsal""#),
    ("le", r#"userName le "rehearsal""#),
    (
        "and",
        r#"userName eq "rehearsal" and userName eq "rehearsal""#,
    ),
    (
        "or",
        r#"userName eq "rehearsal" or userName eq "rehearsal""#,
    ),
    ("not", r#"not (userName eq "rehearsal")"#),
    ("( )", r#"(userName eq "rehearsal")"#),
    ("[ ]", r#"emails[type eq "work"]"#),
];

const EQ_FAILED: &str = "SCIM-FILTER-01";

/// Attributes of every resource, which schemas do not list, with their types (RFC 7643 §3.1).
const COMMON: [(&str, &str); 4] = [
    ("id", "string"),
    ("externalId", "string"),
    ("meta.created", "dateTime"),
    ("meta.lastModified", "dateTime"),
];

/// Returns the path of an attribute of users as the server writes it, and its type, if the server
/// has the attribute.
fn known<'p>(probe: &'p Probe<'_>, path: &str) -> Option<(String, &'p str)> {
    let schema = &probe.server.users.schema;
    if let Some(declared) = schema.attribute(path) {
        let parent = path.split_once('.').and_then(|it| schema.attribute(it.0));
        let parent = parent.map_or_else(String::new, |it| format!("{}.", it.name));
        return Some((format!("{parent}{}", declared.name), &declared.kind));
    }
    let common = COMMON.iter().find(|it| it.0.eq_ignore_ascii_case(path));
    common.map(|(path, kind)| ((*path).to_owned(), *kind))
}

fn is_declined(answer: &ScimAnswer) -> bool {
    matches!(answer.status, 400 | 403 | 501)
}

async fn list_one_filtered_user(probe: &Probe<'_>, filter: &str) -> Judged<ScimAnswer> {
    probe
        .list_users(&[("filter", filter), ("count", "1")])
        .await
}

async fn is_filter_declined(probe: &Probe<'_>, filter: &str) -> Judged<bool> {
    Ok(is_declined(&list_one_filtered_user(probe, filter).await?))
}

async fn judge_every_operator(probe: &Probe<'_>) -> Judged {
    if is_filter_declined(probe, OPERATORS[0].1).await? {
        let why = "the server declines every filter, also userName eq".to_owned();
        return Err(Stop::Follows(EQ_FAILED, why));
    }
    let (mut declined, mut failing): (Vec<&str>, Vec<&str>) = Default::default();
    let mut as_unknown: Vec<&str> = Vec::new();
    for (operator, filter) in &OPERATORS[1..] {
        let has_emails = probe.server.users.schema.attribute("emails.type").is_some();
        if *operator == "[ ]" && !has_emails {
            continue;
        }
        let answer = list_one_filtered_user(probe, filter).await?;
        if is_declined(&answer) {
            declined.push(*operator);
        } else if answer.status >= 500 {
            match require_no_general_failure(probe, operator, filter).await {
                Err(Stop::Follows(..)) => as_unknown.push(*operator),
                other => {
                    other?;
                    failing.push(*operator);
                }
            }
        }
    }
    for name in USUAL.into_iter().chain(COMMON.map(|it| it.0)) {
        let Some((_, kind)) = known(probe, name) else {
            continue;
        };
        let answer = list_one_filtered_user(probe, &eq_on(name, kind)).await?;
        if is_declined(&answer) {
            declined.push(name);
        } else if answer.status >= 500 {
            failing.push(name);
        }
    }
    let mut unfound: Vec<&str> = Vec::new();
    for name in TEXTS {
        let is_judged = declined.contains(&name) || failing.contains(&name);
        if !is_judged && !can_find_plain_value(probe, name).await? {
            unfound.push(name);
        }
    }
    let mut wrong = Vec::new();
    if !declined.is_empty() {
        wrong.push(format!("the server declines {}", declined.join(", ")));
    }
    if !failing.is_empty() {
        wrong.push(format!(
            "it answers {} with a 5xx status",
            failing.join(", ")
        ));
    }
    if !unfound.is_empty() {
        let unfound = unfound.join(", ");
        wrong.push(format!(
            "eq does not find a user by {unfound}, which the server stores"
        ));
    }
    if wrong.is_empty() && !as_unknown.is_empty() {
        let why = format!(
            "the server fails at {} as at an operator that does not exist",
            as_unknown.join(", ")
        );
        return Err(Stop::Follows("SCIM-FILTER-50", why));
    }
    super::item::ensure(wrong.is_empty(), || wrong.join("; "))
}

/// The control for filters on an attribute: `eq` with a value without special characters. True if
/// it finds a user who has the value, or if the server stores no such value.
async fn can_find_plain_value(probe: &Probe<'_>, name: &str) -> Judged<bool> {
    let test_users = probe.test_users().await?;
    let is_plain = |it: &str| {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || " -".contains(sign);
        it.chars().all(plain)
    };
    let value = test_users.people.iter().rev().find_map(|person| {
        let kept = text(&person.kept, &[name])?;
        let is_sent = text(&person.looks, &[name]) == Some(kept);
        (is_sent && is_plain(kept)).then_some(kept)
    });
    let Some(value) = value else {
        return Ok(true);
    };
    let filter = format!("{name} eq \"{value}\"");
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    let body = answer.json().unwrap_or_default();
    // The first page may contain others who have the value.
    let found = test_users.among(values(&body, "Resources"));
    let mut people = test_users.people.iter();
    let is_found =
        people.any(|it| found.contains(&it.name) && text(&it.kept, &[name]) == Some(value));
    Ok(is_declined(&answer) || is_found)
}

/// Returns an error if the filter uses an attribute by which the server finds no user: then a wrong
/// result says nothing about the rest of the filter.
pub(super) async fn require_found_by_attributes(probe: &Probe<'_>, filter: &str) -> Judged {
    for name in TEXTS.into_iter().chain(["externalId"]) {
        if words_of(filter).contains(&name.to_lowercase())
            && !can_find_plain_value(probe, name).await?
        {
            let why = format!(
                "eq does not find a user by {name} either, with a value without special characters"
            );
            let cause = match name {
                "externalId" => "SCIM-FILTER-03",
                _ => "SCIM-FILTER-61",
            };
            return Err(Stop::Follows(cause, why));
        }
    }
    Ok(())
}

/// Returns the answer to a filter if its status is 5xx.
async fn find_failure(probe: &Probe<'_>, filter: &str) -> Judged<Option<String>> {
    let answer = list_one_filtered_user(probe, filter).await?;
    Ok((answer.status >= 500).then(|| answer.quote()))
}

/// Returns an error if the server fails at filters on this attribute as at a filter on an attribute
/// that does not exist. `least` is the simplest filter on the attribute, if there is one.
async fn require_no_failure_at_attribute(
    probe: &Probe<'_>,
    name: &str,
    least: Option<&str>,
) -> Judged {
    let fails_at_least = match least {
        Some(least) => find_failure(probe, least).await?.is_some(),
        None => true,
    };
    if fails_at_least && let Some(failure) = find_failure(probe, UNKNOWN_ATTRIBUTE).await? {
        let why = format!(
            "the server fails at filters on {name} as at one on an attribute that does not exist: {failure}"
        );
        return Err(Stop::Follows("SCIM-FILTER-49", why));
    }
    Ok(())
}

/// Returns the check whose finding a failure at an invalid filter is a part of.
pub(super) async fn find_cause_of_failure(probe: &Probe<'_>) -> Judged<&'static str> {
    Ok(match find_failure(probe, UNKNOWN_ATTRIBUTE).await? {
        Some(_) => "SCIM-FILTER-49",
        None => "SCIM-FILTER-50",
    })
}

/// Returns an error if the server fails at this operator as at an operator that does not exist.
pub(super) async fn require_no_general_failure(
    probe: &Probe<'_>,
    operator: &str,
    least: &str,
) -> Judged {
    if let Some(failure) = find_failure(probe, least).await?
        && find_failure(probe, UNKNOWN_OPERATOR).await?.is_some()
    {
        let why = format!(
            "the server fails at the operator {operator} as at one that does not exist: {failure}"
        );
        return Err(Stop::Follows("SCIM-FILTER-50", why));
    }
    Ok(())
}

/// A filter on an attribute that does not exist.
const UNKNOWN_ATTRIBUTE: &str = r#"favoriteOtter eq "Otto""#;

/// A filter with an operator that does not exist.
pub(super) const UNKNOWN_OPERATOR: &str = r#"userName resembles "ann""#;

/// Returns the operators and attributes of a filter, in small letters.
fn words_of(filter: &str) -> Vec<String> {
    let bare = without_texts(filter);
    let words = bare.split(|sign: char| " ()[]".contains(sign));
    words.map(str::to_lowercase).collect()
}

/// Attributes by which clients usually search users.
const USUAL: [&str; 7] = [
    "displayName",
    "nickName",
    "title",
    "userType",
    "active",
    "name.familyName",
    "emails.value",
];

/// Returns the simplest filter on an attribute.
fn eq_on(name: &str, kind: &str) -> String {
    match kind {
        "boolean" => format!("{name} eq true"),
        "dateTime" => format!(r#"{name} eq "2001-02-03T04:05:06Z""#),
        _ => format!(r#"{name} eq "rehearsal""#),
    }
}

/// Returns the filter with empty string values, so that words in them are not read as operators.
fn without_texts(filter: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for sign in filter.chars() {
        match (inside, sign) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => {
                inside = !inside;
                out.push('"');
            }
            (true, _) => {}
            (false, _) => out.push(sign),
        }
    }
    out
}

/// Lists the users that a filter finds. If the server refuses a part of the filter that it refuses
/// everywhere, the check is not judged: the server may do so (RFC 7644 §3.4.2.2).
pub(super) async fn list_filtered_users(
    probe: &Probe<'_>,
    parameters: &[(&str, &str)],
) -> Judged<ScimAnswer> {
    let answer = probe.list_users(parameters).await?;
    let filter = parameters.iter().find(|(name, _)| *name == "filter");
    let fails = answer.status >= 500;
    let Some((_, filter)) = filter.filter(|_| fails || is_declined(&answer)) else {
        return Ok(answer);
    };
    let bare = without_texts(filter);
    let words = words_of(filter);
    for (operator, least) in OPERATORS {
        let is_used = match operator {
            "[ ]" => bare.contains('['),
            "( )" => bare.contains('('),
            operator => words.iter().any(|word| word == operator),
        };
        if is_used && fails {
            require_no_general_failure(probe, operator, least).await?;
        } else if is_used && is_filter_declined(probe, least).await? {
            if operator == "eq" {
                let why = "the server declines every filter, also userName eq".to_owned();
                return Err(Stop::Follows(EQ_FAILED, why));
            }
            return unjudged(format!(
                "the server declines the operator {operator}, which RFC 7644 §3.4.2.2 allows: {}",
                answer.quote()
            ));
        }
    }
    for name in words.iter().filter(|word| !word.contains(':')) {
        let Some((name, kind)) = known(probe, name) else {
            continue;
        };
        let is_brackets = bare.contains('[') || kind == "complex";
        let least = eq_on(&name, kind);
        if fails && name != "userName" {
            let least = (!is_brackets).then_some(least.as_str());
            require_no_failure_at_attribute(probe, &name, least).await?;
        } else if !fails
            && !is_brackets
            && name != "userName"
            && is_filter_declined(probe, &least).await?
        {
            return unjudged(format!(
                "the server declines filters on {name}: {}",
                answer.quote()
            ));
        }
    }
    // Attributes of extensions can only be named by URN, so core attributes show whether the server
    // limits attributes.
    let is_extension = words.iter().any(|word| word.contains("extension:"));
    if fails && is_extension {
        require_no_failure_at_attribute(probe, "attributes of extensions", None).await?;
    }
    if !fails && is_extension && is_filter_declined(probe, r#"displayName eq "rehearsal""#).await? {
        return unjudged(format!(
            "the server declines filters on most attributes: {}",
            answer.quote()
        ));
    }
    Ok(answer)
}

/// The most pages that are read for one filter.
const PAGES: usize = 20;

/// Returns the users that a filter finds, from all pages: a server may return fewer than there are
/// (RFC 7644 §3.4.2.4).
pub(super) async fn list_all_filtered_users(probe: &Probe<'_>, filter: &str) -> Judged<Vec<Value>> {
    let answer = list_filtered_users(probe, &[("filter", filter)]).await?;
    let mut all = answer.listed_resources()?;
    for _ in 1..PAGES {
        let total = answer.total().unwrap_or(0);
        if all.is_empty() || all.len() as u64 >= total {
            break;
        }
        let start = (all.len() + 1).to_string();
        let parameters = [("filter", filter), ("startIndex", &start)];
        let page = probe.list_users(&parameters).await?;
        let ids: Vec<Value> = all.iter().map(|it| it["id"].clone()).collect();
        let mut page = page.listed_resources()?;
        page.retain(|it| !ids.contains(&it["id"]));
        if page.is_empty() {
            break;
        }
        all.append(&mut page);
    }
    Ok(all)
}

/// True if pages are not longer than requested.
pub(super) async fn is_count_applied(probe: &Probe<'_>) -> Judged<bool> {
    let memo = &probe.session.counts;
    let known = memo.get_or_try_init(|| async {
        let answer = list_test_users(probe, &[("count", "2")]).await?;
        let body = answer.require_body_of_step("listing users")?;
        Ok::<_, Stop>(values(&body, "Resources").len() <= 2)
    });
    known.await.copied()
}

/// Returns why filters cannot be used, with the id of the check that reports it, or `None` if the
/// server evaluates one. A server that ignores filters returns users that do not match.
pub(super) async fn why_filters_unusable(
    probe: &Probe<'_>,
) -> Judged<Option<(&'static str, String)>> {
    let memo = &probe.session.ignores_filters;
    let known = memo.get_or_try_init(|| async {
        let test_users = probe.test_users().await?;
        let ann = text(&test_users.one("ann").sent, &["userName"]).unwrap_or_default();
        let filter = format!("userName eq \"{ann}\"");
        let answer = probe.list_users(&[("filter", &filter)]).await?;
        if is_declined(&answer) {
            let why = format!("the server declines filters: {}", answer.quote());
            return Ok(Some((EQ_FAILED, why)));
        }
        if let Some(why) = answer.lost_resources() {
            return Ok(Some(("SCIM-PAGE-16", why)));
        }
        let found = answer.json().filter(|_| answer.has_succeeded());
        let others = found.map(|found| {
            let all = values(&found, "Resources");
            all.iter()
                .filter(|one| text(one, &["id"]) != Some(&test_users.one("ann").id))
                .count()
        });
        Ok::<_, Stop>(others.filter(|others| *others > 0).map(|others| {
            let why = format!(
                "the server ignores filters: {filter} found {others} users of another userName"
            );
            (EQ_FAILED, why)
        }))
    });
    known.await.cloned()
}

/// Returns the parameters that list exactly the five test users: the first of these filters that
/// the server evaluates, or else no filter.
pub(super) async fn test_user_parameters(probe: &Probe<'_>) -> Judged<Vec<(&'static str, String)>> {
    let memo = &probe.session.everybody;
    let known = memo.get_or_try_init(|| async {
        let test_users = probe.test_users().await?;
        let mark = probe.session.test_user_mark();
        let names = test_users.names();
        let each: Vec<String> = names
            .iter()
            .map(|name| format!("userName eq \"{name}\""))
            .collect();
        let filters = [
            vec![("filter", format!("userName sw \"{mark}-\""))],
            vec![("filter", each.join(" or "))],
            Vec::new(),
        ];
        for parameters in filters {
            let borrowed: Vec<(&str, &str)> = parameters
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let answer = probe.list_users(&borrowed).await?;
            let body = answer.json().unwrap_or_default();
            let all = values(&body, "Resources");
            let mut found = test_users.among(all);
            found.sort_unstable();
            if answer.has_succeeded() && all.len() == found.len() && found == test_users.everyone() {
                return Ok(parameters);
            }
        }
        unjudged("no query lists exactly the five users that the checks made: neither userName sw, nor userName eq with or, nor without a filter")
    });
    known.await.cloned()
}

/// Lists the test users, with more parameters.
pub(super) async fn list_test_users(
    probe: &Probe<'_>,
    more: &[(&str, &str)],
) -> Judged<ScimAnswer> {
    let everybody = test_user_parameters(probe).await?;
    let mut all: Vec<(&str, &str)> = everybody
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    all.extend_from_slice(more);
    probe.get(&query(&probe.server.users.endpoint, &all)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_texts_are_no_operators() {
        let filter = r#"title eq "a \" and (b) co" or id pr"#;
        assert_eq!(without_texts(filter), r#"title eq "" or id pr"#);
    }
}
