//! Checks of PATCH: its effects (RFC 7644 §3.5.2). `patch_refused` has the checks of what it must
//! refuse.

use serde_json::{Value, json};

use super::inactive::require_inactive;
use super::item::{Judged, Need, Stop, checks, ensure};
use super::made::Made;
use super::probe::Probe;
use super::read::require_effect_of_attributes;
use super::reading::{at, member, require_absent, require_same, text, value_to_text, values};

checks! {
"SCIM-PATCH-01", Must, "RFC 7644 §3.5.2"; "PATCH is answered with 200 and the resource, or with 204";
    expects "200 with the resource, or 204";
    fix "Answer 200 with the whole resource: some clients need a body.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_answer)
"SCIM-PATCH-02", Must, "RFC 7644 §3.5.2"; "PATCH with the query parameter attributes is answered with 200";
    expects "200 with userName";
    fix "Answer 200 with the attributes: 204 is not allowed if the client asks for attributes.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_partial_answer)
"SCIM-PATCH-03", Must, "RFC 7644 §3.5.2.1"; "The operation add sets an attribute that had no value";
    expects "the attribute as it was added";
    fix "Add the attribute with its value.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_add)
"SCIM-PATCH-04", Must, "RFC 7644 §3.5.2.1"; "The operation add replaces the value of a single-valued attribute";
    expects "the attribute as it was added";
    fix "Replace the existing value if add names a single-valued attribute.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_add_over_value)
"SCIM-PATCH-05", Must, "RFC 7644 §3.5.2.1"; "The operation add without a path sets several attributes";
    expects "nickName and title as they were added";
    fix "If an operation has no path, treat each member of value as an attribute.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["nickName", "title"])]; act(judge_add_without_path)
"SCIM-PATCH-06", Must, "RFC 7644 §3.5.2.1"; "The operation add on a multi-valued attribute keeps the existing values";
    expects "both e-mails";
    fix "Append to multi-valued attributes.";
    needs [Need::Patch, Need::Writes, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_add_to_list)
"SCIM-PATCH-07", Must, "RFC 7644 §3.5.2.1"; "The operation add on a multi-valued attribute without a path keeps the existing values";
    expects "both e-mails";
    fix "Append to multi-valued attributes, with and without a path.";
    needs [Need::Patch, Need::Writes, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_add_to_list_without_path)
"SCIM-PATCH-08", Should, "RFC 7644 §3.5.2.1"; "The operation add with an existing value does not duplicate it";
    expects "each e-mail once";
    fix "Compare with the existing values before appending.";
    needs [Need::Patch, Need::Writes, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_repeated_add)
"SCIM-PATCH-09", Must, "RFC 7644 §3.5.2.1"; "The operation add on a sub-attribute keeps the other sub-attributes";
    expects "givenName changed and familyName kept";
    fix "Change only the sub-attribute that the path names.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_add_of_part)
"SCIM-PATCH-10", Must, "RFC 7644 §3.5.2.3"; "The operation replace changes a value";
    expects "displayName as it was replaced";
    fix "Replace the value at the path.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_replace)
"SCIM-PATCH-11", Must, "RFC 7644 §3.5.2.3"; "The operation replace without a path replaces several attributes";
    expects "displayName and active as they were replaced, and the other attributes as before";
    fix "If an operation has no path, treat each member of value as an attribute.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName", "active"])]; act(judge_replace_without_path)
"SCIM-PATCH-12", Must, "RFC 7644 §3.5.2.3"; "The operation replace adds an attribute that had no value";
    expects "the attribute as it was given";
    fix "Treat replace as add where there is no value.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_replace_of_nothing)
"SCIM-PATCH-13", Must, "RFC 7644 §3.5.2.3"; "The operation replace on a multi-valued attribute replaces all values";
    expects "the new e-mail alone";
    fix "Replace all values if the path has no filter.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value"])]; act(judge_replace_of_list)
"SCIM-PATCH-14", Must, "RFC 7644 §3.5.2.3"; "The operation replace on a sub-attribute with a value filter changes only that sub-attribute";
    expects "the work e-mail changed, the home e-mail kept";
    fix "Support paths such as emails[type eq \"work\"].value.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_replace_of_part_of_value)
"SCIM-PATCH-15", Must, "RFC 7644 §3.5.2.3"; "The operation replace with a value filter replaces the value that matches";
    expects "another value in the place of the work e-mail, the home e-mail kept";
    fix "Support paths such as emails[type eq \"work\"].";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_replace_of_value)
"SCIM-PATCH-16", May, "RFC 7644 §3.5.2.3"; "The operation replace on a complex value keeps the sub-attributes that it does not name";
    expects "givenName changed and familyName kept";
    fix "Replace only the sub-attributes that value contains.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_replace_of_complex)
"SCIM-PATCH-17", Must, "RFC 7644 §3.5.2.2"; "The operation remove clears an attribute";
    expects "no value of the attribute";
    fix "Clear the attribute that the path names: after remove it has no value.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_remove)
