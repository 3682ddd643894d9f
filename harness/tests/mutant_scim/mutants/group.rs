//! Mutants of groups and their members.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{
    Mutant, ScimAnswer, ScimRequest, Server, answer, edit, is, rewrite, sent, under,
};
use super::patch::{group_op, ignore_patch, instead, is_op};
use super::{does, drop_member, hears, read_of_user, says, status};

fn members(server: &Server, request: &ScimRequest) -> usize {
    server.now(&request.target)["members"]
        .as_array()
        .map_or(0, Vec::len)
}

fn length(operation: &Value) -> usize {
    operation["value"].as_array().map_or(0, Vec::len)
}

/// Changes each user among the members of a group that is read.
fn read_of_member(request: &ScimRequest, answer: &mut ScimAnswer, change: fn(&mut Value)) {
    if under(request, "GET", "/Groups/") && answer.status == 200 {
        edit(answer, |v| {
            let all = v.get_mut("members").and_then(Value::as_array_mut);
            let all = all.into_iter().flatten();
            all.filter(|one| one["type"] == "User").for_each(change);
        });
    }
}

pub(super) const MUTANTS: &[Mutant] = &[
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
    does("SCIM-GROUP-07", |s, a| {
        let operation = group_op(a).filter(|o| is_op(o, "add", "members") && length(o) == 1)?;
        let fresh = s.now(&a.target)["meta"]["version"] == "W/\"1\"";
        if !fresh || members(s, a) == 0 {
            return None;
        }
        let mut over = a.clone();
        rewrite(&mut over, |v| {
            v["Operations"] =
                json!([{"op": "replace", "path": "members", "value": operation["value"]}]);
        });
        Some(s.answer(&over))
    }),
    hears("SCIM-GROUP-08", |a| {
        instead(a, |o| {
            let hit = is_op(o, "add", "members") && length(o) == 2;
            hit.then(|| json!([{"op": "add", "path": "members", "value": [o["value"][0]]}]))
        });
    }),
    hears("SCIM-GROUP-09", |a| {
        instead(a, |o| {
            let path = o["path"].as_str().unwrap_or_default();
            path.starts_with("members[")
                .then(|| json!([{"op": "remove", "path": "members"}]))
        });
    }),
    hears("SCIM-GROUP-11", |a| {
        instead(a, |o| {
            let hit = is_op(o, "replace", "members") && length(o) == 1;
            hit.then(|| json!([{"op": "add", "path": "members", "value": o["value"]}]))
        });
    }),
    does("SCIM-GROUP-12", |s, a| {
        let operation = group_op(a)?;
        let hit = is_op(&operation, "remove", "members") && operation["value"].is_null();
        hit.then(|| ignore_patch(s, a))
    }),
    hears("SCIM-GROUP-17", |a| {
        if under(a, "PATCH", "/Groups/") {
            instead(a, |o| {
                let hit = is_op(o, "replace", "displayName");
                hit.then(|| json!([o, {"op": "remove", "path": "members"}]))
            });
        }
    }),
    hears("SCIM-GROUP-24", |a| {
        instead(a, |o| {
            let hit = o["op"] == "add" && o["path"].is_null() && o["value"]["members"].is_array();
            hit.then(
                || json!([{"op": "replace", "path": "members", "value": o["value"]["members"]}]),
            )
        });
    }),
    says("SCIM-GROUP-04", |a, t| {
        read_of_member(a, t, |one| {
            one["$ref"] = json!(format!("{}/Users/lost", super::super::BASE))
        });
    }),
    says("SCIM-GROUP-05", |a, t| {
        read_of_member(a, t, |one| one["type"] = json!("user"));
    }),
    says("SCIM-GROUP-06", |a, t| {
        read_of_user(a, t, |v| drop_member(v, "groups"));
    }),
    does("SCIM-GROUP-10", |s, a| {
        let operation = group_op(a).filter(|o| is_op(o, "add", "members"))?;
        let new = operation["value"][0]["value"].clone();
        let mut group = s.now(&a.target);
        let all = group["members"].as_array_mut()?;
        if !all.iter().any(|one| one["value"] == new) {
            return None;
        }
        all.push(json!({ "value": new }));
        let mut twice = a.clone();
        twice.method = Method::PUT;
        twice.body = Some(group.to_string());
        Some(s.answer(&twice))
    }),
    hears("SCIM-GROUP-13", |a| {
        instead(a, |o| {
            let id = o["value"][0]["value"].as_str().unwrap_or_default();
            (is_op(o, "add", "members") && id.ends_with("-nobody")).then(|| json!([]))
        });
    }),
    does("SCIM-GROUP-15", |s, a| {
        let operation = group_op(a).filter(|o| is_op(o, "add", "members"))?;
        let id = operation["value"][0]["value"].as_str()?;
        id.starts_with("group-").then(|| ignore_patch(s, a))
    }),
    does("SCIM-GROUP-16", |s, a| {
        let group = s.now(&a.target);
        let holds = |group: &Value, id: &Value| {
            let all = group["members"].as_array();
            all.is_some_and(|all| all.iter().any(|one| one["value"] == *id))
        };
        let inner = group["members"][0]["value"].as_str()?.to_owned();
        let is_circle = holds(&s.now(&format!("/Groups/{inner}")), &group["id"]);
        (under(a, "GET", "/Groups/") && is_circle).then(|| answer(500, &json!({})))
    }),
    does("SCIM-GROUP-23", |s, a| {
        if !under(a, "GET", "/Groups/") || a.target.contains('?') {
            return None;
        }
        let mut answer = s.answer(a);
        let gone = s.gone();
        edit(&mut answer, |v| {
            let id = v["id"].clone();
            let left = gone.iter().filter(|user| user["groups"][0]["value"] == id);
            let left: Vec<Value> = left.map(|user| json!({"value": user["id"]})).collect();
            if left.is_empty() {
                return;
            }
            match v["members"].as_array_mut() {
                Some(all) => all.extend(left),
                None => v["members"] = left.into(),
            }
        });
        Some(answer)
    }),
    says("SCIM-GROUP-25", |a, t| {
        if under(a, "GET", "/Groups/") && t.status == 200 {
            edit(t, |v| drop_member(&mut v["meta"], "resourceType"));
        }
    }),
    // Groups of a user are never taken back.
    does("SCIM-GROUP-27", |s, a| {
        if !under(a, "GET", "/Users/") || a.target.contains('?') {
            return None;
        }
        let mut list = a.clone();
        list.target = "/Groups?count=200".to_owned();
        let groups: Value = serde_json::from_str(&s.answer(&list).text).ok()?;
        let groups = groups["Resources"].as_array()?.clone();
        let is_left = |group: &&Value| {
            let members = group["members"].as_array();
            members.is_none_or(|all| all.is_empty()) && group["meta"]["version"] == "W/\"2\""
        };
        let left: Vec<Value> = groups
            .iter()
            .filter(is_left)
            .map(|group| json!({"value": group["id"]}))
            .collect();
        let mut answer = s.answer(a);
        if answer.status == 200 && !left.is_empty() {
            edit(&mut answer, |v| v["groups"] = left.into());
        }
        Some(answer)
    }),
];
