//! Mutants of POST: creation of users.

use serde_json::{Value, json};

use super::super::schemas::{ENTERPRISE, USER};
use super::super::{Mutant, ScimAnswer, ScimRequest, edit, rewrite, sent};
use super::{drop_member, hears, posts, read_of_user, says, status};

fn answer_to_post(request: &ScimRequest, answer: &mut ScimAnswer, change: impl FnOnce(&mut Value)) {
    if posts(request) && answer.status == 201 {
        edit(answer, change);
    }
}

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-CREATE-01", |a, t| {
        if posts(a) {
            status(t, 201, 200);
        }
    }),
    says("SCIM-CREATE-02", |a, t| {
        if posts(a) {
            t.headers.retain(|(name, _)| name != "location");
        }
    }),
    says("SCIM-CREATE-03", |a, t| {
        answer_to_post(a, t, |v| drop_member(&mut v["meta"], "location"))
    }),
    says("SCIM-CREATE-04", |a, t| {
        answer_to_post(a, t, |v| drop_member(v, "id"))
    }),
    says("SCIM-CREATE-05", |a, t| {
        answer_to_post(a, t, |v| {
            let again = v["schemas"][0].clone();
            v["schemas"].as_array_mut().unwrap().push(again);
        });
    }),
    says("SCIM-CREATE-07", |a, t| {
        read_of_user(a, t, |v| v["meta"]["created"] = json!("yesterday"));
    }),
    says("SCIM-CREATE-08", |a, t| {
        read_of_user(a, t, |v| {
            if v["meta"]["version"] == "W/\"1\"" {
                v["meta"]["lastModified"] = json!("2027-01-01T00:00:00Z");
            }
        });
    }),
    says("SCIM-CREATE-09", |a, t| {
        if posts(a) && t.status == 201 {
            let lost = format!("{}/Users/lost", super::super::BASE);
            t.headers.retain(|(name, _)| name != "location");
            t.headers.push(("location".into(), lost.clone()));
            edit(t, |v| v["meta"]["location"] = json!(lost));
        }
    }),
    says("SCIM-CREATE-11", |a, t| {
        let wanted = sent(a)["id"].clone();
        if wanted.is_string() {
            answer_to_post(a, t, |v| v["id"] = wanted);
        }
    }),
    says("SCIM-CREATE-12", |a, t| {
        let wanted = sent(a)["meta"].clone();
        if wanted.is_object() {
            answer_to_post(a, t, |v| {
                v["meta"]["resourceType"] = wanted["resourceType"].clone()
            });
        }
    }),
    says("SCIM-CREATE-13", |a, t| {
        let wanted = sent(a)["groups"].clone();
        if wanted.is_array() {
            answer_to_post(a, t, |v| v["groups"] = wanted);
        }
    }),
    says("SCIM-CREATE-14", |a, t| {
        let small = sent(a)["userName"]
            .as_str()
            .is_some_and(|name| name.starts_with("rh"));
        if posts(a) && small {
            status(t, 409, 400);
        }
    }),
    says("SCIM-CREATE-15", |a, t| {
        if posts(a) && t.status == 409 {
            edit(t, |v| drop_member(v, "scimType"));
        }
    }),
    hears("SCIM-CREATE-16", |a| {
        if posts(a) {
            rewrite(a, |v| {
                let name = v["userName"].as_str().filter(|name| name.starts_with("RH"));
                if let Some(name) = name.map(str::to_owned) {
                    v["userName"] = json!(format!("{name}X"));
                }
            });
        }
    }),
    hears("SCIM-CREATE-17", |a| {
        if posts(a)
            && a.body
                .as_deref()
                .is_some_and(|text| !text.contains("userName"))
        {
            rewrite(a, |v| {
                if let Some(user) = v.as_object_mut() {
                    user.insert("userName".into(), json!("filled@example.com"));
                }
            });
        }
    }),
    hears("SCIM-CREATE-19", |a| {
        if posts(a) {
            rewrite(a, |v| {
                if v["userName"] == "" {
                    v["userName"] = json!("empty@example.com");
                }
            });
        }
    }),
    Mutant {
        // A server that stores the word also does not refuse it.
        also: &["SCIM-CREATE-21"],
        ..says("SCIM-CREATE-20", |a, t| {
            if posts(a) && sent(a)["active"] == "banana" {
                t.status = 201;
                t.text = json!({"id": "banana", "active": "banana"}).to_string();
            }
        })
    },
    hears("SCIM-CREATE-37", |a| {
        if posts(a) && sent(a)["active"] == false {
            rewrite(a, |v| drop_member(v, "active"));
        }
    }),
    hears("SCIM-CREATE-25", |a| {
        if posts(a) {
            rewrite(a, |v| drop_member(v, "DISPLAYNAME"));
        }
    }),
    says("SCIM-CREATE-26", |a, t| {
        let null = sent(a)
            .as_object()
            .is_some_and(|v| v.get("nickName") == Some(&Value::Null));
        if null {
            answer_to_post(a, t, |v| v["nickName"] = json!("null"));
        }
    }),
    says("SCIM-CREATE-27", |a, t| {
        if posts(a) && sent(a)["phoneNumbers"] == json!([]) {
            t.status = 400;
        }
    }),
    says("SCIM-CREATE-28", |a, t| {
        let secret = sent(a)["password"].clone();
        if secret.is_string() {
            answer_to_post(a, t, |v| v["password"] = secret);
        }
    }),
    hears("SCIM-CREATE-29", |a| {
        if posts(a) {
            rewrite(a, |v| {
                let department = v[ENTERPRISE]["department"].as_str();
                if department.is_some_and(|name| name.ends_with("-Dep")) {
                    drop_member(v, ENTERPRISE);
                }
            });
        }
    }),
    says("SCIM-CREATE-30", |a, t| {
        read_of_user(a, t, |v| v["schemas"].as_array_mut().unwrap().truncate(1));
    }),
    says("SCIM-CREATE-32", |a, t| {
        let emails = sent(a)["emails"].clone();
        if emails[0]["primary"] == json!(true) && emails[1]["primary"] == json!(true) {
            answer_to_post(a, t, |v| v["emails"] = emails);
        }
    }),
    hears("SCIM-CREATE-34", |a| {
        if a.method == "POST" && a.target.starts_with("/Users?attributes") {
            a.target = "/Users".into();
        }
    }),
    says("SCIM-CREATE-35", |_, t| {
        if let Some((_, value)) = t
            .headers
            .iter_mut()
            .find(|(name, _)| name == "content-location")
        {
            value.push('x');
        }
    }),
    says("SCIM-CREATE-06", |a, t| {
        read_of_user(a, t, |v| drop_member(&mut v["meta"], "resourceType"));
    }),
    hears("SCIM-CREATE-10", |a| {
        if posts(a) {
            rewrite(a, |v| {
                let name = v["userName"].as_str().unwrap_or_default().to_owned();
                if name.starts_with("Mixed-") {
                    v["userName"] = json!(name.replace('-', "_"));
                }
            });
        }
    }),
    says("SCIM-CREATE-18", |a, t| {
        let user = sent(a);
        if posts(a) && user.is_object() && user["userName"].is_null() {
            edit(t, |v| drop_member(v, "scimType"));
        }
    }),
    says("SCIM-CREATE-21", |a, t| {
        if posts(a) && sent(a)["active"] == "banana" {
            edit(t, |v| drop_member(v, "scimType"));
        }
    }),
    hears("SCIM-CREATE-22", |a| {
        if posts(a) && sent(a)["userName"].is_array() {
            rewrite(a, |v| v["userName"] = v["userName"][0].take());
        }
    }),
    hears("SCIM-CREATE-23", |a| {
        if posts(a) && sent(a)["schemas"] == json!(["urn:example:nonesuch"]) {
            rewrite(a, |v| v["schemas"] = json!([USER]));
        }
    }),
    says("SCIM-CREATE-24", |a, t| {
        let unknown = sent(a)["favoriteOtter"].clone();
        if unknown.is_string() {
            answer_to_post(a, t, |v| v["favoriteOtter"] = unknown);
        }
    }),
    hears("SCIM-CREATE-31", |a| {
        if posts(a) {
            rewrite(a, |v| {
                let id = v["externalId"].as_str().unwrap_or_default().to_owned();
                if id.ends_with("-Ext-Mixed") {
                    v["externalId"] = json!(id.to_lowercase());
                }
            });
        }
    }),
    hears("SCIM-CREATE-33", |a| {
        if posts(a) {
            rewrite(a, |v| {
                let emails = v.get_mut("emails").and_then(Value::as_array_mut);
                for email in emails.into_iter().flatten() {
                    drop_member(email, "type");
                }
            });
        }
    }),
    hears("SCIM-CREATE-36", |a| {
        if posts(a) {
            rewrite(a, |v| {
                if let Some(user) = v.as_object_mut() {
                    user.retain(|name, _| {
                        name == ENTERPRISE || !name.eq_ignore_ascii_case(ENTERPRISE)
                    });
                }
            });
        }
    }),
];
