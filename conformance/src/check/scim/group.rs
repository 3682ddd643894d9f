//! Checks of groups and their members (RFC 7643 §4.2; RFC 7644 §3.5.2).

use serde_json::{Value, json};

use super::body::with;
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::location::require_resource_at_address;
use super::made::Made;
use super::probe::Probe;
use super::read::{EXCLUDED, record_effect};
use super::reading::{
    at, member, names_to_text, require_absent, require_same, text, value_to_text, values,
};
use super::target::query;

checks! {
"SCIM-GROUP-01", Must, "RFC 7644 §3.3"; "Creating a group is answered with 201";
    expects "POST /Groups: 201";
    fix "Answer 201 Created.";
    needs [Need::Groups, Need::Writes]; act(judge_creation)
"SCIM-GROUP-02", Must, "RFC 7643 §4.2"; "A new group has the members that were sent";
    expects "the user's id in members";
    fix "Store the id of each member in value.";
    needs [Need::Groups, Need::Writes]; act(judge_creation_with_members)
"SCIM-GROUP-03", Must, "RFC 7643 §4.2"; "A group without displayName is refused";
    expects "an answer with 400";
    fix "Answer 400 invalidValue to a group without displayName: displayName is REQUIRED.";
    needs [Need::Groups, Need::Writes]; act(judge_missing_name)
"SCIM-GROUP-04", Should, "RFC 7643 §2.4"; "The $ref of a member, if present, is the member's address";
    expects "GET at $ref: 200 with the member's id, or no $ref";
    fix "Write the member's URI into $ref, or leave $ref out.";
    needs [Need::Groups, Need::Writes]; act(judge_member_ref)
"SCIM-GROUP-05", Should, "RFC 7643 §4.2"; "The type of a member, if present, is its resource type";
    expects "type User, or no type";
    fix "Write the member's resource type into type, or leave type out.";
    needs [Need::Groups, Need::Writes]; act(judge_member_type)
"SCIM-GROUP-06", Should, "RFC 7643 §4.1.2"; "The attribute groups of a user contains the user's groups";
    expects "the group's id in groups of the user";
    fix "Compute groups from the memberships.";
    needs [Need::Groups, Need::Writes, Need::Has(&["groups"])]; act(judge_groups_of_user)
"SCIM-GROUP-07", Must, "RFC 7644 §3.5.2.1"; "PATCH adds a member";
    expects "both members";
    fix "Keep the existing members when add adds another one.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_add)
"SCIM-GROUP-08", Must, "RFC 7644 §3.5.2.1"; "One add operation adds several members";
    expects "all three members";
    fix "Accept an array as value of add.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_add_of_several)
"SCIM-GROUP-09", Must, "RFC 7644 §3.5.2.2"; "The operation remove with a value filter removes a member";
    expects "the other member alone";
    fix "Support paths such as members[value eq \"…\"].";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_remove)
"SCIM-GROUP-10", Should, "RFC 7644 §3.5.2.1"; "A member that is added twice is stored once";
    expects "one member";
    fix "Compare with the existing members before appending.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_repeated_add)
"SCIM-GROUP-11", Must, "RFC 7644 §3.5.2.3"; "The operation replace on members replaces all of them";
    expects "the new member alone";
    fix "Replace all members if the path has no filter.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_replace)
"SCIM-GROUP-12", Must, "RFC 7644 §3.5.2.2"; "The operation remove on members removes all of them";
    expects "no members";
    fix "Remove all members if the path has no filter.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_remove_of_all)
"SCIM-GROUP-13", May, "RFC 7643 §4.2"; "A member id that does not exist is refused";
    expects "a 4xx status for an unknown id";
    fix "Answer invalidValue and name the member: otherwise the client believes that it was added.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_unknown_member)
"SCIM-GROUP-14", Must, "RFC 7644 §3.5.2"; "A refused replace removes no members";
    expects "the members as before";
    fix "Apply all operations or none: a refused request changes nothing.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_refused_replace)
