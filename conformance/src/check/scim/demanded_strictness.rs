//! Checks that only the SCIM interoperability profile requires: to refuse requests that
//! RFC 7644 allows. Well-known clients send some of these requests.

use serde_json::{Value, json};

use super::body::with;
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{at, member, or_missing, require_same, text, value_to_text, values};
use super::schema::ENTERPRISE;
use super::target::segment;

checks! {
"SCIM-PROFILE-60", May, "draft-zollner-scim-interop-profile-02 (Mandatory Use of the 'path' Attribute)"; "A PATCH operation without a path is refused";
    expects "HTTP 400 with scimType invalidSyntax, and an unchanged user";
    fix "Refuse operations without path. Entra ID and Okta send such operations, so a server cannot both follow the profile and work with these clients.";
    needs [Need::Patch, Need::Writes]; act(judge_missing_path)
"SCIM-PROFILE-61", May, "draft-zollner-scim-interop-profile-02 (Attribute and Schema Handling)"; "A POST with an unknown attribute is refused";
    expects "HTTP 400 with scimType invalidSyntax";
    fix "Refuse requests with attributes that are in no schema of the resource type.";
    needs [Need::Writes]; act(judge_unknown_attribute)
"SCIM-PROFILE-62", May, "draft-zollner-scim-interop-profile-02 (Attribute and Schema Handling)"; "A POST with an unknown URN in schemas is refused";
    expects "HTTP 400 with scimType invalidSyntax";
    fix "Refuse requests whose schemas contain a URN that the resource type does not have.";
    needs [Need::Writes]; act(judge_unknown_schema)
"SCIM-PROFILE-63", May, "draft-zollner-scim-interop-profile-02 (Filtering)"; "A filter on an unknown attribute is refused";
    expects "HTTP 400 with scimType invalidFilter";
    fix "Refuse filters on attributes that are in no schema of the resource type.";
    needs [Need::Filter]; act(judge_filter_on_unknown)
"SCIM-PROFILE-64", May, "draft-zollner-scim-interop-profile-02 (Complex Attribute Operations)"; "The operation replace on a complex attribute removes the sub-attributes that its value does not contain";
    expects "the new givenName and no familyName";
    fix "Replace the whole complex attribute with the value of the operation.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_replace_of_complex)
"SCIM-PROFILE-65", May, "draft-zollner-scim-interop-profile-02 (Complex Attribute Operations)"; "The operation add on a complex attribute keeps the sub-attributes that its value does not contain";
    expects "the new givenName and the old familyName";
    fix "Merge the value of the operation into the complex attribute.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_add_to_complex)
"SCIM-PROFILE-66", May, "draft-zollner-scim-interop-profile-02 (Case Sensitivity)"; "Ids are case-sensitive";
    expects "HTTP 404 for the id with upper and lower case exchanged";
    fix "Compare ids exactly, including letter case.";
    needs [Need::Writes]; act(judge_id_case)
"SCIM-PROFILE-67", May, "draft-zollner-scim-interop-profile-02 (Endpoint Structure)"; "A userName is not accepted in place of the id";
    expects "HTTP 404 for GET /Users/{userName}";
    fix "Find the resource of a URL only by its id.";
    needs [Need::Writes]; act(judge_name_as_id)
"SCIM-PROFILE-68", May, "draft-zollner-scim-interop-profile-02 (Pagination)"; "A list contains up to 100 users with count=100";
    expects "HTTP 200 and all users, up to 100";
    fix "Return up to 100 resources per page if count asks for them.";
    needs [Need::Writes]; act(judge_hundred_users)
"SCIM-PROFILE-69", May, "draft-zollner-scim-interop-profile-02 (Resource Lifecycle)"; "DELETE deletes the user instead of deactivating it";
    expects "HTTP 404 for the deleted user, and no user with the userName in a filtered list, if the server supports filters";
    fix "Delete the resource. Clients that want to deactivate a user send PATCH.";
    needs [Need::Writes]; act(judge_soft_delete)
"SCIM-PROFILE-70", May, "draft-zollner-scim-interop-profile-02 (Attribute and Schema Handling)"; "A PATCH of an unknown attribute or schema is refused with invalidSyntax";
    expects "HTTP 400 with scimType invalidSyntax";
    fix "Refuse operations on attributes and URNs that are in no schema of the resource type with invalidSyntax. RFC 7644 §3.12 suggests invalidPath, which the profile does not accept.";
    needs [Need::Patch, Need::Writes]; act(judge_unknown_path)
"SCIM-PROFILE-71", May, "draft-zollner-scim-interop-profile-02 (Updating Resources), RFC 7644 §3.5.2"; "PATCH of one attribute keeps the user's other attributes";
    expects "the new value, and every other attribute as before";
    fix "Change only the attribute that the path names, and keep all others.";
    needs [Need::Patch, Need::Writes]; act(judge_other_attributes)
}

