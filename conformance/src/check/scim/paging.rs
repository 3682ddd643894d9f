//! Checks of lists and pages (RFC 7644 §3.4.2, §3.4.2.4; RFC 9865), judged with the five test
//! users.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{LIST, SEARCH, member, names_to_text, speaks, text, value_to_text, values};
use super::sort::has_search;
use super::start_index::unless_counted_from_zero;
use super::support::{
    list_filtered_users, list_test_users, test_user_parameters, why_filters_unusable,
};
use super::wire::ScimAnswer;
use crate::check::summary::plural;

checks! {
"SCIM-PAGE-01", Must, "RFC 7644 §3.4.2"; "The member schemas of a list contains the URN of ListResponse";
    expects "schemas with urn:ietf:params:scim:api:messages:2.0:ListResponse";
    fix "Put the URN of ListResponse into schemas of every list.";
    needs []; act(judge_list_schema)
"SCIM-PAGE-02", Must, "RFC 7644 §3.4.2"; "A list contains totalResults";
    expects "a number totalResults";
    fix "Put totalResults into every list: it is REQUIRED.";
    needs []; act(judge_total)
"SCIM-PAGE-03", Must, "RFC 7644 §3.4.2.4"; "The member totalResults counts all matches of the filter, not only those on the page";
    expects "totalResults 5 with count=2";
    fix "Count all matches before you select the page.";
    needs [Need::Writes]; act(judge_total_of_all)
"SCIM-PAGE-04", Must, "RFC 7644 §3.4.2.4"; "A page has at most count resources";
    expects "two users at most with count=2";
    fix "Never return more than count resources.";
    needs [Need::Writes]; act(judge_page_size)
"SCIM-PAGE-05", Must, "RFC 7644 §3.4.2.4"; "A request with count=0 returns totalResults without resources";
    expects "no Resources, and totalResults 5";
    fix "Return no resources for count=0, not an unlimited number of them.";
    needs [Need::Writes, Need::Count]; act(judge_count_zero)
"SCIM-PAGE-06", Must, "RFC 7644 §3.4.2.4"; "A negative count is treated as 0";
    expects "200 without Resources";
    fix "Treat negative values as 0.";
    needs [Need::Writes, Need::Count]; act(judge_negative_count)
"SCIM-PAGE-07", Must, "RFC 7644 §3.4.2.4"; "A startIndex of 0 is treated as 1";
    expects "the same page as startIndex=1";
    fix "Treat values below 1 as 1.";
    needs [Need::Writes, Need::Count]; act(judge_start_zero)
"SCIM-PAGE-08", Must, "RFC 7644 §3.4.2.4"; "A negative startIndex is treated as 1";
    expects "the same page as startIndex=1";
    fix "Treat values below 1 as 1.";
    needs [Need::Writes, Need::Count]; act(judge_negative_start)
"SCIM-PAGE-09", Must, "RFC 7644 §3.4.2.4"; "The parameter startIndex counts from 1, and pages do not overlap";
    expects "everybody once in pages of two";
    fix "Skip startIndex - 1 resources: the first resource has the number 1, so with pages of two the second page begins with startIndex=3. Sort the results in a stable order.";
    needs [Need::Writes, Need::Count]; act(judge_overlap_of_pages)
"SCIM-PAGE-10", Should, "RFC 7644 §3.4.2.4"; "A page beyond the end is an empty list, not an error";
    expects "200 without Resources, and totalResults 5";
    fix "Answer 200 with an empty page.";
    needs [Need::Writes, Need::Count]; act(judge_page_beyond_end)
"SCIM-PAGE-11", Must, "RFC 7644 §3.4.2.4"; "A page contains startIndex";
    expects "startIndex 3, as it was asked for";
    fix "Put startIndex into every answer with a part of the results: it is REQUIRED there.";
    needs [Need::Writes, Need::Count]; act(judge_start_index)
"SCIM-PAGE-12", Must, "RFC 7644 §3.4.2.4"; "A page contains itemsPerPage";
    expects "itemsPerPage equal to the length of Resources";
    fix "Put itemsPerPage into every answer with a part of the results: it is REQUIRED there.";
    needs [Need::Writes]; act(judge_items_per_page)
"SCIM-PAGE-13", Should, "RFC 7644 §3.4.2.4"; "A count that is not a number is refused";
    expects "count=many: 400";
    fix "Answer 400 invalidValue to a count that is not a number.";
    needs []; act(judge_count_without_number)
"SCIM-PAGE-14", Should, "RFC 7644 §3.4.2.4"; "A very large count is reduced, not refused";
    expects "count=1000000: 200";
    fix "Limit the page to filter.maxResults.";
    needs [Need::Writes]; act(judge_huge_count)
"SCIM-PAGE-15", Must, "RFC 7644 §3.4.2.4"; "The last page contains the remaining resources";
    expects "one user from startIndex=5";
    fix "Return the rest on the last page, even if it is not full.";
    needs [Need::Writes, Need::Count]; act(judge_last_page)
"SCIM-PAGE-16", Must, "RFC 7644 §3.4.2"; "A list contains the resources that totalResults counts";
    expects "one user in Resources, and totalResults 1";
    fix "Return Resources if totalResults is not zero: it is REQUIRED then. Skip startIndex - 1 resources, not startIndex: the first resource has the number 1, and startIndex is 1 if it is not given.";
    needs [Need::Writes]; act(judge_counted_resources)
"SCIM-CURSOR-01", Must, "RFC 9865 §2"; "An empty cursor returns the first page with nextCursor";
    expects "two users and a nextCursor";
    fix "Return nextCursor on every page but the last.";
    needs [Need::Cursor, Need::Writes, Need::Count]; act(judge_empty_cursor)
"SCIM-CURSOR-02", Must, "RFC 9865 §2"; "Following the cursors returns every resource once, and ends";
    expects "everybody once, and no nextCursor on the last page";
    fix "Leave nextCursor out on the last page only.";
    needs [Need::Cursor, Need::Writes, Need::Count]; act(judge_walk_by_cursor)
"SCIM-CURSOR-03", Must, "RFC 9865 §2"; "A page by cursor has at most count resources";
    expects "two users at most with count=2";
    fix "Never return more than count resources.";
    needs [Need::Cursor, Need::Writes, Need::Count]; act(judge_page_size_by_cursor)
"SCIM-CURSOR-04", Should, "RFC 9865 §2.1"; "An invalid cursor is refused with invalidCursor";
    expects "400 with scimType invalidCursor";
    fix "Check that a cursor is one that you issued, and refuse others.";
    needs [Need::Cursor]; act(judge_invalid_cursor)
"SCIM-CURSOR-05", Should, "RFC 9865 §3"; "A search by POST applies the parameter cursor";
    expects "two users and a nextCursor from /Users/.search";
    fix "Read cursor from the SearchRequest as from the query string.";
    needs [Need::Cursor, Need::Writes, Need::Count]; act(judge_cursor_in_search)
"SCIM-CURSOR-06", Should, "RFC 9865 §2"; "A cursor stays valid when a resource of the first page is deleted";
    expects "the rest once each, after somebody of the first page was deleted";
    fix "Let a cursor store a position in the sort order, not a resource or an offset.";
    needs [Need::Cursor, Need::Filter, Need::Writes, Need::Count]; act(judge_cursor_after_delete)
}

