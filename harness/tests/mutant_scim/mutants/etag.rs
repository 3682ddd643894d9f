//! Mutants of versions: ETag, If-Match and If-None-Match.

use serde_json::json;

use super::super::{Mutant, ScimRequest, edit, is, under};
use super::paging::resources;
use super::patch::{instead, is_op};
use super::{drop_member, hears, read_of_user, says};

fn condition(request: &ScimRequest, name: &str, other: bool) -> bool {
    let said = request.header(name);
    said.is_some_and(|said| said != "*" && said.contains("-other") == other)
}

fn without_condition(request: &mut ScimRequest) {
    request.headers.retain(|(name, _)| !name.starts_with("if-"));
}

pub(super) const MUTANTS: &[Mutant] = &[
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
    hears("SCIM-ETAG-10", |a| {
        instead(a, |o| {
            let touch = json!({"op": "add", "path": "title", "value": "touched"});
            (is_op(o, "add", "displayName") && o["value"] == "First").then(|| json!([o, touch]))
        });
    }),
    says("SCIM-ETAG-11", |a, t| {
        if is(a, "GET", "/Users") {
            resources(t, |all| {
                for one in all {
                    drop_member(&mut one["meta"], "version");
                }
            });
        }
    }),
];
