//! Checks of the attribute `groups` of users after a change (RFC 7643 §4.1.2).

use std::time::Duration;

use serde_json::{Value, json};

use super::group::create_with_members;
use super::item::{Judged, Need, Stop, checks, ensure};
use super::probe::Probe;
use super::reading::{member, text, value_to_text, values};

checks! {
"SCIM-GROUP-27", Should, "RFC 7643 §4.1.2"; "The attribute groups of a user has no group that the user has left";
    expects "no groups of the user after the membership was removed";
    fix "Compute groups from the memberships, or update it with every change of a group: applications read the user's rights from it.";
    needs [Need::Groups, Need::Patch, Need::Writes, Need::Has(&["groups"])]; act(judge_groups_after_removal)
}

async fn judge_groups_after_removal(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let group = create_with_members(probe, &[&user]).await?;
    let is_in = |now: &Value| {
        let mut all = values(now, "groups").iter();
        all.any(|one| text(one, &["value"]) == Some(&group.id))
    };
    let now = probe.fetch(&user).await?;
    if !is_in(&now) {
        let why = format!("groups is {}", value_to_text(member(&now, "groups")));
        return Err(Stop::Follows("SCIM-GROUP-06", why));
    }
    let path = format!("members[value eq \"{}\"]", user.id);
    let removal = json!([{"op": "remove", "path": path}]);
    let answer = probe.patch(&group.place, removal).await?;
    let left = probe.fetch(&group).await?;
    let mut members = values(&left, "members").iter();
    if members.any(|one| text(one, &["value"]) == Some(&user.id)) {
        let why = format!("the member was not removed: {}", answer.quote());
        return Err(Stop::Follows("SCIM-GROUP-09", why));
    }
    let mut now = probe.fetch(&user).await?;
    if is_in(&now) {
        let why = "until the groups of a user follow a change of the group";
        probe.session.pause(Duration::from_secs(1), why).await;
        now = probe.fetch(&user).await?;
    }
    ensure(!is_in(&now), || {
        format!("groups is {}", value_to_text(member(&now, "groups")))
    })
}
