//! Checks of groups that only profiles require. The core specifications do not.

use serde_json::{Value, json};

use super::body::with;
use super::demanded_users::{require_list_of_one, require_pages};
use super::discovery::read_entries;
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{LIST, member, names_to_text, require_same, speaks, text, values};
use super::schema::{GROUP, USER};
use super::target::query;
use super::wire::ScimAnswer;

checks! {
"SCIM-PROFILE-40", May, "IPSIE AL SCIM profile (Update Group)"; "One PATCH adds 50 members to a group, and one PATCH removes them";
    expects "50 members after a PATCH with 50 add operations, none after a PATCH with 50 remove operations";
    fix "Accept at least 50 operations on members in one PATCH request.";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(judge_fifty_members)
"SCIM-PROFILE-41", May, "IPSIE AL SCIM profile (Create Group)"; "A group without members can be created";
    expects "HTTP 201 for a POST of a group without members";
    fix "Accept groups without members: clients add the members later.";
    needs [Need::Groups, Need::Writes]; act(judge_empty_group)
"SCIM-PROFILE-42", May, "IPSIE AL SCIM profile (List Groups By Alternate Identifier)"; "The filter members[value eq …] finds a group";
    expects "only the group with this member";
    fix "Support the filter members[value eq \"…\"] at /Groups.";
    needs [Need::Filter, Need::Groups, Need::Writes]; act(judge_filter_on_member)
"SCIM-PROFILE-43", May, "IPSIE AL SCIM profile (List Groups By Alternate Identifier)"; "A filter on externalId finds a group";
    expects "only the group with this externalId";
    fix "Store externalId of groups, and support filters with eq on it.";
    needs [Need::Filter, Need::Groups, Need::Writes]; act(judge_filter_on_external_id)
"SCIM-PROFILE-44", May, "Entra gallery (SCIM_Group_Pagination_Test)"; "Eleven groups can be read in pages of five";
    expects "three pages of at most five groups, startIndex as requested, and no group on two pages";
    fix "Support startIndex and count at /Groups as at /Users.";
    needs [Need::Groups, Need::Writes]; act(judge_pages_of_groups)
"SCIM-PROFILE-45", May, "Entra gallery (Restore_Group_Test)"; "A deleted group can be created again";
    expects "HTTP 404 for the deleted group, 201 for the new one";
    fix "Make the displayName available again when the group is deleted.";
    needs [Need::Groups, Need::Writes]; act(judge_creation_after_delete)
"SCIM-PROFILE-46", May, "Okta-SCIM-20-SPEC-Test (Verify Groups endpoint)"; "GET /Groups returns a ListResponse";
    expects "HTTP 200 with a ListResponse";
    fix "Answer GET /Groups with a ListResponse, which is empty if there is no group.";
    needs [Need::Groups]; act(judge_list_response)
"SCIM-PROFILE-47", May, "IPSIE AL SCIM profile (Group Provisioning, Schema)"; "A second group with the same displayName is refused";
    expects "HTTP 409";
    fix "Make displayName of groups unique, for example by a unique index.";
    needs [Need::Groups, Need::Writes]; act(judge_unique_name)
"SCIM-PROFILE-48", May, "Okta-SCIM-20-Entitlements-Test"; "A list of each resource type other than User and Group, requested with count=1 and startIndex=1, has startIndex, totalResults and itemsPerPage";
    expects "HTTP 200 and a ListResponse with a resource, and startIndex, totalResults and itemsPerPage as numbers";
    fix "Answer GET {endpoint}?count=1&startIndex=1 with a resource, and write startIndex, totalResults and itemsPerPage as numbers into every ListResponse.";
    needs []; act(judge_lists_of_one)
"SCIM-PROFILE-49", May, "IPSIE AL SCIM profile (Get Group By ID)"; "A group can be read by its id";
    expects "HTTP 200 for GET /Groups/{id}, with the id and the displayName of the group";
    fix "Answer GET /Groups/{id} with the group.";
    needs [Need::Groups, Need::Writes]; act(judge_group_by_id)
}

/// Number of operations on members in one PATCH request.
const FIFTY: usize = 50;

