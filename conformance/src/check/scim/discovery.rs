//! Checks of ServiceProviderConfig and ResourceTypes (RFC 7644 §4; RFC 7643 §5, §6).

use serde_json::Value;
use url::Url;

use super::item::{Judged, Stop, checks, ensure, unjudged};
use super::location::require_at_address;
use super::probe::Probe;
use super::reading::{LIST, at, member, speaks, text, value_to_text, values};
use super::wire::ScimAnswer;

checks! {
harm Style;
"SCIM-DISC-01", Must, "RFC 7644 §4"; "/ServiceProviderConfig describes what the server supports";
    expects "GET /ServiceProviderConfig: 200 with a JSON object";
    fix "Serve a ServiceProviderConfig at /ServiceProviderConfig: clients read it before anything else.";
    needs []; act(judge_config)
"SCIM-DISC-02", Must, "RFC 7643 §5"; "The attribute schemas of ServiceProviderConfig contains the URN of its schema";
    expects "schemas with urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    fix "Put the URN of the ServiceProviderConfig schema into schemas.";
    needs []; act(judge_schemas_of_config)
"SCIM-DISC-03", Must, "RFC 7643 §5"; "ServiceProviderConfig says for every feature whether it is supported";
    expects "a boolean supported in patch, bulk, filter, changePassword, sort and etag";
    fix "Set supported to true or false in patch, bulk, filter, changePassword, sort and etag: all six are REQUIRED.";
    needs []; act(judge_features)
"SCIM-DISC-04", Must, "RFC 7643 §5"; "ServiceProviderConfig contains bulk.maxOperations and bulk.maxPayloadSize";
    expects "integers bulk.maxOperations and bulk.maxPayloadSize";
    fix "Put both numbers into bulk, also if bulk is not supported (write 0 then): they are REQUIRED.";
    needs []; act(judge_bulk_limits)
"SCIM-DISC-05", Must, "RFC 7643 §5"; "ServiceProviderConfig contains filter.maxResults";
    expects "an integer filter.maxResults";
    fix "Set filter.maxResults to the largest number of resources that one answer contains: it is REQUIRED.";
    needs []; act(judge_max_results)
"SCIM-DISC-06", Must, "RFC 7643 §5"; "Every authentication scheme has type, name and description";
    expects "a list authenticationSchemes whose entries have type, name and description";
    fix "Put type, name and description into every authentication scheme: all three are REQUIRED.";
    needs []; act(judge_authentication_schemes)
"SCIM-DISC-07", Must, "RFC 9865 §4"; "The member pagination of ServiceProviderConfig, if present, has both cursor and index";
    expects "booleans pagination.cursor and pagination.index, or no pagination";
    fix "Put cursor and index into pagination, or leave pagination out: both are REQUIRED inside it.";
    needs []; act(judge_pagination)
"SCIM-DISC-08", Must, "RFC 7644 §4"; "/ResourceTypes is answered with a ListResponse";
    expects "GET /ResourceTypes: 200 with a ListResponse";
    fix "Wrap the resource types in a ListResponse, with totalResults and Resources.";
    needs []; act(judge_list_of_types)
"SCIM-DISC-09", Must, "RFC 7643 §6"; "Every resource type has name, endpoint and schema";
    expects "texts name, endpoint and schema in every resource type";
    fix "Add name, endpoint and schema to every resource at /ResourceTypes: all three are REQUIRED.";
    needs []; act(judge_members_of_types)
"SCIM-DISC-10", Must, "RFC 7643 §6"; "The attribute schemas of a resource type contains the URN of its schema";
    expects "schemas with urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    fix "Put the URN of the ResourceType schema into schemas of each resource type.";
    needs []; act(judge_schemas_of_types)
"SCIM-DISC-11", Must, "RFC 7644 §4"; "A resource type can be read at /ResourceTypes/{name}";
    expects "GET /ResourceTypes/{name}: 200 with that resource type alone";
    fix "Serve each resource type below /ResourceTypes, as a single object.";
    needs []; act(judge_type_by_name)
"SCIM-DISC-12", Must, "RFC 7644 §3.12"; "An unknown resource type is answered with 404";
    expects "GET /ResourceTypes/{unknown}: 404";
    fix "Answer 404 for a name that is not the name of a resource type.";
    needs []; act(judge_unknown_type)
"SCIM-DISC-13", Must, "RFC 7643 §6"; "Every resource type's endpoint answers";
    expects "GET at the endpoint of each resource type: 200";
    fix "List only resource types whose endpoint you serve, and write endpoint relative to the base URL.";
    needs []; act(judge_endpoints)
"SCIM-DISC-22", Should, "RFC 7644 §4"; "A filter at /ResourceTypes is refused with 403";
    expects "GET /ResourceTypes?filter=…: 403";
    fix "Refuse filters at the discovery endpoints: otherwise a client believes that its filter was applied.";
    needs []; act(judge_filter_at_types)
"SCIM-DISC-25", Should, "RFC 7643 §3.1"; "Discovery documents contain their own address in meta.location";
    expects "meta.location of the ServiceProviderConfig to be the address at which it can be read";
    fix "Set meta.location and meta.resourceType on discovery documents too, with the URL under which clients reach the server and its whole path.";
    needs []; act(judge_location_of_config)
"SCIM-DISC-26", Must, "RFC 7644 §3.4.2"; "The member totalResults of /ResourceTypes is the number of resource types";
    expects "totalResults equal to the length of Resources";
    fix "Set totalResults to the number of entries; the discovery endpoints are not paged.";
    needs []; act(judge_count_of_types)
"SCIM-DISC-27", Should, "RFC 7644 §3.2"; "Clients cannot change the ServiceProviderConfig";
    expects "PUT /ServiceProviderConfig: a 4xx status or 501";
    fix "Accept only GET at the discovery endpoints.";
    needs [super::item::Need::Writes]; act(judge_write_to_config)
}

