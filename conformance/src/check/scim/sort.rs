//! Checks of sorting, and of searching by POST (RFC 7644 §3.4.2.3, §3.4.3).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::read::require_effect_of_attributes;
use super::reading::{LIST, SEARCH, member, names_to_text, speaks, text, value_to_text, values};
use super::start_index::unless_counted_from_zero;
use super::support::{list_test_users, test_user_parameters};
use super::wire::ScimAnswer;

checks! {
"SCIM-SORT-01", Must, "RFC 7644 §3.4.2.3"; "With sortOrder=ascending, the smallest value is first";
    expects "ann, bob, cyd, dee, eve by userName";
    fix "Sort by sortBy in sortOrder.";
    needs [Need::Sort, Need::Writes]; act(judge_ascending_order)
"SCIM-SORT-02", Must, "RFC 7644 §3.4.2.3"; "With sortOrder=descending, the greatest value is first";
    expects "eve, dee, cyd, bob, ann by userName";
    fix "Sort by sortBy in sortOrder.";
    needs [Need::Sort, Need::Writes]; act(judge_descending_order)
"SCIM-SORT-03", Must, "RFC 7644 §3.4.2.3"; "Without sortOrder the order is ascending";
    expects "ann, bob, cyd, dee, eve by userName";
    fix "Use ascending as the default.";
    needs [Need::Sort, Need::Writes]; act(judge_default_order)
"SCIM-SORT-04", Must, "RFC 7644 §3.4.2.3"; "Sorting ignores letter case if the attribute is not caseExact";
    expects "bob, in lower case, between Ann and Cyd by displayName";
    fix "Ignore letter case when comparing, unless the attribute is caseExact.";
    needs [Need::Sort, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_order_without_case)
"SCIM-SORT-05", Must, "RFC 7644 §3.4.2.3"; "The parameter sortBy accepts a sub-attribute";
    expects "ann, bob, cyd, dee, eve by name.familyName";
    fix "Support paths such as name.familyName in sortBy.";
    needs [Need::Sort, Need::Writes, Need::Keeps(&["name.familyName"])]; act(judge_order_by_sub_attribute)
"SCIM-SORT-06", Must, "RFC 7644 §3.4.2.3"; "In ascending order, resources without a value come last";
    expects "cyd, who has no nickName, last";
    fix "Sort resources without a value last in ascending order.";
    needs [Need::Sort, Need::Writes, Need::Keeps(&["nickName"])]; act(judge_missing_values_last)
"SCIM-SORT-07", Must, "RFC 7644 §3.4.2.3"; "In descending order, resources without a value come first";
    expects "cyd, who has no nickName, first";
    fix "Sort resources without a value first in descending order.";
    needs [Need::Sort, Need::Writes, Need::Keeps(&["nickName"])]; act(judge_missing_values_first)
"SCIM-SORT-08", Must, "RFC 7644 §3.4.2.3"; "Results are sorted before they are paged";
    expects "cyd and dee on the second page of two by userName";
    fix "Sort all results, then select the page.";
    needs [Need::Sort, Need::Writes, Need::Count]; act(judge_order_of_pages)
"SCIM-SORT-09", Should, "RFC 7644 §3.4.2.3"; "A multi-valued attribute is sorted by its primary value";
    expects "by emails.value, the user with the smaller primary e-mail first";
    fix "Sort by the value whose primary is true, or else by the first one.";
    needs [Need::Sort, Need::Writes, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.primary"])]; act(judge_order_by_primary)
"SCIM-SEARCH-01", May, "RFC 7644 §3.4.3"; "Users can be searched by POST to /Users/.search";
    expects "POST /Users/.search: 200 with a ListResponse";
    fix "Serve .search below each endpoint, also for a SearchRequest without a filter: clients can then send filters in the body, not in URLs.";
    needs [Need::Writes]; act(judge_search)
"SCIM-SEARCH-02", Must, "RFC 7644 §3.4.3"; "A search by POST applies the parameter filter";
    expects "ann alone";
    fix "Read filter from the body as from the query string.";
    needs [Need::Filter, Need::Writes]; act(judge_search_with_filter)
"SCIM-SEARCH-03", Must, "RFC 7644 §3.4.3"; "A search by POST applies the parameters startIndex and count";
    expects "two users at most, totalResults 5, startIndex 2";
    fix "Read startIndex and count from the body as from the query string.";
    needs [Need::Writes, Need::Count]; act(judge_search_with_page)
"SCIM-SEARCH-04", Must, "RFC 7644 §3.4.3"; "A search by POST applies the parameter attributes";
    expects "userName, and no displayName";
    fix "Read attributes, which is an array here, from the body.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_search_with_attributes)
"SCIM-SEARCH-05", May, "RFC 7644 §3.4.3"; "All resource types can be searched by POST to /.search";
    expects "POST /.search by id: the user";
    fix "Serve .search at the base URL over all resource types.";
    needs [Need::Filter, Need::Writes]; act(judge_search_at_root)
}

async fn read_order(probe: &Probe<'_>, parameters: &[(&str, &str)]) -> Judged<Vec<&'static str>> {
    let test_users = probe.test_users().await?;
    Ok(test_users.among(
        &list_test_users(probe, parameters)
            .await?
            .listed_resources()?,
    ))
}

fn out_of_order(by: &str, got: &[&str]) -> String {
    format!("sorted by {by}: {}", names_to_text(got))
}

async fn require_order(
    probe: &Probe<'_>,
    by: &str,
    order_: Option<&str>,
    wanted: &[&str],
) -> Judged {
    let mut parameters = vec![("sortBy", by)];
    parameters.extend(order_.map(|order_| ("sortOrder", order_)));
    let got = read_order(probe, &parameters).await?;
    ensure(got == wanted, || out_of_order(by, &got))
}

const UP: [&str; 5] = ["ann", "bob", "cyd", "dee", "eve"];
const DOWN: [&str; 5] = ["eve", "dee", "cyd", "bob", "ann"];

async fn judge_ascending_order(probe: &Probe<'_>) -> Judged {
    require_order(probe, "userName", Some("ascending"), &UP).await
}

async fn judge_descending_order(probe: &Probe<'_>) -> Judged {
    require_order(probe, "userName", Some("descending"), &DOWN).await
}

async fn judge_default_order(probe: &Probe<'_>) -> Judged {
    require_order(probe, "userName", None, &UP).await
}

async fn judge_order_without_case(probe: &Probe<'_>) -> Judged {
    let display = probe.server.users.schema.attribute("displayName");
    if display.is_some_and(|display| display.case_exact) {
        return unjudged("the User schema declares displayName as caseExact");
    }
    require_order(probe, "displayName", Some("ascending"), &UP).await
}

async fn judge_order_by_sub_attribute(probe: &Probe<'_>) -> Judged {
    require_order(probe, "name.familyName", Some("ascending"), &UP).await
}

async fn judge_missing_values_last(probe: &Probe<'_>) -> Judged {
    let parameters = [("sortBy", "nickName"), ("sortOrder", "ascending")];
    let got = read_order(probe, &parameters).await?;
    ensure(got.len() == 5 && got.last() == Some(&"cyd"), || {
        out_of_order("nickName", &got)
    })
}

async fn judge_missing_values_first(probe: &Probe<'_>) -> Judged {
    let parameters = [("sortBy", "nickName"), ("sortOrder", "descending")];
    let got = read_order(probe, &parameters).await?;
    ensure(got.len() == 5 && got.first() == Some(&"cyd"), || {
        out_of_order("nickName", &got)
    })
}

async fn judge_order_of_pages(probe: &Probe<'_>) -> Judged {
    let parameters = [("sortBy", "userName"), ("startIndex", "3"), ("count", "2")];
    let got = read_order(probe, &parameters).await?;
    let judged = ensure(got == ["cyd", "dee"], || {
        format!("the second page has {}", names_to_text(&got))
    });
    unless_counted_from_zero(probe, judged).await
}

/// Sorts two users. The one that was created first comes last by its primary address, and first by
/// the first, the last, the smallest or the greatest of its addresses.
async fn judge_order_by_primary(probe: &Probe<'_>) -> Judged {
    let address = |letter: &str| format!("{letter}-{}", probe.name());
    let last = json!({"emails": [
        {"value": address("a"), "type": "home"},
        {"value": address("m"), "type": "work", "primary": true},
    ]});
    let first = json!({"emails": [
        {"value": address("k"), "type": "work", "primary": true},
        {"value": address("z"), "type": "home"},
    ]});
    let (last, first) = (
        probe.create_user(last).await?,
        probe.create_user(first).await?,
    );
    let names = [&last, &first].map(|user| text(&user.sent, &["userName"]).unwrap_or_default());
    let filter = format!(
        "userName eq \"{}\" or userName eq \"{}\"",
        names[0], names[1]
    );
    let places = |all: &[Value]| {
        let place = |user: &Made| {
            all.iter()
                .position(|one| text(one, &["id"]) == Some(&user.id))
        };
        place(&first).zip(place(&last))
    };
    // A server may refuse the filter, and a list without one may be too long for both users.
    for parameters in [vec![("filter", filter.as_str())], Vec::new()] {
        let answer = probe.list_users(&parameters).await?;
        let body = answer.json().unwrap_or_default();
        if places(values(&body, "Resources")).is_none() {
            continue;
        }
        let parameters = [parameters, vec![("sortBy", "emails.value")]].concat();
        let answer = probe.list_users(&parameters).await?;
        let listed = answer.listed_resources()?;
        return match places(&listed) {
            Some((first, last)) if first < last => Ok(()),
            Some(_) => answer.wrong(format!(
                "sorted by emails.value, {} is not before {}",
                first.id, last.id
            )),
            None => unjudged("the sorted list does not have both users that the check created"),
        };
    }
    unjudged("no list has both users that the check created")
}

async fn post_search(probe: &Probe<'_>, more: Value) -> Judged<ScimAnswer> {
    let mut body = json!({"schemas": [SEARCH]});
    for (name, value) in test_user_parameters(probe).await? {
        body[name] = value.into();
    }
    let body = super::body::with(body, more);
    let target = format!("{}/.search", probe.server.users.endpoint);
    let answer = probe.post(&target, &body).await?;
    if !answer.has_succeeded() {
        has_search(probe).await?;
    }
    Ok(answer)
}

/// Sends the simplest search. A server without searches by POST may also take it for the creation
/// of a user, and answer 400.
pub(super) async fn has_search(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/.search", probe.server.users.endpoint);
    let answer = probe.post(&target, &least_search()).await?;
    if answer.has_succeeded() {
        return Ok(());
    }
    let why = format!("no search by POST succeeds: {}", answer.quote());
    Err(Stop::Follows("SCIM-SEARCH-01", why))
}

fn least_search() -> Value {
    json!({"schemas": [SEARCH], "count": 1})
}

async fn judge_search(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/.search", probe.server.users.endpoint);
    let answer = probe.post(&target, &least_search()).await?;
    answer.is(200)?;
    let body = answer.body()?;
    if speaks(&body, LIST) {
        return Ok(());
    }
    answer.wrong(format!(
        "schemas is {}",
        value_to_text(member(&body, "schemas"))
    ))
}

async fn judge_search_with_filter(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let name = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let answer = post_search(probe, json!({ "filter": filter })).await?;
    let all = answer.listed_resources()?;
    let got = probe.test_users().await?.among(&all);
    ensure(got == ["ann"] && all.len() == 1, || {
        format!("{} users were found: {}", all.len(), names_to_text(&got))
    })
}

async fn judge_search_with_page(probe: &Probe<'_>) -> Judged {
    let answer = post_search(probe, json!({"startIndex": 2, "count": 2})).await?;
    let (length, total) = (answer.listed_resources()?.len(), answer.total()?);
    let body = answer.body()?;
    let start = member(&body, "startIndex");
    let got = format!(
        "{length} users, totalResults {total}, startIndex {}",
        value_to_text(start)
    );
    match (length, total, start.and_then(Value::as_u64)) {
        (0..=2, 5, Some(2)) => Ok(()),
        (0..=2, 5, _) => Err(Stop::Follows("SCIM-PAGE-11", got)),
        (0..=2, _, Some(2)) => Err(Stop::Follows("SCIM-PAGE-03", got)),
        _ => answer.wrong(got),
    }
}

async fn judge_search_with_attributes(probe: &Probe<'_>) -> Judged {
    let answer = post_search(probe, json!({"attributes": ["userName"]})).await?;
    let all = answer.listed_resources()?;
    let fits =
        |one: &Value| member(one, "userName").is_some() && member(one, "displayName").is_none();
    if all.is_empty() {
        return unjudged(format!("the search found no user: {}", answer.quote()));
    }
    let judged = match all.iter().all(fits) {
        true => Ok(()),
        false => answer.wrong("the answer was not limited to userName"),
    };
    if judged.is_err() {
        require_effect_of_attributes(probe).await?;
    }
    judged
}

async fn judge_search_at_root(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let filter = format!("id eq \"{}\"", ann.id);
    let body = json!({"schemas": [SEARCH], "filter": filter});
    let answer = probe.post("/.search", &body).await?;
    if !answer.has_succeeded() {
        has_search(probe).await?;
    }
    answer.is(200)?;
    let body = answer.body()?;
    let mut ids = values(&body, "Resources")
        .iter()
        .filter_map(|one| text(one, &["id"]));
    if ids.any(|id| id == ann.id) {
        return Ok(());
    }
    answer.wrong("the user was not found")
}