"SCIM-GROUP-15", Should, "RFC 7643 §4.2"; "A group that is added to another group becomes its member";
    expects "the inner group's id in members, or a refusal";
    fix "Accept groups as members, or refuse them: a success without a change misleads the client.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_nested_group)
"SCIM-GROUP-16", Should, "RFC 7643 §4.2"; "Groups that contain each other do no harm to the server";
    expects "a refusal, or two groups that can still be read";
    fix "Refuse such cycles, or visit each group only once.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_circular_groups)
"SCIM-GROUP-17", Must, "RFC 7644 §3.5.2.3"; "Renaming a group keeps its members";
    expects "the new displayName, and the member";
    fix "Change only the attribute that the path names.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_rename)
"SCIM-GROUP-18", Must, "RFC 7644 §3.9"; "The attribute members can be excluded";
    expects "no members with excludedAttributes=members";
    fix "Apply excludedAttributes, and do not even load the members then.";
    needs [Need::Groups, Need::Writes]; act(judge_excluded_members)
"SCIM-GROUP-19", Must, "RFC 7644 §3.4.2.2"; "A filter finds a group by displayName";
    expects "the group alone";
    fix "Support eq on displayName: every client looks groups up by it.";
    needs [Need::Groups, Need::Filter, Need::Writes]; act(judge_filter_on_name)
"SCIM-GROUP-20", Must, "RFC 7644 §3.4.2.2"; "A filter finds a group by a member";
    expects "the group alone";
    fix "Support filters such as members.value eq \"…\".";
    needs [Need::Groups, Need::Filter, Need::Writes]; act(judge_filter_on_member)
"SCIM-GROUP-21", Must, "RFC 7644 §3.5.1"; "PUT replaces all members";
    expects "the new member alone";
    fix "Replace the whole attribute with the array in the request.";
    needs [Need::Groups, Need::Writes]; act(judge_put)
"SCIM-GROUP-22", Must, "RFC 7644 §3.6"; "Deleting a group does not delete its members";
    expects "204, 404 for the group, 200 for the user";
    fix "Delete only the group and its memberships, not the users.";
    needs [Need::Groups, Need::Writes]; act(judge_delete)
"SCIM-GROUP-23", May, "RFC 7643 §4.2"; "A deleted user is no longer a member of a group";
    expects "a group without the user's id";
    fix "Remove the user's memberships together with the user: the value of a member is the id of a resource, and clients read the member by it. RFC 7644 §3.6 does not say what happens to memberships.";
    needs [Need::Groups, Need::Writes]; act(judge_deleted_member)
"SCIM-GROUP-24", Must, "RFC 7644 §3.5.2.1"; "The operation add without a path adds members";
    expects "both members";
    fix "If an operation has no path, treat each member of value as an attribute.";
    needs [Need::Groups, Need::Patch, Need::Writes]; act(judge_add_without_path)
"SCIM-GROUP-25", Should, "RFC 7643 §3.1"; "A group has meta.resourceType";
    expects "meta.resourceType Group";
    fix "Set meta.resourceType to the name of the resource type.";
    needs [Need::Groups, Need::Writes]; act(judge_resource_type)
"SCIM-GROUP-26", Must, "RFC 7644 §3.9"; "The attribute members can be excluded from a list";
    expects "no members with excludedAttributes=members";
    fix "Apply excludedAttributes to every resource of a list.";
    needs [Need::Groups, Need::Filter, Need::Writes]; act(judge_excluded_members_in_list)
}

fn ids(group: &Value) -> Vec<&str> {
    let all = values(group, "members").iter();
    let mut ids: Vec<&str> = all.filter_map(|one| text(one, &["value"])).collect();
    ids.sort_unstable();
    ids
}

fn has(group: &Value, members: &[&Made]) -> Judged {
    let mut wanted: Vec<&str> = members.iter().map(|one| one.id.as_str()).collect();
    wanted.sort_unstable();
    ensure(ids(group) == wanted, || {
        format!(
            "members is {}, expected {}",
            value_to_text(member(group, "members")),
            names_to_text(&wanted)
        )
    })
}

