//! The check of a list with more than 10,000 users (RFC 7644 §3.4.2.4). Databases and search
//! engines often limit how many results can be skipped, and the users beyond are then never read.

use super::item::{Judged, Need, Stop, checks, unjudged};
use super::probe::Probe;
use super::reading::{member, text};
use super::wire::ScimAnswer;

checks! {
"SCIM-PAGE-17", Must, "RFC 7644 §3.4.2.4"; "Pages beyond 10,000 users contain users";
    expects "one user at startIndex=10001, and one at the last index";
    fix "Skip startIndex - 1 users however large it is. If the database limits how many it can skip, continue after the last user of the page before, by a sorted key.";
    needs [Need::Count]; act(judge_beyond_limit)
}

/// The usual limit: of Elasticsearch and OpenSearch, and of many services.
const LIMIT: u64 = 10_000;

/// A page with one user.
struct Page {
    start: u64,
    answer: ScimAnswer,
}

impl Page {
    async fn read(probe: &Probe<'_>, start: u64) -> Judged<Self> {
        let start_index = start.to_string();
        let parameters = [("startIndex", start_index.as_str()), ("count", "1")];
        let answer = probe.list_users(&parameters).await?;
        Ok(Self { start, answer })
    }

    /// Returns the id of its user; `None` if the page is empty.
    fn id(&self) -> Judged<Option<String>> {
        let users = self.answer.listed_resources()?;
        let id = users.first().and_then(|one| text(one, &["id"]));
        Ok(id.map(str::to_owned))
    }

    fn wrong<T>(&self, what: &str) -> Judged<T> {
        let start = self.start;
        self.answer.wrong(format!("startIndex={start} {what}"))
    }
}

async fn judge_beyond_limit(probe: &Probe<'_>) -> Judged {
    let first = Page::read(probe, 1).await?;
    first.answer.require_step("listing users")?;
    let total = match first.answer.total() {
        Err(Stop::Wrong(why)) => return Err(Stop::Follows("SCIM-PAGE-02", why)),
        total => total?,
    };
    if total <= LIMIT {
        return unjudged(format!(
            "the server has {total} users, and this check needs more than 10,000: run it with --only SCIM-PAGE-17 --read-only at a server that has them"
        ));
    }
    // The control: without a right second page, an error at a late one proves nothing about its
    // index.
    let second = Page::read(probe, 2).await?;
    second
        .answer
        .require_step("listing users from the second one")?;
    let (first, second) = (first.id()?, second.id()?);
    if second.is_none() || first == second {
        let why = "startIndex=2 with count=1 does not return the second user".to_owned();
        return Err(Stop::Follows("SCIM-PAGE-09", why));
    }
    let mut last = require_page(probe, LIMIT + 1, first.as_deref()).await?;
    if last > LIMIT + 1 {
        last = require_page(probe, last, first.as_deref()).await?;
    }
    match last {
        ..=LIMIT => {
            unjudged("users were deleted while the check ran, and 10,000 or fewer are left")
        }
        _ => Ok(()),
    }
}

/// Requires one user at this index, who is not the `first` one of the list. Returns the last index
/// of the list as it is now: users may be created and deleted in the meantime.
async fn require_page(probe: &Probe<'_>, start: u64, first: Option<&str>) -> Judged<u64> {
    let page = Page::read(probe, start).await?;
    let refusal = page.answer.json().unwrap_or_default();
    if page.answer.status == 400 && text(&refusal, &["scimType"]) == Some("tooMany") {
        return unjudged(format!(
            "the server declines to list so many users, as RFC 7644 §3.12 allows (tooMany); clients that read all users do not get the others: {}",
            page.answer.quote()
        ));
    }
    if !page.answer.has_succeeded() {
        return page.wrong("is not answered with users");
    }
    let last = page.answer.total()?;
    if last < start {
        return Ok(last);
    }
    let Some(id) = page.id()? else {
        return page.wrong(&format!("returns no user, and totalResults is {last}"));
    };
    if Some(id.as_str()) == first {
        return page.wrong("returns the first user of the list");
    }
    let body = page.answer.body()?;
    let said = member(&body, "startIndex");
    match said.filter(|it| it.as_u64() != Some(start)) {
        Some(said) => page.wrong(&format!("returns a page with startIndex {said}")),
        None => Ok(last),
    }
}