"SCIM-PATCH-18", Must, "RFC 7644 §3.5.2.2"; "The operation remove on a multi-valued attribute removes all values";
    expects "no phone numbers";
    fix "Remove all values if the path has no filter.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["phoneNumbers.value"])]; act(judge_remove_of_list)
"SCIM-PATCH-19", Must, "RFC 7644 §3.5.2.2"; "The operation remove with a value filter removes the values that match";
    expects "the home e-mail alone";
    fix "Remove only the values that match.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_remove_of_value)
"SCIM-PATCH-20", Must, "RFC 7644 §3.5.2.2"; "The operation remove clears a sub-attribute";
    expects "no givenName, familyName kept";
    fix "Support paths such as name.givenName.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_remove_of_part)
"SCIM-PATCH-21", Must, "RFC 7644 §3.5.2.2"; "The operation remove clears a sub-attribute of the values that match a filter";
    expects "the work e-mail without display";
    fix "Support paths such as emails[type eq \"work\"].display.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.type", "emails.display"])]; act(judge_remove_of_part_of_value)
}

pub(super) async fn create_and_patch(
    probe: &Probe<'_>,
    more: Value,
    operation: Value,
) -> Judged<(Made, Value)> {
    let user = probe.create_user(more).await?;
    let now = probe.patch_and_fetch(&user, json!([operation])).await?;
    Ok((user, now))
}

pub(super) fn two_emails(probe: &Probe<'_>) -> (String, String, Value) {
    let (work, home) = (probe.name(), probe.name());
    let emails = json!({"emails": [
        {"value": work, "type": "work", "primary": true},
        {"value": home, "type": "home"},
    ]});
    (work, home, emails)
}

/// Returns the e-mail addresses of this type.
fn emails<'v>(user: &'v Value, kind: &str) -> Vec<&'v str> {
    let all = values(user, "emails").iter();
    all.filter(|one| text(one, &["type"]) == Some(kind))
        .filter_map(|one| text(one, &["value"]))
        .collect()
}

pub(super) fn has_emails(user: &Value, work: &[&str], home: &[&str]) -> Judged {
    ensure(
        emails(user, "work") == work && emails(user, "home") == home,
        || format!("emails is {}", value_to_text(member(user, "emails"))),
    )
}

fn all_emails(user: &Value) -> Vec<&str> {
    let all = values(user, "emails").iter();
    all.filter_map(|one| text(one, &["value"])).collect()
}

async fn judge_answer(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let operation = json!([{"op": "replace", "path": "displayName", "value": "After"}]);
    let answer = probe.patch(&user.place, operation).await?;
    if answer.status == 204 {
        return Ok(());
    }
    answer.is(200)?;
    require_same("id", answer.body()?.get("id"), &json!(user.id))
}

async fn judge_partial_answer(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let operation = json!([{"op": "replace", "path": "displayName", "value": "After"}]);
    let target = format!("{}?attributes=userName", user.place);
    let answer = probe.patch(&target, operation).await?;
    answer.is(200)?;
    let body = answer.body()?;
    require_same(
        "userName",
        member(&body, "userName"),
        &user.sent["userName"],
    )?;
    let judged = require_absent("displayName", member(&body, "displayName"));
    if judged.is_err() {
        require_effect_of_attributes(probe).await?;
    }
    judged
}

async fn judge_add(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "add", "path": name, "value": "New"});
    let (_, now) = create_and_patch(probe, json!({}), operation).await?;
    require_same(name, member(&now, name), &json!("New"))
}

async fn judge_add_over_value(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "add", "path": name, "value": "New"});
    let (_, now) = create_and_patch(probe, json!({ name: "Old" }), operation).await?;
    require_same(name, member(&now, name), &json!("New"))
}

async fn judge_add_without_path(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "add", "value": {"nickName": "New", "title": "Otter"}});
    let (_, now) = create_and_patch(probe, json!({}), operation).await?;
    require_same("nickName", member(&now, "nickName"), &json!("New"))?;
    require_same("title", member(&now, "title"), &json!("Otter"))
}

async fn judge_add_to_list(probe: &Probe<'_>) -> Judged {
    let (old, new) = (probe.name(), probe.name());
    let more = json!({"emails": [{"value": old, "type": "work"}]});
    let value = json!([{"value": new, "type": "home"}]);
    let operation = json!({"op": "add", "path": "emails", "value": value});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[&old], &[&new])
}

async fn judge_add_to_list_without_path(probe: &Probe<'_>) -> Judged {
    let (old, new) = (probe.name(), probe.name());
    let more = json!({"emails": [{"value": old, "type": "work"}]});
    let value = json!({"emails": [{"value": new, "type": "home"}]});
    let (_, now) = create_and_patch(probe, more, json!({"op": "add", "value": value})).await?;
    has_emails(&now, &[&old], &[&new])
}

