//! Checks of PATCH: order, primary values, paths of every form, and the answer (RFC 7644 §3.5.2,
//! §3.10).

use serde_json::{Value, json};

use super::inactive::require_inactive;
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::patch::{create_and_patch, has_emails, two_emails};
use super::probe::Probe;
use super::reading::{
    at, member, parse_timestamp, require_absent, require_same, require_same_text, text,
    value_to_text, values,
};
use super::schema::{ENTERPRISE, USER};

checks! {
"SCIM-PATCH-22", Must, "RFC 7644 §3.5.2"; "Operations are applied in their order";
    expects "the value of the last operation";
    fix "Apply each operation to the result of the previous one.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_order)
"SCIM-PATCH-23", Must, "RFC 7644 §3.5.2"; "Adding a primary value makes the old primary value no longer primary";
    expects "one primary e-mail, the added one";
    fix "When a value is set primary, set primary to false on all others.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.primary"])]; act(judge_add_of_primary)
"SCIM-PATCH-24", Must, "RFC 7644 §3.5.2"; "Setting primary by a value filter makes the old primary value no longer primary";
    expects "the home e-mail primary, and no other";
    fix "When a value is set primary, set primary to false on all others.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.primary", "emails.type"])]; act(judge_change_of_primary)
"SCIM-PATCH-25", Must, "RFC 7644 §3.5.2.1"; "The operation add with an existing value does not change meta.lastModified";
    expects "the same meta.lastModified";
    fix "Compare the resource before and after, and store it only if it changed.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_unchanged)
"SCIM-PATCH-26", Must, "RFC 7644 §3.10"; "A path can begin with the schema's URN";
    expects "the attribute as it was replaced";
    fix "Treat urn:ietf:params:scim:schemas:core:2.0:User:nickName as nickName.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_path_with_urn)
"SCIM-PATCH-27", Must, "RFC 7644 §3.10"; "The operation add accepts a path with an extension's URN";
    expects "department as it was added";
    fix "Support the URNs of extensions in paths.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise]; act(judge_extension_by_path)
"SCIM-PATCH-28", Must, "RFC 7644 §3.5.2.1"; "The operation add without a path accepts an extension's attributes";
    expects "department as it was added";
    fix "Accept an object below the extension's URN.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise]; act(judge_extension_without_path)
"SCIM-PATCH-29", Must, "RFC 7644 §3.5.2.2"; "The operation remove accepts a path with an extension's URN";
    expects "no department, employeeNumber kept";
    fix "Support the URNs of extensions in paths.";
    needs [Need::Patch, Need::Writes, Need::KeepsEnterprise]; act(judge_removed_extension)
"SCIM-PATCH-30", Must, "RFC 7643 §2.1"; "Paths are compared without regard to letter case";
    expects "NICKNAME to do as nickName";
    fix "Ignore letter case when comparing attribute names.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_path_case)
"SCIM-PATCH-31", Should, "RFC 7643 §2.5"; "The operation replace with null clears the attribute";
    expects "no value of the attribute";
    fix "Treat null as unassigned.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_null)
"SCIM-PATCH-32", Must, "RFC 7644 §3.5.2"; "A value filter in a path can have two conditions";
    expects "a change of the e-mail that meets both conditions";
    fix "Support the whole filter grammar in brackets.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_two_conditions)
"SCIM-PATCH-33", Must, "RFC 7643 §7"; "A password set by PATCH is not returned";
    expects "no password in the answer";
    fix "Leave password out of every answer: its returned characteristic is never.";
    needs [Need::Patch, Need::Writes, Need::Has(&["password"])]; act(judge_password)
"SCIM-PATCH-34", Must, "RFC 7644 §3.5.2.3"; "The operation replace sets active to false";
    expects "active false";
    fix "Support replace of active: clients disable users this way.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_deactivation)
"SCIM-PATCH-35", Must, "RFC 7644 §3.5.2"; "The answer to PATCH shows the resource as it is stored";
    expects "the displayName of the answer to be the one that GET gives";
    fix "Answer with the resource as it is after the change.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_answer_to_patch)
"SCIM-PATCH-69", Must, "RFC 7644 §3.5.2.3"; "The operation replace on a sub-attribute keeps the other sub-attributes";
    expects "name.givenName as it was replaced, and name.familyName as before";
    fix "Change only the sub-attribute that the path names.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_replace_of_part)
"SCIM-PATCH-70", Must, "RFC 7644 §3.5.2.3"; "A change of userName that is answered with success is made";
    expects "the new userName, or a refusal";
    fix "Store the new userName, or refuse the change if userName cannot be changed.";
    needs [Need::Patch, Need::Writes]; act(judge_new_user_name)
}

async fn judge_replace_of_part(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "name.givenName", "value": "New"});
    let more = json!({"name": {"givenName": "Old", "familyName": "Otter"}});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    let name = |part| at(&now, &["name", part]);
    require_same("name.givenName", name("givenName"), &json!("New"))?;
    require_same("name.familyName", name("familyName"), &json!("Otter"))
}

async fn judge_new_user_name(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let old = text(&user.sent, &["userName"]).unwrap_or_default();
    // A domain at the end may be prescribed, so the local part changes.
    let new = json!(format!("renamed-{old}"));
    let operation = json!([{"op": "replace", "path": "userName", "value": new}]);
    let answer = probe.patch(&user.place, operation).await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    let now = probe.fetch(&user).await?;
    require_same_text("userName", member(&now, "userName"), &new)
}