/// Attributes that PATCH can change for a control, in the order in which they are tried.
const CHANGEABLE: [&[&str]; 5] = [
    &["displayName"],
    &["nickName"],
    &["title"],
    &["userType"],
    &["name", "givenName"],
];

/// Returns the first of [`CHANGEABLE`] that the server keeps as it is sent.
async fn find_changeable(probe: &Probe<'_>) -> Judged<&'static [&'static str]> {
    let test_users = probe.test_users().await?;
    let mut why = None;
    for names in CHANGEABLE {
        let path = names.join(".");
        match test_users
            .alters(&path)
            .or_else(|| test_users.differs(&path))
        {
            None => return Ok(names),
            Some(lack) => _ = why.get_or_insert(lack),
        }
    }
    unjudged(why.unwrap_or_default())
}

/// Returns the members of a user with this attribute.
fn with_value(names: &[&str], value: &str) -> Value {
    match names {
        [whole, part] => json!({ *whole: { *part: value, "familyName": "Otter" } }),
        names => json!({ names.join("."): value }),
    }
}

/// The control for a refusal of PATCH: replaces an attribute of a new user by its path, which must
/// succeed. Returns the name of the attribute, and the user before and after it.
async fn replace_value(
    probe: &Probe<'_>,
    more: Value,
) -> Judged<(&'static [&'static str], Value, Value)> {
    let names = find_changeable(probe).await?;
    let path = names.join(".");
    let user = probe
        .create_user(with(more, with_value(names, "Old")))
        .await?;
    let before = probe.fetch(&user).await?;
    let operation = json!([{"op": "replace", "path": path, "value": "New"}]);
    let answer = probe.patch(&user.place, operation).await?;
    answer.require_step(&format!("PATCH of {path}"))?;
    let now = probe.fetch(&user).await?;
    match text(&now, names) {
        Some("New") => Ok((names, before, now)),
        said => unjudged(format!(
            "{path} is {} after PATCH, expected New",
            or_missing(said)
        )),
    }
}

async fn judge_unknown_path(probe: &Probe<'_>) -> Judged {
    replace_value(probe, json!({})).await?;
    let user = probe.create_user(json!({})).await?;
    for path in ["rehearsalUnknown", "urn:example:rehearsal:unknown:title"] {
        let operation = json!([{"op": "replace", "path": path, "value": "x"}]);
        let answer = probe.patch(&user.place, operation).await?;
        answer.is_error(400, "invalidSyntax")?;
    }
    Ok(())
}

/// Attributes that a change of another one must keep.
const OTHERS: [&[&str]; 10] = [
    &["userName"],
    &["externalId"],
    &["active"],
    &["displayName"],
    &["nickName"],
    &["title"],
    &["userType"],
    &["emails"],
    &["name", "givenName"],
    &["name", "familyName"],
];

async fn judge_other_attributes(probe: &Probe<'_>) -> Judged {
    let test_users = probe.test_users().await?;
    let mut more = json!({});
    if let Some(ann) = test_users.people.first() {
        // The user needs values of its own for what is unique.
        let own = [
            "userName",
            "displayName",
            "externalId",
            "emails",
            "phoneNumbers",
            "schemas",
        ];
        for (name, value) in ann.looks.as_object().into_iter().flatten() {
            if !own.contains(&name.as_str()) && name != ENTERPRISE {
                more[name] = value.clone();
            }
        }
    }
    let is_kept = |path: &str| test_users.alters(path).is_none();
    if is_kept("externalId") {
        more["externalId"] = json!(probe.name());
    }
    if is_kept("emails.value") {
        more["emails"] = match is_kept("emails.type") {
            true => json!([{"value": probe.name(), "type": "work", "primary": true}]),
            false => json!([{"value": probe.name()}]),
        };
    }
    let (changed, before, now) = replace_value(probe, more.clone()).await?;
    // What the server adds of itself may depend on the attribute that changes.
    let is_sent = |names: &[&str]| at(&more, names).is_some();
    let others = OTHERS.into_iter().filter(|names| *names != changed);
    for names in others.filter(|names| *names == ["userName"] || is_sent(names)) {
        if let Some(value) = at(&before, names) {
            require_same(&names.join("."), at(&now, names), value)?;
        }
    }
    Ok(())
}