async fn judge_fifty_members(probe: &Probe<'_>) -> Judged {
    let mut users = Vec::with_capacity(FIFTY);
    for _ in 0..FIFTY {
        users.push(probe.create_user(json!({})).await?);
    }
    let group = probe.create_group(&[]).await?;
    let add = users
        .iter()
        .map(|it| json!({"op": "add", "path": "members", "value": [{"value": it.id}]}));
    let now = probe.patch_and_fetch(&group, add.collect()).await?;
    let got = values(&now, "members").len();
    ensure(got == FIFTY, || {
        format!("the group has {got} members after the add operations, expected 50")
    })?;
    let ids = values(&now, "members").iter();
    let ids: Vec<&str> = ids.filter_map(|it| text(it, &["value"])).collect();
    if let Some(other) = users.iter().find(|it| !ids.contains(&it.id.as_str())) {
        let why = format!("no member has the id {} of a user who was added", other.id);
        return Err(Stop::Follows("SCIM-GROUP-02", why));
    }
    let remove = users
        .iter()
        .map(|it| json!({"op": "remove", "path": format!("members[value eq \"{}\"]", it.id)}));
    let now = probe.patch_and_fetch(&group, remove.collect()).await?;
    let got = values(&now, "members").len();
    ensure(got == 0, || {
        format!("the group has {got} members after the remove operations, expected none")
    })
}

async fn judge_group_by_id(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let answer = probe.get(&group.place).await?;
    answer.is(200)?;
    let body = answer.body()?;
    require_same("id", member(&body, "id"), &json!(group.id))?;
    let sent = &group.sent["displayName"];
    require_same("displayName", member(&body, "displayName"), sent)
}

async fn judge_empty_group(probe: &Probe<'_>) -> Judged {
    let mut body = probe.group_body(&[])?;
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("members");
    }
    probe
        .post(&probe.require_groups()?.endpoint, &body)
        .await?
        .is(201)
}

async fn find_groups(probe: &Probe<'_>, filter: &str) -> Judged<ScimAnswer> {
    let parameters = [("filter", filter)];
    probe
        .get(&query(&probe.require_groups()?.endpoint, &parameters))
        .await
}

fn require_only(answer: &ScimAnswer, group: &Made) -> Judged {
    let all = answer.listed_resources()?;
    let ids: Vec<&str> = all.iter().filter_map(|one| text(one, &["id"])).collect();
    ensure(ids == [group.id.as_str()], || {
        format!("found {}, expected {}", names_to_text(&ids), group.id)
    })
}

async fn judge_filter_on_member(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let group = probe.create_group(&[&user.id]).await?;
    let filter = format!("members[value eq \"{}\"]", user.id);
    require_only(&find_groups(probe, &filter).await?, &group)
}

async fn judge_filter_on_external_id(probe: &Probe<'_>) -> Judged {
    let id = format!("ext-{}", probe.name());
    let body = with(probe.group_body(&[])?, json!({"externalId": id}));
    let answer = probe.post(&probe.require_groups()?.endpoint, &body).await?;
    answer.require_step("creating a group")?;
    let made = probe.read_resource(&answer).await?;
    require_same("externalId", member(&made, "externalId"), &json!(id))?;
    let answer = find_groups(probe, &format!("externalId eq \"{id}\"")).await?;
    let all = answer.listed_resources()?;
    let ids: Vec<Option<&Value>> = all.iter().map(|one| member(one, "id")).collect();
    ensure(ids == [member(&made, "id")], || {
        format!("found {} groups, expected only the created one", ids.len())
    })
}

async fn judge_pages_of_groups(probe: &Probe<'_>) -> Judged {
    for _ in 0..11 {
        probe.create_group(&[]).await?;
    }
    require_pages(probe, &probe.require_groups()?.endpoint).await
}

async fn judge_creation_after_delete(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let answer = probe.delete(&group.place).await?;
    answer.require_step("deleting a group")?;
    probe.get(&group.place).await?.is(404)?;
    let answer = probe
        .post(&probe.require_groups()?.endpoint, &group.sent)
        .await?;
    answer.is(201)
}

async fn judge_list_response(probe: &Probe<'_>) -> Judged {
    let answer = probe.get(&probe.require_groups()?.endpoint).await?;
    answer.is(200)?;
    if speaks(&answer.body()?, LIST) {
        return Ok(());
    }
    answer.wrong("schemas does not contain the URN of ListResponse")
}

async fn judge_unique_name(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    if member(&group.sent, "displayName").is_none() {
        return unjudged("the group was created without a displayName");
    }
    let answer = probe
        .post(&probe.require_groups()?.endpoint, &group.sent)
        .await?;
    answer.is(409)
}

async fn judge_lists_of_one(probe: &Probe<'_>) -> Judged {
    let (_, types) = read_entries(probe, "/ResourceTypes").await?;
    let is_other = |one: &&Value| {
        let schema = text(one, &["schema"]).unwrap_or_default();
        ![USER, GROUP]
            .iter()
            .any(|urn| schema.eq_ignore_ascii_case(urn))
    };
    let others: Vec<&str> = types
        .iter()
        .filter(is_other)
        .filter_map(|one| text(one, &["endpoint"]))
        .collect();
    if others.is_empty() {
        return unjudged("the server has no resource types other than User and Group");
    }
    for endpoint in others {
        require_list_of_one(probe, endpoint).await?;
    }
    Ok(())
}
