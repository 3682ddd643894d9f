//! Checks of Schemas (RFC 7644 §4; RFC 7643 §7).

use serde_json::{Value, json};

use super::discovery::{read_entries, require_list};
use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{member, or_missing, text, value_to_text, values};

checks! {
harm Style;
"SCIM-DISC-14", Must, "RFC 7644 §4"; "/Schemas is answered with a ListResponse";
    expects "GET /Schemas: 200 with a ListResponse";
    fix "Wrap the schemas in a ListResponse, with totalResults and Resources.";
    needs []; act(judge_list_of_schemas)
"SCIM-DISC-15", Must, "RFC 7643 §7"; "The type of every attribute is one that the RFC defines";
    expects "type one of string, boolean, decimal, integer, dateTime, reference, binary, complex";
    fix "Use the types of RFC 7643 §2.3, with the same letter case.";
    needs []; act(judge_types_of_attributes)
"SCIM-DISC-16", Must, "RFC 7643 §7"; "Every attribute in the schemas has values of mutability, returned and uniqueness that the RFC defines";
    expects "mutability readOnly|readWrite|immutable|writeOnly, returned always|never|default|request, uniqueness none|server|global";
    fix "Use the values of RFC 7643 §7, with the same letter case.";
    needs []; act(judge_characteristics)
"SCIM-DISC-17", Must, "RFC 7643 §7"; "Every complex attribute has subAttributes";
    expects "subAttributes in every attribute of type complex";
    fix "List the sub-attributes, with the same characteristics as attributes.";
    needs []; act(judge_complex_attributes)
"SCIM-DISC-18", Must, "RFC 7643 §6"; "/Schemas contains every schema that a resource type names";
    expects "a schema with that id for each schema and extension of the resource types";
    fix "Serve the schemas and extensions that /ResourceTypes names.";
    needs []; act(judge_named_schemas)
"SCIM-DISC-19", Must, "RFC 7644 §4"; "A schema can be read at /Schemas/{urn}";
    expects "GET /Schemas/{urn}: 200 with that schema alone";
    fix "Serve each schema below /Schemas, as a single object.";
    needs []; act(judge_schema_by_urn)
"SCIM-DISC-20", Must, "RFC 7644 §3.12"; "An unknown schema is answered with 404";
    expects "GET /Schemas/{unknown}: 404";
    fix "Answer 404 for a URN that is not the URN of a schema.";
    needs []; act(judge_unknown_schema)
"SCIM-DISC-21", Should, "RFC 7644 §4"; "A filter at /Schemas is refused with 403";
    expects "GET /Schemas?filter=…: 403";
    fix "Refuse filters at the discovery endpoints: otherwise a client believes that its filter was applied.";
    needs []; act(judge_filter_at_schemas)
"SCIM-DISC-23", Must, "RFC 7643 §4.1.1"; "The User schema declares userName as required and unique";
    expects "userName with required true and uniqueness server or global";
    fix "Set required of userName to true and its uniqueness to server or global: every user has a userName that no other user has.";
    needs []; act(judge_user_name_in_schema)
"SCIM-DISC-24", Must, "RFC 7643 §4.1.1"; "The User schema declares password as never returned";
    expects "password with mutability writeOnly and returned never, or no password";
    fix "Set mutability to writeOnly and returned to never.";
    needs [Need::Has(&["password"])]; act(judge_password_in_schema)
}

async fn judge_list_of_schemas(probe: &Probe<'_>) -> Judged {
    require_list(probe, "/Schemas").await
}

/// Judges every attribute and sub-attribute of every schema.
async fn judge_each_attribute(probe: &Probe<'_>, wrong: fn(&Value) -> Option<String>) -> Judged {
    let (_, all) = read_entries(probe, "/Schemas").await?;
    for schema in &all {
        let mut pending: Vec<&Value> = values(schema, "attributes").iter().collect();
        while let Some(attribute) = pending.pop() {
            if let Some(wrong) = wrong(attribute) {
                let id = value_to_text(member(schema, "id"));
                let name = value_to_text(member(attribute, "name"));
                return Err(Stop::Wrong(format!("{name} of {id}: {wrong}")));
            }
            pending.extend(values(attribute, "subAttributes"));
        }
    }
    Ok(())
}

fn unless(attribute: &Value, name: &str, known: &[&str]) -> Option<String> {
    let said = member(attribute, name)?;
    let fine = said.as_str().is_some_and(|said| known.contains(&said));
    (!fine).then(|| format!("{name} is {said}"))
}

