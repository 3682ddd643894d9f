//! Mutants that answer differently while another request is being answered.

use serde_json::json;

use super::super::{Mutant, Mutation, rewrite, under};
use super::{mutant, posts};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "SCIM-RACE-01",
        Mutation::Races(|a| {
            if posts(a) {
                rewrite(a, |v| {
                    let name = v["userName"].as_str().unwrap_or_default().to_owned();
                    v["userName"] = json!(format!("{name}x"));
                });
            }
        }),
    ),
    mutant(
        "SCIM-RACE-02",
        Mutation::Races(|a| {
            if under(a, "PATCH", "/Users/") {
                rewrite(a, |v| v["Operations"] = json!([]));
            }
        }),
    ),
    mutant(
        "SCIM-RACE-03",
        Mutation::Races(|a| {
            if under(a, "PATCH", "/Groups/") {
                rewrite(a, |v| v["Operations"] = json!([]));
            }
        }),
    ),
];
