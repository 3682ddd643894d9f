//! Mutants of POST, PUT, DELETE, of groups, bulk requests and versions.

use serde_json::{Value, json};

use super::super::schemas::ENTERPRISE;
use super::super::server::told;
use super::super::{Asked, Bend, Mutant, Server, Told, edit, filter_of, is, rewrite, sent, under};
use super::{does, hears, mutant, says};

fn drop_member(value: &mut Value, name: &str) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove(name);
    }
}

/// A POST of a user without parameters.
fn posts(asked: &Asked) -> bool {
    asked.method == "POST" && asked.target == "/Users"
}

fn answer_to_post(asked: &Asked, told: &mut Told, change: impl FnOnce(&mut Value)) {
    if posts(asked) && told.status == 201 {
        edit(told, change);
    }
}

fn read_of_user(asked: &Asked, told: &mut Told, change: impl FnOnce(&mut Value)) {
    if under(asked, "GET", "/Users/") && told.status == 200 {
        // An answer without meta stays without.
        edit(told, |v| {
            if v["meta"].is_object() {
                change(v);
            }
        });
    }
}

fn puts(asked: &Asked) -> bool {
    under(asked, "PUT", "/Users/")
}

fn bulk(asked: &Asked) -> bool {
    is(asked, "POST", "/Bulk")
}

