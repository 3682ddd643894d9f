//! Checks of POST: how values are stored (RFC 7643 §2, §3; RFC 7644 §3.3).

use serde_json::{Value, json};

use super::body::with;
use super::inactive::deactivate;
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::read::require_effect_of_attributes;
use super::reading::{
    at, member, require_absent, require_same, require_same_text, speaks, text, value_to_text,
    values,
};
use super::schema::ENTERPRISE;

checks! {
"SCIM-CREATE-20", Must, "RFC 7643 §2.3.2"; "A boolean attribute never stores a value of another type";
    expects "active \"banana\" to be refused, or a boolean to be kept";
    fix "Refuse a value that is not a boolean with 400 invalidValue.";
    needs [Need::Writes, Need::Has(&["active"])]; act(judge_wrong_type)
"SCIM-CREATE-21", Should, "RFC 7644 §3.12"; "The error for a value of the wrong type has scimType invalidValue";
    expects "active \"banana\": 400 with scimType invalidValue";
    fix "Check values against the schema before storing them.";
    needs [Need::Writes, Need::Has(&["active"])]; act(judge_wrong_type_error)
"SCIM-CREATE-22", Should, "RFC 7643 §2.4"; "An array for a single-valued attribute is refused";
    expects "userName [\"a\", \"b\"]: 400";
    fix "Check against the schema whether an attribute is multi-valued.";
    needs [Need::Writes]; act(judge_list_for_single)
"SCIM-CREATE-24", Should, "RFC 7643 §3"; "An attribute that no schema defines is not stored";
    expects "an unknown attribute to be refused, or to be absent afterwards";
    fix "Store and return only what the schemas define.";
    needs [Need::Writes]; act(judge_unknown_attribute)
"SCIM-CREATE-25", Must, "RFC 7643 §2.1"; "Attribute names are compared without regard to letter case";
    expects "DISPLAYNAME to do as displayName";
    fix "Ignore letter case when comparing attribute names.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_attribute_name_case)
"SCIM-CREATE-26", Must, "RFC 7643 §2.5"; "An attribute with the value null has no value";
    expects "a user with an attribute of the value null to be made, and to have no value of it";
    fix "Treat null as if the attribute were absent.";
    needs [Need::Writes, Need::KeepsText]; act(judge_null)
"SCIM-CREATE-27", Must, "RFC 7643 §2.5"; "An attribute with an empty list has no value";
    expects "a user with phoneNumbers [] to be made, and to have none";
    fix "Treat [] as if the attribute were absent.";
    needs [Need::Writes, Need::Has(&["phoneNumbers"])]; act(judge_empty_list)
"SCIM-CREATE-28", Must, "RFC 7643 §7"; "A password is never returned";
    expects "no password in the answers to POST, GET, and GET with attributes=password";
    fix "Leave password out of every answer: its returned characteristic is never.";
    needs [Need::Writes, Need::Has(&["password"])]; act(judge_password)
"SCIM-CREATE-29", Must, "RFC 7643 §3.3"; "Attributes of an extension are stored below its URN";
    expects "department below the URN of the enterprise extension";
    fix "Store an extension's attributes in an object whose name is the extension's URN.";
    needs [Need::Writes, Need::Enterprise]; act(judge_extension)
"SCIM-CREATE-30", Must, "RFC 7643 §3"; "The attribute schemas contains the URNs of the extensions whose attributes the resource has";
    expects "schemas with the URN of the enterprise extension";
    fix "Add the URN of every extension whose attributes the resource has.";
    needs [Need::Writes, Need::Enterprise]; act(judge_extension_in_schemas)
"SCIM-CREATE-31", Should, "RFC 7643 §3.1"; "The attribute externalId is stored unchanged";
    expects "externalId as it was sent";
    fix "Store externalId unchanged, with its letter case: only the client decides what it contains.";
    needs [Need::Writes]; act(judge_external_id)
"SCIM-CREATE-32", Must, "RFC 7643 §2.4"; "At most one value of a multi-valued attribute is primary";
    expects "two primary e-mails to be refused, or one of them to be primary";
    fix "Allow primary true in one value only, or refuse the request.";
    needs [Need::Writes, Need::Has(&["emails.primary"])]; act(judge_two_primaries)
"SCIM-CREATE-33", Should, "RFC 7643 §2.4"; "The sub-attributes type and primary of multi-valued attributes are stored";
    expects "both e-mails with their type, and the primary one";
    fix "Store value, type and primary of multi-valued attributes.";
    needs [Need::Writes, Need::Has(&["emails.value", "emails.type"])]; act(judge_type_and_primary)
"SCIM-CREATE-34", Must, "RFC 7644 §3.9"; "The query parameter attributes limits the answer to POST";
    expects "POST /Users?attributes=userName: id and userName, no displayName";
    fix "Apply attributes and excludedAttributes to every answer that contains a resource.";
    needs [Need::Writes, Need::Has(&["displayName"])]; act(judge_limit)
"SCIM-CREATE-36", Should, "RFC 7643 §3.3"; "The URN of an extension is compared without regard to letter case";
    expects "an extension's object named in capitals to be kept as the extension";
    fix "Ignore letter case when comparing these URNs (RFC 2648 §2), as for attribute names (RFC 7644 §3.10).";
    needs [Need::Writes, Need::Enterprise]; act(judge_extension_in_capitals)
"SCIM-CREATE-37", Should, "RFC 7644 §3.3, RFC 7643 §4.1.1"; "A user who is created with active false is inactive";
    expects "active false after POST with active false";
    fix "Store active as it is sent with POST: a client creates users who must not log in yet, and sends no PATCH after it.";
    needs [Need::Writes, Need::Has(&["active"])]; act(judge_inactive_creation)
}

