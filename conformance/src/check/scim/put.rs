//! Checks of PUT: replacing resources (RFC 7644 §3.5.1).

use std::time::Duration;

use serde_json::{Value, json};

use super::body::with;
use super::item::{Judged, Need, checks, unjudged};
use super::made::Made;
use super::probe::Probe;
use super::reading::{
    at, member, parse_timestamp, require_absent, require_same, text, value_to_text, values,
};
use super::wire::ScimAnswer;

checks! {
"SCIM-PUT-01", Must, "RFC 7644 §3.5.1"; "PUT is answered with 200 and the resource";
    expects "200 with the id";
    fix "Answer with the whole resource as it is after the change.";
    needs [Need::Writes]; act(judge_answer)
"SCIM-PUT-02", Must, "RFC 7644 §3.5.1"; "After PUT the resource has the values that were sent";
    expects "displayName as it was put";
    fix "Replace the stored values with the values of the request.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_replaced_values)
"SCIM-PUT-03", Must, "RFC 7644 §3.5.1"; "An array in PUT replaces all values";
    expects "the new e-mail alone";
    fix "Do not merge multi-valued attributes at PUT.";
    needs [Need::Writes, Need::Keeps(&["emails.value"])]; act(judge_replaced_list)
"SCIM-PUT-04", May, "RFC 7644 §3.5.1"; "PUT clears attributes that the request leaves out";
    expects "no value of the attribute afterwards";
    fix "Clear attributes that are not in the request: most clients expect it, though the RFC leaves it open.";
    needs [Need::Writes, Need::KeepsText]; act(judge_left_out_attribute)
"SCIM-PUT-05", Must, "RFC 7644 §3.5.1"; "Read-only attributes in PUT are ignored";
    expects "200, the id as before and meta.created as before";
    fix "Ignore readOnly attributes; do not refuse the request because of them.";
    needs [Need::Writes]; act(judge_read_only)
"SCIM-PUT-06", Must, "RFC 7644 §3.5.1"; "PUT to an unknown id creates nothing";
    expects "PUT /Users/{unknown}: 404";
    fix "Answer 404: PUT must not be used to create resources.";
    needs [Need::Writes]; act(judge_unknown_id)
"SCIM-PUT-07", Must, "RFC 7643 §4.1.1"; "PUT without userName is refused";
    expects "an answer with 400";
    fix "Answer 400 invalidValue to a PUT without userName: userName is REQUIRED there, too.";
    needs [Need::Writes]; act(judge_missing_name)
"SCIM-PUT-08", Must, "RFC 7644 §3.12"; "PUT with the userName of another user is refused";
    expects "HTTP 409";
    fix "Protect userName with a unique index, and answer 409 uniqueness.";
    needs [Need::Writes]; act(judge_taken)
"SCIM-PUT-09", Must, "RFC 7643 §2.5"; "The value null in PUT clears the attribute";
    expects "no value of the attribute afterwards";
    fix "Treat null as unassigned.";
    needs [Need::Writes, Need::KeepsText]; act(judge_null)
"SCIM-PUT-10", Must, "RFC 7643 §2.5"; "An empty array in PUT clears the attribute";
    expects "no e-mails afterwards";
    fix "Treat [] as unassigned.";
    needs [Need::Writes, Need::Keeps(&["emails.value"])]; act(judge_empty_list)
"SCIM-PUT-11", Should, "RFC 7644 §3.5.1"; "PUT accepts a resource exactly as GET returned it";
    expects "success for the body of GET, and the same resource";
    fix "Accept every attribute that you return: Okta and other clients read a resource, change it and send all of it back.";
    needs [Need::Writes]; act(judge_put_of_read_resource)
"SCIM-PUT-12", Must, "RFC 7643 §3.1"; "After PUT, meta.lastModified is not before meta.created";
    expects "an instant that is not earlier";
    fix "Set lastModified when the resource changes.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_last_modified)
"SCIM-PUT-13", Must, "RFC 7643 §3.1"; "The time meta.lastModified changes when the resource changes";
    expects "a later instant after a change";
    fix "Set lastModified when the resource changes: clients read by it what they have to read again.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_change_of_last_modified)
"SCIM-PUT-14", Must, "RFC 7644 §3.5.1"; "The answer to PUT shows the resource as it is stored";
    expects "the displayName of the answer to be the one that GET gives";
    fix "Answer with the resource as it is after the change.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_answer_of_put)
"SCIM-PUT-15", Must, "RFC 7643 §3.1, RFC 7644 §3.5.1"; "PUT changes externalId";
    expects "externalId as it was put, or a refusal";
    fix "Store the new externalId: only the client sets it (its mutability is readWrite), and it finds its resources by it. Refuse the request if you cannot.";
    needs [Need::Writes, Need::Keeps(&["externalId"])]; act(judge_external_id)
}