/// The bulkId of the first operation.
fn first(asked: &Asked) -> String {
    let body = sent(asked);
    body["Operations"][0]["bulkId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn status(told: &mut Told, from: u16, to: u16) {
    if told.status == from {
        told.status = to;
    }
}

fn condition(asked: &Asked, name: &str, other: bool) -> bool {
    let said = asked.header(name);
    said.is_some_and(|said| said != "*" && said.contains("-other") == other)
}

fn without_condition(asked: &mut Asked) {
    asked.headers.retain(|(name, _)| !name.starts_with("if-"));
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
        // What keeps the word doesn't refuse it either.
        also: &["SCIM-CREATE-21"],
        ..says("SCIM-CREATE-20", |a, t| {
            if posts(a) && sent(a)["active"] == "banana" {
                t.status = 201;
                t.text = json!({"id": "banana", "active": "banana"}).to_string();
            }
        })
    },
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
    says("SCIM-PUT-01", |a, t| {
        if puts(a) {
            status(t, 200, 202);
        }
    }),
    hears("SCIM-PUT-02", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v["displayName"] == "After" {
                    v["displayName"] = json!("Before");
                }
            });
        }
    }),
    hears("SCIM-PUT-03", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if let Some(emails) = v["emails"].as_array_mut().filter(|all| all.len() == 1) {
                    emails.push(json!({"value": "merged@example.com"}));
                }
            });
        }
    }),
    says("SCIM-PUT-05", |a, t| {
        if puts(a) && sent(a)["id"] == "lie" {
            t.status = 400;
        }
    }),
    says("SCIM-PUT-06", |a, t| {
        if puts(a) && a.target.ends_with("-new") {
            t.status = 201;
        }
    }),
    says("SCIM-PUT-07", |a, t| {
        if puts(a) && sent(a)["userName"].is_null() {
            status(t, 400, 200);
        }
    }),
    says("SCIM-PUT-08", |a, t| {
        if puts(a) {
            status(t, 409, 400);
        }
    }),
    hears("SCIM-PUT-09", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v.as_object()
                    .is_some_and(|v| v.get("nickName") == Some(&Value::Null))
                {
                    v["nickName"] = json!("Before");
                }
            });
        }
    }),
    hears("SCIM-PUT-10", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v["emails"] == json!([]) {
                    v["emails"] = json!([{"value": "kept@example.com"}]);
                }
            });
        }
    }),
    says("SCIM-PUT-12", |a, t| {
        read_of_user(a, t, |v| {
            if v["meta"]["version"] != "W/\"1\"" {
                v["meta"]["lastModified"] = json!("2001-01-01T00:00:00Z");
            }
        });
    }),
    says("SCIM-DELETE-01", |a, t| {
        if under(a, "DELETE", "/Users/") {
            status(t, 204, 200);
        }
    }),
    says("SCIM-DELETE-02", |a, t| {
        if under(a, "GET", "/Users/user-") {
            status(t, 404, 410);
        }
    }),
    says("SCIM-DELETE-03", |a, t| {
        if under(a, "PUT", "/Users/user-") {
            status(t, 404, 200);
        }
    }),
    says("SCIM-DELETE-04", |a, t| {
        if under(a, "PATCH", "/Users/user-") {
            status(t, 404, 200);
        }
    }),
    says("SCIM-DELETE-05", |a, t| {
        if under(a, "DELETE", "/Users/user-") {
            status(t, 404, 204);
        }
    }),
    does("SCIM-DELETE-06", |server, a| {
        let filter = filter_of(a)?;
        let named = |one: &&Value| {
            let name = one["userName"].as_str().unwrap_or_default();
            filter == format!("userName eq \"{name}\"")
        };
        let ghost = server.gone().iter().find(named).cloned()?;
        Some(told(
            200,
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": 1,
                "Resources": [ghost],
            }),
        ))
    }),
    says("SCIM-DELETE-07", |a, t| {
        if under(a, "DELETE", "/Users/rh") {
            status(t, 404, 204);
        }
    }),
    says("SCIM-GROUP-01", |a, t| {
        if is(a, "POST", "/Groups") {
            status(t, 201, 200);
        }
    }),
    hears("SCIM-GROUP-02", |a| {
        if is(a, "POST", "/Groups") {
            rewrite(a, |v| drop_member(v, "members"));
        }
    }),
    hears("SCIM-GROUP-03", |a| {
        if is(a, "POST", "/Groups") {
            rewrite(a, |v| {
                if v["displayName"].is_null() {
                    v["displayName"] = json!("nameless");
                }
            });
        }
    }),
    hears("SCIM-GROUP-18", |a| {
        if under(a, "GET", "/Groups/") {
            a.target = a.target.split('?').next().unwrap_or_default().to_owned();
        }
    }),
    says("SCIM-GROUP-19", |a, t| {
        if is(a, "GET", "/Groups") && a.target.contains("displayName+eq")
            || a.target.contains("displayName%20eq")
        {
            let whole = !a.target.contains("excludedAttributes") && is(a, "GET", "/Groups");
            if whole {
                edit(t, |v| v["Resources"] = json!([]));
            }
        }
    }),
    says("SCIM-GROUP-20", |a, t| {
        if is(a, "GET", "/Groups") && a.target.contains("members.value") {
            edit(t, |v| v["Resources"] = json!([]));
        }
    }),
    does("SCIM-GROUP-21", |server, a| {
        if !under(a, "PUT", "/Groups/") {
            return None;
        }
        let mut merged = a.clone();
        let old = server.now(&a.target)["members"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        rewrite(&mut merged, |v| {
            v["members"].as_array_mut().unwrap().extend(old)
        });
        Some(server.answer(&merged))
    }),
    says("SCIM-GROUP-22", |a, t| {
        if under(a, "DELETE", "/Groups/") {
            status(t, 204, 200);
        }
    }),
    hears("SCIM-GROUP-26", |a| {
        if is(a, "GET", "/Groups") {
            a.target = a.target.replace("&excludedAttributes=members", "");
        }
    }),
    says("SCIM-BULK-01", |a, t| {
        if bulk(a) {
            edit(t, |v| v["schemas"] = json!([]));
        }
    }),
    says("SCIM-BULK-02", |a, t| {
        if bulk(a) {
            edit(t, |v| {
                for one in v["Operations"].as_array_mut().into_iter().flatten() {
                    let status: u16 = one["status"].as_str().unwrap_or_default().parse().unwrap();
                    one["status"] = json!(status);
                }
            });
        }
    }),
    hears("SCIM-BULK-03", |a| {
        if bulk(a) && first(a) == "user" {
            rewrite(a, |v| {
                drop_member(&mut v["Operations"][1]["data"], "members")
            });
        }
    }),
    hears("SCIM-BULK-04", |a| {
        if bulk(a) && first(a) == "group" && sent(a)["Operations"][1].is_object() {
            rewrite(a, |v| {
                drop_member(&mut v["Operations"][0]["data"], "members")
            });
        }
    }),
    says("SCIM-BULK-05", |a, t| {
        if bulk(a) && sent(a)["Operations"][1]["bulkId"] == "other" {
            t.status = 500;
        }
    }),
    hears("SCIM-BULK-06", |a| {
        if bulk(a) {
            rewrite(a, |v| drop_member(v, "failOnErrors"));
        }
    }),
    hears("SCIM-BULK-07", |a| {
        if bulk(a) && first(a) == "bad" {
            rewrite(a, |v| v["failOnErrors"] = json!(1));
        }
    }),
    says("SCIM-BULK-08", |a, t| {
        if bulk(a) {
            edit(t, |v| {
                for one in v["Operations"].as_array_mut().into_iter().flatten() {
                    drop_member(one, "response");
                }
            });
        }
    }),
    says("SCIM-BULK-09", |a, t| {
        if bulk(a) && sent(a)["Operations"][1]["method"] == "PATCH" {
            edit(t, |v| v["Operations"][1]["status"] = json!("501"));
        }
    }),
    says("SCIM-BULK-10", |a, t| {
        if bulk(a)
            && sent(a)["Operations"]
                .as_array()
                .is_some_and(|all| all.len() > 20)
        {
            status(t, 413, 400);
        }
    }),
    says("SCIM-BULK-11", |a, t| {
        if bulk(a)
            && sent(a)["Operations"]
                .as_array()
                .is_some_and(|all| all.len() == 1)
        {
            status(t, 413, 400);
        }
    }),
    says("SCIM-ETAG-01", |a, t| {
        read_of_user(a, t, |v| v["meta"]["version"] = json!("another"));
    }),
    hears("SCIM-ETAG-02", |a| {
        if condition(a, "if-none-match", false) {
            without_condition(a);
        }
    }),
    says("SCIM-ETAG-03", |a, t| {
        if condition(a, "if-none-match", true) {
            t.status = 304;
        }
    }),
    says("SCIM-ETAG-04", |a, t| {
        if under(a, "GET", "/Users/") && t.status == 200 && t.text.contains("\"version\"") {
            t.headers.retain(|(name, _)| name != "etag");
            t.headers.push(("etag".into(), "W/\"1\"".into()));
            edit(t, |v| v["meta"]["version"] = json!("W/\"1\""));
        }
    }),
    hears("SCIM-ETAG-05", |a| {
        if a.method == "PUT" && condition(a, "if-match", true) {
            without_condition(a);
        }
    }),
    hears("SCIM-ETAG-06", |a| {
        if a.method == "PATCH" && condition(a, "if-match", true) {
            without_condition(a);
        }
    }),
    hears("SCIM-ETAG-07", |a| {
        if a.method == "DELETE" && condition(a, "if-match", true) {
            without_condition(a);
        }
    }),
    says("SCIM-ETAG-08", |a, t| {
        if condition(a, "if-match", false) {
            t.status = 412;
        }
    }),
    says("SCIM-ETAG-09", |a, t| {
        if a.header("if-match") == Some("*") {
            t.status = 412;
        }
    }),
    mutant(
        "SCIM-RACE-01",
        Bend::Races(|a| {
            if posts(a) {
                rewrite(a, |v| {
                    let name = v["userName"].as_str().unwrap_or_default().to_owned();
                    v["userName"] = json!(format!("{name}x"));
                });
            }
        }),
    ),
    does("SCIM-GROUP-14", |server: &Server, a| {
        let nobody = sent(a)["Operations"][0]["value"][0]["value"]
            .as_str()?
            .ends_with("-nobody");
        if !nobody || sent(a)["Operations"][0]["op"] != "replace" {
            return None;
        }
        let mut wipe = a.clone();
        rewrite(&mut wipe, |v| v["Operations"][0]["value"] = json!([]));
        server.answer(&wipe);
        Some(server.answer(a))
    }),
];
