//! Checks of simultaneous requests: they must follow the same rules as requests one after the
//! other.

use futures::future::join;
use serde_json::json;

use super::group::require_added_member;
use super::item::{Judged, Need, Stop, checks, ensure};
use super::probe::Probe;
use super::reading::{member, require_same, text, values};

checks! {
"SCIM-RACE-01", Must, "RFC 7643 §4.1.1"; "Of two simultaneous requests that create the same userName, one is refused";
    expects "one made, and one refused";
    fix "Protect userName with a unique index; to search before you insert is not enough.";
    needs [Need::Writes]; act(judge_simultaneous_creation)
"SCIM-RACE-02", Should, "RFC 7644 §3.5.2"; "Of two simultaneous changes, none is lost";
    expects "both attributes changed, or one of the two requests refused";
    fix "Read, change and write in one transaction, or check the version when writing.";
    needs [Need::Writes, Need::Patch, Need::Keeps(&["displayName"]), Need::KeepsText]; act(judge_simultaneous_changes)
"SCIM-RACE-03", Should, "RFC 7644 §3.5.2"; "Of two members added simultaneously, none is lost";
    expects "both members, or one of the two requests refused";
    fix "Read, change and write in one transaction, or check the version when writing.";
    needs [Need::Writes, Need::Patch, Need::Groups]; act(judge_simultaneous_members)
}

async fn judge_simultaneous_creation(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({}));
    let endpoint = &probe.server.users.endpoint;
    let (one, other) = join(probe.post(endpoint, &body), probe.post(endpoint, &body)).await;
    let (one, other) = (one?, other?);
    if one.has_succeeded() && other.has_succeeded() {
        // The control: the server refuses the third one, which comes alone.
        let third = probe.post(endpoint, &body).await?;
        if third.has_succeeded() {
            let why = "the server accepts a userName that is taken, also without a race";
            return Err(Stop::Follows("SCIM-CREATE-14", why.to_owned()));
        }
    }
    ensure(one.has_succeeded() != other.has_succeeded(), || {
        format!("the statuses are {} and {}", one.status, other.status)
    })?;
    let refused = if one.has_succeeded() { other } else { one };
    refused.is_refused()
}

async fn judge_simultaneous_changes(probe: &Probe<'_>) -> Judged {
    let text = probe.text_attribute().await?;
    let user = probe
        .create_user(json!({"displayName": "Before", text: "Before"}))
        .await?;
    let change = |path: &str| json!([{"op": "replace", "path": path, "value": "After"}]);
    let (one, other) = join(
        probe.patch(&user.place, change("displayName")),
        probe.patch(&user.place, change(text)),
    )
    .await;
    let now = probe.fetch(&user).await?;
    for (answer, name) in [(one?, "displayName"), (other?, text)] {
        if answer.has_succeeded() {
            require_same(name, member(&now, name), &json!("After"))?;
        }
    }
    Ok(())
}

async fn judge_simultaneous_members(probe: &Probe<'_>) -> Judged {
    let (one, other) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let group = probe.create_group(&[]).await?;
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
        if answer.has_succeeded() && !ids.any(|id| id == user.id) {
            require_added_member(probe).await?;
            return Err(Stop::Wrong(format!(
                "the member {} is missing though its request succeeded",
                user.id
            )));
        }
    }
    Ok(())
}
