//! Mutants that break requirements of profiles about groups and other resources.

use serde_json::json;

use super::super::mutant_scim::{Mutation, answer, edit, is, parameter, sent, under};
use super::mutants::refusal;

/// The check that must fail, and the deviation of the server.
pub(super) const MUTANTS: &[(&str, Mutation)] = &[
    (
        "SCIM-PROFILE-40",
        Mutation::AnswersInstead(|_, request| {
            let body = sent(request);
            let many = body["Operations"]
                .as_array()
                .is_some_and(|it| it.len() > 20);
            many.then(|| refusal("tooMany"))
        }),
    ),
    (
        "SCIM-PROFILE-41",
        Mutation::AnswersInstead(|_, request| {
            let is_empty = sent(request)["members"].is_null();
            (is_empty && is(request, "POST", "/Groups")).then(|| refusal("invalidValue"))
        }),
    ),
    (
        "SCIM-PROFILE-42",
        Mutation::AnswersInstead(|_, request| {
            let is_it = parameter(request, "filter")?.starts_with("members[value eq");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-43",
        Mutation::AnswersInstead(|_, request| {
            let is_it = is(request, "GET", "/Groups")
                && parameter(request, "filter")?.starts_with("externalId");
            is_it.then(|| refusal("invalidFilter"))
        }),
    ),
    (
        "SCIM-PROFILE-46",
        Mutation::AnswersInstead(|_, request| {
            (request.method == "GET" && request.target == "/Groups")
                .then(|| answer(200, &json!([])))
        }),
    ),
    (
        "SCIM-PROFILE-49",
        Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Groups/") {
                edit(answer, |body| body["displayName"] = json!("another"));
            }
        }),
    ),
    (
        "SCIM-PROFILE-48",
        Mutation::AnswersInstead(|server, request| {
            if is(request, "GET", "/Entitlements") {
                return Some(answer(
                    200,
                    &json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                        "totalResults": 1,
                        "startIndex": 1,
                        "itemsPerPage": "100",
                        "Resources": [{"id": "reader"}],
                    }),
                ));
            }
            let mut answer = server.answer(request);
            if is(request, "GET", "/ResourceTypes") {
                edit(&mut answer, |body| {
                    if let Some(types) = body["Resources"].as_array_mut() {
                        types.push(json!({
                            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                            "id": "Entitlement",
                            "name": "Entitlement",
                            "endpoint": "/Entitlements",
                            "schema": "urn:example:Entitlement",
                        }));
                    }
                });
            }
            Some(answer)
        }),
    ),
];
