//! Checks of bulk requests (RFC 7644 §3.7).

use serde_json::{Value, json};

use super::group::require_added_member;
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::location::require_resource_at_address;
use super::probe::Probe;
use super::reading::{
    BULK, BULK_ANSWER, ERROR, at, member, require_same, speaks, text, value_to_text, values,
};
use super::support::list_filtered_users;
use super::target::{by_id, segment};
use super::wire::ScimAnswer;

checks! {
"SCIM-BULK-01", Must, "RFC 7644 §3.7"; "A bulk request is answered with a BulkResponse";
    expects "200 with the BulkResponse schema";
    fix "Answer 200 whether or not the operations succeeded; each operation has its own status.";
    needs [Need::Bulk, Need::Writes]; act(judge_answer)
"SCIM-BULK-02", Must, "RFC 7644 §3.7"; "The answer for a created resource has bulkId, location and status";
    expects "the bulkId that was sent, a location at which the resource is, and status \"201\"";
    fix "Return bulkId and the resource's address in location for every created resource, and status as a string.";
    needs [Need::Bulk, Need::Writes]; act(judge_created_resource)
"SCIM-BULK-03", Must, "RFC 7644 §3.7.2"; "A reference bulkId:… is replaced with the id of a resource that an earlier operation created";
    expects "a group with the user of the same request as member";
    fix "Replace bulkId:… with the id of the created resource.";
    needs [Need::Bulk, Need::Groups, Need::Writes]; act(judge_backward_reference)
"SCIM-BULK-04", Must, "RFC 7644 §3.7.1"; "A reference bulkId:… is replaced with the id of a resource that a later operation creates";
    expects "a group with the user of the same request as member, the group first";
    fix "Sort the operations by their references, or set the references after creating all resources.";
    needs [Need::Bulk, Need::Groups, Need::Writes]; act(judge_forward_reference)
"SCIM-BULK-05", Must, "RFC 7644 §3.7.1"; "Operations that refer to each other by bulkId are resolved, or refused with 409";
    expects "two groups that are members of each other, or status 409";
    fix "Create both resources, then set the references; or answer 409.";
    needs [Need::Bulk, Need::Groups, Need::Writes]; act(judge_circular_reference)
"SCIM-BULK-06", Must, "RFC 7644 §3.7.3"; "Processing stops after failOnErrors errors";
    expects "nothing done after the first error with failOnErrors 1";
    fix "Count errors, and stop when the count reaches failOnErrors.";
    needs [Need::Bulk, Need::Filter, Need::Writes]; act(judge_stop_after_errors)
"SCIM-BULK-07", Must, "RFC 7644 §3.7.3"; "Without failOnErrors every operation is tried";
    expects "the operation after an error done";
    fix "Apply all operations that can be applied, and return the status of each.";
    needs [Need::Bulk, Need::Writes]; act(judge_continue_after_error)
"SCIM-BULK-08", Must, "RFC 7644 §3.7.3"; "A failed operation has the error in response";
    expects "a status of 4xx, and response with an Error";
    fix "Put the error body into response.";
    needs [Need::Bulk, Need::Writes]; act(judge_error_of_operation)
"SCIM-BULK-09", Must, "RFC 7644 §3.7"; "Bulk requests support PUT, PATCH and DELETE";
    expects "each with a status of 200 or 204, and the effect";
    fix "Support POST, PUT, PATCH and DELETE.";
    needs [Need::Bulk, Need::Patch, Need::Writes, Need::Keeps(&["displayName"])]; act(judge_other_methods)
"SCIM-BULK-10", Must, "RFC 7644 §3.7.4"; "More operations than bulk.maxOperations are refused with 413";
    expects "413 for bulk.maxOperations and one more";
    fix "Answer 413 before you apply any operation.";
    needs [Need::Bulk, Need::Writes]; act(judge_too_many_operations)
"SCIM-BULK-11", Must, "RFC 7644 §3.7.4"; "A body larger than bulk.maxPayloadSize is refused with 413";
    expects "413 for bulk.maxPayloadSize and one byte more";
    fix "Answer 413 before you apply any operation.";
    needs [Need::Bulk, Need::Writes]; act(judge_too_large_body)
"SCIM-BULK-12", Should, "RFC 7644 §3.7.2"; "An unknown bulkId is refused";
    expects "a status of 4xx for that operation";
    fix "Answer 409 or 400 invalidValue for the operation that refers to it.";
    needs [Need::Bulk, Need::Groups, Need::Writes]; act(judge_unknown_bulk_id)
"SCIM-BULK-13", Should, "RFC 7644 §3.7"; "POST without bulkId is refused";
    expects "400, for the request or for the operation";
    fix "Refuse a POST without bulkId, or the whole request: bulkId is REQUIRED with POST.";
    needs [Need::Bulk, Need::Writes]; act(judge_missing_bulk_id)
"SCIM-BULK-14", May, "RFC 7644 §3.7"; "A bulk request without schemas is refused";
    expects "an answer with 400";
    fix "Refuse a bulk request whose schemas does not name BulkRequest.";
    needs [Need::Bulk, Need::Writes]; act(judge_missing_schemas)
}

