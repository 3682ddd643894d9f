//! Checks of users that only profiles require: the life cycle of a user as marketplaces test it.

use serde_json::{Value, json};

use super::item::{Judged, Need, checks, ensure, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{LIST, at, member, require_same, speaks, text, value_to_text, values};
use super::schema::ENTERPRISE;
use super::support::list_filtered_users;
use super::target::query;

checks! {
"SCIM-PROFILE-20", May, "Okta-SCIM-20-SPEC-Test (Test Users endpoint)"; "GET /Users with count=1 and startIndex=1 lists a user, with the numbers of the page";
    expects "HTTP 200 and a ListResponse with a resource, and startIndex, totalResults and itemsPerPage as numbers";
    fix "Answer GET /Users?count=1&startIndex=1 with a user, and write startIndex, totalResults and itemsPerPage as numbers into every ListResponse.";
    needs [Need::Writes]; act(judge_list_of_one)
"SCIM-PROFILE-21", May, "Okta-SCIM-20-SPEC-Test (Test Users endpoint)"; "A user in a list has id, userName, givenName, familyName, active and an e-mail";
    expects "all six in the list, with the values from the creation";
    fix "Store id, userName, name.givenName, name.familyName, active and emails, and return them in lists.";
    needs [Need::Filter, Need::Writes]; act(judge_user_in_list)
"SCIM-PROFILE-22", May, "Entra gallery (Disable_User_Test), Okta-SCIM-20-CRUD-Test"; "A deactivated user can still be found, with active false";
    expects "active false when the user is read by id and when a filter on userName finds it";
    fix "Keep deactivated users, and return them with active false: clients look them up to reactivate them.";
    needs [Need::Patch, Need::Filter, Need::Writes, Need::Keeps(&["active"])]; act(judge_filter_on_deactivated)
"SCIM-PROFILE-23", May, "Okta-SCIM-20-CRUD-Test, IPSIE AL SCIM profile (Deactivate or Reactivate User)"; "PATCH reactivates a deactivated user";
    expects "the same id and active true";
    fix "Accept active true for a deactivated user, and keep the resource and its id.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_reactivation)
"SCIM-PROFILE-24", May, "Okta OIN (Deactivate users)"; "A PATCH operation without a path deactivates a user, as Okta sends it";
    expects "active false";
    fix "Support {\"op\": \"replace\", \"value\": {\"active\": false}}: Okta deactivates users this way.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_deactivation_without_path)
"SCIM-PROFILE-25", May, "Entra gallery (SCIM_Update_Manager_Test)"; "PATCH sets a manager by add, changes it by replace and removes it by remove";
    expects "manager.value with the first manager's id, then with the second's, then none";
    fix "Store manager of the enterprise extension, and support add, replace and remove with its URN as the path.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise, Need::Manager]; act(judge_manager)
"SCIM-PROFILE-26", May, "Entra gallery (SCIM_Null_Update_Test)"; "An empty string and null clear an attribute";
    expects "no or an empty value of the attribute after replace with \"\" and with null";
    fix "Treat an empty string and null as no value, and answer with success.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_clear_by_empty_value)
"SCIM-PROFILE-27", May, "Entra gallery (SCIM_User_Update_Test), IPSIE AL SCIM profile (Performance and Efficiency)"; "One PATCH changes several attributes";
    expects "the new values of two or three attributes, such as displayName and name.givenName";
    fix "Apply every operation of a PATCH request.";
    needs [Need::Patch, Need::Writes]; act(judge_several_changes)
"SCIM-PROFILE-28", May, "Entra gallery (SCIM_User_Pagination_Test)"; "Eleven users can be read in pages of five";
    expects "three pages of at most five users, startIndex as requested, and no user on two pages";
    fix "Support startIndex and count, and return the startIndex of the page in the ListResponse.";
    needs [Need::Writes, Need::Count]; act(judge_pages_of_users)
"SCIM-PROFILE-29", May, "Entra gallery (Restore_User_Test)"; "A deleted user can be created again and is then found";
    expects "success for DELETE and for the new POST, and a filter on userName that finds only the new user";
    fix "Make the userName available again when the user is deleted, and leave the deleted user out of lists.";
    needs [Need::Filter, Need::Writes]; act(judge_creation_after_delete)
"SCIM-PROFILE-30", May, "Okta-SCIM-20-SPEC-Test (Create Okta user with realistic values)"; "A user can be created with application/json, names, e-mail and active";
    expects "HTTP 201 with id, schemas, userName, givenName, familyName and active true";
    fix "Accept Content-Type application/json, and return the complete user.";
    needs [Need::Writes]; act(judge_creation_as_okta)
"SCIM-PROFILE-31", May, "Entra gallery (matching by e-mail)"; "A filter on emails[type eq \"work\"].value finds a user";
    expects "ann alone";
    fix "Support attribute[filter].subAttribute in filters: Entra ID uses it to match users.";
    needs [Need::Filter, Need::Keeps(&["emails.value", "emails.type"])]; finds(r#"emails[type eq "work"].value eq "{u}-ann@example.com""#, ["ann"])
"SCIM-PROFILE-32", May, "IPSIE AL SCIM profile (List Users By Alternate Identifier)"; "The filter emails[value eq …] finds a user";
    expects "ann alone";
    fix "Support the filter emails[value eq \"…\"].";
    needs [Need::Filter, Need::Keeps(&["emails.value"])]; finds(r#"emails[value eq "{u}-ann@example.com"]"#, ["ann"])
"SCIM-PROFILE-33", May, "IPSIE AL SCIM profile (List Users By Alternate Identifier)"; "The filter emails[type eq \"work\" and value eq …] finds a user";
    expects "ann alone";
    fix "Support two conditions in brackets, joined by `and`.";
    needs [Need::Filter, Need::Keeps(&["emails.value", "emails.type"])]; finds(r#"emails[type eq "work" and value eq "{u}-ann@example.com"]"#, ["ann"])
"SCIM-PROFILE-34", May, "Okta-SCIM-20-SPEC-Test (Username Case Sensitivity Check)"; "A filter on a userName in capital letters is answered with HTTP 200";
    expects "HTTP 200";
    fix "Answer filters on userName in any letter case with a ListResponse, which is empty if no user matches.";
    needs [Need::Filter]; act(judge_filter_in_capitals)
"SCIM-PROFILE-35", May, "Entra gallery (SCIM_Update_Manager_Test)"; "PATCH sets and changes the manager by a string with the id, and removes it by an empty string";
    expects "manager.value with the first manager's id after add, with the second's after replace, and none after replace with \"\"";
    fix "In PATCH, treat a string for manager as manager.value, and an empty string as no manager.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise, Need::Manager]; act(judge_manager_as_text)
}

async fn judge_filter_in_capitals(probe: &Probe<'_>) -> Judged {
    let filter = format!("userName eq \"{}\"", probe.name().to_uppercase());
    probe.list_users(&[("filter", &filter)]).await?.is(200)
}

async fn judge_list_of_one(probe: &Probe<'_>) -> Judged {
    probe.create_user(json!({})).await?;
    let endpoint = &probe.server.users.endpoint;
    require_list_of_one(probe, endpoint).await
}

/// Requires the answer to `GET {endpoint}?count=1&startIndex=1` that Okta's test expects.
pub(super) async fn require_list_of_one(probe: &Probe<'_>, endpoint: &str) -> Judged {
    let answer = probe
        .get(&query(endpoint, &[("count", "1"), ("startIndex", "1")]))
        .await?;
    answer.is(200)?;
    let body = answer.body()?;
    if !speaks(&body, LIST) {
        return answer.wrong("schemas does not contain the URN of ListResponse");
    }
    for name in ["itemsPerPage", "startIndex", "totalResults"] {
        if member(&body, name).and_then(Value::as_u64).is_none() {
            return answer.wrong(format!("{name} is {}", value_to_text(member(&body, name))));
        }
    }
    // Okta's test looks at the first resource only: a server may ignore `count`.
    if values(&body, "Resources").is_empty() {
        return answer.wrong("the list has no resource");
    }
    Ok(())
}

/// Returns a user with the attributes that Okta's test sends.
fn whole(probe: &Probe<'_>) -> Value {
    let mark = &probe.session.mark;
    let body = probe.user_body(json!({
        "name": {"givenName": format!("{mark}-Given"), "familyName": format!("{mark}-Family")},
        "displayName": format!("{mark} Given Family"),
        "active": true,
    }));
    let address = body["userName"].clone();
    super::body::with(
        body,
        json!({"emails": [{"primary": true, "value": address, "type": "work"}]}),
    )
}

fn is_whole(answer: &Value, sent: &Value) -> Judged {
    ensure(
        text(answer, &["id"]).is_some_and(|id| !id.is_empty()),
        || format!("id is {}", value_to_text(member(answer, "id"))),
    )?;
    require_same("userName", member(answer, "userName"), &sent["userName"])?;
    for part in ["givenName", "familyName"] {
        require_same(
            &format!("name.{part}"),
            at(answer, &["name", part]),
            &sent["name"][part],
        )?;
    }
    require_same("active", member(answer, "active"), &json!(true))
}

async fn judge_creation_as_okta(probe: &Probe<'_>) -> Judged {
    let sent = whole(probe);
    let session = probe.session;
    let mut request = session.request(
        reqwest::Method::POST,
        &probe.server.users.endpoint,
        Some(&sent),
    );
    for (name, value) in &mut request.headers {
        match name.as_str() {
            "content-type" => "application/json".clone_into(value),
            "accept" => "application/scim+json; charset=utf-8".clone_into(value),
            _ => {}
        }
    }
    let answer = probe.send(request).await?;
    answer.is(201)?;
    let body = probe.read_resource(&answer).await?;
    if !speaks(&body, &probe.server.users.schema.id) {
        return answer.wrong("schemas does not contain the URN of the schema of users");
    }
    is_whole(&body, &sent)
}

/// Returns the user whom a filter on `userName` finds; it must find exactly one.
async fn find_one_by_name(probe: &Probe<'_>, name: &Value) -> Judged<Value> {
    let filter = format!("userName eq {name}");
    let answer = list_filtered_users(probe, &[("filter", &filter)]).await?;
    let found = answer.listed_resources()?;
    match found.as_slice() {
        [one] => Ok(one.clone()),
        all => answer.wrong(format!(
            "the filter found {} users, expected one",
            all.len()
        )),
    }
}

async fn judge_user_in_list(probe: &Probe<'_>) -> Judged {
    let sent = whole(probe);
    let answer = probe.post(&probe.server.users.endpoint, &sent).await?;
    answer.require_step("creating a user")?;
    let found = find_one_by_name(probe, &sent["userName"]).await?;
    is_whole(&found, &sent)?;
    let email = values(&found, "emails").first();
    let email = email.and_then(|one| text(one, &["value"]));
    ensure(email.is_some_and(|it| !it.is_empty()), || {
        format!("emails is {}", value_to_text(member(&found, "emails")))
    })
}

async fn set_active(probe: &Probe<'_>, user: &Made, active: bool) -> Judged<Value> {
    let operation = json!([{"op": "replace", "path": "active", "value": active}]);
    probe.patch_and_fetch(user, operation).await
}

async fn judge_filter_on_deactivated(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": true})).await?;
    let now = set_active(probe, &user, false).await?;
    require_same("active", member(&now, "active"), &json!(false))?;
    let found = find_one_by_name(probe, &user.sent["userName"]).await?;
    require_same(
        "id of the user found",
        member(&found, "id"),
        &json!(user.id),
    )?;
    require_same(
        "active of the user found",
        member(&found, "active"),
        &json!(false),
    )
}

async fn judge_reactivation(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": true})).await?;
    let now = set_active(probe, &user, false).await?;
    if member(&now, "active") != Some(&json!(false)) {
        return unjudged("the user was not deactivated, so this would prove nothing");
    }
    let now = set_active(probe, &user, true).await?;
    require_same("id", member(&now, "id"), &json!(user.id))?;
    require_same("active", member(&now, "active"), &json!(true))
}

async fn judge_deactivation_without_path(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": true})).await?;
    let operation = json!([{"op": "replace", "value": {"active": false}}]);
    let now = probe.patch_and_fetch(&user, operation).await?;
    require_same("active", member(&now, "active"), &json!(false))
}

async fn judge_manager(probe: &Probe<'_>) -> Judged {
    let (first, second) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let user = probe.create_user(json!({})).await?;
    let path = format!("{ENTERPRISE}:manager");
    for (op, boss) in [("add", &first), ("replace", &second)] {
        let operation = json!([{"op": op, "path": path, "value": {"value": boss.id}}]);
        let now = probe.patch_and_fetch(&user, operation).await?;
        let got = at(&now, &[ENTERPRISE, "manager", "value"]);
        require_same("manager.value", got, &json!(boss.id))?;
    }
    let now = probe
        .patch_and_fetch(&user, json!([{"op": "remove", "path": path}]))
        .await?;
    let got = at(&now, &[ENTERPRISE, "manager", "value"]);
    ensure(got.is_none_or(|it| it == ""), || {
        format!("manager.value is {} after remove", value_to_text(got))
    })
}

async fn judge_manager_as_text(probe: &Probe<'_>) -> Judged {
    let (first, second) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let user = probe.create_user(json!({})).await?;
    let path = format!("{ENTERPRISE}:manager");
    for (op, id) in [
        ("add", &*first.id),
        ("replace", &second.id),
        ("replace", ""),
    ] {
        let operation = json!([{"op": op, "path": path, "value": id}]);
        let now = probe.patch_and_fetch(&user, operation).await?;
        let got = at(&now, &[ENTERPRISE, "manager", "value"]);
        let is_so = match got {
            Some(got) => got == id,
            None => id.is_empty(),
        };
        ensure(is_so, || {
            format!(
                "manager.value is {} after {op} with {id:?}",
                value_to_text(got)
            )
        })?;
    }
    Ok(())
}

async fn judge_clear_by_empty_value(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let user = probe.create_user(json!({ name: "Otter" })).await?;
    for value in [json!(""), Value::Null] {
        let operation = json!([{"op": "replace", "path": name, "value": value}]);
        let now = probe.patch_and_fetch(&user, operation).await?;
        let got = member(&now, name);
        ensure(got.is_none_or(|it| it == ""), || {
            format!("{name} is {} after {value}", value_to_text(got))
        })?;
    }
    Ok(())
}

async fn judge_several_changes(probe: &Probe<'_>) -> Judged {
    const PATHS: [&str; 6] = [
        "displayName",
        "name.givenName",
        "name.familyName",
        "title",
        "nickName",
        "userType",
    ];
    let test_users = probe.test_users().await?;
    let has = |path: &str| probe.server.users.schema.attribute(path).is_some();
    let keeps = |path: &&str| has(path) && test_users.alters(path).is_none();
    let mut paths: Vec<&str> = PATHS.into_iter().filter(keeps).collect();
    paths.truncate(3);
    if paths.len() < 2 {
        return unjudged(format!(
            "the server does not keep two of {} as they are sent",
            PATHS.join(", ")
        ));
    }
    let mut before = json!({});
    for path in &paths {
        match path.split_once('.') {
            Some((name, part)) => before[name][part] = json!("Old"),
            None => before[*path] = json!("Old"),
        }
    }
    let user = probe.create_user(before).await?;
    let operation =
        |path: &&str| json!({"op": "replace", "path": path, "value": format!("New {path}")});
    let now = probe
        .patch_and_fetch(&user, paths.iter().map(operation).collect())
        .await?;
    for path in paths {
        let names: Vec<&str> = path.split('.').collect();
        require_same(path, at(&now, &names), &json!(format!("New {path}")))?;
    }
    Ok(())
}

/// Number of resources in the paging tests of marketplaces, and the number per page.
const MANY: usize = 11;
const PAGE: usize = 5;

async fn judge_pages_of_users(probe: &Probe<'_>) -> Judged {
    let endpoint = &probe.server.users.endpoint;
    let there = probe
        .list_users(&[("count", "0")])
        .await?
        .total()
        .unwrap_or(0);
    for _ in usize::try_from(there).unwrap_or(MANY)..MANY {
        probe.create_user(json!({})).await?;
    }
    require_pages(probe, endpoint).await
}

/// Requires three correct pages of five resources at an endpoint.
pub(super) async fn require_pages(probe: &Probe<'_>, endpoint: &str) -> Judged {
    let mut seen = Vec::new();
    for start in [1, 1 + PAGE, 1 + 2 * PAGE] {
        let parameters = [
            ("startIndex", start.to_string()),
            ("count", PAGE.to_string()),
        ];
        let parameters = parameters
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = probe.get(&query(endpoint, &parameters)).await?;
        answer.is(200)?;
        let body = answer.body()?;
        if member(&body, "startIndex") != Some(&json!(start)) {
            return answer.wrong(format!(
                "startIndex is {}, expected {start}",
                value_to_text(member(&body, "startIndex"))
            ));
        }
        let all = values(&body, "Resources");
        let ids = all.iter().filter_map(|one| text(one, &["id"]));
        let ids: Vec<String> = ids.map(str::to_owned).collect();
        if ids.len() > PAGE || ids.is_empty() {
            return answer.wrong(format!(
                "the page has {} resources, expected 1 to 5",
                ids.len()
            ));
        }
        if let Some(twice) = ids.iter().find(|id| seen.contains(*id)) {
            return answer.wrong(format!("{twice} is on two pages"));
        }
        seen.extend(ids);
    }
    Ok(())
}

async fn judge_creation_after_delete(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    super::delete::is_gone(probe, &user).await?;
    let answer = probe.post(&probe.server.users.endpoint, &user.sent).await?;
    answer.is_success()?;
    let now = probe.read_resource(&answer).await?;
    let found = find_one_by_name(probe, &user.sent["userName"]).await?;
    let id = member(&now, "id").cloned().unwrap_or_default();
    require_same("id of the user found", member(&found, "id"), &id)
}
