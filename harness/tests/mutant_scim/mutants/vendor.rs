//! Mutants without the habits of well-known clients.

use serde_json::{Value, json};

use super::super::schemas::ENTERPRISE;
use super::super::{
    Mutant, Refusal, ScimAnswer, ScimRequest, answer, edit, error, filter_of, parameter, rewrite,
    sent, under,
};
use super::patch::{group_op, ignore_patch, ignore_patch_if, instead, is_op, op};
use super::{does, hears, posts, says};

fn refused(keyword: &'static str) -> ScimAnswer {
    let refusal = Refusal(
        400,
        Some(keyword),
        "this server does not do that".to_owned(),
    );
    answer(400, &error(&refusal))
}

/// Refuses a PATCH of a user with such an operation.
fn refused_if(request: &ScimRequest, hit: impl FnOnce(&Value) -> bool) -> Option<ScimAnswer> {
    op(request)
        .filter(|operation| hit(operation))
        .map(|_| refused("invalidSyntax"))
}

pub(super) const MUTANTS: &[Mutant] = &[
    does("SCIM-VENDOR-01", |_, a| {
        refused_if(a, |o| o["op"] == "Replace")
    }),
    does("SCIM-VENDOR-02", |_, a| {
        refused_if(a, |o| {
            is_op(o, "replace", "active") && o["value"] == "False"
        })
    }),
    says("SCIM-VENDOR-03", |a, t| {
        if under(a, "PATCH", "/Users/") && !a.target.contains('?') && t.status == 200 {
            t.status = 204;
            t.text = String::new();
        }
    }),
    hears("SCIM-VENDOR-04", |a| {
        instead(a, |o| {
            let hit = is_op(o, "remove", "members") && o["value"].is_array();
            hit.then(|| json!([{"op": "remove", "path": "members"}]))
        });
    }),
    does("SCIM-VENDOR-05", |s, a| {
        ignore_patch_if(s, a, |o| o["value"]["name.givenName"].is_string())
    }),
    does("SCIM-VENDOR-06", |s, a| {
        let key = format!("{ENTERPRISE}:department");
        ignore_patch_if(s, a, |o| o["value"][&key].is_string())
    }),
    does("SCIM-VENDOR-07", |_, a| {
        let path = op(a).filter(|o| o["op"] == "add")?["path"].clone();
        path.as_str()?
            .starts_with("emails[")
            .then(|| refused("noTarget"))
    }),
    does("SCIM-VENDOR-08", |_, a| {
        filter_of(a)?
            .starts_with("emails eq ")
            .then(|| refused("invalidFilter"))
    }),
    does("SCIM-VENDOR-09", |_, a| {
        let value = group_op(a)?["value"].clone();
        value["id"].is_string().then(|| refused("mutability"))
    }),
    does("SCIM-VENDOR-10", |_, a| {
        let body = sent(a);
        // Only what GET returned contains the version.
        let is_change = body["meta"]["version"].is_string() && body["active"] == json!(false);
        (a.method == "PUT" && is_change).then(|| refused("mutability"))
    }),
    does("SCIM-VENDOR-11", |_, a| {
        refused_if(a, |o| {
            o["path"] == format!("{ENTERPRISE}:manager") && o["value"].is_string()
        })
    }),
    does("SCIM-VENDOR-12", |_, a| {
        (posts(a) && sent(a)["active"] == "True").then(|| refused("invalidValue"))
    }),
    says("SCIM-VENDOR-13", |a, t| {
        let is_first_page = parameter(a, "startIndex").as_deref() == Some("1")
            && parameter(a, "count").as_deref() == Some("100");
        if filter_of(a).is_some() && is_first_page {
            edit(t, |v| v["Resources"] = json!([]));
        }
    }),
    hears("SCIM-VENDOR-14", |a| {
        if under(a, "PATCH", "/Groups/") {
            rewrite(a, |v| {
                if let Some(all) = v["Operations"].as_array_mut() {
                    all.truncate(1);
                }
            });
        }
    }),
    does("SCIM-VENDOR-15", |s, a| {
        let operation = group_op(a)?;
        let hit = is_op(&operation, "replace", "members") && operation["value"] == json!([]);
        hit.then(|| ignore_patch(s, a))
    }),
];
