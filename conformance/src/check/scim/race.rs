//! Checks of simultaneous requests: they must follow the same rules as requests one after the
//! other.

use futures::future::join;
use serde_json::json;

use super::group::shows_members;
use super::item::{Judged, Need, Stop, checks, ensure};
use super::probe::Probe;
use super::reading::{member, same, text, values};

checks! {
"SCIM-RACE-01", Must, "RFC 7643 §4.1.1"; "Of two simultaneous requests that create the same userName, one is refused";
    expects "one made, and one refused";
    fix "Protect userName with a unique index; to search before you insert is not enough.";
    needs [Need::Writes]; act(one_of_two)
"SCIM-RACE-02", Should, "RFC 7644 §3.5.2"; "Of two simultaneous changes, none is lost";
    expects "both attributes changed, or one of the two requests refused";
    fix "Read, change and write in one transaction, or check the version when writing.";
    needs [Need::Writes, Need::Patch, Need::Keeps(&["displayName", "nickName"])]; act(no_change_lost)
"SCIM-RACE-03", Should, "RFC 7644 §3.5.2"; "Of two members added simultaneously, none is lost";
    expects "both members, or one of the two requests refused";
    fix "Read, change and write in one transaction, or check the version when writing.";
    needs [Need::Writes, Need::Patch, Need::Groups]; act(no_member_lost)
}

async fn one_of_two(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({}));
    let endpoint = &probe.server.users.endpoint;
    let (one, other) = join(probe.post(endpoint, &body), probe.post(endpoint, &body)).await;
    let (one, other) = (one?, other?);
    if one.succeeded() && other.succeeded() {
        // The control: the server refuses the third one, which comes alone.
        let third = probe.post(endpoint, &body).await?;
        if third.succeeded() {
            let why = "the server accepts a userName that is taken, also without a race";
            return Err(Stop::Follows("SCIM-CREATE-14", why.to_owned()));
        }
    }
    ensure(one.succeeded() != other.succeeded(), || {
        format!("the statuses are {} and {}", one.status, other.status)
    })?;
    let refused = if one.succeeded() { other } else { one };
    refused.is_refused()
}

async fn no_change_lost(probe: &Probe<'_>) -> Judged {
    let user = probe
        .user(json!({"displayName": "Before", "nickName": "Before"}))
        .await?;
    let change = |path: &str| json!([{"op": "replace", "path": path, "value": "After"}]);
    let (one, other) = join(
        probe.patch(&user.place, change("displayName")),
        probe.patch(&user.place, change("nickName")),
    )
    .await;
    let now = probe.fetch(&user).await?;
    for (answer, name) in [(one?, "displayName"), (other?, "nickName")] {
        if answer.succeeded() {
            same(name, member(&now, name), &json!("After"))?;
        }
    }
    Ok(())
}

async fn no_member_lost(probe: &Probe<'_>) -> Judged {
    let (one, other) = (probe.user(json!({})).await?, probe.user(json!({})).await?);
    let group = probe.group(&[]).await?;
    let join_in = |id: &str| json!([{"op": "add", "path": "members", "value": [{ "value": id }]}]);
    let (first, second) = join(
        probe.patch(&group.place, join_in(&one.id)),
        probe.patch(&group.place, join_in(&other.id)),
    )
    .await;
    let now = probe.fetch(&group).await?;
    for (answer, user) in [(first?, one), (second?, other)] {
        let mut ids = values(&now, "members")
            .iter()
            .filter_map(|one| text(one, &["value"]));
        if answer.succeeded() && !ids.any(|id| id == user.id) {
            shows_members(probe).await?;
            return Err(Stop::Wrong(format!(
                "the member {} is missing though its request succeeded",
                user.id
            )));
        }
    }
    Ok(())
}
