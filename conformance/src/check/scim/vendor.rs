//! Checks of the habits of well-known clients. The RFCs do not require them, but a server without
//! one of them does not work with that client.

use serde_json::{Value, json};

use super::group::require_added_member;
use super::inactive::require_inactive;
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{at, member, require_absent, require_same, text, value_to_text, values};
use super::schema::ENTERPRISE;
use super::start_index::unless_counted_from_zero;

checks! {
harm Style;
"SCIM-VENDOR-01", May, "RFC 7644 §3.5.2"; "Entra ID: the op of an operation may begin with a capital letter (Replace)";
    expects "\"Replace\" to do as \"replace\"";
    fix "Ignore letter case when comparing op.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_capital_operation)
"SCIM-VENDOR-02", May, "RFC 7643 §2.3.2"; "Entra ID: the value of active may be the string \"False\"";
    expects "active false";
    fix "Accept the strings True and False as booleans, in any letter case.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_false_as_text)
"SCIM-VENDOR-03", May, "RFC 7644 §3.5.2"; "Okta: PATCH is answered with 200 and the resource";
    expects "200 with the id";
    fix "Answer 200 with the whole resource instead of 204.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_patch_with_body)
"SCIM-VENDOR-04", May, "RFC 7644 §3.5.2.2"; "Entra ID: the operation remove may list the members to remove in value";
    expects "the named member removed, the other kept";
    fix "Remove only the members that value names; never remove all members then.";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(judge_members_by_value)
"SCIM-VENDOR-05", May, "RFC 7644 §3.5.2.3"; "Entra ID: if an operation has no path, keys of its value may contain dots";
    expects "name.givenName replaced";
    fix "Treat a key with a dot, such as name.givenName, as a path.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName"])]; act(judge_dotted_keys)
"SCIM-VENDOR-06", May, "RFC 7644 §3.10"; "Entra ID: if an operation has no path, keys of its value may be attribute URNs";
    expects "department replaced";
    fix "Treat a key that is a URN as a path.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise]; act(judge_urn_keys)
"SCIM-VENDOR-07", May, "RFC 7644 §3.5.2.1"; "Entra ID: an add whose path has a value filter without a match creates the value";
    expects "a work e-mail made by add at emails[type eq \"work\"].value";
    fix "Create the value that the filter describes.";
    needs [Need::Patch, Need::Writes, Need::TwoEmails, Need::Keeps(&["emails.type", "emails.value"])]; act(judge_created_by_filter)
"SCIM-VENDOR-08", May, "RFC 7644 §3.4.2.2"; "PingOne: a filter may compare a multi-valued attribute without .value";
    expects "ann by emails eq";
    fix "Compare the sub-attribute value if the filter names no sub-attribute.";
    needs [Need::Filter, Need::TwoEmails, Need::Keeps(&["emails.value"])]; finds(r#"emails eq "{u}-ann@example.org""#, ["ann"])
"SCIM-VENDOR-09", May, "RFC 7644 §3.5.2.3"; "Okta: a replace without a path may contain the group's id next to displayName";
    expects "the new displayName";
    fix "Ignore the id if it is the group's own id.";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(judge_rename_with_id)
"SCIM-VENDOR-10", May, "RFC 7644 §3.5.1"; "Okta: PUT sends the whole user as GET returned it, with changes";
    expects "active false, everything else kept";
    fix "Accept the body of GET in PUT, including read-only attributes.";
    needs [Need::Writes, Need::Keeps(&["active"])]; act(judge_read_change_put)
"SCIM-VENDOR-11", May, "RFC 7643 §4.3"; "Entra ID: the value of manager may be a string with the id";
    expects "manager.value to be the id";
    fix "Treat a string as the sub-attribute value of the complex attribute.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise, Need::Manager]; act(judge_bare_manager)
"SCIM-VENDOR-12", May, "RFC 7643 §2.3.2"; "Entra ID: the value of active may be the string \"True\" in POST";
    expects "active true";
    fix "Accept the strings True and False as booleans, in any letter case.";
    needs [Need::Writes, Need::Keeps(&["active"])]; act(judge_true_as_text)
"SCIM-VENDOR-13", May, "RFC 7644 §3.4.2.4"; "Okta: the parameters filter, startIndex and count may be sent together";
    expects "one user, totalResults 1";
    fix "Apply all three together.";
    needs [Need::Filter, Need::Writes]; act(judge_lookup)
"SCIM-VENDOR-14", May, "RFC 7644 §3.5.2"; "Entra ID: one request may have several operations with one member each";
    expects "both members";
    fix "Apply all operations, in one transaction.";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(judge_one_member_per_operation)
"SCIM-VENDOR-15", May, "RFC 7644 §3.5.2.3"; "Okta: a replace of members with an empty array removes all members";
    expects "no members";
    fix "Treat an empty array as unassigned (RFC 7643 §2.5).";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(judge_empty_members)
}

async fn create_and_patch(probe: &Probe<'_>, more: Value, operation: Value) -> Judged<Value> {
    let user = probe.create_user(more).await?;
    probe.patch_and_fetch(&user, json!([operation])).await
}

async fn judge_capital_operation(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "Replace", "path": "displayName", "value": "New"});
    let now = create_and_patch(probe, json!({"displayName": "Old"}), operation).await?;
    require_same("displayName", member(&now, "displayName"), &json!("New"))
}

