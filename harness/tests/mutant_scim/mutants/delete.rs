//! Mutants of DELETE.

use serde_json::{Value, json};

use super::super::{Mutant, Refusal, answer, error, filter_of, sent, under};
use super::{does, posts, says, status};

pub(super) const MUTANTS: &[Mutant] = &[
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
        Some(answer(
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
    does("SCIM-DELETE-08", |server, a| {
        let name = sent(a)["userName"].clone();
        let gone = server.gone();
        let is_known = name.is_string() && gone.iter().any(|one| one["userName"] == name);
        let refusal = Refusal(409, Some("uniqueness"), "the userName is taken".to_owned());
        (posts(a) && is_known).then(|| answer(409, &error(&refusal)))
    }),
    does("SCIM-CLEAN-01", |server, a| {
        let name = server.now(&a.target)["displayName"].clone();
        let is_kept = name.as_str().is_some_and(|name| name.contains('山'));
        let refusal = Refusal(403, None, "this user cannot be deleted".to_owned());
        (a.method == "DELETE" && is_kept).then(|| answer(403, &error(&refusal)))
    }),
];