async fn send_bulk(probe: &Probe<'_>, operations: Value, more: Value) -> Judged<ScimAnswer> {
    let body = json!({"schemas": [BULK], "Operations": operations});
    probe.post("/Bulk", &super::body::with(body, more)).await
}

async fn run_operations(
    probe: &Probe<'_>,
    operations: Value,
    more: Value,
) -> Judged<(ScimAnswer, Vec<Value>)> {
    let answer = send_bulk(probe, operations, more).await?;
    let body = answer.require_body_of_step("the bulk request")?;
    Ok((answer, values(&body, "Operations").to_vec()))
}

fn new_user(probe: &Probe<'_>, bulk_id: &str) -> Value {
    let endpoint = &probe.server.users.endpoint;
    let data = probe.user_body(json!({}));
    json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data})
}

fn new_group(probe: &Probe<'_>, bulk_id: &str, members: &[&str]) -> Judged<Value> {
    let endpoint = &probe.require_groups()?.endpoint;
    let data = probe.group_body(members)?;
    Ok(json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data}))
}

/// Returns an operation that must fail: its user has no userName.
fn bad_user(probe: &Probe<'_>, bulk_id: &str) -> Value {
    let mut data = probe.least_user();
    if let Some(data) = data.as_object_mut() {
        data.shift_remove("userName");
    }
    let endpoint = &probe.server.users.endpoint;
    json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data})
}

fn find_operation<'o>(operations: &'o [Value], bulk_id: &str) -> Judged<&'o Value> {
    let found = operations
        .iter()
        .find(|one| text(one, &["bulkId"]) == Some(bulk_id));
    found.ok_or_else(|| {
        Stop::Unjudged(format!(
            "no operation of the answer has the bulkId {bulk_id}"
        ))
    })
}

/// Reads the status of an operation: a string in the RFC, an object in an older draft.
fn status(operation: &Value) -> u16 {
    let said = at(operation, &["status", "code"]).or_else(|| member(operation, "status"));
    let number = said
        .and_then(Value::as_u64)
        .and_then(|said| u16::try_from(said).ok());
    number
        .or_else(|| said?.as_str()?.parse().ok())
        .unwrap_or_default()
}

/// Returns the target of an operation's resource. Whether its location leads to it is a check of
/// its own.
fn place_of_operation(endpoint: &str, operation: &Value) -> Judged<String> {
    match text(operation, &["location"]).and_then(|it| by_id(endpoint, it)) {
        Some(place) => Ok(place),
        None => unjudged(format!("an operation has no location: {operation}")),
    }
}

async fn judge_answer(probe: &Probe<'_>) -> Judged {
    let answer = send_bulk(probe, json!([new_user(probe, "one")]), json!({})).await?;
    answer.is(200)?;
    let body = answer.body()?;
    if speaks(&body, BULK_ANSWER) {
        return Ok(());
    }
    answer.wrong(format!(
        "schemas is {}",
        value_to_text(member(&body, "schemas"))
    ))
}

async fn judge_created_resource(probe: &Probe<'_>) -> Judged {
    let (answer, all) = run_operations(probe, json!([new_user(probe, "one")]), json!({})).await?;
    let Some(one) = all.first() else {
        return answer.wrong("Operations is empty");
    };
    require_same("bulkId", member(one, "bulkId"), &json!("one"))?;
    require_same("status", member(one, "status"), &json!("201"))?;
    let Some(location) = text(one, &["location"]) else {
        return Err(Stop::Wrong(format!("there is no location: {one}")));
    };
    let endpoint = &probe.server.users.endpoint;
    let place = by_id(endpoint, location).unwrap_or_else(|| format!("{endpoint}/{{id}}"));
    require_resource_at_address(probe, ("location", location), &place).await
}

