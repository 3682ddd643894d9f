//! Checks of GET: what it returns of a resource (RFC 7644 §3.4.1, §3.9, §3.10).

use serde_json::{Value, json};

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{at, member, require_absent, same, text, value_to_text, values};
use super::schema::{ENTERPRISE, USER};
use super::support::filtered;
use super::target::query;

checks! {
"SCIM-READ-01", Must, "RFC 7644 §3.4.1"; "A resource can be read by its id";
    expects "GET /Users/{id}: 200 with that id";
    fix "Serve every resource below its endpoint.";
    needs [Need::Writes]; act(by_id)
"SCIM-READ-02", Must, "RFC 7644 §3.9"; "attributes limits the answer to the named attributes";
    expects "userName, and no displayName";
    fix "Return the named attributes, and those whose returned characteristic is always.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(attributes)
"SCIM-READ-03", Must, "RFC 7644 §3.9"; "Attributes with returned always are in the answer in addition to attributes";
    expects "id and schemas with attributes=displayName";
    fix "Always return id and schemas.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(always)
"SCIM-READ-04", Must, "RFC 7644 §3.9"; "excludedAttributes removes the named attributes from the answer";
    expects "no displayName, and everything else";
    fix "Leave out the named attributes, and no others.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(excluded)
"SCIM-READ-05", Must, "RFC 7644 §3.9"; "excludedAttributes does not remove an attribute whose returned is `always`";
    expects "id with excludedAttributes=id";
    fix "Ignore excludedAttributes for attributes whose returned characteristic is always.";
    needs [Need::Writes]; act(never_excluded)
"SCIM-READ-06", Must, "RFC 7643 §2.1"; "Names in attributes are compared without regard to letter case";
    expects "displayName with attributes=DISPLAYNAME";
    fix "Ignore letter case when comparing attribute names.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(in_any_case)
"SCIM-READ-07", Must, "RFC 7644 §3.9"; "attributes accepts a sub-attribute such as name.givenName";
    expects "name with givenName alone";
    fix "Support paths such as name.givenName.";
    needs [Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(sub_attribute)
"SCIM-READ-08", Must, "RFC 7644 §3.10"; "attributes accepts a name with the URN of its schema";
    expects "displayName with attributes=urn:…:User:displayName";
    fix "Accept the schema's URN before an attribute name.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(by_urn)
"SCIM-READ-09", Must, "RFC 7644 §3.10"; "attributes accepts an extension's attribute with its URN";
    expects "department, and no employeeNumber";
    fix "Support the URNs of extensions in attributes.";
    needs [Need::Writes, Need::KeepsEnterprise]; act(of_extension)
"SCIM-READ-10", Must, "RFC 7644 §3.9"; "attributes limits the resources of a list";
    expects "userName, and no displayName";
    fix "Apply attributes to every resource of a list.";
    needs [Need::Writes, Need::Filter, Need::Keeps(&["displayName"])]; act(attributes_of_a_list)
"SCIM-READ-11", Must, "RFC 7644 §3.9"; "excludedAttributes removes attributes from the resources of a list";
    expects "userName, and no displayName";
    fix "Apply excludedAttributes to every resource of a list.";
    needs [Need::Writes, Need::Filter, Need::Keeps(&["displayName"])]; act(excluded_of_a_list)
"SCIM-READ-12", Must, "RFC 7644 §3.9"; "attributes accepts a sub-attribute of a multi-valued attribute";
    expects "emails with value alone";
    fix "Reduce every value to the named sub-attributes.";
    needs [Need::Writes, Need::Keeps(&["emails.value", "emails.type"])]; act(part_of_values)
"SCIM-READ-13", Should, "RFC 7644 §3.9"; "An unknown name in attributes is ignored";
    expects "200 with attributes=userName,favoriteOtter";
    fix "Ignore unknown names, and answer 200.";
    needs [Need::Writes]; act(unknown_name)
"SCIM-READ-14", Must, "RFC 7644 §3.9"; "excludedAttributes accepts a sub-attribute such as name.familyName";
    expects "name without familyName, and with givenName";
    fix "Support paths such as name.familyName in excludedAttributes.";
    needs [Need::Writes, Need::Keeps(&["name.givenName", "name.familyName"])]; act(excluded_part)
"SCIM-READ-15", Should, "RFC 7644 §3.9"; "meta can be excluded";
    expects "no meta with excludedAttributes=meta";
    fix "The returned characteristic of meta is default, not always: leave it out when it is excluded.";
    needs [Need::Writes]; act(excluded_meta)
"SCIM-READ-16", Should, "RFC 7644 §3.10"; "A whole extension can be excluded by its URN";
    expects "no extension with excludedAttributes={its URN}";
    fix "Treat the URN of an extension as all its attributes.";
    needs [Need::Writes, Need::KeepsEnterprise]; act(excluded_extension)
"SCIM-READ-17", Must, "RFC 7644 §3.9"; "attributes accepts several names, separated by commas";
    expects "userName and displayName, and no name";
    fix "Split the value of attributes at commas.";
    needs [Need::Writes, Need::Keeps(&["displayName", "name.givenName"])]; act(several)
"SCIM-READ-18", Must, "RFC 7643 §7"; "An attribute with returned never is not in a list, even if it is requested";
    expects "no password with attributes=password";
    fix "Apply returned never to every answer.";
    needs [Need::Writes, Need::Filter, Need::Has(&["password"])]; act(no_password_in_a_list)
}

async fn of_ann(probe: &Probe<'_>, name: &str, value: &str) -> Judged<Value> {
    let ann = probe.test_users().await?.one("ann");
    let answer = probe.get(&query(&ann.place, &[(name, value)])).await?;
    answer.is(200)?;
    answer.body()
}

async fn listed(probe: &Probe<'_>, name: &str, value: &str) -> Judged<Value> {
    let ann = probe.test_users().await?.one("ann");
    let known = text(&ann.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{known}\"");
    let answer = filtered(probe, &[("filter", &filter), (name, value)]).await?;
    let all = answer.listed()?;
    let mut all = all.into_iter();
    match all.find(|one| text(one, &["id"]).is_none_or(|id| id == ann.id)) {
        Some(ann) => Ok(ann),
        None => unjudged(format!(
            "the filter did not find the user: {}",
            answer.quoted()
        )),
    }
}

fn there(resource: &Value, name: &str) -> Judged {
    ensure(member(resource, name).is_some(), || {
        format!("{name} is missing from {}", value_to_text(Some(resource)))
    })
}

/// Records whether a parameter has an effect. A server that never applies it fails many checks,
/// which are one finding.
pub(super) fn limited(probe: &Probe<'_>, parameter: &str, judged: Judged) -> Judged {
    let symptom = format!("the parameter {parameter} never had an effect");
    match &judged {
        Ok(()) => probe.session.disprove([symptom]),
        Err(_) => probe.suspect([symptom]),
    }
    judged
}

const ATTRIBUTES: &str = "attributes";
pub(super) const EXCLUDED: &str = "excludedAttributes";

async fn by_id(probe: &Probe<'_>) -> Judged {
    let ann = probe.test_users().await?.one("ann");
    let answer = probe.get(&ann.place).await?;
    answer.is(200)?;
    same("id", answer.body()?.get("id"), &json!(ann.id))
}

async fn attributes(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "userName").await?;
    there(&ann, "userName")?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("displayName", member(&ann, "displayName")),
    )
}

