//! Checks of GET: what it returns of a resource (RFC 7644 §3.4.1, §3.9, §3.10).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{at, member, require_absent, require_same, text, value_to_text, values};
use super::schema::{Attribute, ENTERPRISE, USER};
use super::support::list_filtered_users;
use super::target::query;
use super::wire::ScimAnswer;

checks! {
"SCIM-READ-01", Must, "RFC 7644 §3.4.1"; "A resource can be read by its id";
    expects "GET /Users/{id}: 200 with that id";
    fix "Serve every resource below its endpoint.";
    needs [Need::Writes]; act(judge_read_by_id)
"SCIM-READ-02", Must, "RFC 7644 §3.9"; "The parameter attributes limits the answer to the named attributes";
    expects "userName, and no attribute whose returned is `default`, such as displayName";
    fix "Return the named attributes, and those whose returned characteristic is always.";
    needs [Need::Writes]; act(judge_attributes)
"SCIM-READ-03", Must, "RFC 7644 §3.9"; "Attributes whose returned is `always` are in the answer, too, if the parameter attributes does not name them";
    expects "id and schemas with attributes=displayName";
    fix "Always return id and schemas.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_always_returned)
"SCIM-READ-04", Must, "RFC 7644 §3.9"; "The parameter excludedAttributes removes the named attributes from the answer";
    expects "no displayName (or another attribute of the user), and everything else";
    fix "Leave out the named attributes, and no others.";
    needs [Need::Writes]; act(judge_excluded_attributes)
"SCIM-READ-05", Must, "RFC 7644 §3.9"; "The parameter excludedAttributes does not remove an attribute whose returned is `always`";
    expects "id with excludedAttributes=id";
    fix "Ignore excludedAttributes for attributes whose returned characteristic is always.";
    needs [Need::Writes]; act(judge_excluded_id)
"SCIM-READ-06", Must, "RFC 7643 §2.1"; "Names in the parameter attributes are compared without regard to letter case";
    expects "displayName with attributes=DISPLAYNAME";
    fix "Ignore letter case when comparing attribute names.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_name_case)
"SCIM-READ-07", Must, "RFC 7644 §3.9"; "The parameter attributes accepts a sub-attribute such as name.givenName";
    expects "name with givenName alone";
    fix "Support paths such as name.givenName.";
    needs [Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_sub_attribute)
"SCIM-READ-08", Must, "RFC 7644 §3.10"; "The parameter attributes accepts a name with the URN of its schema";
    expects "displayName with attributes=urn:…:User:displayName";
    fix "Accept the schema's URN before an attribute name.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_name_with_urn)
"SCIM-READ-09", Must, "RFC 7644 §3.10"; "The parameter attributes accepts an attribute of an extension with its URN";
    expects "department, and no employeeNumber";
    fix "Support the URNs of extensions in attributes.";
    needs [Need::Writes, Need::KeepsEnterprise]; act(judge_extension_attribute)
"SCIM-READ-10", Must, "RFC 7644 §3.9"; "The parameter attributes limits the attributes of every resource in a list";
    expects "userName, and no displayName";
    fix "Apply attributes to every resource of a list.";
    needs [Need::Writes, Need::Filter, Need::Keeps(&["displayName"])]; act(judge_attributes_of_list)
"SCIM-READ-11", Must, "RFC 7644 §3.9"; "The parameter excludedAttributes removes attributes from every resource in a list";
    expects "userName, and no displayName";
    fix "Apply excludedAttributes to every resource of a list.";
    needs [Need::Writes, Need::Filter, Need::Keeps(&["displayName"])]; act(judge_excluded_of_list)
"SCIM-READ-12", Must, "RFC 7644 §3.9"; "The parameter attributes accepts a sub-attribute of a multi-valued attribute";
    expects "emails with value alone";
    fix "Return only the named sub-attributes of every value.";
    needs [Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(judge_part_of_values)
"SCIM-READ-13", Should, "RFC 7644 §3.9"; "An unknown name in the parameter attributes is ignored";
    expects "200 with attributes=userName,favoriteOtter";
    fix "Ignore unknown names, and answer 200.";
    needs [Need::Writes]; act(judge_unknown_name)
"SCIM-READ-14", Must, "RFC 7644 §3.9"; "The parameter excludedAttributes accepts a sub-attribute such as name.familyName";
    expects "name without familyName, and with givenName";
    fix "Support paths such as name.familyName in excludedAttributes.";
    needs [Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(judge_excluded_part)
"SCIM-READ-15", Should, "RFC 7644 §3.9"; "The attribute meta can be excluded";
    expects "no meta with excludedAttributes=meta";
    fix "Leave meta out if it is excluded: its returned characteristic is default, not always.";
    needs [Need::Writes]; act(judge_excluded_meta)
"SCIM-READ-16", Should, "RFC 7644 §3.10"; "A whole extension can be excluded by its URN";
    expects "no extension with excludedAttributes={its URN}";
    fix "Treat the URN of an extension as all its attributes.";
    needs [Need::Writes, Need::KeepsEnterprise]; act(judge_excluded_extension)
"SCIM-READ-17", Must, "RFC 7644 §3.9"; "The parameter attributes accepts several names, separated by commas";
    expects "userName and displayName, and no name";
    fix "Split the value of attributes at commas.";
    needs [Need::Writes, Need::Keeps(&["displayName", "name.givenName"])]; act(judge_several_names)
"SCIM-READ-18", Must, "RFC 7643 §7"; "An attribute whose returned is `never` is not in a list, even if it is requested";
    expects "no password with attributes=password";
    fix "Apply returned never to every answer.";
    needs [Need::Writes, Need::Filter, Need::Has(&["password"])]; act(judge_password_in_list)
"SCIM-READ-19", Must, "RFC 7643 §2.3"; "Each value has the JSON type that the schema declares";
    expects "booleans as true or false, numbers as numbers, texts as strings, several values as arrays";
    fix "Write each value with the type of its attribute: true, not \"true\".";
    needs [Need::Writes]; act(judge_types)
"SCIM-READ-20", Should, "RFC 7644 §3.4.1, RFC 7643 §4.1.1"; "A user whose active is false can be read by its id";
    expects "GET /Users/{id} of a user with active false: 200";
    fix "Return deactivated users as all others: only a deleted user is answered with 404. Clients read a user before they activate it again, and create a second one if it seems to be gone.";
    needs [Need::Writes, Need::Has(&["active"])]; act(judge_inactive_user)
}

async fn judge_inactive_user(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({"active": false})).await?;
    let answer = probe.get(&user.place).await?;
    let is_active = |answer: &ScimAnswer| {
        let body = answer.json().unwrap_or_default();
        answer.has_succeeded() && member(&body, "active") != Some(&json!(false))
    };
    if !is_active(&answer) {
        return answer.is(200);
    }
    // The server ignores the value at the creation.
    let operation = json!([{"op": "replace", "path": "active", "value": false}]);
    probe
        .patch(&user.place, operation)
        .await?
        .require_step("deactivating a user")?;
    let answer = probe.get(&user.place).await?;
    if is_active(&answer) {
        return unjudged("no user can be made inactive: active is not false afterwards");
    }
    answer.is(200)
}

/// Attributes that users often have, and that are not returned always.
const USUAL: [&str; 7] = [
    "displayName",
    "nickName",
    "title",
    "userType",
    "name",
    "emails",
    "active",
];

/// Returns an attribute of the test user by which it is seen whether `attributes` and
/// `excludedAttributes` have an effect.
async fn find_shown_attribute(probe: &Probe<'_>) -> Judged<&'static str> {
    let whole = probe.fetch(probe.test_users().await?.one("ann")).await?;
    let schema = &probe.server.users.schema;
    let may_go = |name: &&str| {
        let declared = schema.attribute(name);
        declared.is_some_and(|it| it.returned == "default") && member(&whole, name).is_some()
    };
    match USUAL.into_iter().find(may_go) {
        Some(name) => Ok(name),
        None => unjudged(format!("users have none of {}", USUAL.join(", "))),
    }
}

/// The control for checks of `attributes`: without an effect, everything is returned anyway.
pub(super) async fn require_effect_of_attributes(probe: &Probe<'_>) -> Judged {
    let name = find_shown_attribute(probe).await?;
    let ann = get_ann(probe, ATTRIBUTES, "userName").await?;
    match member(&ann, name) {
        None => Ok(()),
        Some(_) => {
            let why = format!("attributes=userName has no effect: {name} is in the answer too");
            Err(Stop::Follows("SCIM-READ-02", why))
        }
    }
}

/// True if a value has the JSON type of this attribute.
fn has_type(value: &Value, attribute: &Attribute) -> bool {
    let has = |value: &Value| match attribute.kind.as_str() {
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "decimal" => value.is_number(),
        "string" | "dateTime" | "reference" | "binary" => value.is_string(),
        "complex" => value.is_object(),
        _ => true,
    };
    match value {
        Value::Null => true,
        Value::Array(all) if attribute.multi_valued => all.iter().all(has),
        value => !attribute.multi_valued && has(value),
    }
}

async fn judge_types(probe: &Probe<'_>) -> Judged {
    let schema = &probe.server.users.schema;
    let mut wrong: Vec<String> = Vec::new();
    for person in &probe.test_users().await?.people {
        for attribute in &schema.attributes {
            let Some(value) = member(&person.kept, &attribute.name) else {
                continue;
            };
            let what = format!("{} is {value}, expected ", attribute.name);
            let is_told = wrong.iter().any(|it| it.starts_with(&what));
            if !is_told && !has_type(value, attribute) {
                let several = if attribute.multi_valued {
                    "an array of "
                } else {
                    ""
                };
                wrong.push(format!("{what}{several}{}", attribute.kind));
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("; "))
}

async fn get_ann(probe: &Probe<'_>, name: &str, value: &str) -> Judged<Value> {
    let ann = probe.test_users().await?.one("ann");
    let answer = probe.get(&query(&ann.place, &[(name, value)])).await?;
    answer.is(200)?;
    answer.body()
}

async fn find_ann_in_list(probe: &Probe<'_>, name: &str, value: &str) -> Judged<Value> {
    let ann = probe.test_users().await?.one("ann");
    let known = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{known}\"");
    let answer = list_filtered_users(probe, &[("filter", &filter), (name, value)]).await?;
    let all = answer.listed_resources()?;
    let mut all = all.into_iter();
    match all.find(|one| text(one, &["id"]).is_none_or(|id| id == ann.id)) {
        Some(ann) => Ok(ann),
        None => unjudged(format!(
            "the filter did not find the user: {}",
            answer.quote()
        )),
    }
}

fn require_present(resource: &Value, name: &str) -> Judged {
    ensure(member(resource, name).is_some(), || {
        format!("{name} is missing from {}", value_to_text(Some(resource)))
    })
}

/// Records whether a parameter of GET has an effect. A server that never applies it fails many
/// checks, which are one finding.
pub(super) fn record_effect(probe: &Probe<'_>, parameter: &str, judged: Judged) -> Judged {
    let symptom = format!("the parameter {parameter} never had an effect");
    match &judged {
        Ok(()) => probe.session.disprove([symptom]),
        Err(_) => probe.suspect([symptom]),
    }
    judged
}

pub(super) const ATTRIBUTES: &str = "attributes";
pub(super) const EXCLUDED: &str = "excludedAttributes";

async fn judge_read_by_id(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let answer = probe.get(&ann.place).await?;
    answer.is(200)?;
    require_same("id", answer.body()?.get("id"), &json!(ann.id))
}

async fn judge_attributes(probe: &Probe<'_>) -> Judged {
    let name = find_shown_attribute(probe).await?;
    let ann = get_ann(probe, ATTRIBUTES, "userName").await?;
    require_present(&ann, "userName")?;
    record_effect(probe, ATTRIBUTES, require_absent(name, member(&ann, name)))?;
    let schema = &probe.server.users.schema;
    let is_unasked = |name: &&str| {
        let declared = schema.attribute(name);
        declared.is_some_and(|it| it.returned == "default") && member(&ann, name).is_some()
    };
    let unasked: Vec<&str> = USUAL.into_iter().filter(is_unasked).collect();
    ensure(unasked.is_empty(), || {
        format!("the answer also has {}", unasked.join(", "))
    })
}

async fn judge_always_returned(probe: &Probe<'_>) -> Judged {
    require_effect_of_attributes(probe).await?;
    let ann = get_ann(probe, "attributes", "displayName").await?;
    require_present(&ann, "id")?;
    require_present(&ann, "schemas")
}

async fn judge_excluded_attributes(probe: &Probe<'_>) -> Judged {
    let name = find_shown_attribute(probe).await?;
    let whole = probe.fetch(probe.test_users().await?.one("ann")).await?;
    let ann = get_ann(probe, EXCLUDED, name).await?;
    record_effect(probe, EXCLUDED, require_absent(name, member(&ann, name)))?;
    // Only what the whole user has can be lost.
    let mut others = ["userName", "meta"].into_iter();
    others.try_for_each(|name| match member(&whole, name) {
        Some(_) => require_present(&ann, name),
        None => Ok(()),
    })
}

async fn judge_excluded_id(probe: &Probe<'_>) -> Judged {
    // The control: without an effect, everything is returned anyway.
    let name = find_shown_attribute(probe).await?;
    let ann = get_ann(probe, EXCLUDED, name).await?;
    if member(&ann, name).is_some() {
        let why = format!("excludedAttributes={name} has no effect: it is still in the answer");
        return Err(Stop::Follows("SCIM-READ-04", why));
    }
    require_present(&get_ann(probe, "excludedAttributes", "id").await?, "id")
}

async fn judge_name_case(probe: &Probe<'_>) -> Judged {
    require_effect_of_attributes(probe).await?;
    require_present(
        &get_ann(probe, "attributes", "DISPLAYNAME").await?,
        "displayName",
    )
}

async fn judge_sub_attribute(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "attributes", "name.givenName").await?;
    ensure(at(&ann, &["name", "givenName"]).is_some(), || {
        format!("name is {}", value_to_text(member(&ann, "name")))
    })?;
    record_effect(
        probe,
        ATTRIBUTES,
        require_absent("name.familyName", at(&ann, &["name", "familyName"])),
    )
}

async fn judge_name_with_urn(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "attributes", &format!("{USER}:displayName")).await?;
    require_present(&ann, "displayName")?;
    record_effect(
        probe,
        ATTRIBUTES,
        require_absent("userName", member(&ann, "userName")),
    )
}

async fn judge_extension_attribute(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "attributes", &format!("{ENTERPRISE}:department")).await?;
    ensure(at(&ann, &[ENTERPRISE, "department"]).is_some(), || {
        format!(
            "the extension is {}",
            value_to_text(member(&ann, ENTERPRISE))
        )
    })?;
    record_effect(
        probe,
        ATTRIBUTES,
        require_absent("employeeNumber", at(&ann, &[ENTERPRISE, "employeeNumber"])),
    )
}