async fn judge_inactive_creation(probe: &Probe<'_>) -> Judged {
    let declared = probe.server.users.schema.attribute("active");
    if declared.is_some_and(|it| !it.writable()) {
        return unjudged("the User schema declares active as readOnly");
    }
    let user = probe.create_user(json!({"active": false})).await?;
    let now = probe.fetch(&user).await?;
    if member(&now, "active") == Some(&json!(false)) {
        return Ok(());
    }
    // The control: if no user can be made inactive, there is no such state, and POST ignores nothing.
    match deactivate(probe, &user).await? {
        Some(change) => user.answer.wrong(format!(
            "active is {} after POST with active false, and false after {}",
            value_to_text(member(&now, "active")),
            change.request
        )),
        None => unjudged(format!(
            "no user can be made inactive: active is {} after POST with active false, and not false after a change either",
            value_to_text(member(&now, "active"))
        )),
    }
}

async fn judge_wrong_type(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"active": "banana"}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    let body = probe.read_resource(&answer).await?;
    match member(&body, "active") {
        Some(Value::Bool(_)) | None => Ok(()),
        Some(_) => answer.wrong("active is not a boolean"),
    }
}

async fn judge_wrong_type_error(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"active": "banana"}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_error(400, "invalidValue")
}

async fn judge_list_for_single(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"userName": [probe.name(), probe.name()]}));
    probe
        .post(&probe.server.users.endpoint, &body)
        .await?
        .is(400)
}

async fn judge_unknown_attribute(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"favoriteOtter": "Otto"}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    if member(&probe.read_resource(&answer).await?, "favoriteOtter").is_some() {
        return answer.wrong("an attribute that no schema defines was stored");
    }
    Ok(())
}

async fn judge_attribute_name_case(probe: &Probe<'_>) -> Judged {
    let wanted = format!("{} Case", probe.session.mark);
    let mut body = probe.least_user();
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("displayName");
    }
    let body = with(body, json!({ "DISPLAYNAME": wanted }));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_success()?;
    let body = probe.read_resource(&answer).await?;
    match text(&body, &["displayName"]) {
        Some(said) if said == wanted => Ok(()),
        said => answer.wrong(format!(
            "displayName is {}, expected {wanted}",
            said.unwrap_or("missing")
        )),
    }
}

async fn judge_null(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let body = probe.user_body(json!({ name: null }));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_success()?;
    require_absent(name, member(&probe.read_resource(&answer).await?, name))
}

async fn judge_empty_list(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({ "phoneNumbers": [] }));
    let answer = probe.post(&probe.server.users.endpoint, &body).await?;
    answer.is_success()?;
    require_absent(
        "phoneNumbers",
        member(&probe.read_resource(&answer).await?, "phoneNumbers"),
    )
}

async fn judge_password(probe: &Probe<'_>) -> Judged {
    let secret = format!("Pw-{}-x9!Q", probe.session.mark);
    let user = probe.create_user(json!({ "password": secret })).await?;
    let request = format!("{}?attributes=password", user.place);
    let read = probe.get(&user.place).await?;
    let made = (!user.answer.text.trim().is_empty()).then_some(&user.answer);
    for answer in made.into_iter().chain([&read, &probe.get(&request).await?]) {
        // An answer that is not a user contains no password and proves nothing.
        let body = answer.require_body_of_step("reading the user")?;
        if member(&body, "password").is_some() || answer.text.contains(&secret) {
            return Err(Stop::Wrong(format!(
                "the password is in the answer to {}",
                answer.request
            )));
        }
    }
    Ok(())
}