async fn judge_order(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let user = probe.create_user(json!({})).await?;
    let operations = json!([
        {"op": "add", "path": name, "value": "First"},
        {"op": "replace", "path": name, "value": "Last"},
    ]);
    let now = probe.patch_and_fetch(&user, operations).await?;
    require_same(name, member(&now, name), &json!("Last"))
}

fn primary(user: &Value) -> Vec<&str> {
    let all = values(user, "emails").iter();
    all.filter(|one| member(one, "primary") == Some(&json!(true)))
        .filter_map(|one| text(one, &["value"]))
        .collect()
}

async fn judge_add_of_primary(probe: &Probe<'_>) -> Judged {
    let new = probe.name();
    let value = json!([{"value": new, "type": "other", "primary": true}]);
    let operation = json!({"op": "add", "path": "emails", "value": value});
    let (_, now) = create_and_patch(probe, two_emails(probe).2, operation).await?;
    // A server where add replaces the values has one primary value left in any case.
    if values(&now, "emails").len() < 3 {
        let why = format!("emails is {}", value_to_text(member(&now, "emails")));
        return Err(Stop::Follows("SCIM-PATCH-06", why));
    }
    ensure(primary(&now) == [new.as_str()], || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

async fn judge_change_of_primary(probe: &Probe<'_>) -> Judged {
    let (_, home, more) = two_emails(probe);
    let path = "emails[type eq \"home\"].primary";
    let operation = json!({"op": "replace", "path": path, "value": true});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    ensure(primary(&now) == [home.as_str()], || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

async fn judge_unchanged(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Same"})).await?;
    let before = probe.fetch(&user).await?;
    let operation = json!([{"op": "add", "path": "displayName", "value": "Same"}]);
    let now = probe.patch_and_fetch(&user, operation).await?;
    let (Ok(before), Ok(now)) = (
        parse_timestamp(&before, &["meta", "lastModified"]),
        parse_timestamp(&now, &["meta", "lastModified"]),
    ) else {
        return unjudged("cannot read meta.lastModified");
    };
    ensure(before == now, || {
        format!("lastModified was {before} and is {now}")
    })
}

async fn judge_path_with_urn(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let path = format!("{USER}:{name}");
    let operation = json!({"op": "replace", "path": path, "value": "New"});
    let (_, now) = create_and_patch(probe, json!({ name: "Old" }), operation).await?;
    require_same(name, member(&now, name), &json!("New"))
}

async fn judge_extension_by_path(probe: &Probe<'_>) -> Judged {
    let path = format!("{ENTERPRISE}:department");
    let operation = json!({"op": "add", "path": path, "value": "Otters"});
    let (_, now) = create_and_patch(probe, json!({}), operation).await?;
    require_same(
        "department",
        at(&now, &[ENTERPRISE, "department"]),
        &json!("Otters"),
    )
}

async fn judge_extension_without_path(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "add", "value": {ENTERPRISE: {"department": "Otters"}}});
    let (_, now) = create_and_patch(probe, json!({}), operation).await?;
    require_same(
        "department",
        at(&now, &[ENTERPRISE, "department"]),
        &json!("Otters"),
    )
}

async fn judge_removed_extension(probe: &Probe<'_>) -> Judged {
    let more = json!({
        "schemas": [ENTERPRISE],
        ENTERPRISE: {"department": "Otters", "employeeNumber": "7"},
    });
    let operation = json!({"op": "remove", "path": format!("{ENTERPRISE}:department")});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    require_absent("department", at(&now, &[ENTERPRISE, "department"]))?;
    require_same(
        "employeeNumber",
        at(&now, &[ENTERPRISE, "employeeNumber"]),
        &json!("7"),
    )
}

async fn judge_path_case(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "replace", "path": name.to_uppercase(), "value": "New"});
    let (_, now) = create_and_patch(probe, json!({ name: "Old" }), operation).await?;
    require_same(name, member(&now, name), &json!("New"))
}

async fn judge_null(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "replace", "path": name, "value": null});
    let (_, now) = create_and_patch(probe, json!({ name: "Old" }), operation).await?;
    require_absent(name, member(&now, name))
}

async fn judge_two_conditions(probe: &Probe<'_>) -> Judged {
    let (work, home, more) = two_emails(probe);
    let new = probe.name();
    let path = format!("emails[type eq \"home\" and value eq \"{home}\"].value");
    let operation = json!({"op": "replace", "path": path, "value": new});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[&work], &[&new])
}

async fn judge_password(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let secret = format!("Pw-{}-x9!Q", probe.session.mark);
    let operation = json!([{"op": "replace", "path": "password", "value": secret}]);
    let answer = probe.patch(&user.place, operation).await?;
    answer.require_step("PATCH of a password")?;
    ensure(!answer.text.contains(&secret), || {
        format!("the password is in the answer to {}", answer.request)
    })
}

async fn judge_deactivation(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "active", "value": false});
    let (_, now) = create_and_patch(probe, json!({"active": true}), operation).await?;
    require_inactive(probe, &now)
}

async fn judge_answer_to_patch(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Old"})).await?;
    let operation = json!([{"op": "replace", "path": "displayName", "value": "New"}]);
    let answer = probe.patch(&user.place, operation).await?;
    answer.require_step("PATCH")?;
    let Some(said) = answer.json() else {
        return Ok(());
    };
    let now = probe.fetch(&user).await?;
    match member(&now, "displayName") {
        Some(now) => require_same(
            "displayName of the answer",
            member(&said, "displayName"),
            now,
        ),
        None => unjudged("there is no displayName"),
    }
}