async fn judge_external_id(probe: &Probe<'_>) -> Judged {
    let (old, new) = (probe.name(), probe.name());
    let user = probe.create_user(json!({ "externalId": old })).await?;
    let answer = put(probe, &user, json!({ "externalId": new })).await?;
    if (400..500).contains(&answer.status) {
        return unjudged(format!(
            "the server refuses the change, so the client knows: {}",
            answer.quote()
        ));
    }
    answer.is_success()?;
    let now = probe.fetch(&user).await?;
    require_same("externalId", member(&now, "externalId"), &json!(new))
}

/// Longer than the second that many servers count in.
const SECOND: Duration = Duration::from_millis(1100);

async fn judge_change_of_last_modified(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Before"})).await?;
    let path = ["meta", "lastModified"];
    let Ok(before) = parse_timestamp(&probe.fetch(&user).await?, &path) else {
        return unjudged("cannot read meta.lastModified");
    };
    for name in ["After", "Last"] {
        let now = put_well(probe, &user, json!({"displayName": name})).await?;
        if member(&now, "displayName") != Some(&json!(name)) {
            return unjudged("PUT does not change displayName: see SCIM-PUT-02");
        }
        match parse_timestamp(&now, &path) {
            Ok(now) if now > before => return Ok(()),
            Ok(now) if now < before => {
                return unjudged(format!(
                    "meta.lastModified goes back from {before} to {now}: see SCIM-PUT-12"
                ));
            }
            _ => {}
        }
        // The two instants may lie in the same second.
        let why = "meta.lastModified may count seconds";
        probe.session.pause(SECOND, why).await;
    }
    super::item::ensure(false, || {
        format!("meta.lastModified is {before} as before, after two changes")
    })
}

async fn judge_answer_of_put(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Before"})).await?;
    let answer = put(probe, &user, json!({"displayName": "After"})).await?;
    answer.is_success()?;
    if answer.text.trim().is_empty() {
        return unjudged("the answer has no body");
    }
    let (said, now) = (answer.body()?, probe.fetch(&user).await?);
    match (member(&said, "displayName"), member(&now, "displayName")) {
        (Some(said), Some(now)) => require_same("displayName", Some(said), now),
        _ => unjudged("no displayName to compare"),
    }
}

async fn put(probe: &Probe<'_>, user: &Made, more: Value) -> Judged<ScimAnswer> {
    probe.put(&user.place, &with(user.sent.clone(), more)).await
}

async fn put_well(probe: &Probe<'_>, user: &Made, more: Value) -> Judged<Value> {
    put(probe, user, more).await?.is_success()?;
    probe.fetch(user).await
}

async fn judge_answer(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let answer = put(probe, &user, json!({})).await?;
    answer.is(200)?;
    require_same("id", answer.body()?.get("id"), &json!(user.id))
}

async fn judge_replaced_values(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Before"})).await?;
    let now = put_well(probe, &user, json!({"displayName": "After"})).await?;
    require_same("displayName", member(&now, "displayName"), &json!("After"))
}

async fn judge_replaced_list(probe: &Probe<'_>) -> Judged {
    let old = json!({"emails": [{"value": probe.name()}, {"value": probe.name(), "type": "home"}]});
    let user = probe.create_user(old).await?;
    let new = probe.name();
    let now = put_well(probe, &user, json!({"emails": [{ "value": new }]})).await?;
    let all: Vec<&str> = values(&now, "emails")
        .iter()
        .filter_map(|one| text(one, &["value"]))
        .collect();
    super::item::ensure(all == [new.as_str()], || {
        format!("emails is {}", value_to_text(member(&now, "emails")))
    })
}