async fn read_page(probe: &Probe<'_>, parameters: &[(&str, &str)]) -> Judged<ScimAnswer> {
    list_test_users(probe, parameters).await
}

async fn read_names(probe: &Probe<'_>, parameters: &[(&str, &str)]) -> Judged<Vec<&'static str>> {
    let answer = read_page(probe, parameters).await?;
    Ok(probe.test_users().await?.among(&answer.listed_resources()?))
}

async fn judge_list_schema(probe: &Probe<'_>) -> Judged {
    let answer = probe.list_users(&[("count", "1")]).await?;
    let body = answer.require_body_of_step("listing users")?;
    if speaks(&body, LIST) {
        return Ok(());
    }
    answer.wrong(format!(
        "schemas is {}",
        value_to_text(member(&body, "schemas"))
    ))
}

async fn judge_total(probe: &Probe<'_>) -> Judged {
    let answer = probe.list_users(&[("count", "1")]).await?;
    answer.require_step("listing users")?;
    answer.total().map(drop)
}

async fn judge_total_of_all(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("count", "2")]).await?;
    match answer.total()? {
        5 => Ok(()),
        total => answer.wrong(format!("totalResults is {total}")),
    }
}

async fn judge_counted_resources(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let name = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let cause = why_filters_unusable(probe).await?;
    if cause.is_some_and(|(cause, _)| cause != "SCIM-PAGE-16") {
        return judge_counted_resources_of_all(probe).await;
    }
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    answer.require_step("listing users")?;
    if let Some(why) = answer.lost_resources() {
        return answer.wrong(why);
    }
    match answer.total()? {
        0 => unjudged("the filter finds nobody: see SCIM-FILTER-01"),
        _ => Ok(()),
    }
}

