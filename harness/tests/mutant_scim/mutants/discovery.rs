//! Mutants of discovery: ServiceProviderConfig, ResourceTypes and Schemas.

use serde_json::{Value, json};

use super::super::{
    Mutant, Refusal, ScimAnswer, ScimRequest, answer, edit, error, is, sent, under,
};
use super::{does, drop_member, hears, posts, says};

fn at(request: &ScimRequest, answer: &mut ScimAnswer, place: &str, change: fn(&mut Value)) {
    if request.method == "GET" && request.target == place {
        edit(answer, change);
    }
}

/// Changes the attribute with this name in the schema of users.
fn attribute(answer: &mut Value, name: &str, change: fn(&mut Value)) {
    let all = answer["Resources"][0]["attributes"].as_array_mut();
    if let Some(found) = all.into_iter().flatten().find(|one| one["name"] == *name) {
        change(found);
    }
}

const CONFIG: &str = "/ServiceProviderConfig";
const TYPES: &str = "/ResourceTypes";
const SCHEMAS: &str = "/Schemas";

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-DISC-01", |a, t| {
        if a.target == CONFIG && a.method == "GET" {
            t.status = 206;
        }
    }),
    says("SCIM-DISC-02", |a, t| {
        at(a, t, CONFIG, |v| v["schemas"] = json!(["urn:x"]))
    }),
    says("SCIM-DISC-03", |a, t| {
        at(a, t, CONFIG, |v| drop_member(v, "changePassword"))
    }),
    says("SCIM-DISC-04", |a, t| {
        at(a, t, CONFIG, |v| v["bulk"]["maxOperations"] = json!("20"));
    }),
    says("SCIM-DISC-05", |a, t| {
        at(a, t, CONFIG, |v| {
            drop_member(&mut v["filter"], "maxResults")
        });
    }),
    says("SCIM-DISC-06", |a, t| {
        at(a, t, CONFIG, |v| {
            drop_member(&mut v["authenticationSchemes"][0], "description")
        });
    }),
    says("SCIM-DISC-07", |a, t| {
        at(a, t, CONFIG, |v| drop_member(&mut v["pagination"], "index"));
    }),
    says("SCIM-DISC-08", |a, t| {
        at(a, t, TYPES, |v| v["schemas"] = json!([]))
    }),
    says("SCIM-DISC-09", |a, t| {
        at(a, t, TYPES, |v| {
            drop_member(&mut v["Resources"][1], "endpoint")
        });
    }),
    says("SCIM-DISC-10", |a, t| {
        at(a, t, TYPES, |v| {
            v["Resources"][1]["schemas"] = json!(["urn:x"])
        });
    }),
    says("SCIM-DISC-11", |a, t| {
        at(a, t, "/ResourceTypes/User", |v| {
            v["name"] = json!("Somebody")
        });
    }),
    says("SCIM-DISC-12", |a, t| {
        if a.target == "/ResourceTypes/Nonesuch" {
            t.status = 200;
        }
    }),
    says("SCIM-DISC-13", |a, t| {
        at(a, t, TYPES, |v| {
            let mut third = v["Resources"][1].clone();
            third["name"] = json!("Device");
            third["endpoint"] = json!("/Devices");
            v["Resources"].as_array_mut().unwrap().push(third);
            v["totalResults"] = json!(3);
        });
    }),
    says("SCIM-DISC-14", |a, t| {
        at(a, t, SCHEMAS, |v| v["schemas"] = json!([]))
    }),
    says("SCIM-DISC-15", |a, t| {
        at(a, t, SCHEMAS, |v| {
            attribute(v, "title", |one| one["type"] = json!("text"))
        });
    }),
    says("SCIM-DISC-16", |a, t| {
        at(a, t, SCHEMAS, |v| {
            attribute(v, "title", |one| one["mutability"] = json!("readwrite"))
        });
    }),
    says("SCIM-DISC-17", |a, t| {
        at(a, t, SCHEMAS, |v| {
            attribute(v, "phoneNumbers", |one| drop_member(one, "subAttributes"))
        });
    }),
    says("SCIM-DISC-18", |a, t| {
        at(a, t, SCHEMAS, |v| {
            v["Resources"].as_array_mut().unwrap().pop();
            v["totalResults"] = json!(2);
        });
    }),
    says("SCIM-DISC-19", |a, t| {
        if under(a, "GET", "/Schemas/urn:ietf") {
            edit(t, |v| v["id"] = json!("urn:x"));
        }
    }),
    says("SCIM-DISC-20", |a, t| {
        if a.target == "/Schemas/urn:example:nonesuch" {
            t.status = 200;
        }
    }),
    says("SCIM-DISC-23", |a, t| {
        at(a, t, SCHEMAS, |v| {
            attribute(v, "userName", |one| one["uniqueness"] = json!("none"))
        });
    }),
    says("SCIM-DISC-24", |a, t| {
        at(a, t, SCHEMAS, |v| {
            attribute(v, "password", |one| one["returned"] = json!("default"))
        });
    }),
    says("SCIM-DISC-26", |a, t| {
        at(a, t, TYPES, |v| v["totalResults"] = json!(7))
    }),
    hears("SCIM-DISC-21", |a| {
        if a.target.starts_with("/Schemas?filter=") {
            a.target = SCHEMAS.into();
        }
    }),
    hears("SCIM-DISC-22", |a| {
        if a.target.starts_with("/ResourceTypes?filter=") {
            a.target = TYPES.into();
        }
    }),
    says("SCIM-DISC-25", |a, t| {
        at(a, t, CONFIG, |v| drop_member(&mut v["meta"], "location"));
    }),
    does("SCIM-DISC-27", |_, a| {
        is(a, "PUT", CONFIG).then(|| answer(200, &sent(a)))
    }),
    does("SCIM-DISC-28", |_, a| {
        let user = sent(a);
        let refusal = Refusal(400, Some("invalidValue"), "active is required".to_owned());
        (posts(a) && user.is_object() && user["active"].is_null())
            .then(|| answer(400, &error(&refusal)))
    }),
    says("SCIM-DISC-29", |a, t| {
        at(a, t, TYPES, |v| {
            v["Resources"][0]["meta"] =
                json!({"location": "http://internal.test/v2/ResourceTypes/User"});
        });
    }),
];