async fn judge_left_out_attribute(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let user = probe.create_user(json!({ name: "Before" })).await?;
    let mut body = user.sent.clone();
    if let Some(body) = body.as_object_mut() {
        body.shift_remove(name);
    }
    let answer = probe.put(&user.place, &body).await?;
    answer.require_step("PUT")?;
    require_absent(name, member(&probe.fetch(&user).await?, name))
}

async fn judge_read_only(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let before = probe.fetch(&user).await?;
    let lie = json!({"id": "lie", "meta": {"created": "2001-01-01T00:00:00Z"}});
    let now = put_well(probe, &user, lie).await?;
    require_same("id", member(&now, "id"), &json!(user.id))?;
    let created = ["meta", "created"];
    match at(&before, &created) {
        Some(before) => require_same("meta.created", at(&now, &created), before),
        None => Ok(()),
    }
}

async fn judge_unknown_id(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/{}-new", probe.server.users.endpoint, probe.session.mark);
    let answer = probe.put(&target, &probe.user_body(json!({}))).await?;
    answer.is(404)
}

async fn judge_missing_name(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let mut body = user.sent.clone();
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("userName");
    }
    probe.put(&user.place, &body).await?.is(400)
}

async fn judge_taken(probe: &Probe<'_>) -> Judged {
    let (one, other) = (
        probe.create_user(json!({})).await?,
        probe.create_user(json!({})).await?,
    );
    let answer = put(probe, &one, json!({"userName": other.sent["userName"]})).await?;
    require_changeable_name(&answer)?;
    answer.is(409)
}

/// A server that refuses each change of userName (`mutability`) says nothing about uniqueness.
pub(super) fn require_changeable_name(answer: &ScimAnswer) -> Judged {
    let keyword = answer
        .json()
        .and_then(|body| text(&body, &["scimType"]).map(str::to_owned));
    if answer.status != 400 || keyword.as_deref() != Some("mutability") {
        return Ok(());
    }
    unjudged(format!(
        "the server does not let userName be changed, which RFC 7644 §3.5 allows: {}",
        answer.quote()
    ))
}

async fn judge_null(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let user = probe.create_user(json!({ name: "Before" })).await?;
    let now = put_well(probe, &user, json!({ name: null })).await?;
    require_absent(name, member(&now, name))
}

async fn judge_empty_list(probe: &Probe<'_>) -> Judged {
    let required = probe.server.users.schema.attribute("emails");
    let is_wanted = probe
        .session
        .wanted_attributes()
        .iter()
        .any(|name| name == "emails");
    if is_wanted || required.is_some_and(|emails| emails.required) {
        return unjudged("the server requires e-mails");
    }
    let user = probe
        .create_user(json!({"emails": [{"value": probe.name()}]}))
        .await?;
    let now = put_well(probe, &user, json!({ "emails": [] })).await?;
    require_absent("emails", member(&now, "emails"))
}

async fn judge_put_of_read_resource(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let before = probe.fetch(&user).await?;
    let answer = probe.put(&user.place, &before).await?;
    answer.is_success()?;
    let now = probe.fetch(&user).await?;
    for name in ["id", "userName", "displayName", "active"] {
        if let Some(before) = member(&before, name) {
            require_same(name, member(&now, name), before)?;
        }
    }
    Ok(())
}

async fn judge_last_modified(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"displayName": "Before"})).await?;
    let answer = put(probe, &user, json!({"displayName": "After"})).await?;
    answer.require_step("PUT")?;
    let now = probe.fetch(&user).await?;
    let (Ok(created), Ok(modified)) = (
        parse_timestamp(&now, &["meta", "created"]),
        parse_timestamp(&now, &["meta", "lastModified"]),
    ) else {
        return unjudged("cannot read meta.created or meta.lastModified");
    };
    super::item::ensure(modified >= created, || {
        format!("created is {created}, lastModified is {modified}")
    })
}