async fn always(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "displayName").await?;
    there(&ann, "id")?;
    there(&ann, "schemas")
}

async fn excluded(probe: &Probe<'_>) -> Judged {
    let whole = probe.fetch(probe.test_users().await?.one("ann")).await?;
    let ann = of_ann(probe, "excludedAttributes", "displayName").await?;
    limited(
        probe,
        EXCLUDED,
        require_absent("displayName", member(&ann, "displayName")),
    )?;
    // Only what the whole user has can be lost.
    let mut others = ["userName", "meta"].into_iter();
    others.try_for_each(|name| match member(&whole, name) {
        Some(_) => there(&ann, name),
        None => Ok(()),
    })
}

async fn never_excluded(probe: &Probe<'_>) -> Judged {
    there(&of_ann(probe, "excludedAttributes", "id").await?, "id")
}

async fn in_any_case(probe: &Probe<'_>) -> Judged {
    there(
        &of_ann(probe, "attributes", "DISPLAYNAME").await?,
        "displayName",
    )
}

async fn sub_attribute(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "name.givenName").await?;
    ensure(at(&ann, &["name", "givenName"]).is_some(), || {
        format!("name is {}", value_to_text(member(&ann, "name")))
    })?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("name.familyName", at(&ann, &["name", "familyName"])),
    )
}

