//! Checks of resource versions (RFC 7644 §3.14; RFC 9110 §13).

use reqwest::Method;
use serde_json::{Value, json};

use super::item::{Judged, Need, checks, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{PATCH, or_missing, text, values};
use super::wire::ScimAnswer;

checks! {
"SCIM-ETAG-01", Must, "RFC 7643 §3.1"; "The ETag header and meta.version are equal";
    expects "GET with an ETag equal to meta.version";
    fix "Write the entity tag into both, including W/ and quotes.";
    needs [Need::ETag, Need::Writes]; act(judge_equal_versions)
"SCIM-ETAG-02", Must, "RFC 9110 §13.1.2"; "If-None-Match with the current version is answered with 304";
    expects "GET with If-None-Match and the version: 304";
    fix "Use the weak comparison for If-None-Match, and answer 304.";
    needs [Need::ETag, Need::Writes]; act(judge_if_none_match)
"SCIM-ETAG-03", Must, "RFC 9110 §13.1.2"; "If-None-Match with another version is answered with the resource";
    expects "GET with If-None-Match and another version: 200";
    fix "Answer 304 only if If-None-Match names the current version.";
    needs [Need::ETag, Need::Writes]; act(judge_sent)
"SCIM-ETAG-04", Should, "RFC 9110 §8.8.1"; "A change of the resource changes its version";
    expects "a different version after PUT";
    fix "Set a new version whenever the resource changes. A time in seconds misses the second change within a second, which clients then overwrite.";
    needs [Need::ETag, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_version_change)
"SCIM-ETAG-05", Must, "RFC 9110 §13.1.1"; "PUT with If-Match and another version is refused with 412";
    expects "PUT with If-Match and another version: 412";
    fix "Check If-Match before you change anything.";
    needs [Need::ETag, Need::Writes]; act(judge_refused_put)
"SCIM-ETAG-06", Must, "RFC 9110 §13.1.1"; "PATCH with If-Match and another version is refused with 412";
    expects "PATCH with If-Match and another version: 412";
    fix "Check If-Match before you change anything.";
    needs [Need::ETag, Need::Patch, Need::Writes]; act(judge_refused_patch)
"SCIM-ETAG-07", Must, "RFC 9110 §13.1.1"; "DELETE with If-Match and another version is refused with 412";
    expects "DELETE with If-Match and another version: 412";
    fix "Check If-Match before you change anything.";
    needs [Need::ETag, Need::Writes]; act(judge_refused_delete)
"SCIM-ETAG-08", Must, "RFC 9110 §13.1.1"; "PUT with If-Match and the current version succeeds";
    expects "PUT with If-Match and the version to succeed";
    fix "Compare If-Match with the version that GET returned.";
    needs [Need::ETag, Need::Writes]; act(judge_successful_put)
"SCIM-ETAG-09", Must, "RFC 9110 §13.1.1"; "If-Match: * matches any version";
    expects "PUT with If-Match: * to succeed";
    fix "Accept * for every existing resource.";
    needs [Need::ETag, Need::Writes]; act(judge_any_version)
"SCIM-ETAG-10", Should, "RFC 7644 §3.5.2"; "A PATCH that changes nothing keeps the version";
    expects "the same version after adding what is there";
    fix "Compare the resource before and after, and store it only if it changed.";
    needs [Need::ETag, Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_kept)
"SCIM-ETAG-11", Should, "RFC 7644 §3.14"; "Resources in a list have meta.version";
    expects "meta.version in a list";
    fix "Write meta.version wherever a resource is returned.";
    needs [Need::ETag, Need::Filter, Need::Writes]; act(judge_version_in_list)
}

async fn create_with_version(probe: &Probe<'_>) -> Judged<(Made, String)> {
    let user = probe.create_user(json!({"displayName": "First"})).await?;
    let answer = probe.get(&user.place).await?;
    answer.require_step("reading it back")?;
    match answer.version() {
        Some(version) => Ok((user, version)),
        None => unjudged(format!(
            "there is neither ETag nor meta.version: {}",
            answer.quote()
        )),
    }
}

/// Returns a different version with the same syntax.
fn other(version: &str) -> String {
    match version.strip_suffix('"') {
        Some(front) => format!("{front}-other\""),
        None => format!("{version}-other"),
    }
}

async fn send_conditional(
    probe: &Probe<'_>,
    method: Method,
    place: &str,
    condition: (&str, &str),
    body: Option<&Value>,
) -> Judged<ScimAnswer> {
    let mut request = probe.session.request(method, place, body);
    let (name, value) = condition;
    request.headers.push((name.to_owned(), value.to_owned()));
    probe.send(request).await
}

async fn judge_equal_versions(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let answer = probe.get(&user.place).await?;
    let body = answer.require_body_of_step("reading it back")?;
    let said = text(&body, &["meta", "version"]);
    if said.is_some() && answer.header("etag") == said {
        return Ok(());
    }
    answer.wrong(format!(
        "ETag is {}, meta.version is {}",
        or_missing(answer.header("etag")),
        or_missing(said)
    ))
}

async fn judge_if_none_match(probe: &Probe<'_>) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let condition = ("if-none-match", version.as_str());
    send_conditional(probe, Method::GET, &user.place, condition, None)
        .await?
        .is(304)
}

async fn judge_sent(probe: &Probe<'_>) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let other = other(&version);
    let condition = ("if-none-match", other.as_str());
    send_conditional(probe, Method::GET, &user.place, condition, None)
        .await?
        .is(200)
}

async fn judge_version_change(probe: &Probe<'_>) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let mut body = user.sent.clone();
    body["displayName"] = "Second".into();
    probe.put(&user.place, &body).await?.require_step("PUT")?;
    let answer = probe.get(&user.place).await?;
    answer.require_step("reading it back")?;
    if answer.version().is_some_and(|now| now != version) {
        return Ok(());
    }
    answer.wrong(format!("the version is still {version}"))
}

async fn judge_refusal(
    probe: &Probe<'_>,
    method: Method,
    body: impl FnOnce(&Made) -> Option<Value>,
) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let other = other(&version);
    let body = body(&user);
    let condition = ("if-match", other.as_str());
    send_conditional(probe, method, &user.place, condition, body.as_ref())
        .await?
        .is(412)
}

