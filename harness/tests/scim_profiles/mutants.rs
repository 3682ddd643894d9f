//! Mutants that break requirements of profiles, and a server that follows the strict draft.

use serde_json::{Value, json};

use super::super::mutant_scim::{
    Bend, Refusal, Server, edit, error, filter_of, is, parameter, rewrite, sent, told, under,
};
use rehearsal::check::scim::wire::{Asked, Told};

/// The check that must fail, and the deviation of the server.
pub(super) const MUTANTS: &[(&str, Bend)] = &[
    (
        "SCIM-CREATE-31",
        Bend::Hears(|asked| {
            if is(asked, "POST", "/Users") {
                rewrite(asked, |body| {
                    if let Some(id) = body["externalId"].as_str().map(str::to_lowercase) {
                        body["externalId"] = json!(id);
                    }
                });
            }
        }),
    ),
    (
        "SCIM-DELETE-08",
        Bend::Does(|server, asked| {
            let name = sent(asked)["userName"].clone();
            let is_taken = server.gone().iter().any(|it| it["userName"] == name);
            let refusal = Refusal(
                409,
                Some("uniqueness"),
                "a deleted user had this userName".to_owned(),
            );
            (is_taken && is(asked, "POST", "/Users")).then(|| told(409, &error(&refusal)))
        }),
    ),
    (
        "SCIM-PATCH-59",
        Bend::Says(|asked, told| {
            if asked.method == "PATCH" && told.status == 400 && told.text.contains("invalidPath") {
                told.status = 204;
                told.text.clear();
            }
        }),
    ),
    (
        "SCIM-PAGE-14",
        Bend::Does(|_, asked| {
            let count: u64 = parameter(asked, "count")?.parse().ok()?;
            (count > 1000).then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-01",
        Bend::Says(|asked, told| without(asked, told, "patch")),
    ),
    (
        "SCIM-PROFILE-02",
        Bend::Says(|asked, told| without(asked, told, "filter")),
    ),
    (
        "SCIM-PROFILE-03",
        Bend::Says(|asked, told| without(asked, told, "bulk")),
    ),
    (
        "SCIM-PROFILE-04",
        Bend::Says(|asked, told| {
            if is(asked, "GET", "/Schemas") {
                let is_other = |one: &Value| !one["id"].to_string().contains("core:2.0:Group");
                edit(told, |body| retain(body, is_other));
            }
        }),
    ),
    (
        "SCIM-PROFILE-07",
        Bend::Says(|asked, told| untyped(asked, told, "phoneNumbers")),
    ),
    (
        "SCIM-PROFILE-08",
        Bend::Says(|asked, told| {
            if is(asked, "GET", "/ResourceTypes") {
                edit(told, |body| body["Resources"][0]["id"] = json!("core-user"));
            }
        }),
    ),
    (
        "SCIM-PROFILE-11",
        Bend::Says(|asked, told| unlisted(asked, told, "active")),
    ),
    (
        "SCIM-PROFILE-12",
        Bend::Says(|asked, told| unlisted(asked, told, "members")),
    ),
    (
        "SCIM-PROFILE-13",
        Bend::Says(|_, told| {
            if told.status == 401 {
                edit(told, |body| {
                    drop(body.as_object_mut().map(|it| it.remove("detail")))
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-14",
        Bend::Says(|asked, told| {
            if under(asked, "GET", "/Users/") && told.status == 200 {
                edit(told, |body| body["shoeSize"] = json!(42));
            }
        }),
    ),
    (
        "SCIM-PROFILE-16",
        Bend::Says(|asked, told| untyped(asked, told, "emails")),
    ),
    (
        "SCIM-PROFILE-20",
        Bend::Says(|asked, told| {
            if parameter(asked, "count").as_deref() == Some("1") {
                edit(told, |body| body["itemsPerPage"] = json!("1"));
            }
        }),
    ),
    (
        "SCIM-PROFILE-21",
        Bend::Says(|asked, told| {
            if filter_of(asked).is_some_and(|it| it.starts_with("userName eq")) {
                edit(told, |body| {
                    each(body, |one| {
                        drop(one.as_object_mut().map(|it| it.remove("emails")))
                    })
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-22",
        Bend::Says(|asked, told| {
            if filter_of(asked).is_some_and(|it| it.starts_with("userName eq")) {
                edit(told, |body| {
                    retain(body, |one| one["active"] != json!(false))
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-23",
        Bend::Hears(|asked| {
            if under(asked, "PATCH", "/Users/") {
                let is_activation = |one: &Value| one["path"] == "active" && one["value"] == true;
                rewrite(asked, |body| {
                    if body["Operations"]
                        .as_array()
                        .is_some_and(|all| all.iter().any(is_activation))
                    {
                        body["Operations"] =
                            json!([{"op": "add", "path": "active", "value": false}]);
                    }
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-24",
        Bend::Does(|_, asked| {
            let operation = &sent(asked)["Operations"][0];
            let is_it = operation["value"]["active"] == false && operation["path"].is_null();
            (is_it && under(asked, "PATCH", "/Users/")).then(|| refusal("noTarget"))
        }),
    ),
    (
        "SCIM-PROFILE-25",
        Bend::Does(|_, asked| {
            let operation = &sent(asked)["Operations"][0];
            let is_manager = operation["path"]
                .as_str()
                .is_some_and(|it| it.ends_with("manager"));
            (is_manager && operation["op"] == "remove").then(|| refusal("invalidPath"))
        }),
    ),
    (
        "SCIM-PROFILE-26",
        Bend::Does(|_, asked| {
            let operation = &sent(asked)["Operations"][0];
            (operation["value"] == "" && operation["path"] == "nickName")
                .then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-27",
        Bend::Hears(|asked| {
            if under(asked, "PATCH", "/Users/") {
                // The mutant drops all operations after the second.
                rewrite(asked, |body| {
                    if let Some(all) = body["Operations"].as_array_mut() {
                        all.truncate(2);
                    }
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-28",
        Bend::Says(|asked, told| {
            if is(asked, "GET", "/Users") && parameter(asked, "startIndex").as_deref() == Some("6")
            {
                edit(told, |body| body["startIndex"] = json!(1));
            }
        }),
    ),
    (
        "SCIM-PROFILE-30",
        Bend::Does(|_, asked| {
            let is_plain = asked.header("content-type") == Some("application/json");
            let is_okta = sent(asked)["emails"][0]["primary"] == true;
            (is_plain && is_okta && is(asked, "POST", "/Users")).then(|| refusal("invalidSyntax"))
        }),
    ),
    (
        "SCIM-PROFILE-32",
        Bend::Does(|_, asked| {
            let filter = filter_of(asked)?;
            filter
                .starts_with("emails[value eq")
                .then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-33",
        Bend::Does(|_, asked| {
            let filter = filter_of(asked)?;
            let is_it = filter.starts_with("emails[type eq \"work\" and value eq")
                && filter.contains("-ann@");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-34",
        Bend::Does(|_, asked| {
            let filter = filter_of(asked)?;
            let name = filter.strip_prefix("userName eq ")?;
            let is_shouted = name == name.to_uppercase();
            is_shouted.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-40",
        Bend::Does(|_, asked| {
            let body = sent(asked);
            let many = body["Operations"]
                .as_array()
                .is_some_and(|it| it.len() > 20);
            many.then(|| refusal("tooMany"))
        }),
    ),
    (
        "SCIM-PROFILE-41",
        Bend::Does(|_, asked| {
            let is_empty = sent(asked)["members"].is_null();
            (is_empty && is(asked, "POST", "/Groups")).then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-42",
        Bend::Does(|_, asked| {
            let is_it = parameter(asked, "filter")?.starts_with("members[value eq");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-43",
        Bend::Does(|_, asked| {
            let is_it = is(asked, "GET", "/Groups")
                && parameter(asked, "filter")?.starts_with("externalId");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-46",
        Bend::Does(|_, asked| {
            (asked.method == "GET" && asked.target == "/Groups").then(|| told(200, &json!([])))
        }),
    ),
    (
        "SCIM-PROFILE-48",
        Bend::Does(|server, asked| {
            if is(asked, "GET", "/Entitlements") {
                return Some(told(
                    200,
                    &json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                        "totalResults": 1,
                        "startIndex": 1,
                        "itemsPerPage": "100",
                        "Resources": [{"id": "reader"}],
                    }),
                ));
            }
            let mut told = server.answer(asked);
            if is(asked, "GET", "/ResourceTypes") {
                edit(&mut told, |body| {
                    if let Some(types) = body["Resources"].as_array_mut() {
                        types.push(json!({
                            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                            "id": "Entitlement",
                            "name": "Entitlement",
                            "endpoint": "/Entitlements",
                            "schema": "urn:example:Entitlement",
                        }));
                    }
                });
            }
            Some(told)
        }),
    ),
    (
        "SCIM-PROFILE-63",
        Bend::Does(|_, asked| {
            let is_it = filter_of(asked)?.starts_with("rehearsalUnknown");
            is_it.then(|| {
                told(
                    200,
                    &json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                        "totalResults": 0,
                    }),
                )
            })
        }),
    ),
    (
        "SCIM-PROFILE-65",
        Bend::Hears(|asked| {
            if under(asked, "PATCH", "/Users/") && sent(asked)["Operations"][0]["path"] == "name" {
                rewrite(asked, whole_names);
            }
        }),
    ),
    (
        "SCIM-PROFILE-66",
        Bend::Hears(|asked| {
            if under(asked, "GET", "/Users/") {
                asked.target = asked
                    .target
                    .to_ascii_lowercase()
                    .replace("/users/", "/Users/");
            }
        }),
    ),
    (
        "SCIM-PROFILE-67",
        Bend::Does(|server, asked| {
            let name = asked
                .target
                .strip_prefix("/Users/")
                .filter(|it| it.contains("%40"))?;
            let mut found = asked.clone();
            found.target = format!("/Users?filter=userName%20eq%20%22{name}%22");
            (asked.method == "GET").then(|| {
                let mut told = server.answer(&found);
                edit(&mut told, |body| *body = body["Resources"][0].take());
                told
            })
        }),
    ),
    (
        "SCIM-PROFILE-68",
        Bend::Does(|_, asked| {
            (parameter(asked, "count")? == "100").then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-69",
        Bend::Says(|asked, told| {
            // The mutant still lists the deleted user.
            let Some(filter) = filter_of(asked) else {
                return;
            };
            edit(told, |body| {
                if filter.starts_with("userName eq") && body["totalResults"] == 0 {
                    body["totalResults"] = json!(1);
                    body["Resources"] = json!([{"id": "gone", "active": false}]);
                }
            });
        }),
    ),
];

fn refusal(keyword: &'static str) -> Told {
    let refusal = Refusal(
        400,
        Some(keyword),
        "this mutant refuses the request".to_owned(),
    );
    told(400, &error(&refusal))
}

fn without(asked: &Asked, told: &mut Told, name: &str) {
    if is(asked, "GET", "/ServiceProviderConfig") {
        edit(told, |body| body[name]["supported"] = json!(false));
    }
}

fn each(list: &mut Value, change: impl Fn(&mut Value)) {
    let all = list["Resources"].as_array_mut();
    all.into_iter().flatten().for_each(change);
}

fn retain(list: &mut Value, wanted: impl Fn(&Value) -> bool) {
    if let Some(all) = list["Resources"].as_array_mut() {
        all.retain(wanted);
    }
}

/// Changes the attributes of every schema in the answer.
fn schemas(asked: &Asked, told: &mut Told, change: impl Fn(&mut Vec<Value>)) {
    if is(asked, "GET", "/Schemas") {
        edit(told, |body| {
            each(body, |one| {
                if let Some(all) = one["attributes"].as_array_mut() {
                    change(all);
                }
            });
        });
    }
}

fn unlisted(asked: &Asked, told: &mut Told, name: &str) {
    schemas(asked, told, |all| all.retain(|it| it["name"] != name));
}

fn untyped(asked: &Asked, told: &mut Told, name: &str) {
    schemas(asked, told, |all| {
        for attribute in all.iter_mut().filter(|it| it["name"] == name) {
            for part in attribute["subAttributes"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                drop(part.as_object_mut().map(|it| it.remove("canonicalValues")));
            }
        }
    });
}

/// Rewrites a PATCH of `name` so that it replaces the whole attribute.
fn whole_names(body: &mut Value) {
    let value = body["Operations"][0]["value"].take();
    body["Operations"] = json!([
        {"op": "remove", "path": "name"},
        {"op": "add", "path": "name", "value": value},
    ]);
}

/// Answers the requests that a server following the SCIM interoperability draft treats
/// differently.
pub(super) fn strict(server: &Server, asked: &Asked) -> Option<Told> {
    let body = sent(asked);
    if asked.method == "PATCH" {
        let all = body["Operations"].as_array()?;
        if all
            .iter()
            .any(|one| one["path"].is_null() && one["op"] != "remove")
        {
            return Some(refusal("invalidSyntax"));
        }
        if all.len() == 1 && all[0]["op"] == "replace" && all[0]["path"] == "name" {
            let mut whole = asked.clone();
            rewrite(&mut whole, whole_names);
            return Some(server.answer(&whole));
        }
    }
    if is(asked, "POST", "/Users") {
        let named = body["schemas"].to_string();
        if body.get("rehearsalUnknown").is_some() || named.contains("urn:example:") {
            return Some(refusal("invalidSyntax"));
        }
    }
    if is(asked, "GET", "/ServiceProviderConfig") {
        let mut told = server.answer(asked);
        edit(&mut told, |body| {
            body["interopProfileConformant"] = json!(true)
        });
        return Some(told);
    }
    None
}