/// Creates a group with these members. They must be stored before a change of them can be judged.
pub(super) async fn create_with_members(probe: &Probe<'_>, users: &[&Made]) -> Judged<Made> {
    let ids: Vec<&str> = users.iter().map(|one| one.id.as_str()).collect();
    let group = probe.create_group(&ids).await?;
    let now = probe.fetch(&group).await?;
    if has(&now, users).is_ok() {
        return Ok(group);
    }
    let members = value_to_text(member(&now, "members"));
    let why = format!("the members of the new group are not those sent: members is {members}");
    Err(Stop::Follows("SCIM-GROUP-02", why))
}

/// Adds a user to an empty group. The user must be in `members` afterwards before anything can be
/// concluded from a member that is missing.
pub(super) async fn require_added_member(probe: &Probe<'_>) -> Judged {
    let (user, group) = (
        probe.create_user(json!({})).await?,
        probe.create_group(&[]).await?,
    );
    let answer = probe.patch(&group.place, add_op(&[&user])).await?;
    let now = probe.fetch(&group).await?;
    if answer.has_succeeded() && has(&now, &[&user]).is_ok() {
        return Ok(());
    }
    let why = format!(
        "a user who is added to a group is not in members by id either: members is {}",
        value_to_text(member(&now, "members"))
    );
    Err(Stop::Follows("SCIM-GROUP-07", why))
}

/// Creates a group with one member.
async fn create_with_one_member(probe: &Probe<'_>) -> Judged<(Made, Made)> {
    let user = probe.create_user(json!({})).await?;
    let group = create_with_members(probe, &[&user]).await?;
    Ok((user, group))
}

fn add_op(users: &[&Made]) -> Value {
    let value: Vec<Value> = users.iter().map(|one| json!({ "value": one.id })).collect();
    json!([{"op": "add", "path": "members", "value": value}])
}

async fn judge_creation(probe: &Probe<'_>) -> Judged {
    let body = probe.group_body(&[])?;
    probe
        .post(&probe.require_groups()?.endpoint, &body)
        .await?
        .is(201)
}

async fn judge_creation_with_members(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let group = probe.create_group(&[&user.id]).await?;
    has(&probe.fetch(&group).await?, &[&user])
}

async fn judge_missing_name(probe: &Probe<'_>) -> Judged {
    let display = probe.require_groups()?.schema.attribute("displayName");
    if display.is_some_and(|display| !display.required) {
        return unjudged("the Group schema declares displayName as not required");
    }
    let mut body = probe.group_body(&[])?;
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("displayName");
    }
    probe
        .post(&probe.require_groups()?.endpoint, &body)
        .await?
        .is(400)
}

async fn read_first_member(probe: &Probe<'_>, group: &Made) -> Judged<Value> {
    let now = probe.fetch(group).await?;
    match values(&now, "members").first() {
        Some(member) => Ok(member.clone()),
        None => unjudged("the group has no members"),
    }
}

async fn judge_member_ref(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let member = read_first_member(probe, &group).await?;
    let Some(reference) = text(&member, &["$ref"]) else {
        return unjudged("members have no $ref, which RFC 7643 §4.2 allows");
    };
    require_resource_at_address(probe, ("$ref", reference), &user.place).await
}

async fn judge_member_type(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let found = read_first_member(probe, &group).await?;
    match member(&found, "type") {
        None => unjudged("members have no type, which RFC 7643 §4.2 allows"),
        kind => require_same("type", kind, &json!("User")),
    }
}

async fn judge_groups_of_user(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let now = probe.fetch(&user).await?;
    let mut all = values(&now, "groups")
        .iter()
        .filter_map(|one| text(one, &["value"]));
    ensure(all.any(|id| id == group.id), || {
        format!("groups is {}", value_to_text(member(&now, "groups")))
    })
}