async fn read_config(probe: &Probe<'_>) -> Judged<(ScimAnswer, Value)> {
    let answer = probe.get("/ServiceProviderConfig").await?;
    let body = answer.require_body_of_step("GET /ServiceProviderConfig")?;
    Ok((answer, body))
}

/// Returns the entries of a list, also from a bare array.
pub(super) async fn read_entries(
    probe: &Probe<'_>,
    place: &str,
) -> Judged<(ScimAnswer, Vec<Value>)> {
    let answer = probe.get(place).await?;
    answer.require_step(&format!("GET {place}"))?;
    let all = match answer.json() {
        Some(Value::Array(all)) => all,
        Some(body) => values(&body, "Resources").to_vec(),
        None => Vec::new(),
    };
    if all.is_empty() {
        return unjudged(format!("GET {place} lists nothing"));
    }
    Ok((answer, all))
}

async fn judge_config(probe: &Probe<'_>) -> Judged {
    let answer = probe.get("/ServiceProviderConfig").await?;
    answer.is(200)?;
    answer.body().map(drop)
}

async fn judge_schemas_of_config(probe: &Probe<'_>) -> Judged {
    let (answer, body) = read_config(probe).await?;
    let urn = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    if speaks(&body, urn) {
        return Ok(());
    }
    answer.wrong(format!(
        "schemas is {}",
        value_to_text(member(&body, "schemas"))
    ))
}

async fn judge_features(probe: &Probe<'_>) -> Judged {
    let (_, body) = read_config(probe).await?;
    let features = ["patch", "bulk", "filter", "changePassword", "sort", "etag"];
    for feature in features {
        let said = at(&body, &[feature, "supported"]);
        ensure(said.is_some_and(Value::is_boolean), || {
            format!("{feature}.supported is {}", value_to_text(said))
        })?;
    }
    Ok(())
}

async fn require_integers(probe: &Probe<'_>, names: &[[&str; 2]]) -> Judged {
    let (_, body) = read_config(probe).await?;
    for name in names {
        let said = at(&body, name);
        ensure(
            said.is_some_and(|said| said.is_u64() || said.is_i64()),
            || format!("{} is {}", name.join("."), value_to_text(said)),
        )?;
    }
    Ok(())
}

async fn judge_bulk_limits(probe: &Probe<'_>) -> Judged {
    require_integers(
        probe,
        &[["bulk", "maxOperations"], ["bulk", "maxPayloadSize"]],
    )
    .await
}

async fn judge_max_results(probe: &Probe<'_>) -> Judged {
    require_integers(probe, &[["filter", "maxResults"]]).await
}

async fn judge_authentication_schemes(probe: &Probe<'_>) -> Judged {
    let (answer, body) = read_config(probe).await?;
    let all = body.get("authenticationSchemes").and_then(Value::as_array);
    let Some(all) = all else {
        return answer.wrong("authenticationSchemes is not an array");
    };
    for scheme in all {
        for name in ["type", "name", "description"] {
            ensure(text(scheme, &[name]).is_some(), || {
                format!("the scheme {scheme} has no {name}")
            })?;
        }
    }
    Ok(())
}

async fn judge_pagination(probe: &Probe<'_>) -> Judged {
    let (_, body) = read_config(probe).await?;
    let Some(pagination) = member(&body, "pagination") else {
        return unjudged("ServiceProviderConfig contains no pagination (RFC 9865)");
    };
    for name in ["cursor", "index"] {
        let said = member(pagination, name);
        ensure(said.is_some_and(Value::is_boolean), || {
            format!("pagination.{name} is {}", value_to_text(said))
        })?;
    }
    Ok(())
}

