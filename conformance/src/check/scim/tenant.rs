//! Another tenant's credentials: they must neither read nor change what
//! belongs to the first. Without such credentials the checks are skipped.

use reqwest::Method;
use serde_json::{Value, json};

use super::check_error::{CheckError, summary};
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::made::Made;
use super::options::SecondTenant;
use super::probe::Probe;
use super::reading::{PATCH, at, text};
use super::target::{self, query, segment};
use super::wire::{ScimAnswer, ScimRequest};

checks! {
harm Protection;
"SCIM-TENANT-01", Must, "RFC 7644 §6; CWE-639"; "Another tenant does not read a user by id";
    expects "GET of the first tenant's user with the second tenant's token: 404";
    fix "Look resources up by tenant and id together, and answer 404 as for an unknown id.";
    needs [Need::Writes]; act(judge_read)
"SCIM-TENANT-02", Must, "RFC 7644 §6; CWE-639"; "Another tenant's list does not contain a user of the first";
    expects "GET /Users with the second tenant's token, without the first tenant's user";
    fix "Limit each list to the tenant of the token.";
    needs [Need::Writes]; act(judge_list)
"SCIM-TENANT-03", Must, "RFC 7644 §6; CWE-639"; "Another tenant's filter does not find a user of the first";
    expects "GET /Users with a filter for the first tenant's userName and the second tenant's token: nothing";
    fix "Apply the limit to the tenant before the filter.";
    needs [Need::Writes, Need::Filter]; act(judge_filter)
"SCIM-TENANT-04", Must, "RFC 7644 §6; CWE-639"; "Another tenant does not change a user";
    expects "PUT and PATCH with the second tenant's token: 404, and the user is as before";
    fix "Look resources up by tenant and id together before you change them.";
    needs [Need::Writes]; act(judge_change)
"SCIM-TENANT-05", Must, "RFC 7644 §6; CWE-639"; "Another tenant does not delete a user";
    expects "DELETE with the second tenant's token: 404, and the user is still there";
    fix "Look resources up by tenant and id together before you delete them.";
    needs [Need::Writes]; act(judge_delete)
"SCIM-TENANT-06", Should, "RFC 7644 §6"; "Two tenants may have the same userName";
    expects "POST of the same userName with the second tenant's token: 201, and another id";
    fix "Make userName unique within a tenant only: otherwise a 409 also says who has an account in another tenant.";
    needs [Need::Writes]; act(judge_same_name)
}

/// Why the checks are skipped if the run has no second tenant.
pub(super) const MISSING: &str = "not judged: give the token of another tenant with --second-token";

fn require_second<'p>(probe: &'p Probe<'_>) -> Judged<&'p SecondTenant> {
    match &probe.session.options.second {
        Some(second) => Ok(second),
        None => unjudged(MISSING),
    }
}

/// A request with the second tenant's credentials.
fn ask(
    probe: &Probe<'_>,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Judged<ScimRequest> {
    let second = require_second(probe)?;
    let mut request = probe.session.request(method, target, body);
    request.headers.retain(|(name, _)| name != "authorization");
    let authorization = second.credentials.authorization();
    let header = authorization.map(|it| ("authorization".to_owned(), it));
    request.headers.extend(header);
    Ok(request)
}

/// Returns the request targets for a path: below the first tenant's base URL and, if the second
/// tenant has its own base URL, also below that.
fn request_targets(probe: &Probe<'_>, path: &str) -> Judged<Vec<String>> {
    let own = require_second(probe)?.base.as_ref();
    let own = own.map(|base| {
        let (base, query) = target::without_query(base);
        let path = target::with_query(path, query);
        format!("{}{path}", base.trim_end_matches('/'))
    });
    Ok([path.to_owned()].into_iter().chain(own).collect())
}

/// Returns the request target with which the second tenant is reached: below its own base URL if
/// it has one, else below the common one.
fn target_of_second(probe: &Probe<'_>, path: &str) -> Judged<String> {
    Ok(request_targets(probe, path)?.pop().unwrap_or_default())
}