async fn judge_false_as_text(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "active", "value": "False"});
    let now = create_and_patch(probe, json!({"active": true}), operation).await?;
    require_inactive(probe, &now)
}

async fn judge_patch_with_body(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let operation = json!([{"op": "replace", "path": "displayName", "value": "New"}]);
    let answer = probe.patch(&user.place, operation).await?;
    answer.is(200)?;
    require_same("id", answer.body()?.get("id"), &json!(user.id))
}

fn ids(group: &Value) -> Vec<&str> {
    let all = values(group, "members").iter();
    all.filter_map(|one| text(one, &["value"])).collect()
}

async fn judge_members_by_value(probe: &Probe<'_>) -> Judged {
    let (user, other) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let group = probe.create_group(&[&user.id, &other.id]).await?;
    if ids(&probe.fetch(&group).await?).len() != 2 {
        return unjudged("the group has not both members to begin with");
    }
    let value = json!([{ "value": user.id }]);
    let operation = json!([{"op": "remove", "path": "members", "value": value}]);
    let now = probe.patch_and_fetch(&group, operation).await?;
    ensure(ids(&now) == [other.id.as_str()], || {
        format!("members is {}", value_to_text(member(&now, "members")))
    })
}

async fn judge_dotted_keys(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "value": {"name.givenName": "New"}});
    let now = create_and_patch(probe, json!({"name": {"givenName": "Old"}}), operation).await?;
    require_same(
        "name.givenName",
        at(&now, &["name", "givenName"]),
        &json!("New"),
    )
}

async fn judge_urn_keys(probe: &Probe<'_>) -> Judged {
    let key = format!("{ENTERPRISE}:department");
    let operation = json!({"op": "replace", "value": {key: "Otters"}});
    let now = create_and_patch(probe, json!({}), operation).await?;
    require_same(
        "department",
        at(&now, &[ENTERPRISE, "department"]),
        &json!("Otters"),
    )
}

async fn judge_created_by_filter(probe: &Probe<'_>) -> Judged {
    let new = probe.name();
    let more = json!({"emails": [{"value": probe.name(), "type": "home"}]});
    let path = "emails[type eq \"work\"].value";
    let now = create_and_patch(
        probe,
        more,
        json!({"op": "add", "path": path, "value": new}),
    )
    .await?;
    let mut all = values(&now, "emails").iter();
    let made =
        all.any(|one| text(one, &["value"]) == Some(&new) && text(one, &["type"]) == Some("work"));
    ensure(made, || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

async fn judge_rename_with_id(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let name = probe.name();
    let value = json!({"id": group.id, "displayName": name});
    let now = probe
        .patch_and_fetch(&group, json!([{"op": "replace", "value": value}]))
        .await?;
    require_same("displayName", member(&now, "displayName"), &json!(name))
}

async fn judge_read_change_put(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": true})).await?;
    let mut whole = probe.fetch(&user).await?;
    whole["active"] = false.into();
    probe.put(&user.place, &whole).await?.is_success()?;
    let now = probe.fetch(&user).await?;
    require_inactive(probe, &now)?;
    require_same("userName", member(&now, "userName"), &user.sent["userName"])
}

async fn judge_bare_manager(probe: &Probe<'_>) -> Judged {
    let boss = probe.create_user(json!({})).await?;
    let path = format!("{ENTERPRISE}:manager");
    let operation = json!({"op": "add", "path": path, "value": boss.id});
    let now = create_and_patch(probe, json!({}), operation).await?;
    require_same(
        "manager.value",
        at(&now, &[ENTERPRISE, "manager", "value"]),
        &json!(boss.id),
    )
}

async fn judge_true_as_text(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"active": "True"}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_success()?;
    let body = probe.read_resource(&answer).await?;
    require_same("active", member(&body, "active"), &json!(true))
}

async fn judge_lookup(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let parameters = [
        ("filter", filter.as_str()),
        ("startIndex", "1"),
        ("count", "100"),
    ];
    let answer = probe.list_users(&parameters).await?;
    if answer.total()? == 1 && answer.listed_resources()?.len() == 1 {
        return Ok(());
    }
    let judged = answer.wrong("the one user was not found alone");
    unless_counted_from_zero(probe, judged).await
}

async fn judge_one_member_per_operation(probe: &Probe<'_>) -> Judged {
    let (user, other) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let group = probe.create_group(&[]).await?;
    let add = |id: &str| json!({"op": "Add", "path": "members", "value": [{ "value": id }]});
    let now = probe
        .patch_and_fetch(&group, json!([add(&user.id), add(&other.id)]))
        .await?;
    let judged = ensure(ids(&now).len() == 2, || {
        format!("members is {}", value_to_text(member(&now, "members")))
    });
    if judged.is_err() {
        require_added_member(probe).await?;
    }
    judged
}

async fn judge_empty_members(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let group = probe.create_group(&[&user.id]).await?;
    if ids(&probe.fetch(&group).await?).is_empty() {
        return unjudged("the group has no members to begin with");
    }
    let operation = json!([{"op": "replace", "path": "members", "value": []}]);
    let now = probe.patch_and_fetch(&group, operation).await?;
    require_absent("members", member(&now, "members"))
}
