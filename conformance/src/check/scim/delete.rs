//! Checks of DELETE (RFC 7644 §3.6).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::text;
use super::support::list_filtered_users;

checks! {
"SCIM-DELETE-01", Must, "RFC 7644 §3.6"; "DELETE is answered with 204";
    expects "204 without a body";
    fix "Answer 204 No Content.";
    needs [Need::Writes]; act(judge_answer)
"SCIM-DELETE-02", Must, "RFC 7644 §3.6"; "GET of a deleted resource is answered with 404";
    expects "GET: 404";
    fix "Answer 404 for a deleted resource, even if you keep its data.";
    needs [Need::Writes]; act(judge_get_after_delete)
"SCIM-DELETE-03", Must, "RFC 7644 §3.6"; "PUT to a deleted resource is answered with 404";
    expects "PUT: 404";
    fix "Answer 404 for a deleted resource, even if you keep its data.";
    needs [Need::Writes]; act(judge_put_after_delete)
"SCIM-DELETE-04", Must, "RFC 7644 §3.6"; "PATCH of a deleted resource is answered with 404";
    expects "PATCH: 404";
    fix "Answer 404 for a deleted resource, even if you keep its data.";
    needs [Need::Writes, Need::Patch]; act(judge_patch_after_delete)
"SCIM-DELETE-05", Must, "RFC 7644 §3.6"; "A second DELETE is answered with 404";
    expects "DELETE: 404";
    fix "Answer 404 for a deleted resource, even if you keep its data.";
    needs [Need::Writes]; act(judge_second_delete)
"SCIM-DELETE-06", Must, "RFC 7644 §3.6"; "A deleted resource is not in any list";
    expects "nobody by its userName";
    fix "Leave deleted resources out of query results.";
    needs [Need::Writes, Need::Filter]; act(judge_list_after_delete)
"SCIM-DELETE-07", Must, "RFC 7644 §3.12"; "DELETE of an unknown id is answered with 404";
    expects "DELETE /Users/{unknown}: 404";
    fix "Answer 404 for an id that no resource has.";
    needs [Need::Writes]; act(judge_unknown_id)
"SCIM-DELETE-08", Should, "RFC 7644 §3.6"; "The userName of a deleted user can be used again";
    expects "POST with the same userName to succeed";
    fix "Ignore deleted users when you look for conflicts.";
    needs [Need::Writes]; act(judge_name_after_delete)
}

async fn create_and_delete(probe: &Probe<'_>) -> Judged<Made> {
    let user = probe.create_user(json!({})).await?;
    is_gone(probe, &user).await?;
    Ok(user)
}

/// Deletes a user and reads it: other checks may only go on if the user is gone.
pub(super) async fn is_gone(probe: &Probe<'_>, user: &Made) -> Judged {
    probe
        .delete(&user.place)
        .await?
        .require_step("deleting a user")?;
    let answer = probe.get(&user.place).await?;
    if answer.has_succeeded() {
        let why = format!("what was deleted is still there: {}", answer.quote());
        return Err(Stop::Follows("SCIM-DELETE-02", why));
    }
    Ok(())
}

async fn judge_answer(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    probe.delete(&user.place).await?.is(204)
}

async fn judge_get_after_delete(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    probe
        .delete(&user.place)
        .await?
        .require_step("deleting a user")?;
    probe.get(&user.place).await?.is(404)
}

async fn judge_put_after_delete(probe: &Probe<'_>) -> Judged {
    let user = create_and_delete(probe).await?;
    probe.put(&user.place, &user.sent).await?.is(404)
}

async fn judge_patch_after_delete(probe: &Probe<'_>) -> Judged {
    let user = create_and_delete(probe).await?;
    let operation = json!([{"op": "replace", "path": "active", "value": false}]);
    probe.patch(&user.place, operation).await?.is(404)
}

async fn judge_second_delete(probe: &Probe<'_>) -> Judged {
    let user = create_and_delete(probe).await?;
    probe.delete(&user.place).await?.is(404)
}

async fn judge_list_after_delete(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    // The control: a filter that never finds the user would prove nothing.
    let is_in = |all: &[Value]| {
        all.iter()
            .any(|one| text(one, &["id"]) == Some(user.id.as_str()))
    };
    let before = list_filtered_users(probe, &[("filter", &filter)]).await?;
    if !is_in(&before.listed_resources()?) {
        return unjudged(format!(
            "the filter does not find the user: {}",
            before.quote()
        ));
    }
    is_gone(probe, &user).await?;
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    ensure(!is_in(&answer.listed_resources()?), || {
        format!("the deleted user is still listed: {}", answer.quote())
    })
}

async fn judge_unknown_id(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/{}", probe.server.users.endpoint, probe.session.mark);
    probe.delete(&target).await?.is(404)
}

async fn judge_name_after_delete(probe: &Probe<'_>) -> Judged {
    let user = create_and_delete(probe).await?;
    probe
        .post(&probe.server.users.endpoint, &user.sent)
        .await?
        .is_success()
}