async fn by_urn(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", &format!("{USER}:displayName")).await?;
    there(&ann, "displayName")?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("userName", member(&ann, "userName")),
    )
}

async fn of_extension(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", &format!("{ENTERPRISE}:department")).await?;
    ensure(at(&ann, &[ENTERPRISE, "department"]).is_some(), || {
        format!(
            "the extension is {}",
            value_to_text(member(&ann, ENTERPRISE))
        )
    })?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("employeeNumber", at(&ann, &[ENTERPRISE, "employeeNumber"])),
    )
}

async fn attributes_of_a_list(probe: &Probe<'_>) -> Judged {
    let ann = listed(probe, "attributes", "userName").await?;
    there(&ann, "userName")?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("displayName", member(&ann, "displayName")),
    )
}

async fn excluded_of_a_list(probe: &Probe<'_>) -> Judged {
    let ann = listed(probe, "excludedAttributes", "displayName").await?;
    there(&ann, "userName")?;
    limited(
        probe,
        EXCLUDED,
        require_absent("displayName", member(&ann, "displayName")),
    )
}

async fn part_of_values(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "emails.value").await?;
    let all = values(&ann, "emails");
    let fits = |one: &Value| member(one, "value").is_some() && member(one, "type").is_none();
    let judged = ensure(!all.is_empty() && all.iter().all(fits), || {
        format!("emails is {}", value_to_text(member(&ann, "emails")))
    });
    match all.is_empty() {
        true => judged,
        false => limited(probe, ATTRIBUTES, judged),
    }
}

async fn unknown_name(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "userName,favoriteOtter").await?;
    there(&ann, "userName")
}

async fn excluded_part(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "excludedAttributes", "name.familyName").await?;
    ensure(at(&ann, &["name", "givenName"]).is_some(), || {
        format!("name is {}", value_to_text(member(&ann, "name")))
    })?;
    limited(
        probe,
        EXCLUDED,
        require_absent("name.familyName", at(&ann, &["name", "familyName"])),
    )
}

async fn excluded_meta(probe: &Probe<'_>) -> Judged {
    let whole = probe.fetch(probe.test_users().await?.one("ann")).await?;
    if member(&whole, "meta").is_none() {
        return unjudged("users have no meta, so nothing can be excluded");
    }
    let ann = of_ann(probe, "excludedAttributes", "meta").await?;
    limited(
        probe,
        EXCLUDED,
        require_absent("meta", member(&ann, "meta")),
    )
}

async fn excluded_extension(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "excludedAttributes", ENTERPRISE).await?;
    limited(
        probe,
        EXCLUDED,
        require_absent("the extension", member(&ann, ENTERPRISE)),
    )
}

async fn several(probe: &Probe<'_>) -> Judged {
    let ann = of_ann(probe, "attributes", "userName,displayName").await?;
    there(&ann, "userName")?;
    there(&ann, "displayName")?;
    limited(
        probe,
        ATTRIBUTES,
        require_absent("name", member(&ann, "name")),
    )
}

async fn no_password_in_a_list(probe: &Probe<'_>) -> Judged {
    let secret = format!("Pw-{}-x9!Q", probe.session.mark);
    let user = probe.user(json!({ "password": secret })).await?;
    let name = text(&user.sent, &["userName"]).unwrap_or_default();
    let filter = format!("userName eq \"{name}\"");
    let answer = probe
        .users(&[("filter", &filter), ("attributes", "password")])
        .await?;
    answer.is_success()?;
    ensure(!answer.text.contains(&secret), || {
        format!("the password is in the answer to {}", answer.request)
    })?;
    let listed = answer.listed()?;
    match listed.iter().find(|one| member(one, "password").is_some()) {
        None => Ok(()),
        Some(_) => Err(Stop::Wrong("a list has a password".to_owned())),
    }
}