/// Lists the users of the second tenant: the honest case for all checks of this table.
async fn list_users_of_second(probe: &Probe<'_>) -> Judged<ScimAnswer> {
    let target = target_of_second(probe, &probe.server.users.endpoint)?;
    probe.send(ask(probe, Method::GET, &target, None)?).await
}

/// Returns an error if the second tenant's credentials do not list its own users: then no check
/// of this table can be judged.
pub(super) async fn set_up_error(probe: &Probe<'_>) -> Option<CheckError> {
    match list_users_of_second(probe).await {
        Ok(answer) if answer.status == 200 => None,
        Ok(answer) => Some(CheckError::SecondTenant(summary(&answer))),
        Err(Stop::Unjudged(why) | Stop::Wrong(why) | Stop::Follows(_, why)) => {
            Some(CheckError::SecondTenant(why))
        }
    }
}

/// Sends a request with the second tenant's credentials. The run has listed the users of that
/// tenant once, before all checks. After 401 it does so again: credentials that have expired in
/// the meantime open nothing, which proves nothing.
async fn send(
    probe: &Probe<'_>,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Judged<ScimAnswer> {
    let answer = probe.send(ask(probe, method, target, body)?).await?;
    if answer.status == 401 {
        let own = list_users_of_second(probe).await?;
        if own.status != 200 {
            return unjudged(format!(
                "the second tenant's credentials no longer list its own users: {}",
                own.quote()
            ));
        }
    }
    Ok(answer)
}

/// True if an answer shows the user that the first tenant created.
fn shows(answer: &ScimAnswer, user: &Made) -> bool {
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    answer.has_succeeded() && !name.is_empty() && answer.text.contains(name)
}

/// Creates a user of the first tenant.
async fn create_first_user(probe: &Probe<'_>) -> Judged<Made> {
    require_second(probe)?;
    probe.create_user(json!({})).await
}

async fn judge_read(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    for target in request_targets(probe, &user.place)? {
        let answer = send(probe, Method::GET, &target, None).await?;
        if shows(&answer, &user) {
            return answer.wrong("the second tenant reads the first one's user");
        }
    }
    Ok(())
}

/// Maximum number of pages that are read of a list.
const PAGES: usize = 20;

async fn judge_list(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    for endpoint in request_targets(probe, &probe.server.users.endpoint)? {
        let mut start = 1;
        for _ in 0..PAGES {
            let (from, count) = (start.to_string(), "100");
            let page = query(
                &endpoint,
                &[("startIndex", from.as_str()), ("count", count)],
            );
            let answer = send(probe, Method::GET, &page, None).await?;
            if shows(&answer, &user) {
                return answer.wrong("the second tenant's list contains the first one's user");
            }
            let body = answer.json().unwrap_or_default();
            let here = at(&body, &["Resources"]).and_then(Value::as_array);
            let here = here.map_or(0, Vec::len);
            let total = at(&body, &["totalResults"]).and_then(Value::as_u64);
            start += here;
            if here == 0 || total.is_none_or(|total| start as u64 > total) {
                break;
            }
        }
    }
    Ok(())
}

async fn judge_filter(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    for endpoint in request_targets(probe, &probe.server.users.endpoint)? {
        let target = query(&endpoint, &[("filter", filter.as_str())]);
        let answer = send(probe, Method::GET, &target, None).await?;
        let body = answer.json().unwrap_or_default();
        let found = at(&body, &["Resources"]).and_then(Value::as_array);
        if answer.has_succeeded() && found.is_some_and(|it| !it.is_empty()) {
            return answer.wrong("the second tenant's filter finds the first one's user");
        }
    }
    Ok(())
}

/// Refuses to change what the second tenant has itself under the same id.
async fn require_foreign(probe: &Probe<'_>, target: &str, user: &Made) -> Judged {
    let answer = send(probe, Method::GET, target, None).await?;
    if answer.has_succeeded() && !shows(&answer, user) {
        return unjudged("the second tenant has a user of its own with this id");
    }
    Ok(())
}

