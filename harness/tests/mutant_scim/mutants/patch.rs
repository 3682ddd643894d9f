//! Mutants of PATCH of users, and helpers that recognize PATCH operations.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::schemas::ENTERPRISE;
use super::super::server::answer;
use super::super::{Mutant, ScimAnswer, ScimRequest, Server, edit, rewrite, sent, under};
use super::{does, hears, says};

/// Returns the operation of a PATCH of a user that has only one.
pub(super) fn op(request: &ScimRequest) -> Option<Value> {
    if !under(request, "PATCH", "/Users/") {
        return None;
    }
    one(request)
}

/// Returns the operation of a PATCH of a group that has only one.
pub(super) fn group_op(request: &ScimRequest) -> Option<Value> {
    if !under(request, "PATCH", "/Groups/") {
        return None;
    }
    one(request)
}

fn one(request: &ScimRequest) -> Option<Value> {
    let body = sent(request);
    let all = body["Operations"].as_array()?;
    (all.len() == 1).then(|| all[0].clone())
}

pub(super) fn is_op(operation: &Value, name: &str, path: &str) -> bool {
    operation["op"] == name && operation["path"] == path
}

/// Answers like a successful PATCH, but changes nothing.
pub(super) fn ignore_patch(server: &Server, request: &ScimRequest) -> ScimAnswer {
    let mut read = request.clone();
    read.method = Method::GET;
    read.body = None;
    server.answer(&read)
}

pub(super) fn ignore_patch_if(
    server: &Server,
    request: &ScimRequest,
    hit: impl FnOnce(&Value) -> bool,
) -> Option<ScimAnswer> {
    op(request)
        .filter(|operation| hit(operation))
        .map(|_| ignore_patch(server, request))
}

fn refuse_path() -> ScimAnswer {
    answer(
        400,
        &json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": "400",
            "scimType": "invalidPath",
        }),
    )
}

/// Replaces the operation, if `to` returns other operations.
pub(super) fn instead(request: &mut ScimRequest, to: impl FnOnce(&Value) -> Option<Value>) {
    let found = op(request).or_else(|| group_op(request));
    if let Some(operations) = found.and_then(|operation| to(&operation)) {
        rewrite(request, |v| v["Operations"] = operations);
    }
}

fn done_all_the_same(
    request: &ScimRequest,
    answer: &mut ScimAnswer,
    hit: impl FnOnce(&Value) -> bool,
) {
    if op(request).is_some_and(|operation| hit(&operation)) && answer.status == 400 {
        answer.status = 200;
    }
}