/// Judges whether the user is a member of the group.
async fn judge_membership(probe: &Probe<'_>, operations: Value) -> Judged {
    let (_, all) = run_operations(probe, operations, json!({})).await?;
    let user = place_of_operation(&probe.server.users.endpoint, find_operation(&all, "user")?)?;
    let group = find_operation(&all, "group")?;
    ensure(status(group) == 201, || {
        format!("the group was not made: {group}")
    })?;
    let answer = probe
        .get(&place_of_operation(
            &probe.require_groups()?.endpoint,
            group,
        )?)
        .await?;
    let group = answer.require_body_of_step("reading the group")?;
    let mut ids = values(&group, "members")
        .iter()
        .filter_map(|one| text(one, &["value"]));
    if ids.any(|id| user.ends_with(&format!("/{}", segment(id)))) {
        return Ok(());
    }
    require_added_member(probe).await?;
    Err(Stop::Wrong(format!(
        "members is {} in place of {user}",
        value_to_text(member(&group, "members"))
    )))
}

async fn judge_backward_reference(probe: &Probe<'_>) -> Judged {
    let group = new_group(probe, "group", &["bulkId:user"])?;
    judge_membership(probe, json!([new_user(probe, "user"), group])).await
}

async fn judge_forward_reference(probe: &Probe<'_>) -> Judged {
    let group = new_group(probe, "group", &["bulkId:user"])?;
    judge_membership(probe, json!([group, new_user(probe, "user")])).await
}

/// Returns an error if the server cannot create a group in a bulk request: then its refusal of
/// another one says nothing about the reference in it.
async fn require_group_by_bulk(probe: &Probe<'_>) -> Judged {
    let answer = send_bulk(probe, json!([new_group(probe, "valid", &[])?]), json!({})).await?;
    let body = answer.json().unwrap_or_default();
    let first = values(&body, "Operations").first().map(status);
    if answer.has_succeeded() && first == Some(201) {
        return Ok(());
    }
    unjudged(format!(
        "the server creates no group in a bulk request: {}",
        answer.quote()
    ))
}

async fn judge_circular_reference(probe: &Probe<'_>) -> Judged {
    require_group_by_bulk(probe).await?;
    let one = new_group(probe, "one", &["bulkId:other"])?;
    let other = new_group(probe, "other", &["bulkId:one"])?;
    let answer = send_bulk(probe, json!([one, other]), json!({})).await?;
    if answer.status == 409 {
        return Ok(());
    }
    answer.is(200)?;
    let body = answer.body()?;
    for one in values(&body, "Operations") {
        ensure([201, 409].contains(&status(one)), || {
            format!("the result of an operation is {one}")
        })?;
    }
    Ok(())
}

async fn judge_stop_after_errors(probe: &Probe<'_>) -> Judged {
    let last = new_user(probe, "last");
    let name = text(&last, &["data", "userName"])
        .unwrap_or_default()
        .to_owned();
    let operations = json!([bad_user(probe, "bad"), last]);
    let answer = send_bulk(probe, operations, json!({"failOnErrors": 1})).await?;
    answer.require_step("the bulk request")?;
    let filter = format!("userName eq \"{name}\"");
    let found = list_filtered_users(probe, &[("filter", &filter)])
        .await?
        .listed_resources()?;
    let mut found = found.iter().filter_map(|one| text(one, &["userName"]));
    ensure(!found.any(|found| found == name), || {
        format!(
            "an operation after the first error was done: {}",
            answer.quote()
        )
    })
}

async fn judge_continue_after_error(probe: &Probe<'_>) -> Judged {
    let operations = json!([bad_user(probe, "bad"), new_user(probe, "last")]);
    let (answer, all) = run_operations(probe, operations, json!({})).await?;
    let last = all
        .iter()
        .find(|one| text(one, &["bulkId"]) == Some("last"));
    if last.is_some_and(|last| status(last) == 201) {
        return Ok(());
    }
    answer.wrong("the operation after the error was not done")
}

