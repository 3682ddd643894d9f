//! Checks of PATCH: what it must refuse, and that it applies all operations or none (RFC 7644
//! §3.5.2, §3.12).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::put::require_changeable_name;
use super::reading::{PATCH, member, require_same, text, value_to_text};
use super::wire::ScimAnswer;

checks! {
"SCIM-PATCH-51", Must, "RFC 7644 §3.5.2.3"; "The operation replace with a value filter that matches nothing is refused with noTarget";
    expects "400 with scimType noTarget";
    fix "Send scimType noTarget if the filter in the path matches no value.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.value", "emails.display"])]; act(judge_no_target)
"SCIM-PATCH-52", Must, "RFC 7644 §3.5.2.2"; "The operation remove without a path is refused with noTarget";
    expects "400 with scimType noTarget";
    fix "Answer 400 noTarget to remove without a path: never remove everything.";
    needs [Need::Patch, Need::Writes]; act(judge_remove_without_path)
"SCIM-PATCH-53", Must, "RFC 7644 §3.5.2.2"; "The operation remove on a required attribute is refused";
    expects "400 for remove of userName";
    fix "Refuse the operation: a required attribute cannot be unassigned.";
    needs [Need::Patch, Need::Writes]; act(judge_remove_of_required)
"SCIM-PATCH-54", Must, "RFC 7644 §3.5.2.2"; "The error for removing a required attribute has scimType mutability";
    expects "scimType mutability for remove of userName";
    fix "Send scimType mutability if an operation would unassign a required or read-only attribute.";
    needs [Need::Patch, Need::Writes]; act(judge_remove_of_required_error)
"SCIM-PATCH-55", Must, "RFC 7644 §3.5.2"; "The operation replace on a read-only attribute is refused";
    expects "a 4xx status for replace of id";
    fix "Refuse operations whose path names a readOnly attribute.";
    needs [Need::Patch, Need::Writes]; act(judge_read_only)
"SCIM-PATCH-56", Should, "RFC 7644 §3.12"; "The error for replacing a read-only attribute has scimType mutability";
    expects "400 with scimType mutability";
    fix "Send scimType mutability.";
    needs [Need::Patch, Need::Writes]; act(judge_read_only_error)
"SCIM-PATCH-57", Must, "RFC 7644 §3.12"; "An invalid path is refused";
    expects "an answer with 400";
    fix "Refuse paths that do not match the grammar of the RFC.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.type"])]; act(judge_invalid_path)
"SCIM-PATCH-58", Should, "RFC 7644 §3.12"; "The error for an invalid path has scimType invalidPath";
    expects "400 with scimType invalidPath";
    fix "Send scimType invalidPath.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["emails.type"])]; act(judge_invalid_path_error)
"SCIM-PATCH-59", Should, "RFC 7644 §3.12"; "A path to an attribute that no schema defines is refused";
    expects "an answer with 400";
    fix "Answer invalidPath or noTarget: a success without a change misleads the client.";
    needs [Need::Patch, Need::Writes]; act(judge_unknown_path)
"SCIM-PATCH-60", Must, "RFC 7643 §2.3.2"; "A boolean attribute cannot be replaced with a value of another type";
    expects "active a boolean after replace with \"banana\"";
    fix "Check values against the schema before storing them.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_wrong_type)
"SCIM-PATCH-61", Should, "RFC 7644 §3.12"; "The error for a value of the wrong type has scimType invalidValue";
    expects "400 with scimType invalidValue";
    fix "Send scimType invalidValue.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["active"])]; act(judge_wrong_type_error)
"SCIM-PATCH-62", Must, "RFC 7644 §3.5.2"; "An unknown operation is refused";
    expects "400 for op \"exchange\"";
    fix "Accept add, remove and replace as op, and answer 400 invalidSyntax for others.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_unknown_operation)
"SCIM-PATCH-63", Must, "RFC 7644 §3.5.2"; "If one operation fails, none is applied";
    expects "a 4xx status, and the attribute of the first operation as before";
    fix "Apply all operations to a copy, and store it only if all succeed.";
    needs [Need::Patch, Need::Writes, Need::KeepsText]; act(judge_atomic_patch)