async fn judge_repeated_add(probe: &Probe<'_>) -> Judged {
    let (old, new) = (probe.name(), probe.name());
    let more = json!({"emails": [{"value": old, "type": "work"}]});
    let add = |email: &str, kind: &str| {
        let value = json!([{"value": email, "type": kind}]);
        json!({"op": "add", "path": "emails", "value": value})
    };
    let (user, now) = create_and_patch(probe, more, add(&new, "home")).await?;
    // The control: a server where add replaces the values has no duplicates either.
    if let Err(Stop::Wrong(why)) = has_emails(&now, &[&old], &[&new]) {
        return Err(Stop::Follows("SCIM-PATCH-06", why));
    }
    let now = probe
        .patch_and_fetch(&user, json!([add(&old, "work")]))
        .await?;
    ensure(values(&now, "emails").len() == 2, || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

fn old_name() -> Value {
    json!({"name": {"givenName": "Old", "familyName": "Otter"}})
}

fn require_name(now: &Value, name: Option<&str>) -> Judged {
    match name {
        Some(name) => require_same(
            "name.givenName",
            at(now, &["name", "givenName"]),
            &json!(name),
        )?,
        None => require_absent("name.givenName", at(now, &["name", "givenName"]))?,
    }
    require_same(
        "name.familyName",
        at(now, &["name", "familyName"]),
        &json!("Otter"),
    )
}

async fn judge_add_of_part(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "add", "path": "name.givenName", "value": "New"});
    require_name(
        &create_and_patch(probe, old_name(), operation).await?.1,
        Some("New"),
    )
}

async fn judge_replace(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "displayName", "value": "New"});
    let (_, now) = create_and_patch(probe, json!({"displayName": "Old"}), operation).await?;
    require_same("displayName", member(&now, "displayName"), &json!("New"))
}

async fn judge_replace_without_path(probe: &Probe<'_>) -> Judged {
    let value = json!({"displayName": "New", "active": false});
    let mut more = json!({"displayName": "Old", "active": true});
    let other = probe.text_attribute().await.ok();
    if let Some(other) = other {
        more[other] = json!("Stays");
    }
    let (_, now) = create_and_patch(probe, more, json!({"op": "replace", "value": value})).await?;
    require_same("displayName", member(&now, "displayName"), &json!("New"))?;
    require_inactive(probe, &now)?;
    match other {
        Some(other) => require_same(other, member(&now, other), &json!("Stays")),
        None => Ok(()),
    }
}

async fn judge_replace_of_nothing(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "replace", "path": name, "value": "New"});
    let (_, now) = create_and_patch(probe, json!({}), operation).await?;
    require_same(name, member(&now, name), &json!("New"))
}

async fn judge_replace_of_list(probe: &Probe<'_>) -> Judged {
    let new = probe.name();
    let value = json!([{"value": new, "type": "other"}]);
    let operation = json!({"op": "replace", "path": "emails", "value": value});
    let (_, now) = create_and_patch(probe, two_emails(probe).2, operation).await?;
    ensure(all_emails(&now) == [new.as_str()], || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

async fn judge_replace_of_part_of_value(probe: &Probe<'_>) -> Judged {
    let (_, home, more) = two_emails(probe);
    let new = probe.name();
    let path = "emails[type eq \"work\"].value";
    let operation = json!({"op": "replace", "path": path, "value": new});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[&new], &[&home])
}

async fn judge_replace_of_value(probe: &Probe<'_>) -> Judged {
    let (_, home, more) = two_emails(probe);
    let new = probe.name();
    let value = json!({"value": new, "type": "work"});
    let operation = json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": value});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[&new], &[&home])
}

async fn judge_replace_of_complex(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "name", "value": {"givenName": "New"}});
    require_name(
        &create_and_patch(probe, old_name(), operation).await?.1,
        Some("New"),
    )
}

async fn judge_remove(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let operation = json!({"op": "remove", "path": name});
    let (_, now) = create_and_patch(probe, json!({ name: "Old" }), operation).await?;
    require_absent(name, member(&now, name))
}

async fn judge_remove_of_list(probe: &Probe<'_>) -> Judged {
    let more = json!({"phoneNumbers": [{"value": "+1-201-555-0123", "type": "work"}]});
    let operation = json!({"op": "remove", "path": "phoneNumbers"});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    require_absent("phoneNumbers", member(&now, "phoneNumbers"))
}

async fn judge_remove_of_value(probe: &Probe<'_>) -> Judged {
    let (_, home, more) = two_emails(probe);
    let operation = json!({"op": "remove", "path": "emails[type eq \"work\"]"});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[], &[&home])
}

async fn judge_remove_of_part(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "remove", "path": "name.givenName"});
    require_name(
        &create_and_patch(probe, old_name(), operation).await?.1,
        None,
    )
}

async fn judge_remove_of_part_of_value(probe: &Probe<'_>) -> Judged {
    let work = probe.name();
    let more = json!({"emails": [{"value": work, "type": "work", "display": "Old"}]});
    let operation = json!({"op": "remove", "path": "emails[type eq \"work\"].display"});
    let (_, now) = create_and_patch(probe, more, operation).await?;
    has_emails(&now, &[&work], &[])?;
    let first = values(&now, "emails").first();
    require_absent(
        "emails.display",
        first.and_then(|one| member(one, "display")),
    )
}