/// Counts the users on all pages of a list without a filter.
async fn judge_counted_resources_of_all(probe: &Probe<'_>) -> Judged {
    const MOST_PAGES: usize = 20;
    let first = probe.list_users(&[]).await?;
    let mut seen: BTreeSet<String> = ids(&first.listed_resources()?).into_iter().collect();
    let total = first.total()?;
    for _ in 1..MOST_PAGES {
        if seen.len() as u64 >= total {
            return Ok(());
        }
        let start = (seen.len() + 1).to_string();
        let page = probe.list_users(&[("startIndex", &start)]).await?;
        let before = seen.len();
        seen.extend(ids(&page.listed_resources()?));
        if seen.len() == before {
            let seen = seen.len();
            let judged = first.wrong(format!(
                "the pages have {seen} users, totalResults is {total}"
            ));
            return unless_counted_from_zero(probe, judged).await;
        }
    }
    unjudged(format!("the list has more than {MOST_PAGES} pages"))
}

async fn judge_page_size(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("count", "2")]).await?;
    match answer.listed_resources()?.len() {
        0..=2 => Ok(()),
        length => answer.wrong(format!("the answer contains {length} users")),
    }
}

async fn judge_count_zero(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("count", "0")]).await?;
    let (listed, total) = (answer.listed_resources()?.len(), answer.total()?);
    let got = format!("the answer contains {listed} users, totalResults is {total}");
    match (listed, total) {
        (0, 5) => Ok(()),
        (0, _) => Err(Stop::Follows("SCIM-PAGE-03", got)),
        _ => answer.wrong(got),
    }
}

async fn judge_negative_count(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("count", "-3")]).await?;
    match answer.listed_resources()?.len() {
        0 => Ok(()),
        length => answer.wrong(format!("the answer contains {length} users")),
    }
}

async fn require_first_page(probe: &Probe<'_>, start: &str) -> Judged {
    let first = read_names(probe, &[("startIndex", "1"), ("count", "2")]).await?;
    let got = read_names(probe, &[("startIndex", start), ("count", "2")]).await?;
    let judged = ensure(got == first, || {
        format!(
            "startIndex={start} gives {}, startIndex=1 gives {}",
            names_to_text(&got),
            names_to_text(&first)
        )
    });
    unless_counted_from_zero(probe, judged).await
}

async fn judge_start_zero(probe: &Probe<'_>) -> Judged {
    require_first_page(probe, "0").await
}

async fn judge_negative_start(probe: &Probe<'_>) -> Judged {
    require_first_page(probe, "-7").await
}