async fn judge_add(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let other = probe.create_user(json!({})).await?;
    let now = probe.patch_and_fetch(&group, add_op(&[&other])).await?;
    has(&now, &[&user, &other])
}

async fn judge_add_of_several(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let (second, third) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let now = probe
        .patch_and_fetch(&group, add_op(&[&second, &third]))
        .await?;
    has(&now, &[&user, &second, &third])
}

async fn judge_remove(probe: &Probe<'_>) -> Judged {
    let (user, other) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let group = create_with_members(probe, &[&user, &other]).await?;
    let path = format!("members[value eq \"{}\"]", user.id);
    let now = probe
        .patch_and_fetch(&group, json!([{"op": "remove", "path": path}]))
        .await?;
    has(&now, &[&other])
}

async fn judge_repeated_add(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let now = probe.patch_and_fetch(&group, add_op(&[&user])).await?;
    has(&now, &[&user])
}

async fn judge_replace(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let other = probe.create_user(json!({})).await?;
    let value = json!([{ "value": other.id }]);
    let operation = json!([{"op": "replace", "path": "members", "value": value}]);
    has(&probe.patch_and_fetch(&group, operation).await?, &[&other])
}

async fn judge_remove_of_all(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let now = probe
        .patch_and_fetch(&group, json!([{"op": "remove", "path": "members"}]))
        .await?;
    has(&now, &[])
}

fn nobody(probe: &Probe<'_>) -> Value {
    json!([{"value": format!("{}-nobody", probe.session.mark)}])
}

async fn judge_unknown_member(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let operation = json!([{"op": "add", "path": "members", "value": nobody(probe)}]);
    probe.patch(&group.place, operation).await?.is_refused()
}

async fn judge_refused_replace(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let operation = json!([{"op": "replace", "path": "members", "value": nobody(probe)}]);
    let answer = probe.patch(&group.place, operation).await?;
    if answer.status < 400 {
        return unjudged(format!(
            "the server accepted the unknown member, see SCIM-GROUP-13: {}",
            answer.quote()
        ));
    }
    has(&probe.fetch(&group).await?, &[&user])
}

async fn judge_nested_group(probe: &Probe<'_>) -> Judged {
    let (inner, outer) = (
        probe.create_group(&[]).await?,
        probe.create_group(&[]).await?,
    );
    let answer = probe.patch(&outer.place, add_op(&[&inner])).await?;
    if (400..500).contains(&answer.status) {
        return unjudged(format!(
            "the server refuses groups as members, which RFC 7643 §4.2 allows: {}",
            answer.quote()
        ));
    }
    answer.is_success()?;
    let judged = has(&probe.fetch(&outer).await?, &[&inner]);
    if judged.is_err() {
        require_added_member(probe).await?;
    }
    judged
}

async fn judge_circular_groups(probe: &Probe<'_>) -> Judged {
    let (one, other) = (
        probe.create_group(&[]).await?,
        probe.create_group(&[]).await?,
    );
    probe
        .patch(&one.place, add_op(&[&other]))
        .await?
        .require_step("nesting a group")?;
    let answer = probe.patch(&other.place, add_op(&[&one])).await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    probe.get(&one.place).await?.is(200)?;
    probe.get(&other.place).await?.is(200)
}

async fn judge_rename(probe: &Probe<'_>) -> Judged {
    let display = probe.require_groups()?.schema.attribute("displayName");
    if display.is_some_and(|it| it.mutability == "immutable") {
        return unjudged("the schema of groups declares displayName as immutable");
    }
    let (user, group) = create_with_one_member(probe).await?;
    let name = probe.name();
    let operation = json!([{"op": "replace", "path": "displayName", "value": name}]);
    let now = probe.patch_and_fetch(&group, operation).await?;
    require_same("displayName", member(&now, "displayName"), &json!(name))?;
    has(&now, &[&user])
}