async fn judge_attributes_of_list(probe: &Probe<'_>) -> Judged {
    let ann = find_ann_in_list(probe, "attributes", "userName").await?;
    require_present(&ann, "userName")?;
    record_effect(
        probe,
        ATTRIBUTES,
        require_absent("displayName", member(&ann, "displayName")),
    )
}

async fn judge_excluded_of_list(probe: &Probe<'_>) -> Judged {
    let ann = find_ann_in_list(probe, "excludedAttributes", "displayName").await?;
    require_present(&ann, "userName")?;
    record_effect(
        probe,
        EXCLUDED,
        require_absent("displayName", member(&ann, "displayName")),
    )
}

async fn judge_part_of_values(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "attributes", "emails.value").await?;
    let all = values(&ann, "emails");
    let fits = |one: &Value| member(one, "value").is_some() && member(one, "type").is_none();
    let judged = ensure(!all.is_empty() && all.iter().all(fits), || {
        format!("emails is {}", value_to_text(member(&ann, "emails")))
    });
    match all.is_empty() {
        true => judged,
        false => record_effect(probe, ATTRIBUTES, judged),
    }
}

async fn judge_unknown_name(probe: &Probe<'_>) -> Judged {
    require_effect_of_attributes(probe).await?;
    let ann = get_ann(probe, "attributes", "userName,favoriteOtter").await?;
    require_present(&ann, "userName")
}