"SCIM-PATCH-64", May, "RFC 7644 §3.5.2"; "A PATCH without schemas is refused";
    expects "an answer with 400";
    fix "Refuse a PATCH whose schemas does not name PatchOp.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_missing_schemas)
"SCIM-PATCH-65", Should, "RFC 7644 §3.5.2"; "A PATCH without Operations is refused";
    expects "an answer with 400";
    fix "Refuse a PATCH without Operations.";
    needs [Need::Patch, Need::Writes]; act(judge_missing_operations)
"SCIM-PATCH-66", Must, "RFC 7644 §3.12"; "PATCH of an unknown id is answered with 404";
    expects "PATCH /Users/{unknown}: 404";
    fix "Answer 404 for an id that no resource has.";
    needs [Need::Patch, Need::Writes]; act(judge_unknown_id)
"SCIM-PATCH-67", Should, "RFC 7644 §3.5.2.1"; "The operation add without a value is refused";
    expects "an answer with 400";
    fix "Refuse add without value: the RFC requires it.";
    needs [Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_missing_value)
"SCIM-PATCH-68", Must, "RFC 7644 §3.12"; "PATCH with the userName of another user is refused";
    expects "HTTP 409";
    fix "Protect userName with a unique index, and answer 409 uniqueness.";
    needs [Need::Patch, Need::Writes]; act(judge_taken)
}

/// Applies one operation to a new user and returns the answer.
async fn apply(probe: &Probe<'_>, more: Value, operation: Value) -> Judged<ScimAnswer> {
    let user = probe.create_user(more).await?;
    let answer = probe.patch(&user.place, json!([&operation])).await?;
    // RFC 7644 §3.12, table 8: 501 means that the server does not support the operation.
    if answer.status == 501 {
        return unjudged(format!(
            "the server does not implement this operation: {}",
            answer.quote()
        ));
    }
    if answer.status >= 500 {
        require_valid_twin(probe, &operation).await?;
    }
    Ok(answer)
}

/// Returns an error if the server also fails at a valid operation of the same kind: then nothing
/// shows that it read what is wrong with the other.
async fn require_valid_twin(probe: &Probe<'_>, operation: &Value) -> Judged {
    let (twin, cause) = match probe.text_attribute().await {
        Ok(name) if operation["op"] == "remove" => {
            (json!({"op": "remove", "path": name}), "SCIM-PATCH-17")
        }
        _ => {
            let twin = json!({"op": "replace", "path": "active", "value": false});
            (twin, "SCIM-PATCH-34")
        }
    };
    let user = probe.create_user(json!({"active": true})).await?;
    let answer = probe.patch(&user.place, json!([twin])).await?;
    if answer.status < 500 {
        return Ok(());
    }
    let why = format!("the server fails at {twin} too: {}", answer.quote());
    Err(Stop::Follows(cause, why))
}

/// Judges whether a refusal has this `scimType`. Without a refusal nothing is judged: `see` is the
/// check that demands it.
async fn judge_scim_type(
    probe: &Probe<'_>,
    more: Value,
    operation: Value,
    keyword: &str,
    see: &str,
) -> Judged {
    let answer = apply(probe, more, operation).await?;
    if answer.status < 400 {
        return unjudged(format!(
            "the server accepted the operation, see {see}: {}",
            answer.quote()
        ));
    }
    answer.is_error(400, keyword)
}

async fn judge_no_target(probe: &Probe<'_>) -> Judged {
    let more = json!({"emails": [{"value": probe.name(), "type": "work"}]});
    let path = format!("emails[value eq \"{}\"].display", probe.name());
    let operation = json!({"op": "replace", "path": path, "value": "New"});
    apply(probe, more, operation)
        .await?
        .is_error(400, "noTarget")
}

async fn judge_remove_without_path(probe: &Probe<'_>) -> Judged {
    let answer = apply(probe, json!({}), json!({"op": "remove"})).await?;
    answer.is_error(400, "noTarget")
}

fn removal_of_required() -> Value {
    json!({"op": "remove", "path": "userName"})
}

async fn judge_remove_of_required(probe: &Probe<'_>) -> Judged {
    apply(probe, json!({}), removal_of_required())
        .await?
        .is(400)
}