async fn judge_overlap_of_pages(probe: &Probe<'_>) -> Judged {
    let mut all = Vec::new();
    for start in ["1", "3"] {
        all.extend(read_names(probe, &[("startIndex", start), ("count", "2")]).await?);
    }
    all.extend(read_names(probe, &[("startIndex", "5"), ("count", "5")]).await?);
    unless_counted_from_zero(probe, require_each_once(all)).await
}

fn require_each_once(mut all: Vec<&'static str>) -> Judged {
    let got = names_to_text(&all);
    all.sort_unstable();
    ensure(all == ["ann", "bob", "cyd", "dee", "eve"], || {
        format!("the pages have {got}")
    })
}

async fn judge_page_beyond_end(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("startIndex", "100")]).await?;
    let (listed, total) = (answer.listed_resources()?.len(), answer.total()?);
    let got = format!("the answer contains {listed} users, totalResults is {total}");
    match (listed, total) {
        (0, 5) => Ok(()),
        (0, _) => Err(Stop::Follows("SCIM-PAGE-03", got)),
        _ => answer.wrong(got),
    }
}

async fn judge_start_index(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("startIndex", "3"), ("count", "2")]).await?;
    let body = answer.require_body_of_step("listing users")?;
    if member(&body, "startIndex").and_then(Value::as_u64) == Some(3) {
        return Ok(());
    }
    answer.wrong(format!(
        "startIndex is {}",
        value_to_text(member(&body, "startIndex"))
    ))
}

async fn judge_items_per_page(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("startIndex", "1"), ("count", "2")]).await?;
    let body = answer.require_body_of_step("listing users")?;
    let said = member(&body, "itemsPerPage");
    let length = values(&body, "Resources").len();
    let told_length = said.and_then(Value::as_u64);
    if told_length.is_none() || told_length != u64::try_from(length).ok() {
        return answer.wrong(format!(
            "itemsPerPage is {} for {length} resources",
            value_to_text(said)
        ));
    }
    // On a page that is not full, it is not the largest number of resources.
    let answer = read_page(probe, &[("startIndex", "5"), ("count", "4")]).await?;
    let body = answer.require_body_of_step("listing users")?;
    let said = member(&body, "itemsPerPage").and_then(Value::as_u64);
    let length = values(&body, "Resources").len();
    match said {
        Some(said) if length > 0 && u64::try_from(length).ok() != Some(said) => {
            answer.wrong(format!(
                "itemsPerPage is {said} on the last page, which has {}",
                plural(length, "resource", "resources")
            ))
        }
        _ => Ok(()),
    }
}

async fn judge_count_without_number(probe: &Probe<'_>) -> Judged {
    probe.list_users(&[("count", "many")]).await?.is(400)
}

async fn judge_huge_count(probe: &Probe<'_>) -> Judged {
    read_page(probe, &[("count", "1000000")]).await?.is(200)
}

async fn judge_last_page(probe: &Probe<'_>) -> Judged {
    let last = read_names(probe, &[("startIndex", "5"), ("count", "2")]).await?;
    let judged = ensure(last.len() == 1, || {
        format!("startIndex=5 of 5 gives {}", names_to_text(&last))
    });
    unless_counted_from_zero(probe, judged).await
}

fn next(answer: &ScimAnswer) -> Option<String> {
    text(&answer.json()?, &["nextCursor"]).map(str::to_owned)
}

async fn judge_empty_cursor(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("cursor", ""), ("count", "2")]).await?;
    answer.is(200)?;
    if next(&answer).is_some() {
        return Ok(());
    }
    answer.wrong("there is no nextCursor")
}

async fn judge_page_size_by_cursor(probe: &Probe<'_>) -> Judged {
    let answer = read_page(probe, &[("cursor", ""), ("count", "2")]).await?;
    match answer.listed_resources()?.len() {
        0..=2 => Ok(()),
        length => answer.wrong(format!("the answer contains {length} users")),
    }
}