async fn judge_excluded_part(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "excludedAttributes", "name.familyName").await?;
    ensure(at(&ann, &["name", "givenName"]).is_some(), || {
        format!("name is {}", value_to_text(member(&ann, "name")))
    })?;
    record_effect(
        probe,
        EXCLUDED,
        require_absent("name.familyName", at(&ann, &["name", "familyName"])),
    )
}

async fn judge_excluded_meta(probe: &Probe<'_>) -> Judged {
    let whole = probe.fetch(probe.test_users().await?.one("ann")).await?;
    if member(&whole, "meta").is_none() {
        return unjudged("users have no meta, so nothing can be excluded");
    }
    let ann = get_ann(probe, "excludedAttributes", "meta").await?;
    record_effect(
        probe,
        EXCLUDED,
        require_absent("meta", member(&ann, "meta")),
    )
}

async fn judge_excluded_extension(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "excludedAttributes", ENTERPRISE).await?;
    record_effect(
        probe,
        EXCLUDED,
        require_absent("the extension", member(&ann, ENTERPRISE)),
    )
}

async fn judge_several_names(probe: &Probe<'_>) -> Judged {
    let ann = get_ann(probe, "attributes", "userName,displayName").await?;
    require_present(&ann, "userName")?;
    require_present(&ann, "displayName")?;
    record_effect(
        probe,
        ATTRIBUTES,
        require_absent("name", member(&ann, "name")),
    )
}

async fn judge_password_in_list(probe: &Probe<'_>) -> Judged {
    let secret = format!("Pw-{}-x9!Q", probe.session.mark);
    let user = probe.create_user(json!({ "password": secret })).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let answer = probe
        .list_users(&[("filter", &filter), ("attributes", "password")])
        .await?;
    answer.is_success()?;
    ensure(!answer.text.contains(&secret), || {
        format!("the password is in the answer to {}", answer.request)
    })?;
    let listed = answer.listed_resources()?;
    match listed.iter().find(|one| member(one, "password").is_some()) {
        None => Ok(()),
        Some(_) => Err(Stop::Wrong("a list has a password".to_owned())),
    }
}
