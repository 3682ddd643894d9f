//! Checks of POST: creating resources (RFC 7644 §3.3; RFC 7643 §2, §3.1).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::location::require_resource_at_address;
use super::made::Made;
use super::probe::Probe;
use super::reading::{
    at, member, parse_timestamp, require_same, require_same_text, speaks, text, value_to_text,
    values,
};
use super::target::below;

checks! {
"SCIM-CREATE-01", Must, "RFC 7644 §3.3"; "Creating a resource is answered with 201";
    expects "POST /Users: 201";
    fix "Answer 201 Created.";
    needs [Need::Writes]; act(judge_creation)
"SCIM-CREATE-02", Must, "RFC 7644 §3.3"; "The 201 has a Location header with the resource's address";
    expects "a Location header on 201";
    fix "Send the resource's URI in Location.";
    needs [Need::Writes]; act(judge_location)
"SCIM-CREATE-03", Must, "RFC 7644 §3.3"; "The address meta.location of a new resource is that in the Location header";
    expects "meta.location to be the same address as Location";
    fix "Send the same URI in the header and in meta.location.";
    needs [Need::Writes]; act(judge_meta_location)
"SCIM-CREATE-04", Must, "RFC 7643 §3.1"; "A new resource has an id";
    expects "a text id that is not empty";
    fix "Give every resource an id that the server generates, and always return it.";
    needs [Need::Writes]; act(judge_id)
"SCIM-CREATE-05", Must, "RFC 7643 §3"; "The attribute schemas of a new resource contains the URN of each of its schemas once";
    expects "schemas with the URN of users, and none twice";
    fix "Always return schemas, with every schema whose attributes the resource has.";
    needs [Need::Writes]; act(judge_schemas)
"SCIM-CREATE-06", Should, "RFC 7643 §3.1"; "A new resource has meta.resourceType";
    expects "meta.resourceType User";
    fix "Set meta.resourceType to the name of the resource type.";
    needs [Need::Writes]; act(judge_resource_type)
"SCIM-CREATE-07", Must, "RFC 7643 §3.1"; "The times meta.created and meta.lastModified are valid dateTime values";
    expects "both to be an xsd:dateTime with a zone";
    fix "Write both times as xs:dateTime, such as 2026-01-02T03:04:05Z.";
    needs [Need::Writes]; act(judge_timestamps)
"SCIM-CREATE-08", Must, "RFC 7643 §3.1"; "The time meta.lastModified of a new resource is equal to meta.created";
    expects "meta.lastModified equal to meta.created";
    fix "Read the clock once and use that value for both.";
    needs [Need::Writes]; act(judge_last_modified)
"SCIM-CREATE-09", Must, "RFC 7644 §3.3"; "A new resource can be read at its Location";
    expects "GET at Location: 200 with the same id";
    fix "Serve the resource at the address that Location gives: build it from the URL under which clients reach the server, with its whole path.";
    needs [Need::Writes]; act(judge_read_at_location)
"SCIM-CREATE-10", Should, "RFC 7644 §3.3"; "A new resource has the values that were sent";
    expects "userName as it was sent, or in another letter case";
    fix "Store values as they were sent.";
    needs [Need::Writes]; act(judge_kept)
"SCIM-CREATE-11", Must, "RFC 7643 §3.1"; "The attribute id in a request is ignored";
    expects "an id of the server's in place of the one that was sent";
    fix "Generate ids on the server: an id chosen by a client could already exist or could be guessed.";
    needs [Need::Writes]; act(judge_client_id)
"SCIM-CREATE-12", Must, "RFC 7643 §3.1"; "The attribute meta in a request is ignored";
    expects "meta.created and meta.resourceType of the server's";
    fix "Ignore meta in requests: all of it is readOnly.";
    needs [Need::Writes]; act(judge_client_meta)
"SCIM-CREATE-13", Must, "RFC 7644 §3.3"; "Read-only attributes in the request are ignored";
    expects "groups of a new user to be ignored";
    fix "Ignore attributes whose mutability is readOnly; do not refuse the request because of them.";
    needs [Need::Writes, Need::Has(&["groups"])]; act(judge_read_only)
"SCIM-CREATE-14", Must, "RFC 7644 §3.3"; "A second user with the same userName is refused with 409";
    expects "POST /Users with a userName that is taken: 409";
    fix "Protect userName with a unique index, and answer 409.";
    needs [Need::Writes]; act(judge_taken)
"SCIM-CREATE-15", Must, "RFC 7644 §3.3"; "The error for a conflict has scimType uniqueness";
    expects "scimType uniqueness";
    fix "Send scimType uniqueness with 409.";
    needs [Need::Writes]; act(judge_taken_name)
"SCIM-CREATE-16", Must, "RFC 7643 §4.1.1"; "A userName that differs only in letter case is refused as a duplicate";
    expects "409 for the same userName in capitals";
    fix "Ignore letter case when you compare userName, in the unique index too: userName is not caseExact.";
    needs [Need::Writes]; act(judge_taken_in_capitals)
"SCIM-CREATE-17", Must, "RFC 7643 §4.1.1"; "A user without userName is refused";
    expects "an answer with 400";
    fix "Answer 400 invalidValue to a user without userName: userName is REQUIRED.";
    needs [Need::Writes]; act(judge_missing_name)
"SCIM-CREATE-18", Should, "RFC 7644 §3.12"; "The error for a missing required value has scimType invalidValue";
    expects "400 with scimType invalidValue";
    fix "Send scimType invalidValue, and name the attribute in detail.";
    needs [Need::Writes]; act(judge_missing_name_error)
"SCIM-CREATE-19", Must, "RFC 7643 §4.1.1"; "An empty userName is refused";
    expects "an answer with 400";
    fix "Answer 400 invalidValue if userName is empty.";
    needs [Need::Writes]; act(judge_empty_name)
"SCIM-CREATE-23", Should, "RFC 7643 §3"; "A resource with the wrong schema in schemas is refused";
    expects "POST /Users whose schemas does not name the User schema: 400";
    fix "Answer 400 invalidSyntax or invalidValue if schemas does not name the endpoint's schema.";
    needs [Need::Writes]; act(judge_wrong_schema)
"SCIM-CREATE-35", Must, "RFC 7643 §3.1"; "Content-Location, if present, is equal to meta.location";
    expects "the two to be the same, or no Content-Location";
    fix "Send the same URI in Content-Location and in meta.location.";
    needs [Need::Writes]; act(judge_content_location)
}