async fn judge_types_of_attributes(probe: &Probe<'_>) -> Judged {
    judge_each_attribute(probe, |attribute| {
        let known = [
            "string",
            "boolean",
            "decimal",
            "integer",
            "dateTime",
            "reference",
            "binary",
            "complex",
        ];
        match member(attribute, "type") {
            None => Some("it has no type".to_owned()),
            Some(_) => unless(attribute, "type", &known),
        }
    })
    .await
}

async fn judge_characteristics(probe: &Probe<'_>) -> Judged {
    judge_each_attribute(probe, |attribute| {
        let mutability = ["readOnly", "readWrite", "immutable", "writeOnly"];
        let returned = ["always", "never", "default", "request"];
        let uniqueness = ["none", "server", "global"];
        unless(attribute, "mutability", &mutability)
            .or_else(|| unless(attribute, "returned", &returned))
            .or_else(|| unless(attribute, "uniqueness", &uniqueness))
    })
    .await
}

async fn judge_complex_attributes(probe: &Probe<'_>) -> Judged {
    judge_each_attribute(probe, |attribute| {
        let bare = text(attribute, &["type"]) == Some("complex")
            && values(attribute, "subAttributes").is_empty();
        bare.then(|| "it is complex and has no subAttributes".to_owned())
    })
    .await
}

async fn judge_named_schemas(probe: &Probe<'_>) -> Judged {
    let (_, types) = read_entries(probe, "/ResourceTypes").await?;
    let (_, schemas) = read_entries(probe, "/Schemas").await?;
    let ids: Vec<&str> = schemas
        .iter()
        .filter_map(|one| text(one, &["id"]))
        .collect();
    for one in &types {
        let extensions = values(one, "schemaExtensions");
        let named = std::iter::once(one)
            .chain(extensions)
            .filter_map(|one| text(one, &["schema"]));
        for urn in named {
            ensure(ids.iter().any(|id| id.eq_ignore_ascii_case(urn)), || {
                format!("{urn} is named by a resource type and absent from /Schemas")
            })?;
        }
    }
    Ok(())
}

async fn judge_schema_by_urn(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/Schemas").await?;
    let Some(urn) = all.iter().find_map(|one| text(one, &["id"])) else {
        return unjudged("no schema has an id");
    };
    let answer = probe.get(&format!("/Schemas/{urn}")).await?;
    answer.is(200)?;
    match text(&answer.body()?, &["id"]) {
        Some(said) if said == urn => Ok(()),
        said => answer.wrong(format!("its id is {}, expected {urn}", or_missing(said))),
    }
}

async fn judge_unknown_schema(probe: &Probe<'_>) -> Judged {
    let answer = probe.get("/Schemas/urn:example:nonesuch").await?;
    answer.is(404)
}

async fn judge_filter_at_schemas(probe: &Probe<'_>) -> Judged {
    let answer = probe.get("/Schemas?filter=name%20eq%20%22User%22").await?;
    answer.is(403)
}

async fn find_user_attribute(probe: &Probe<'_>, name: &str) -> Judged<Value> {
    let (_, all) = read_entries(probe, "/Schemas").await?;
    let users = &probe.server.users.schema.id;
    let schema = all
        .iter()
        .find(|one| text(one, &["id"]).is_some_and(|id| id.eq_ignore_ascii_case(users)));
    let Some(schema) = schema else {
        return unjudged(format!("/Schemas does not list {users}"));
    };
    let attribute = values(schema, "attributes")
        .iter()
        .find(|one| text(one, &["name"]).is_some_and(|known| known.eq_ignore_ascii_case(name)));
    match attribute {
        Some(attribute) => Ok(attribute.clone()),
        None if name == "userName" => Err(Stop::Wrong("the schema has no userName".to_owned())),
        None => unjudged(format!("the schema of users has no {name}")),
    }
}

async fn judge_user_name_in_schema(probe: &Probe<'_>) -> Judged {
    let attribute = find_user_attribute(probe, "userName").await?;
    let required = member(&attribute, "required") == Some(&json!(true));
    let unique = matches!(text(&attribute, &["uniqueness"]), Some("server" | "global"));
    ensure(required && unique, || {
        format!(
            "required is {}, uniqueness is {}",
            value_to_text(member(&attribute, "required")),
            value_to_text(member(&attribute, "uniqueness"))
        )
    })
}

async fn judge_password_in_schema(probe: &Probe<'_>) -> Judged {
    let attribute = find_user_attribute(probe, "password").await?;
    let (mutability, returned) = (
        text(&attribute, &["mutability"]),
        text(&attribute, &["returned"]),
    );
    ensure(
        mutability == Some("writeOnly") && returned == Some("never"),
        || {
            format!(
                "mutability is {}, returned is {}",
                or_missing(mutability),
                or_missing(returned)
            )
        },
    )
}