const WORK: &str = "emails[type eq \"work\"]";

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-PATCH-01", |a, t| {
        if op(a).is_some_and(|o| o["value"] == "After")
            && !a.target.contains('?')
            && t.status == 200
        {
            t.status = 202;
        }
    }),
    says("SCIM-PATCH-02", |a, t| {
        if op(a).is_some() && a.target.contains("?attributes=") {
            t.status = 204;
            t.text = String::new();
        }
    }),
    does("SCIM-PATCH-03", |s, a| {
        let none = s.now(&a.target)["nickName"].is_null();
        ignore_patch_if(s, a, |o| is_op(o, "add", "nickName") && none)
    }),
    does("SCIM-PATCH-04", |s, a| {
        let some = s.now(&a.target)["nickName"].is_string();
        ignore_patch_if(s, a, |o| is_op(o, "add", "nickName") && some)
    }),
    does("SCIM-PATCH-05", |s, a| {
        ignore_patch_if(s, a, |o| {
            o["op"] == "add" && o["path"].is_null() && o["value"]["title"].is_string()
        })
    }),
    hears("SCIM-PATCH-06", |a| {
        instead(a, |o| {
            let hit = is_op(o, "add", "emails") && o["value"][0]["type"] == "home";
            hit.then(|| json!([{"op": "replace", "path": "emails", "value": o["value"]}]))
        });
    }),
    hears("SCIM-PATCH-07", |a| {
        instead(a, |o| {
            let hit = o["op"] == "add" && o["path"].is_null() && o["value"]["emails"].is_array();
            hit.then(|| json!([{"op": "replace", "path": "emails", "value": o["value"]["emails"]}]))
        });
    }),
    hears("SCIM-PATCH-09", |a| {
        instead(a, |o| {
            is_op(o, "add", "name.givenName").then(|| json!([{"op": "remove", "path": "name"}, o]))
        });
    }),
    does("SCIM-PATCH-10", |s, a| {
        ignore_patch_if(s, a, |o| {
            is_op(o, "replace", "displayName") && o["value"] == "New"
        })
    }),
    does("SCIM-PATCH-11", |s, a| {
        ignore_patch_if(s, a, |o| {
            o["op"] == "replace" && o["path"].is_null() && o["value"]["active"].is_boolean()
        })
    }),
    does("SCIM-PATCH-12", |s, a| {
        let none = s.now(&a.target)["nickName"].is_null();
        ignore_patch_if(s, a, |o| is_op(o, "replace", "nickName") && none)
    }),
    hears("SCIM-PATCH-13", |a| {
        instead(a, |o| {
            is_op(o, "replace", "emails")
                .then(|| json!([{"op": "add", "path": "emails", "value": o["value"]}]))
        });
    }),
    hears("SCIM-PATCH-14", |a| {
        instead(a, |o| {
            let hit = is_op(o, "replace", "emails[type eq \"work\"].value");
            hit.then(|| json!([{"op": "replace", "path": "emails.value", "value": o["value"]}]))
        });
    }),
    does("SCIM-PATCH-15", |s, a| {
        ignore_patch_if(s, a, |o| is_op(o, "replace", WORK))
    }),
    does("SCIM-PATCH-17", |s, a| {
        ignore_patch_if(s, a, |o| is_op(o, "remove", "nickName"))
    }),
    does("SCIM-PATCH-18", |s, a| {
        ignore_patch_if(s, a, |o| is_op(o, "remove", "phoneNumbers"))
    }),
    hears("SCIM-PATCH-19", |a| {
        instead(a, |o| {
            is_op(o, "remove", WORK).then(|| json!([{"op": "remove", "path": "emails"}]))
        });
    }),
    hears("SCIM-PATCH-20", |a| {
        instead(a, |o| {
            is_op(o, "remove", "name.givenName").then(|| json!([{"op": "remove", "path": "name"}]))
        });
    }),
    does("SCIM-PATCH-21", |s, a| {
        ignore_patch_if(s, a, |o| {
            is_op(o, "remove", "emails[type eq \"work\"].display")
        })
    }),
    hears("SCIM-PATCH-22", |a| {
        rewrite(a, |v| {
            if v["Operations"][1]["value"] == "Last" {
                v["Operations"].as_array_mut().unwrap().reverse();
            }
        });
    }),
    hears("SCIM-PATCH-23", |a| {
        instead(a, |o| {
            let hit = is_op(o, "add", "emails") && o["value"][0]["primary"] == json!(true);
            hit.then(|| {
                let mut tamed = o.clone();
                tamed["value"][0]["primary"] = json!(false);
                json!([tamed])
            })
        });
    }),
    does("SCIM-PATCH-24", |s, a| {
        ignore_patch_if(s, a, |o| {
            is_op(o, "replace", "emails[type eq \"home\"].primary")
        })
    }),
    hears("SCIM-PATCH-25", |a| {
        instead(a, |o| {
            let touch = json!({"op": "add", "path": "title", "value": "touched"});
            (o["value"] == "Same").then(|| json!([o, touch]))
        });
    }),
    does("SCIM-PATCH-26", |_, a| {
        let path = op(a)?["path"].as_str()?.to_owned();
        path.ends_with("core:2.0:User:nickName").then(refuse_path)
    }),
    does("SCIM-PATCH-27", |_, a| {
        let operation = op(a)?;
        is_op(&operation, "add", &format!("{ENTERPRISE}:department")).then(refuse_path)
    }),
    does("SCIM-PATCH-28", |s, a| {
        ignore_patch_if(s, a, |o| o["value"][ENTERPRISE].is_object())
    }),
    does("SCIM-PATCH-29", |s, a| {
        ignore_patch_if(s, a, |o| {
            is_op(o, "remove", &format!("{ENTERPRISE}:department"))
        })
    }),
    does("SCIM-PATCH-30", |_, a| {
        (op(a)?["path"] == "NICKNAME").then(refuse_path)
    }),
    does("SCIM-PATCH-32", |_, a| {
        let path = op(a)?["path"].as_str()?.to_owned();
        path.contains(" and value eq ").then(refuse_path)
    }),
    says("SCIM-PATCH-33", |a, t| {
        if let Some(operation) = op(a).filter(|o| o["path"] == "password") {
            edit(t, |v| v["password"] = operation["value"].clone());
        }
    }),
    does("SCIM-PATCH-34", |s, a| {
        let there = !s.now(&a.target).is_null();
        ignore_patch_if(s, a, |o| {
            there && is_op(o, "replace", "active") && o["value"] == json!(false)
        })
    }),
    hears("SCIM-PATCH-69", |a| {
        if op(a).is_some_and(|it| is_op(&it, "replace", "name.givenName")) {
            rewrite(a, |v| {
                let operations = v["Operations"].as_array_mut().unwrap();
                operations.push(json!({"op": "remove", "path": "name.familyName"}));
            });
        }
    }),
    does("SCIM-PATCH-70", |server, a| {
        let value = op(a)?["value"].clone();
        let is_it = value.as_str().is_some_and(|it| it.starts_with("renamed-"));
        is_it.then(|| ignore_patch(server, a))
    }),
    says("SCIM-PATCH-35", |a, t| {
        if op(a).is_some_and(|o| o["path"] == "displayName")
            && t.status == 200
            && !a.target.contains('?')
        {
            edit(t, |v| v["displayName"] = json!("Old"));
        }
    }),
    says("SCIM-PATCH-51", |a, t| {
        done_all_the_same(a, t, |o| {
            o["op"] == "replace"
                && o["path"]
                    .as_str()
                    .is_some_and(|path| path.ends_with("].display"))
        });
    }),
    says("SCIM-PATCH-52", |a, t| {
        done_all_the_same(a, t, |o| o["op"] == "remove" && o["path"].is_null());
    }),
    says("SCIM-PATCH-53", |a, t| {
        done_all_the_same(a, t, |o| is_op(o, "remove", "userName"))
    }),
    says("SCIM-PATCH-54", |a, t| {
        if op(a).is_some_and(|o| is_op(&o, "remove", "userName")) {
            edit(t, |v| v["scimType"] = json!("invalidValue"));
        }
    }),
    says("SCIM-PATCH-55", |a, t| {
        done_all_the_same(a, t, |o| is_op(o, "replace", "id"))
    }),
    says("SCIM-PATCH-57", |a, t| {
        done_all_the_same(a, t, |o| o["path"] == "emails[type eq")
    }),
    Mutant {
        // A server that stores the word also does not refuse it.
        also: &["SCIM-PATCH-61"],
        ..does("SCIM-PATCH-60", |s, a| {
            if op(a).is_some_and(|o| o["value"] == "banana") {
                let mut marked = a.clone();
                rewrite(&mut marked, |v| {
                    v["Operations"] = json!([{"op": "add", "path": "title", "value": "banana"}]);
                });
                return Some(s.answer(&marked));
            }
            let banana = s.now(&a.target)["title"] == "banana";
            (under(a, "GET", "/Users/") && banana).then(|| {
                let mut answer = s.answer(a);
                edit(&mut answer, |v| v["active"] = json!("banana"));
                answer
            })
        })
    },
    hears("SCIM-PATCH-62", |a| {
        instead(a, |o| {
            let mut known = o.clone();
            known["op"] = json!("replace");
            (o["op"] == "exchange").then(|| json!([known]))
        });
    }),
    does("SCIM-PATCH-63", |s, a| {
        let body = sent(a);
        if !under(a, "PATCH", "/Users/") || body["Operations"][1]["path"] != "userName" {
            return None;
        }
        let mut half = a.clone();
        rewrite(&mut half, |v| {
            v["Operations"].as_array_mut().unwrap().truncate(1)
        });
        s.answer(&half);
        Some(s.answer(a))
    }),
    says("SCIM-PATCH-66", |a, t| {
        if under(a, "PATCH", "/Users/rh") && t.status == 404 {
            t.status = 400;
        }
    }),
    says("SCIM-PATCH-68", |a, t| {
        if op(a).is_some() && t.status == 409 {
            t.status = 400;
        }
    }),
    hears("SCIM-PATCH-08", |a| {
        instead(a, |o| {
            let hit = is_op(o, "add", "emails") && o["value"][0]["type"] == "work";
            hit.then(|| {
                let mut again = o.clone();
                again["value"][0]["display"] = json!("again");
                json!([o, again])
            })
        });
    }),
    hears("SCIM-PATCH-16", |a| {
        instead(a, |o| {
            is_op(o, "replace", "name").then(|| json!([{"op": "remove", "path": "name"}, o]))
        });
    }),
    does("SCIM-PATCH-31", |_, a| {
        let operation = op(a)?;
        (is_op(&operation, "replace", "nickName") && operation["value"].is_null()).then(refuse_path)
    }),
    says("SCIM-PATCH-56", |a, t| {
        if op(a).is_some_and(|o| is_op(&o, "replace", "id")) {
            edit(t, |v| v["scimType"] = json!("invalidValue"));
        }
    }),
    says("SCIM-PATCH-58", |a, t| {
        if op(a).is_some_and(|o| o["path"] == "emails[type eq") {
            edit(t, |v| v["scimType"] = json!("invalidSyntax"));
        }
    }),
    says("SCIM-PATCH-59", |a, t| {
        done_all_the_same(a, t, |o| o["path"] == "favoriteOtter")
    }),
    says("SCIM-PATCH-61", |a, t| {
        if op(a).is_some_and(|o| o["value"] == "banana") {
            edit(t, |v| v["scimType"] = json!("invalidSyntax"));
        }
    }),
    hears("SCIM-PATCH-64", |a| {
        if under(a, "PATCH", "/Users/") && sent(a)["schemas"].is_null() {
            rewrite(a, |v| {
                v["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"])
            });
        }
    }),
    hears("SCIM-PATCH-65", |a| {
        if under(a, "PATCH", "/Users/") && sent(a)["Operations"].is_null() {
            rewrite(a, |v| v["Operations"] = json!([]));
        }
    }),
    says("SCIM-PATCH-67", |a, t| {
        done_all_the_same(a, t, |o| {
            is_op(o, "add", "displayName") && o["value"].is_null()
        })
    }),
];
