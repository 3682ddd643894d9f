//! Mutants of groups and their members.

use serde_json::{Value, json};

use super::super::{Mutant, ScimRequest, Server, edit, is, rewrite, sent, under};
use super::patch::{group_op, ignored, instead, is_op};
use super::{does, drop_member, hears, says, status};

fn members(server: &Server, request: &ScimRequest) -> usize {
    server.now(&request.target)["members"]
        .as_array()
        .map_or(0, Vec::len)
}

fn length(operation: &Value) -> usize {
    operation["value"].as_array().map_or(0, Vec::len)
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
        hit.then(|| ignored(s, a))
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
];