fn in_department(probe: &Probe<'_>, urn: &str) -> Value {
    let department = format!("{}-Dep", probe.session.mark);
    json!({"schemas": [ENTERPRISE], urn: {"department": department}})
}

async fn judge_extension(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(in_department(probe, ENTERPRISE)).await?;
    let now = probe.fetch(&user).await?;
    let wanted = json!(format!("{}-Dep", probe.session.mark));
    require_same_text("department", at(&now, &[ENTERPRISE, "department"]), &wanted)
}

async fn judge_extension_in_schemas(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(in_department(probe, ENTERPRISE)).await?;
    let now = probe.fetch(&user).await?;
    if at(&now, &[ENTERPRISE, "department"]).is_none() {
        return unjudged("the extension was not stored");
    }
    ensure(speaks(&now, ENTERPRISE), || {
        format!("schemas is {}", value_to_text(member(&now, "schemas")))
    })
}

async fn judge_extension_in_capitals(probe: &Probe<'_>) -> Judged {
    let urn = ENTERPRISE.to_uppercase().replace("URN:", "urn:");
    let user = probe.create_user(in_department(probe, &urn)).await?;
    let now = probe.fetch(&user).await?;
    let wanted = json!(format!("{}-Dep", probe.session.mark));
    require_same_text("department", at(&now, &[ENTERPRISE, "department"]), &wanted)
}

async fn judge_external_id(probe: &Probe<'_>) -> Judged {
    let wanted = json!(format!("{}-Ext-Mixed", probe.session.mark));
    let user = probe.create_user(json!({ "externalId": wanted })).await?;
    let now = probe.fetch(&user).await?;
    require_same("externalId", member(&now, "externalId"), &wanted)
}

async fn judge_two_primaries(probe: &Probe<'_>) -> Judged {
    let emails = json!({"emails": [
        {"value": probe.name(), "type": "work", "primary": true},
        {"value": probe.name(), "type": "home", "primary": true},
    ]});
    let answer = probe
        .post(&probe.server.users.endpoint, &probe.user_body(emails))
        .await?;
    if !answer.has_succeeded() {
        return answer.is_refused();
    }
    let body = probe.read_resource(&answer).await?;
    let all = values(&body, "emails").iter();
    let primary = all.filter(|one| member(one, "primary") == Some(&json!(true)));
    if primary.count() <= 1 {
        return Ok(());
    }
    answer.wrong("two e-mails are primary")
}

async fn judge_type_and_primary(probe: &Probe<'_>) -> Judged {
    let (work, home) = (probe.name(), probe.name());
    let emails = json!({"emails": [
        {"value": work, "type": "work", "primary": true},
        {"value": home, "type": "home"},
    ]});
    let user = probe.create_user(emails).await?;
    let now = probe.fetch(&user).await?;
    for (kind, value) in [("work", work), ("home", home)] {
        let all = values(&now, "emails").iter();
        let found = all.filter(|one| text(one, &["type"]) == Some(kind));
        let found = found.filter_map(|one| text(one, &["value"]));
        ensure(found.collect::<Vec<_>>() == [value.as_str()], || {
            format!("emails is {}", value_to_text(member(&now, "emails")))
        })?;
    }
    Ok(())
}

async fn judge_limit(probe: &Probe<'_>) -> Judged {
    let shown = format!("{} Limited", probe.session.mark);
    let target = format!("{}?attributes=userName", probe.server.users.endpoint);
    let answer = probe
        .post(&target, &probe.user_body(json!({ "displayName": shown })))
        .await?;
    answer.is_success()?;
    if answer.text.trim().is_empty() {
        return unjudged("POST is answered without a body, which RFC 7644 §3.3 allows");
    }
    let body = answer.body()?;
    let fits = member(&body, "id").is_some()
        && member(&body, "userName").is_some()
        && member(&body, "displayName").is_none();
    let judged = match fits {
        true => Ok(()),
        false => answer.wrong("the answer was not limited to userName"),
    };
    if judged.is_err() {
        require_effect_of_attributes(probe).await?;
    }
    judged
}