async fn judge_creation(probe: &Probe<'_>) -> Judged {
    let endpoint = &probe.server.users.endpoint;
    probe
        .post(endpoint, &probe.user_body(json!({})))
        .await?
        .is(201)
}

async fn judge_location(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    if user.answer.header("location").is_some() {
        return Ok(());
    }
    user.answer.wrong("there is no Location")
}

async fn judge_meta_location(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let body = probe.read_resource(&user.answer).await?;
    let Some(said) = text(&body, &["meta", "location"]) else {
        return user.answer.wrong("there is no meta.location");
    };
    let header = require_location(&user)?;
    if is_same_address(probe, header, said) {
        return Ok(());
    }
    user.answer
        .wrong(format!("Location is {header}, meta.location is {said}"))
}

/// Returns the Location of a new resource; that there must be one is another check.
fn require_location(made: &Made) -> Judged<&str> {
    let location = made.answer.header("location");
    location.ok_or_else(|| {
        let why = format!("there is no Location: {}", made.answer.quote());
        Stop::Follows("SCIM-CREATE-02", why)
    })
}

/// True if two URLs are the same; either may be relative (RFC 9110 §10.2.2).
fn is_same_address(probe: &Probe<'_>, one: &str, other: &str) -> bool {
    let base = &probe.session.base;
    below(one, base) == below(other, base)
}

async fn judge_id(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let body = probe.read_resource(&user.answer).await?;
    if text(&body, &["id"]).is_some_and(|id| !id.is_empty()) {
        return Ok(());
    }
    user.answer.wrong("there is no id")
}

async fn judge_schemas(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let body = probe.read_resource(&user.answer).await?;
    let said = values(&body, "schemas");
    let mut once = said.to_vec();
    once.sort_by_key(Value::to_string);
    once.dedup();
    if speaks(&body, &probe.server.users.schema.id) && once.len() == said.len() {
        return Ok(());
    }
    user.answer.wrong(format!(
        "schemas is {}",
        value_to_text(member(&body, "schemas"))
    ))
}

async fn judge_resource_type(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let now = probe.fetch(&user).await?;
    require_same(
        "meta.resourceType",
        at(&now, &["meta", "resourceType"]),
        &json!("User"),
    )
}

async fn judge_timestamps(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let now = probe.fetch(&user).await?;
    parse_timestamp(&now, &["meta", "created"])?;
    parse_timestamp(&now, &["meta", "lastModified"]).map(drop)
}

async fn judge_last_modified(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let now = probe.fetch(&user).await?;
    let (Ok(created), Ok(modified)) = (
        parse_timestamp(&now, &["meta", "created"]),
        parse_timestamp(&now, &["meta", "lastModified"]),
    ) else {
        return unjudged("cannot read meta.created or meta.lastModified");
    };
    ensure(created == modified, || {
        format!("created is {created}, lastModified is {modified}")
    })
}

async fn judge_read_at_location(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let location = require_location(&user)?;
    require_resource_at_address(probe, ("Location", location), &user.place).await
}

