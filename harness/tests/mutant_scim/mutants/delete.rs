//! Mutants of DELETE.

use serde_json::{Value, json};

use super::super::server::answer;
use super::super::{Mutant, filter_of, under};
use super::{does, says, status};

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
];
