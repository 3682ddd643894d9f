//! What only profiles demand of groups.

use serde_json::{Value, json};

use super::body::with;
use super::demanded_users::{list_of_one_at, pages};
use super::discovery::entries;
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{LIST, listed_names, member, same, speaks, text, values};
use super::schema::{GROUP, USER};
use super::target::query;
use super::wire::Told;

checks! {
"SCIM-PROFILE-40", May, "IPSIE AL SCIM profile (Update Group)"; "Fifty members are added and removed by one PATCH each";
    expects "50 members after fifty operations add, none after fifty operations remove";
    fix "Take at least 50 operations on members in a request.";
    needs [Need::Patch, Need::Groups, Need::Writes]; act(fifty_members)
"SCIM-PROFILE-41", May, "IPSIE AL SCIM profile (Create Group)"; "A group is created without members";
    expects "201 for a group without members";
    fix "Take groups without members: they are filled later.";
    needs [Need::Groups, Need::Writes]; act(empty_group)
"SCIM-PROFILE-42", May, "IPSIE AL SCIM profile (List Groups By Alternate Identifier)"; "A group is found by members[value eq …]";
    expects "the one group that has the member";
    fix "Support members[value eq \"…\"].";
    needs [Need::Filter, Need::Groups, Need::Writes]; act(by_member)
"SCIM-PROFILE-43", May, "IPSIE AL SCIM profile (List Groups By Alternate Identifier)"; "A group is found by its externalId";
    expects "the one group that has the externalId";
    fix "Keep externalId of groups, and support eq on it.";
    needs [Need::Filter, Need::Groups, Need::Writes]; act(by_external_id)
"SCIM-PROFILE-44", May, "Entra gallery (SCIM_Group_Pagination_Test)"; "Eleven groups are read in pages of five";
    expects "three pages of at most five, startIndex as it was asked for, and no group twice";
    fix "Support startIndex and count at /Groups too.";
    needs [Need::Groups, Need::Writes]; act(pages_of_groups)
"SCIM-PROFILE-45", May, "Entra gallery (Restore_Group_Test)"; "A group that was deleted is created again";
    expects "404 for the old one, 201 for the new one";
    fix "Free the displayName with the deletion.";
    needs [Need::Groups, Need::Writes]; act(created_again)
"SCIM-PROFILE-46", May, "Okta-SCIM-20-SPEC-Test (Verify Groups endpoint)"; "/Groups is answered with a list";
    expects "200 with a ListResponse";
    fix "Answer GET /Groups with a list, an empty one where there is no group.";
    needs [Need::Groups]; act(groups_are_listed)
"SCIM-PROFILE-47", May, "IPSIE AL SCIM profile (Group Provisioning, Schema)"; "A second group of a displayName is refused";
    expects "an answer with 409";
    fix "Guard displayName of groups by a unique index.";
    needs [Need::Groups, Need::Writes]; act(unique_name)
"SCIM-PROFILE-48", May, "Okta-SCIM-20-Entitlements-Test"; "Each resource type beside users and groups lists one resource with count=1 and startIndex=1";
    expects "200, a ListResponse with one resource, startIndex, totalResults, and itemsPerPage 1";
    fix "Answer GET {endpoint}?count=1&startIndex=1 with a page of one, and write the three numbers into every list.";
    needs []; act(lists_of_one)
}

/// How many operations on members a request has.
const FIFTY: usize = 50;

async fn fifty_members(probe: &Probe<'_>) -> Judged {
    let mut users = Vec::with_capacity(FIFTY);
    for _ in 0..FIFTY {
        users.push(probe.user(json!({})).await?);
    }
    let group = probe.group(&[]).await?;
    let add = users
        .iter()
        .map(|it| json!({"op": "add", "path": "members", "value": [{"value": it.id}]}));
    let now = probe.patched(&group, add.collect()).await?;
    let came = values(&now, "members").len();
    ensure(came == FIFTY, || {
        format!("the group has {came} members after add")
    })?;
    let remove = users
        .iter()
        .map(|it| json!({"op": "remove", "path": format!("members[value eq \"{}\"]", it.id)}));
    let now = probe.patched(&group, remove.collect()).await?;
    let came = values(&now, "members").len();
    ensure(came == 0, || {
        format!("the group has {came} members after remove")
    })
}

async fn empty_group(probe: &Probe<'_>) -> Judged {
    let mut body = probe.group_body(&[])?;
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("members");
    }
    probe.post(&probe.groups()?.endpoint, &body).await?.is(201)
}

async fn found(probe: &Probe<'_>, filter: &str) -> Judged<Told> {
    let parameters = [("filter", filter)];
    probe
        .get(&query(&probe.groups()?.endpoint, &parameters))
        .await
}

fn alone(told: &Told, group: &Made) -> Judged {
    let all = told.listed()?;
    let ids: Vec<&str> = all.iter().filter_map(|one| text(one, &["id"])).collect();
    ensure(ids == [group.id.as_str()], || {
        format!("found {}, expected {}", listed_names(&ids), group.id)
    })
}

async fn by_member(probe: &Probe<'_>) -> Judged {
    let user = probe.user(json!({})).await?;
    let group = probe.group(&[&user.id]).await?;
    let filter = format!("members[value eq \"{}\"]", user.id);
    alone(&found(probe, &filter).await?, &group)
}

async fn by_external_id(probe: &Probe<'_>) -> Judged {
    let id = format!("ext-{}", probe.name());
    let body = with(probe.group_body(&[])?, json!({"externalId": id}));
    let told = probe.post(&probe.groups()?.endpoint, &body).await?;
    told.given("making a group")?;
    let made = probe.resource(&told).await?;
    same("externalId", member(&made, "externalId"), &json!(id))?;
    let told = found(probe, &format!("externalId eq \"{id}\"")).await?;
    let all = told.listed()?;
    let ids: Vec<Option<&Value>> = all.iter().map(|one| member(one, "id")).collect();
    ensure(ids == [member(&made, "id")], || {
        format!("{} groups came, expected the one", ids.len())
    })
}

async fn pages_of_groups(probe: &Probe<'_>) -> Judged {
    for _ in 0..11 {
        probe.group(&[]).await?;
    }
    pages(probe, &probe.groups()?.endpoint).await
}

async fn created_again(probe: &Probe<'_>) -> Judged {
    let group = probe.group(&[]).await?;
    let told = probe.delete(&group.place).await?;
    told.given("deleting a group")?;
    probe.get(&group.place).await?.is(404)?;
    let told = probe.post(&probe.groups()?.endpoint, &group.sent).await?;
    told.is(201)
}

async fn groups_are_listed(probe: &Probe<'_>) -> Judged {
    let told = probe.get(&probe.groups()?.endpoint).await?;
    told.is(200)?;
    if speaks(&told.body()?, LIST) {
        return Ok(());
    }
    told.wrong("schemas does not name the ListResponse")
}

async fn unique_name(probe: &Probe<'_>) -> Judged {
    let group = probe.group(&[]).await?;
    if member(&group.sent, "displayName").is_none() {
        return unjudged("the group was made without a displayName");
    }
    let told = probe.post(&probe.groups()?.endpoint, &group.sent).await?;
    told.is(409)
}

async fn lists_of_one(probe: &Probe<'_>) -> Judged {
    let (_, types) = entries(probe, "/ResourceTypes").await?;
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
        return unjudged("the server has no resource types beside users and groups");
    }
    for endpoint in others {
        list_of_one_at(probe, endpoint).await?;
    }
    Ok(())
}