async fn judge_kept(probe: &Probe<'_>) -> Judged {
    let user = probe
        .create_user(json!({"userName": format!("Mixed-{}", probe.name())}))
        .await?;
    let now = probe.fetch(&user).await?;
    require_same_text("userName", member(&now, "userName"), &user.sent["userName"])
}

async fn judge_client_id(probe: &Probe<'_>) -> Judged {
    let wanted = format!("{}-chosen", probe.session.mark);
    let endpoint = &probe.server.users.endpoint;
    let body = probe.user_body(json!({ "id": wanted }));
    let answer = probe.post(endpoint, &body).await?;
    answer.is_success()?;
    let body = probe.read_resource(&answer).await?;
    ensure(text(&body, &["id"]) != Some(&wanted), || {
        format!("the user was made with the client's id: {}", answer.quote())
    })
}

async fn judge_client_meta(probe: &Probe<'_>) -> Judged {
    let lie = json!({"meta": {"resourceType": "Lie", "created": "2001-01-01T00:00:00Z"}});
    let answer = probe
        .post(&probe.server.users.endpoint, &probe.user_body(lie))
        .await?;
    answer.is_success()?;
    let said = probe.read_resource(&answer).await?;
    let judge_kept = text(&said, &["meta", "resourceType"]) == Some("Lie")
        || text(&said, &["meta", "created"]).is_some_and(|said| said.starts_with("2001"));
    if judge_kept {
        return answer.wrong("the client's meta was stored");
    }
    Ok(())
}

async fn judge_read_only(probe: &Probe<'_>) -> Judged {
    let read_only = probe.server.users.schema.attribute("groups");
    if read_only.is_none_or(|groups| groups.mutability != "readOnly") {
        return unjudged("the schema of users has no read-only groups");
    }
    let lie = json!({"groups": [{"value": "nonesuch", "display": "Lie"}]});
    let answer = probe
        .post(&probe.server.users.endpoint, &probe.user_body(lie))
        .await?;
    answer.is_success()?;
    if values(&probe.read_resource(&answer).await?, "groups").is_empty() {
        return Ok(());
    }
    answer.wrong("the client's groups were stored")
}

async fn create_second(probe: &Probe<'_>, capitals: bool) -> Judged<super::wire::ScimAnswer> {
    let user = probe.create_user(json!({})).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let name = if capitals {
        name.to_uppercase()
    } else {
        name.to_owned()
    };
    let body = probe.user_body(json!({ "userName": name }));
    probe.post(&probe.server.users.endpoint, &body).await
}

async fn judge_taken(probe: &Probe<'_>) -> Judged {
    create_second(probe, false).await?.is(409)
}

async fn judge_taken_name(probe: &Probe<'_>) -> Judged {
    let answer = create_second(probe, false).await?;
    if answer.status != 409 {
        return unjudged(format!("the status was not 409: {}", answer.quote()));
    }
    answer.is_error(409, "uniqueness")
}

async fn judge_taken_in_capitals(probe: &Probe<'_>) -> Judged {
    let exact = probe.server.users.schema.attribute("userName");
    if exact.is_some_and(|name| name.case_exact) {
        return unjudged("the User schema declares userName as caseExact");
    }
    create_second(probe, true).await?.is(409)
}

async fn create_without_name(probe: &Probe<'_>) -> Judged<super::wire::ScimAnswer> {
    let mut body = probe.user_body(json!({}));
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("userName");
    }
    probe.post(&probe.server.users.endpoint, &body).await
}

async fn judge_missing_name(probe: &Probe<'_>) -> Judged {
    create_without_name(probe).await?.is(400)
}

async fn judge_missing_name_error(probe: &Probe<'_>) -> Judged {
    let answer = create_without_name(probe).await?;
    if answer.status != 400 {
        return unjudged(format!("the status was not 400: {}", answer.quote()));
    }
    answer.is_error(400, "invalidValue")
}

async fn judge_empty_name(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({"userName": ""}));
    probe
        .post(&probe.server.users.endpoint, &body)
        .await?
        .is(400)
}

async fn judge_wrong_schema(probe: &Probe<'_>) -> Judged {
    let mut body = probe.user_body(json!({}));
    body["schemas"] = json!(["urn:example:nonesuch"]);
    probe
        .post(&probe.server.users.endpoint, &body)
        .await?
        .is(400)
}

async fn judge_content_location(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let answer = probe.get(&user.place).await?;
    let body = answer.require_body_of_step("reading it back")?;
    let Some(header) = answer.header("content-location") else {
        return Ok(());
    };
    let said = text(&body, &["meta", "location"]);
    if said.is_some_and(|said| is_same_address(probe, header, said)) {
        return Ok(());
    }
    answer.wrong(format!(
        "Content-Location is {header}, meta.location is {}",
        said.unwrap_or("missing")
    ))
}