async fn judge_refused_put(probe: &Probe<'_>) -> Judged {
    judge_refusal(probe, Method::PUT, |user| Some(user.sent.clone())).await
}

async fn judge_refused_patch(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "userName", "value": probe.name()});
    let body = json!({"schemas": [PATCH], "Operations": [operation]});
    judge_refusal(probe, Method::PATCH, |_| Some(body)).await
}

async fn judge_refused_delete(probe: &Probe<'_>) -> Judged {
    judge_refusal(probe, Method::DELETE, |_| None).await
}

async fn judge_successful_put(probe: &Probe<'_>) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let condition = ("if-match", version.as_str());
    let answer =
        send_conditional(probe, Method::PUT, &user.place, condition, Some(&user.sent)).await?;
    answer.is_success()
}

async fn judge_any_version(probe: &Probe<'_>) -> Judged {
    let (user, _) = create_with_version(probe).await?;
    let condition = ("if-match", "*");
    let answer =
        send_conditional(probe, Method::PUT, &user.place, condition, Some(&user.sent)).await?;
    answer.is_success()
}

async fn judge_kept(probe: &Probe<'_>) -> Judged {
    let (user, version) = create_with_version(probe).await?;
    let operation = json!([{"op": "add", "path": "displayName", "value": "First"}]);
    probe
        .patch(&user.place, operation)
        .await?
        .require_step("PATCH")?;
    let answer = probe.get(&user.place).await?;
    answer.require_step("reading it back")?;
    if answer.version().as_deref() == Some(&version) {
        return Ok(());
    }
    answer.wrong(format!("the version was {version}"))
}

async fn judge_version_in_list(probe: &Probe<'_>) -> Judged {
    let (user, _) = create_with_version(probe).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let answer = probe
        .list_users(&[("filter", &format!("userName eq \"{name}\""))])
        .await?;
    let body = answer.require_body_of_step("listing users")?;
    let all = values(&body, "Resources");
    if all.is_empty() {
        return unjudged(format!("the list is empty: {}", answer.quote()));
    }
    if all
        .iter()
        .all(|one| text(one, &["meta", "version"]).is_some())
    {
        return Ok(());
    }
    answer.wrong("there is no meta.version")
}
