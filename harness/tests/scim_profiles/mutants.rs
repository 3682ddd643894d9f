//! Mutants that break requirements of profiles, and a server that follows the strict draft.

use serde_json::{Value, json};

use super::super::mutant_scim::{
    Mutation, Refusal, Server, answer, edit, error, filter_of, is, parameter, rewrite, sent, under,
};
use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};

/// The check that must fail, and the deviation of the server.
pub(super) const MUTANTS: &[(&str, Mutation)] = &[
    (
        "SCIM-CREATE-31",
        Mutation::ChangesRequest(|request| {
            if is(request, "POST", "/Users") {
                rewrite(request, |body| {
                    if let Some(id) = body["externalId"].as_str().map(str::to_lowercase) {
                        body["externalId"] = json!(id);
                    }
                });
            }
        }),
    ),
    (
        "SCIM-DELETE-08",
        Mutation::AnswersInstead(|server, request| {
            let name = sent(request)["userName"].clone();
            let is_taken = server.gone().iter().any(|it| it["userName"] == name);
            let refusal = Refusal(
                409,
                Some("uniqueness"),
                "a deleted user had this userName".to_owned(),
            );
            (is_taken && is(request, "POST", "/Users")).then(|| answer(409, &error(&refusal)))
        }),
    ),
    (
        "SCIM-PAGE-14",
        Mutation::AnswersInstead(|_, request| {
            let count: u64 = parameter(request, "count")?.parse().ok()?;
            (count > 1000).then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-01",
        Mutation::ChangesAnswer(|request, answer| without(request, answer, "patch")),
    ),
    (
        "SCIM-PROFILE-02",
        Mutation::ChangesAnswer(|request, answer| without(request, answer, "filter")),
    ),
    (
        "SCIM-PROFILE-03",
        Mutation::ChangesAnswer(|request, answer| without(request, answer, "bulk")),
    ),
    (
        "SCIM-PROFILE-04",
        Mutation::ChangesAnswer(|request, answer| {
            if is(request, "GET", "/Schemas") {
                let is_other = |one: &Value| !one["id"].to_string().contains("core:2.0:Group");
                edit(answer, |body| retain(body, is_other));
            }
        }),
    ),
    (
        "SCIM-PROFILE-07",
        Mutation::ChangesAnswer(|request, answer| {
            drop_canonical_values(request, answer, "phoneNumbers")
        }),
    ),
    (
        "SCIM-PROFILE-08",
        Mutation::ChangesAnswer(|request, answer| {
            if is(request, "GET", "/ResourceTypes") {
                edit(answer, |body| {
                    body["Resources"][0]["id"] = json!("core-user")
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-11",
        Mutation::ChangesAnswer(|request, answer| unlist_attribute(request, answer, "active")),
    ),
    (
        "SCIM-PROFILE-12",
        Mutation::ChangesAnswer(|request, answer| unlist_attribute(request, answer, "members")),
    ),
    (
        "SCIM-PROFILE-13",
        Mutation::ChangesAnswer(|_, answer| {
            if answer.status == 401 {
                edit(answer, |body| {
                    drop(body.as_object_mut().map(|it| it.remove("detail")))
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-14",
        Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") && answer.status == 200 {
                edit(answer, |body| body["shoeSize"] = json!(42));
            }
        }),
    ),
    (
        "SCIM-PROFILE-16",
        Mutation::ChangesAnswer(|request, answer| drop_canonical_values(request, answer, "emails")),
    ),
    (
        "SCIM-PROFILE-20",
        Mutation::ChangesAnswer(|request, answer| {
            if parameter(request, "count").as_deref() == Some("1") {
                edit(answer, |body| body["itemsPerPage"] = json!("1"));
            }
        }),
    ),
    (
        "SCIM-PROFILE-21",
        Mutation::ChangesAnswer(|request, answer| {
            if filter_of(request).is_some_and(|it| it.starts_with("userName eq")) {
                edit(answer, |body| {
                    each(body, |one| {
                        drop(one.as_object_mut().map(|it| it.remove("emails")))
                    })
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-22",
        Mutation::ChangesAnswer(|request, answer| {
            if filter_of(request).is_some_and(|it| it.starts_with("userName eq")) {
                edit(answer, |body| {
                    retain(body, |one| one["active"] != json!(false))
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-23",
        Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Users/") {
                let is_activation = |one: &Value| one["path"] == "active" && one["value"] == true;
                rewrite(request, |body| {
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
        Mutation::AnswersInstead(|_, request| {
            let operation = &sent(request)["Operations"][0];
            let is_it = operation["value"]["active"] == false && operation["path"].is_null();
            (is_it && under(request, "PATCH", "/Users/")).then(|| refusal("noTarget"))
        }),
    ),
    (
        "SCIM-PROFILE-25",
        Mutation::AnswersInstead(|_, request| {
            let operation = &sent(request)["Operations"][0];
            let is_manager = operation["path"]
                .as_str()
                .is_some_and(|it| it.ends_with("manager"));
            (is_manager && operation["op"] == "remove").then(|| refusal("invalidPath"))
        }),
    ),
    (
        "SCIM-PROFILE-26",
        Mutation::AnswersInstead(|_, request| {
            let operation = &sent(request)["Operations"][0];
            (operation["value"] == "" && operation["path"] == "nickName")
                .then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-27",
        Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Users/") {
                // The mutant drops all operations after the second.
                rewrite(request, |body| {
                    if let Some(all) = body["Operations"].as_array_mut() {
                        all.truncate(2);
                    }
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-28",
        Mutation::ChangesAnswer(|request, answer| {
            if is(request, "GET", "/Users")
                && parameter(request, "startIndex").as_deref() == Some("6")
            {
                edit(answer, |body| body["startIndex"] = json!(1));
            }
        }),
    ),
    (
        "SCIM-PROFILE-30",
        Mutation::AnswersInstead(|_, request| {
            let is_plain = request.header("content-type") == Some("application/json");
            let is_okta = sent(request)["emails"][0]["primary"] == true;
            (is_plain && is_okta && is(request, "POST", "/Users")).then(|| refusal("invalidSyntax"))
        }),
    ),
    (
        "SCIM-PROFILE-32",
        Mutation::AnswersInstead(|_, request| {
            let filter = filter_of(request)?;
            filter
                .starts_with("emails[value eq")
                .then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-33",
        Mutation::AnswersInstead(|_, request| {
            let filter = filter_of(request)?;
            let is_it = filter.starts_with("emails[type eq \"work\" and value eq")
                && filter.contains("-ann@");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-34",
        Mutation::AnswersInstead(|_, request| {
            let filter = filter_of(request)?;
            let name = filter.strip_prefix("userName eq ")?;
            let is_shouted = name == name.to_uppercase();
            is_shouted.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-35",
        Mutation::AnswersInstead(|_, request| {
            let operation = &sent(request)["Operations"][0];
            let path = operation["path"].as_str().unwrap_or_default();
            let is_it = path.ends_with("manager") && operation["value"] == "";
            is_it.then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-63",
        Mutation::AnswersInstead(|_, request| {
            let is_it = filter_of(request)?.starts_with("rehearsalUnknown");
            is_it.then(|| {
                answer(
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
        Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Users/")
                && sent(request)["Operations"][0]["path"] == "name"
            {
                rewrite(request, whole_names);
            }
        }),
    ),
    (
        "SCIM-PROFILE-66",
        Mutation::ChangesRequest(|request| {
            if under(request, "GET", "/Users/") {
                request.target = request
                    .target
                    .to_ascii_lowercase()
                    .replace("/users/", "/Users/");
            }
        }),
    ),
    (
        "SCIM-PROFILE-67",
        Mutation::AnswersInstead(|server, request| {
            let name = request
                .target
                .strip_prefix("/Users/")
                .filter(|it| it.contains("%40"))?;
            let mut found = request.clone();
            found.target = format!("/Users?filter=userName%20eq%20%22{name}%22");
            (request.method == "GET").then(|| {
                let mut answer = server.answer(&found);
                edit(&mut answer, |body| *body = body["Resources"][0].take());
                answer
            })
        }),
    ),
    (
        "SCIM-PROFILE-68",
        Mutation::AnswersInstead(|_, request| {
            (parameter(request, "count")? == "100").then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-71",
        Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Users/") {
                // The mutant loses the names of a user whose displayName changes.
                rewrite(request, |body| {
                    if let Some(all) = body["Operations"].as_array_mut()
                        && all.len() == 1
                        && all[0]["path"] == "displayName"
                    {
                        all.push(json!({"op": "remove", "path": "name"}));
                    }
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-69",
        Mutation::ChangesAnswer(|request, answer| {
            // The mutant still lists the deleted user.
            let Some(filter) = filter_of(request) else {
                return;
            };
            edit(answer, |body| {
                if filter.starts_with("userName eq") && body["totalResults"] == 0 {
                    body["totalResults"] = json!(1);
                    body["Resources"] = json!([{"id": "gone", "active": false}]);
                }
            });
        }),
    ),
];

pub(super) fn refusal(keyword: &'static str) -> ScimAnswer {
    let refusal = Refusal(
        400,
        Some(keyword),
        "this mutant refuses the request".to_owned(),
    );
    answer(400, &error(&refusal))
}

fn without(request: &ScimRequest, answer: &mut ScimAnswer, name: &str) {
    if is(request, "GET", "/ServiceProviderConfig") {
        edit(answer, |body| body[name]["supported"] = json!(false));
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
fn schemas(request: &ScimRequest, answer: &mut ScimAnswer, change: impl Fn(&mut Vec<Value>)) {
    if is(request, "GET", "/Schemas") {
        edit(answer, |body| {
            each(body, |one| {
                if let Some(all) = one["attributes"].as_array_mut() {
                    change(all);
                }
            });
        });
    }
}

fn unlist_attribute(request: &ScimRequest, answer: &mut ScimAnswer, name: &str) {
    schemas(request, answer, |all| all.retain(|it| it["name"] != name));
}

fn drop_canonical_values(request: &ScimRequest, answer: &mut ScimAnswer, name: &str) {
    schemas(request, answer, |all| {
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
pub(super) fn strict(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    if request.method == "PATCH" {
        let all = body["Operations"].as_array()?;
        if all
            .iter()
            .any(|one| one["path"].is_null() && one["op"] != "remove")
        {
            return Some(refusal("invalidSyntax"));
        }
        let is_unknown = |one: &Value| {
            let path = one["path"].as_str().unwrap_or_default();
            path == "rehearsalUnknown" || path.starts_with("urn:example:")
        };
        if all.iter().any(is_unknown) {
            return Some(refusal("invalidSyntax"));
        }
        if all.len() == 1 && all[0]["op"] == "replace" && all[0]["path"] == "name" {
            let mut whole = request.clone();
            rewrite(&mut whole, whole_names);
            return Some(server.answer(&whole));
        }
    }
    if is(request, "POST", "/Users") {
        let named = body["schemas"].to_string();
        if body.get("rehearsalUnknown").is_some() || named.contains("urn:example:") {
            return Some(refusal("invalidSyntax"));
        }
    }
    if is(request, "GET", "/ServiceProviderConfig") {
        let mut answer = server.answer(request);
        edit(&mut answer, |body| {
            body["interopProfileConformant"] = json!(true)
        });
        return Some(answer);
    }
    None
}