async fn judge_missing_path(probe: &Probe<'_>) -> Judged {
    let (names, _, _) = replace_value(probe, json!({})).await?;
    let user = probe.create_user(with_value(names, "Old")).await?;
    let operation = json!([{"op": "replace", "value": with_value(names, "New")}]);
    let answer = probe.patch(&user.place, operation).await?;
    answer.is_error(400, "invalidSyntax")?;
    let now = probe.fetch(&user).await?;
    require_same(&names.join("."), at(&now, names), &json!("Old"))
}

async fn judge_unknown_attribute(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"rehearsalUnknown": "x"}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_error(400, "invalidSyntax")
}

async fn judge_unknown_schema(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"schemas": ["urn:example:rehearsal:unknown"]}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_error(400, "invalidSyntax")
}

async fn judge_filter_on_unknown(probe: &Probe<'_>) -> Judged {
    let answer = probe
        .list_users(&[("filter", "rehearsalUnknown eq \"x\"")])
        .await?;
    answer.is_error(400, "invalidFilter")
}

async fn with_name(probe: &Probe<'_>, op: &str) -> Judged<Value> {
    let user = probe
        .create_user(json!({"name": {"givenName": "Old", "familyName": "Kept"}}))
        .await?;
    let operation = json!([{"op": op, "path": "name", "value": {"givenName": "New"}}]);
    let now = probe.patch_and_fetch(&user, operation).await?;
    require_same(
        "name.givenName",
        at(&now, &["name", "givenName"]),
        &json!("New"),
    )?;
    Ok(now)
}

async fn judge_replace_of_complex(probe: &Probe<'_>) -> Judged {
    let now = with_name(probe, "replace").await?;
    let family = at(&now, &["name", "familyName"]);
    ensure(family.is_none(), || {
        format!(
            "name.familyName is {}, expected none",
            value_to_text(family)
        )
    })
}

async fn judge_add_to_complex(probe: &Probe<'_>) -> Judged {
    let now = with_name(probe, "add").await?;
    require_same(
        "name.familyName",
        at(&now, &["name", "familyName"]),
        &json!("Kept"),
    )
}

/// Returns the text with the case of its ASCII letters exchanged; `None` if it has no letters.
fn other_case(text: &str) -> Option<String> {
    let swapped: String = text
        .chars()
        .map(|sign| match sign {
            'a'..='z' => sign.to_ascii_uppercase(),
            'A'..='Z' => sign.to_ascii_lowercase(),
            sign => sign,
        })
        .collect();
    (swapped != text).then_some(swapped)
}

async fn judge_id_case(probe: &Probe<'_>) -> Judged {
    // A random id may contain no letter, so the check tries three.
    for _ in 0..3 {
        let user = probe.create_user(json!({})).await?;
        if let Some(other) = other_case(&user.id) {
            // The control: a server that returns no user at all answers 404, too.
            probe.fetch(&user).await?;
            let target = format!("{}/{}", probe.server.users.endpoint, segment(&other));
            return probe.get(&target).await?.is(404);
        }
    }
    unjudged("the ids contain no letters")
}

async fn judge_name_as_id(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    if name == user.id {
        return unjudged("the server uses the userName as the id");
    }
    probe.fetch(&user).await?;
    let target = format!("{}/{}", probe.server.users.endpoint, segment(name));
    probe.get(&target).await?.is(404)
}

async fn judge_hundred_users(probe: &Probe<'_>) -> Judged {
    probe.create_user(json!({})).await?;
    let answer = probe.list_users(&[("count", "100")]).await?;
    let (got, total) = (answer.listed_resources()?.len(), answer.total()?);
    let wanted = usize::try_from(total).unwrap_or(100).min(100);
    ensure(got == wanted, || {
        format!("the list contains {got} of {total} users, expected {wanted}")
    })
}

async fn judge_soft_delete(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    probe.fetch(&user).await?;
    let has_filters = probe.server.lacks(Need::Filter).is_none();
    let filter = format!("userName eq {}", user.sent["userName"]);
    if has_filters {
        let answer = probe.list_users(&[("filter", &filter)]).await?;
        if answer.listed_resources()?.is_empty() {
            return unjudged("the filter on userName does not find the user before DELETE either");
        }
    }
    let answer = probe.delete(&user.place).await?;
    answer.require_step("deleting a user")?;
    probe.get(&user.place).await?.is(404)?;
    if !has_filters {
        return Ok(());
    }
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    let left = answer.listed_resources()?;
    let left = left.first().map(|one| value_to_text(member(one, "active")));
    ensure(left.is_none(), || {
        format!(
            "a filter on userName still finds the deleted user, with active {}; users found: {}",
            left.unwrap_or_default(),
            values(&answer.json().unwrap_or_default(), "Resources").len()
        )
    })
}
