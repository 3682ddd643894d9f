//! Mutants of GET of one resource, and of `attributes` and `excludedAttributes`.

use serde_json::{Value, json};

use super::super::schemas::ENTERPRISE;
use super::super::{Mutant, ScimAnswer, ScimRequest, edit, is, parameter, under, with_parameter};
use super::{drop_member, hears, read_of_user, says};

/// True for a GET of one user with this query parameter.
fn asks(request: &ScimRequest, name: &str, value: &str) -> bool {
    under(request, "GET", "/Users/") && parameter(request, name).as_deref() == Some(value)
}

fn bare(request: &mut ScimRequest) {
    request.target = request
        .target
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
}

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-READ-01", |a, t| {
        if under(a, "GET", "/Users/") && !a.target.contains('?') {
            edit(t, |v| {
                if v["userName"]
                    .as_str()
                    .is_some_and(|name| name.contains("-ann@"))
                {
                    v["id"] = json!("other");
                }
            });
        }
    }),
    hears("SCIM-READ-02", |a| {
        if asks(a, "attributes", "userName") {
            bare(a);
        }
    }),
    says("SCIM-READ-03", |a, t| {
        if asks(a, "attributes", "displayName") {
            edit(t, |v| drop_member(v, "schemas"));
        }
    }),
    hears("SCIM-READ-04", |a| {
        if asks(a, "excludedAttributes", "displayName") {
            bare(a);
        }
    }),
    says("SCIM-READ-05", |a, t| {
        if asks(a, "excludedAttributes", "id") {
            edit(t, |v| drop_member(v, "id"));
        }
    }),
    hears("SCIM-READ-06", |a| {
        if asks(a, "attributes", "DISPLAYNAME") {
            with_parameter(a, "attributes", "nothing");
        }
    }),
    hears("SCIM-READ-07", |a| {
        if asks(a, "attributes", "name.givenName") {
            with_parameter(a, "attributes", "name");
        }
    }),
    hears("SCIM-READ-08", |a| {
        if under(a, "GET", "/Users/") && a.target.contains("User%3AdisplayName") {
            with_parameter(a, "attributes", "nothing");
        }
    }),
    hears("SCIM-READ-09", |a| {
        if under(a, "GET", "/Users/") && a.target.contains("User%3Adepartment") {
            with_parameter(a, "attributes", "nothing");
        }
    }),
    hears("SCIM-READ-10", |a| {
        if is(a, "GET", "/Users") {
            a.target = a.target.replace("&attributes=userName", "");
        }
    }),
    hears("SCIM-READ-11", |a| {
        if is(a, "GET", "/Users") {
            a.target = a.target.replace("&excludedAttributes=displayName", "");
        }
    }),
    hears("SCIM-READ-12", |a| {
        if asks(a, "attributes", "emails.value") {
            with_parameter(a, "attributes", "emails");
        }
    }),
    hears("SCIM-READ-14", |a| {
        if asks(a, "excludedAttributes", "name.familyName") {
            bare(a);
        }
    }),
    hears("SCIM-READ-17", |a| {
        if asks(a, "attributes", "userName,displayName") {
            with_parameter(a, "attributes", "userName");
        }
    }),
    says("SCIM-READ-18", |a, t| {
        if is(a, "GET", "/Users") && parameter(a, "attributes").as_deref() == Some("password") {
            edit(t, |v| v["Resources"][0]["password"] = json!("secret"));
        }
    }),
    says("SCIM-READ-19", |a, t| {
        read_of_user(a, t, |v| {
            if let Some(active) = v["active"].as_bool() {
                v["active"] = json!(active.to_string());
            }
        });
    }),
    says("SCIM-READ-13", |a, t| {
        if asks(a, "attributes", "userName,favoriteOtter") {
            t.status = 400;
        }
    }),
    hears("SCIM-READ-15", |a| {
        if asks(a, "excludedAttributes", "meta") {
            bare(a);
        }
    }),
    hears("SCIM-READ-16", |a| {
        if asks(a, "excludedAttributes", ENTERPRISE) {
            bare(a);
        }
    }),
    says("SCIM-READ-20", |a, t| {
        let is_read = under(a, "GET", "/Users/") && t.status == 200;
        let user: serde_json::Value = serde_json::from_str(&t.text).unwrap_or_default();
        if is_read && user["active"] == false && user["meta"]["version"] == "W/\"1\"" {
            t.status = 404;
        }
    }),
    says("SCIM-READ-21", |a, t| {
        if is(a, "GET", "/Users") {
            drop_from_each(t, "schemas");
        }
    }),
    says("SCIM-READ-21", |a, t| {
        if is(a, "GET", "/Users") && !a.target.contains("filter=") {
            drop_from_each(t, "meta");
        }
    }),
    says("SCIM-READ-21", |a, t| {
        if is(a, "GET", "/Groups") {
            drop_from_each(t, "members");
        }
    }),
];

fn drop_from_each(list: &mut ScimAnswer, name: &str) {
    edit(list, |v| {
        let all = v.get_mut("Resources").and_then(Value::as_array_mut);
        for one in all.into_iter().flatten() {
            drop_member(one, name);
        }
    });
}