async fn judge_change(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    let before = probe.fetch(&user).await?;
    let mut other = user.sent.clone();
    other["displayName"] = "Changed by another tenant".into();
    other["id"] = user.id.clone().into();
    let operations =
        json!([{"op": "replace", "path": "displayName", "value": "Changed by another tenant"}]);
    let patch = json!({"schemas": [PATCH], "Operations": operations});
    for target in request_targets(probe, &user.place)? {
        require_foreign(probe, &target, &user).await?;
        for (method, body) in [(Method::PUT, &other), (Method::PATCH, &patch)] {
            let answer = send(probe, method, &target, Some(body)).await?;
            ensure(!answer.has_succeeded(), || {
                format!(
                    "the second tenant changes the first one's user: {}",
                    answer.quote()
                )
            })?;
        }
    }
    let after = probe.fetch(&user).await?;
    ensure(before == after, || {
        "the requests were refused, and the user is changed".to_owned()
    })
}

async fn judge_delete(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    for target in request_targets(probe, &user.place)? {
        require_foreign(probe, &target, &user).await?;
        let answer = send(probe, Method::DELETE, &target, None).await?;
        ensure(!answer.has_succeeded(), || {
            format!(
                "the second tenant deletes the first one's user: {}",
                answer.quote()
            )
        })?;
    }
    let answer = probe.get(&user.place).await?;
    ensure(answer.status == 200, || {
        format!(
            "the request was refused, and the user is gone: {}",
            answer.quote()
        )
    })
}

async fn judge_same_name(probe: &Probe<'_>) -> Judged {
    let user = create_first_user(probe).await?;
    let endpoint = target_of_second(probe, &probe.server.users.endpoint)?;
    let control = probe.user_body(json!({}));
    let id = match create_user_of_second(probe, &endpoint, &control).await? {
        Ok(id) => id,
        Err(answer) => {
            return unjudged(format!(
                "the second tenant makes no users: {}",
                answer.quote()
            ));
        }
    };
    delete_user_of_second(probe, &endpoint, &id).await?;
    let id = match create_user_of_second(probe, &endpoint, &user.sent).await? {
        Ok(id) => id,
        Err(answer) => return answer.wrong("the first tenant's userName is refused at the second"),
    };
    // Its own id: deleting another one would delete the first tenant's user.
    ensure(id != user.id, || {
        format!("both tenants' users have the id {id}")
    })?;
    delete_user_of_second(probe, &endpoint, &id).await
}

/// Makes a user of the second tenant: its id, or the answer.
async fn create_user_of_second(
    probe: &Probe<'_>,
    endpoint: &str,
    body: &Value,
) -> Judged<Result<String, ScimAnswer>> {
    let request = ask(probe, Method::POST, endpoint, Some(body))?;
    if probe.session.runner.has_ended() {
        return unjudged("the run has ended");
    }
    let answer = probe.session.send_as_other(&request).await;
    probe.note(probe.session.evidence(&request, &answer));
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return unjudged(error.sentence(&probe.session.line(&request))),
    };
    let body = answer.json().unwrap_or_default();
    Ok(match text(&body, &["id"]) {
        Some(id) if answer.has_succeeded() => Ok(id.to_owned()),
        _ => Err(answer),
    })
}

/// Deletes a user of the second tenant, also when the run has ended: the clean-up
/// at the end has the first tenant's credentials.
async fn delete_user_of_second(probe: &Probe<'_>, endpoint: &str, id: &str) -> Judged {
    let target = format!("{endpoint}/{}", segment(id));
    let mut seen = Vec::new();
    for method in [Method::DELETE, Method::GET] {
        let request = ask(probe, method, &target, None)?;
        let answer = probe.session.send_as_other(&request).await;
        probe.note(probe.session.evidence(&request, &answer));
        seen.push(answer.map_or_else(|error| error.to_string(), |it| it.status.to_string()));
    }
    ensure(seen[1] == "404", || {
        format!(
            "the user {id} of the second tenant is left behind: DELETE was answered with {}, GET then with {}",
            seen[0], seen[1]
        )
    })
}
