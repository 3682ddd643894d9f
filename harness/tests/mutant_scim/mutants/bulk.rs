//! Mutants of bulk requests.

use serde_json::json;

use super::super::{Mutant, ScimRequest, edit, is, rewrite, sent};
use super::{drop_member, hears, says, status};

fn bulk(request: &ScimRequest) -> bool {
    is(request, "POST", "/Bulk")
}

/// Returns the `bulkId` of the first operation.
fn first(request: &ScimRequest) -> String {
    let body = sent(request);
    body["Operations"][0]["bulkId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub(super) const MUTANTS: &[Mutant] = &[
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
    hears("SCIM-BULK-12", |a| {
        if bulk(a) && sent(a)["Operations"][0]["data"]["members"][0]["value"] == "bulkId:nonesuch" {
            rewrite(a, |v| {
                drop_member(&mut v["Operations"][0]["data"], "members")
            });
        }
    }),
    hears("SCIM-BULK-13", |a| {
        let one = &sent(a)["Operations"][0];
        if bulk(a) && one["method"] == "POST" && one["bulkId"].is_null() {
            rewrite(a, |v| v["Operations"][0]["bulkId"] = json!("nameless"));
        }
    }),
    hears("SCIM-BULK-14", |a| {
        if bulk(a) && sent(a)["schemas"].is_null() {
            rewrite(a, |v| {
                v["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:BulkRequest"])
            });
        }
    }),
];
