//! Mutants of the separation of tenants: they answer requests of the other tenant with the first
//! tenant's resources.

use super::super::{
    Mutant, ScimAnswer, ScimRequest, Server, answer, error, is, is_of_second, let_in, parameter,
};
use super::does;
use crate::mutant_scim::Refusal;

fn answer_as_first(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let mut request = request.clone();
    let_in(&mut request);
    Some(server.answer(&request))
}

/// True if the other tenant asks for a resource of the first in this way.
fn reaches(server: &Server, request: &ScimRequest, methods: &[&str]) -> bool {
    is_of_second(request)
        && methods.contains(&request.method.as_str())
        && !server.now(&request.target).is_null()
}

fn lists(request: &ScimRequest) -> bool {
    is_of_second(request) && is(request, "GET", "/Users")
}

pub(super) const MUTANTS: &[Mutant] = &[
    does("SCIM-TENANT-01", |server, request| {
        let reads = reaches(server, request, &["GET"]);
        reads.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-02", |server, request| {
        let lists = lists(request) && parameter(request, "filter").is_none();
        lists.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-03", |server, request| {
        let finds = lists(request) && parameter(request, "filter").is_some();
        finds.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-04", |server, request| {
        let changes = reaches(server, request, &["PATCH"]);
        changes.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-04", |server, request| {
        let changes = reaches(server, request, &["PUT"]);
        changes.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-05", |server, request| {
        let deletes = reaches(server, request, &["DELETE"]);
        deletes.then(|| answer_as_first(server, request)).flatten()
    }),
    does("SCIM-TENANT-06", |server, request| {
        if !(is_of_second(request) && is(request, "POST", "/Users")) {
            return None;
        }
        let mut same = request.clone();
        let_in(&mut same);
        let name = super::super::sent(request)["userName"].as_str()?.to_owned();
        same.method = reqwest::Method::GET;
        same.body = None;
        let filter = format!("userName eq \"{name}\"");
        same.target = "/Users".into();
        super::super::with_parameter(&mut same, "filter", &filter);
        let found: serde_json::Value = serde_json::from_str(&server.answer(&same).text).ok()?;
        let refusal = Refusal(409, Some("uniqueness"), "the userName is taken".to_owned());
        (found["totalResults"] == 1).then(|| answer(409, &error(&refusal)))
    }),
];