async fn judge_remove_of_required_error(probe: &Probe<'_>) -> Judged {
    judge_scim_type(
        probe,
        json!({}),
        removal_of_required(),
        "mutability",
        "SCIM-PATCH-53",
    )
    .await
}

fn other_id() -> Value {
    json!({"op": "replace", "path": "id", "value": "another"})
}

async fn judge_read_only(probe: &Probe<'_>) -> Judged {
    apply(probe, json!({}), other_id()).await?.is_refused()
}

async fn judge_read_only_error(probe: &Probe<'_>) -> Judged {
    judge_scim_type(probe, json!({}), other_id(), "mutability", "SCIM-PATCH-55").await
}

fn unreadable() -> Value {
    json!({"op": "replace", "path": "emails[type eq", "value": "x"})
}

async fn judge_invalid_path(probe: &Probe<'_>) -> Judged {
    apply(probe, json!({}), unreadable()).await?.is(400)
}

async fn judge_invalid_path_error(probe: &Probe<'_>) -> Judged {
    judge_scim_type(
        probe,
        json!({}),
        unreadable(),
        "invalidPath",
        "SCIM-PATCH-57",
    )
    .await
}

async fn judge_unknown_path(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "favoriteOtter", "value": "Otto"});
    apply(probe, json!({}), operation).await?.is(400)
}

fn banana() -> Value {
    json!({"op": "replace", "path": "active", "value": "banana"})
}

async fn judge_wrong_type(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": true})).await?;
    probe.patch(&user.place, json!([banana()])).await?;
    let now = probe.fetch(&user).await?;
    let said = member(&now, "active");
    ensure(said.is_none_or(Value::is_boolean), || {
        format!("active is {}", value_to_text(said))
    })
}

async fn judge_wrong_type_error(probe: &Probe<'_>) -> Judged {
    let answer = apply(probe, json!({}), banana()).await?;
    answer.is_error(400, "invalidValue")
}

async fn judge_unknown_operation(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "exchange", "path": "displayName", "value": "x"});
    apply(probe, json!({}), operation).await?.is(400)
}

async fn judge_atomic_patch(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let user = probe.create_user(json!({ name: "Before" })).await?;
    let operations = json!([
        {"op": "replace", "path": name, "value": "After"},
        {"op": "remove", "path": "userName"},
    ]);
    let answer = probe.patch(&user.place, operations).await?;
    if answer.status < 400 {
        return unjudged(format!("no operation failed: {}", answer.quote()));
    }
    let now = probe.fetch(&user).await?;
    require_same(name, member(&now, name), &json!("Before"))
}

async fn send_raw_patch(probe: &Probe<'_>, body: &Value) -> Judged<ScimAnswer> {
    let user = probe.create_user(json!({})).await?;
    let request = probe
        .session
        .request(reqwest::Method::PATCH, &user.place, Some(body));
    probe.send(request).await
}

async fn judge_missing_schemas(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "replace", "path": "displayName", "value": "x"});
    send_raw_patch(probe, &json!({"Operations": [operation]}))
        .await?
        .is(400)
}

async fn judge_missing_operations(probe: &Probe<'_>) -> Judged {
    send_raw_patch(probe, &json!({"schemas": [PATCH]}))
        .await?
        .is(400)
}

async fn judge_unknown_id(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/{}", probe.server.users.endpoint, probe.session.mark);
    let operation = json!([{"op": "replace", "path": "active", "value": false}]);
    probe.patch(&target, operation).await?.is(404)
}

async fn judge_missing_value(probe: &Probe<'_>) -> Judged {
    let operation = json!({"op": "add", "path": "displayName"});
    apply(probe, json!({}), operation).await?.is(400)
}

async fn judge_taken(probe: &Probe<'_>) -> Judged {
    let other = probe.create_user(json!({})).await?;
    let name = text(&other.sent, &["userName"]).unwrap_or_default();
    let operation = json!({"op": "replace", "path": "userName", "value": name});
    let answer = apply(probe, json!({}), operation).await?;
    require_changeable_name(&answer)?;
    answer.is(409)
}