async fn judge_walk_by_cursor(probe: &Probe<'_>) -> Judged {
    let mut all = Vec::new();
    let mut cursor = Some(String::new());
    let mut pages = 0;
    while let Some(at) = cursor {
        let answer = read_page(probe, &[("cursor", &at), ("count", "2")]).await?;
        all.extend(probe.test_users().await?.among(&answer.listed_resources()?));
        cursor = next(&answer);
        pages += 1;
        if pages == 1 && cursor.is_none() {
            return unjudged(format!("there is no nextCursor: {}", answer.quote()));
        }
        ensure(pages < 10, || "the cursors do not end".to_owned())?;
    }
    require_each_once(all)
}

async fn judge_invalid_cursor(probe: &Probe<'_>) -> Judged {
    let answer = probe
        .list_users(&[("cursor", "no-cursor-at-all"), ("count", "2")])
        .await?;
    answer.is_error(400, "invalidCursor")
}

async fn judge_cursor_in_search(probe: &Probe<'_>) -> Judged {
    let mut body = json!({"schemas": [SEARCH], "cursor": "", "count": 2});
    for (name, value) in test_user_parameters(probe).await? {
        body[name] = value.into();
    }
    let target = format!("{}/.search", probe.server.users.endpoint);
    let answer = probe.post(&target, &body).await?;
    if !answer.has_succeeded() {
        has_search(probe).await?;
    }
    answer.is(200)?;
    if next(&answer).is_some() {
        return Ok(());
    }
    answer.wrong("there is no nextCursor")
}

async fn judge_cursor_after_delete(probe: &Probe<'_>) -> Judged {
    let prefix = format!("{}cursor-{}", probe.session.mark, probe.name().len());
    let mut made = Vec::new();
    for number in 0..4 {
        let name = format!("{prefix}-{number}@example.com");
        made.push(probe.create_user(json!({ "userName": name })).await?);
    }
    let filter = format!("userName sw \"{prefix}-\"");
    let walk = |cursor: String| {
        let filter = filter.clone();
        async move {
            let parameters = [
                ("filter", filter.as_str()),
                ("cursor", &cursor),
                ("count", "2"),
            ];
            probe.list_users(&parameters).await
        }
    };
    // The control: the filter must find exactly the created users.
    let mut known: Vec<String> = made.iter().map(|one| one.id.clone()).collect();
    known.sort_unstable();
    let answer = list_filtered_users(probe, &[("filter", &filter)]).await?;
    let mut found = ids(values(
        &answer.require_body_of_step("the filter")?,
        "Resources",
    ));
    found.sort_unstable();
    if found != known {
        return unjudged(format!("{filter} does not find the four users made for it"));
    }
    let first = walk(String::new()).await?;
    let mut seen = ids(&first.listed_resources()?);
    let Some(mut cursor) = next(&first) else {
        return unjudged("there is no nextCursor");
    };
    let Some(victim) = seen.first().cloned() else {
        return unjudged("the first page is empty");
    };
    probe
        .delete(&format!("{}/{victim}", probe.server.users.endpoint))
        .await?
        .require_step("deleting a user")?;
    for _ in 0..4 {
        let answer = walk(cursor).await?;
        seen.extend(ids(&answer.listed_resources()?));
        match next(&answer) {
            Some(more) => cursor = more,
            None => break,
        }
    }
    seen.sort_unstable();
    let mut wanted: Vec<String> = made.into_iter().map(|one| one.id).collect();
    wanted.sort_unstable();
    ensure(seen == wanted, || {
        format!(
            "the pages have {}, expected {}",
            names_to_text(&seen),
            names_to_text(&wanted)
        )
    })
}

fn ids(resources: &[Value]) -> Vec<String> {
    let all = resources.iter().filter_map(|one| text(one, &["id"]));
    all.map(str::to_owned).collect()
}