async fn judge_excluded_members(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let answer = probe
        .get(&format!("{}?excludedAttributes=members", group.place))
        .await?;
    answer.is(200)?;
    record_effect(
        probe,
        EXCLUDED,
        require_absent("members", member(&answer.body()?, "members")),
    )
}

async fn find_groups(probe: &Probe<'_>, parameters: &[(&str, &str)]) -> Judged<Vec<Value>> {
    let answer = probe
        .get(&query(&probe.require_groups()?.endpoint, parameters))
        .await?;
    answer.listed_resources()
}

/// Returns why groups cannot be searched by member, if the server itself says so.
async fn why_filter_declined(probe: &Probe<'_>, filter: &str) -> Judged<Option<String>> {
    let target = query(&probe.require_groups()?.endpoint, &[("filter", filter)]);
    let answer = probe.get(&target).await?;
    Ok(matches!(answer.status, 400 | 403 | 501).then(|| {
        format!(
            "the server declines filters on members, which RFC 7644 §3.4.2.2 allows: {}",
            answer.quote()
        )
    }))
}

fn require_only(found: &[Value], group: &Made) -> Judged {
    let ids: Vec<&str> = found.iter().filter_map(|one| text(one, &["id"])).collect();
    ensure(ids == [group.id.as_str()], || {
        format!("found {}, expected {}", names_to_text(&ids), group.id)
    })
}

async fn judge_filter_on_name(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let name = text(&group.sent, &["displayName"]).unwrap_or_default();
    let filter = format!("displayName eq \"{name}\"");
    require_only(&find_groups(probe, &[("filter", &filter)]).await?, &group)
}

async fn judge_filter_on_member(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let filter = format!("members.value eq \"{}\"", user.id);
    if let Some(why) = why_filter_declined(probe, &filter).await? {
        return unjudged(why);
    }
    require_only(&find_groups(probe, &[("filter", &filter)]).await?, &group)
}

async fn judge_put(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let other = probe.create_user(json!({})).await?;
    let body = with(
        group.sent.clone(),
        json!({"members": [{ "value": other.id }]}),
    );
    probe.put(&group.place, &body).await?.is_success()?;
    has(&probe.fetch(&group).await?, &[&other])
}

async fn judge_delete(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    probe.delete(&group.place).await?.is(204)?;
    let answer = probe.get(&group.place).await?;
    if answer.has_succeeded() {
        let why = format!("the group can still be read: {}", answer.quote());
        return Err(Stop::Follows("SCIM-DELETE-02", why));
    }
    answer.is(404)?;
    probe.get(&user.place).await?.is(200)
}

async fn judge_deleted_member(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    super::delete::is_gone(probe, &user).await?;
    has(&probe.fetch(&group).await?, &[])
}

async fn judge_add_without_path(probe: &Probe<'_>) -> Judged {
    let (user, group) = create_with_one_member(probe).await?;
    let other = probe.create_user(json!({})).await?;
    let value = json!({"members": [{ "value": other.id }]});
    let now = probe
        .patch_and_fetch(&group, json!([{"op": "add", "value": value}]))
        .await?;
    has(&now, &[&user, &other])
}

async fn judge_resource_type(probe: &Probe<'_>) -> Judged {
    let group = probe.create_group(&[]).await?;
    let now = probe.fetch(&group).await?;
    require_same(
        "meta.resourceType",
        at(&now, &["meta", "resourceType"]),
        &json!("Group"),
    )
}

async fn judge_excluded_members_in_list(probe: &Probe<'_>) -> Judged {
    let (_, group) = create_with_one_member(probe).await?;
    let name = text(&group.sent, &["displayName"]).unwrap_or_default();
    let filter = format!("displayName eq \"{name}\"");
    let parameters = [
        ("filter", filter.as_str()),
        ("excludedAttributes", "members"),
    ];
    match find_groups(probe, &parameters).await?.first() {
        Some(group) => record_effect(
            probe,
            EXCLUDED,
            require_absent("members", member(group, "members")),
        ),
        None => unjudged("the filter found no group"),
    }
}