pub(super) async fn require_list(probe: &Probe<'_>, place: &str) -> Judged {
    let answer = probe.get(place).await?;
    answer.is(200)?;
    let body = answer.body()?;
    if !speaks(&body, LIST) {
        return answer.wrong("schemas does not name ListResponse");
    }
    if values(&body, "Resources").is_empty() {
        return answer.wrong("Resources is empty");
    }
    Ok(())
}

async fn judge_list_of_types(probe: &Probe<'_>) -> Judged {
    require_list(probe, "/ResourceTypes").await
}

async fn judge_members_of_types(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/ResourceTypes").await?;
    for one in &all {
        for name in ["name", "endpoint", "schema"] {
            ensure(text(one, &[name]).is_some(), || {
                format!("a resource type has no {name}: {one}")
            })?;
        }
    }
    Ok(())
}

async fn judge_schemas_of_types(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/ResourceTypes").await?;
    let urn = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    match all.iter().find(|one| !speaks(one, urn)) {
        None => Ok(()),
        Some(one) => Err(Stop::Wrong(format!(
            "{} has schemas {}",
            match text(one, &["name"]) {
                Some(name) => format!("the resource type {name}"),
                None => "a resource type without a name".to_owned(),
            },
            value_to_text(member(one, "schemas"))
        ))),
    }
}

async fn judge_type_by_name(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/ResourceTypes").await?;
    let Some(name) = all.iter().find_map(|one| text(one, &["name"])) else {
        return unjudged("no resource type has a name");
    };
    let place = format!("/ResourceTypes/{}", super::target::segment(name));
    let answer = probe.get(&place).await?;
    answer.is(200)?;
    match text(&answer.body()?, &["name"]) {
        Some(said) if said == name => Ok(()),
        said => answer.wrong(format!(
            "its name is {}, expected {name}",
            said.unwrap_or("missing")
        )),
    }
}

async fn judge_unknown_type(probe: &Probe<'_>) -> Judged {
    probe.get("/ResourceTypes/Nonesuch").await?.is(404)
}

async fn judge_endpoints(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/ResourceTypes").await?;
    for endpoint in all.iter().filter_map(|one| text(one, &["endpoint"])) {
        ensure(!endpoint.contains("://"), || {
            format!(
                "endpoint is {endpoint}, expected a path that is relative to the base URL, such as /Users"
            )
        })?;
        let target = if endpoint.starts_with('/') {
            format!("{endpoint}?count=1")
        } else {
            format!("/{endpoint}?count=1")
        };
        let answer = probe.get(&target).await?;
        if answer.status != 200 {
            let base = probe.session.base.trim_end_matches('/');
            let path = Url::parse(base).map_or_else(|_| String::new(), |it| it.path().to_owned());
            let repeats = path.len() > 1 && endpoint.starts_with(&path);
            let hint = match repeats {
                true => format!(
                    "; endpoint is {endpoint}, which repeats the path {path} of the base URL"
                ),
                false => String::new(),
            };
            return answer.wrong(format!(
                "the status of {base}{target} is {}, expected 200{hint}",
                answer.status
            ));
        }
    }
    Ok(())
}

async fn judge_filter_at_types(probe: &Probe<'_>) -> Judged {
    let target = "/ResourceTypes?filter=name%20eq%20%22User%22";
    probe.get(target).await?.is(403)
}

async fn judge_location_of_config(probe: &Probe<'_>) -> Judged {
    let (answer, body) = read_config(probe).await?;
    let Some(said) = text(&body, &["meta", "location"]) else {
        return answer.wrong("meta.location is missing");
    };
    let place = "/ServiceProviderConfig";
    require_at_address(probe, ("meta.location", said), place, |body| {
        text(body, &["meta", "location"]) == Some(said)
    })
    .await
}

async fn judge_count_of_types(probe: &Probe<'_>) -> Judged {
    let answer = probe.get("/ResourceTypes").await?;
    let body = answer.require_body_of_step("GET /ResourceTypes")?;
    let Some(all) = member(&body, "Resources").and_then(Value::as_array) else {
        return unjudged("GET /ResourceTypes lists nothing");
    };
    let said = member(&body, "totalResults").and_then(Value::as_u64);
    if said == u64::try_from(all.len()).ok() {
        return Ok(());
    }
    let said = value_to_text(member(&body, "totalResults"));
    answer.wrong(format!(
        "totalResults is {said} for {} resources",
        all.len()
    ))
}

async fn judge_write_to_config(probe: &Probe<'_>) -> Judged {
    let (_, body) = read_config(probe).await?;
    let answer = probe.put("/ServiceProviderConfig", &body).await?;
    if answer.status == 501 {
        return Ok(());
    }
    answer.is_refused()
}