async fn judge_error_of_operation(probe: &Probe<'_>) -> Judged {
    let (answer, all) = run_operations(probe, json!([bad_user(probe, "bad")]), json!({})).await?;
    let Some(one) = all.first() else {
        return answer.wrong("Operations is empty");
    };
    let tells = (400..500).contains(&status(one))
        && member(one, "response").is_some_and(|response| speaks(response, ERROR));
    if tells {
        return Ok(());
    }
    answer.wrong("the operation has no error in response")
}

async fn judge_other_methods(probe: &Probe<'_>) -> Judged {
    let put = probe.create_user(json!({"displayName": "Before"})).await?;
    let patch = probe.create_user(json!({"displayName": "Before"})).await?;
    let delete = probe.create_user(json!({})).await?;
    let mut data = put.sent.clone();
    data["displayName"] = "After".into();
    let operation = json!({"op": "replace", "path": "displayName", "value": "After"});
    let operations = json!([
        {"method": "PUT", "path": put.place, "data": data},
        {"method": "PATCH", "path": patch.place, "data": {
            "schemas": [super::reading::PATCH],
            "Operations": [operation],
        }},
        {"method": "DELETE", "path": delete.place},
    ]);
    let (_, all) = run_operations(probe, operations, json!({})).await?;
    for one in &all {
        ensure([200, 204].contains(&status(one)), || {
            format!("the result of an operation is {one}")
        })?;
    }
    for user in [&put, &patch] {
        let now = probe.fetch(user).await?;
        require_same("displayName", member(&now, "displayName"), &json!("After"))?;
    }
    probe.get(&delete.place).await?.is_refused()
}

async fn judge_too_many_operations(probe: &Probe<'_>) -> Judged {
    let Some(most) = probe.server.limit(&["bulk", "maxOperations"]) else {
        return unjudged("the server does not declare bulk.maxOperations");
    };
    if most == 0 || most > 5000 {
        return unjudged(format!("bulk.maxOperations is {most}: too many to try"));
    }
    let nobody = format!("{}/{}", probe.server.users.endpoint, probe.session.mark);
    let one = json!({"method": "DELETE", "path": nobody});
    let count = usize::try_from(most)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    send_bulk(probe, vec![one; count].into(), json!({}))
        .await?
        .is(413)
}

async fn judge_too_large_body(probe: &Probe<'_>) -> Judged {
    let Some(most) = probe.server.limit(&["bulk", "maxPayloadSize"]) else {
        return unjudged("the server does not declare bulk.maxPayloadSize");
    };
    if most == 0 || most > 4 * 1024 * 1024 {
        return unjudged(format!("bulk.maxPayloadSize is {most}: too large to try"));
    }
    let padding = "x".repeat(usize::try_from(most).unwrap_or(usize::MAX));
    let nobody = format!("{}/{}", probe.server.users.endpoint, probe.session.mark);
    let one = json!({"method": "PUT", "path": nobody, "data": {"displayName": padding}});
    send_bulk(probe, json!([one]), json!({})).await?.is(413)
}

async fn judge_unknown_bulk_id(probe: &Probe<'_>) -> Judged {
    require_group_by_bulk(probe).await?;
    let group = new_group(probe, "group", &["bulkId:nonesuch"])?;
    let answer = send_bulk(probe, json!([group]), json!({})).await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    let body = answer.body()?;
    let first = values(&body, "Operations").first();
    if first.is_some_and(|one| (400..500).contains(&status(one))) {
        return Ok(());
    }
    answer.wrong("the operation was not refused")
}

async fn judge_missing_bulk_id(probe: &Probe<'_>) -> Judged {
    let mut one = new_user(probe, "one");
    if let Some(one) = one.as_object_mut() {
        one.shift_remove("bulkId");
    }
    let answer = send_bulk(probe, json!([one]), json!({})).await?;
    if answer.status == 400 {
        return Ok(());
    }
    let body = answer.body()?;
    if values(&body, "Operations")
        .first()
        .is_some_and(|one| status(one) == 400)
    {
        return Ok(());
    }
    answer.wrong("neither the request nor the operation was refused")
}

async fn judge_missing_schemas(probe: &Probe<'_>) -> Judged {
    let body = json!({"Operations": [new_user(probe, "one")]});
    probe.post("/Bulk", &body).await?.is(400)
}
