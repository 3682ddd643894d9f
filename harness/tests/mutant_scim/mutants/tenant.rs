//! Mutants of the separation of tenants: they answer requests of the other tenant with the first
//! tenant's resources.

use super::super::{Asked, Mutant, Server, Told, error, is, is_of_second, let_in, parameter, told};
use super::does;
use crate::mutant_scim::Refusal;

fn answer_as_first(server: &Server, asked: &Asked) -> Option<Told> {
    let mut asked = asked.clone();
    let_in(&mut asked);
    Some(server.answer(&asked))
}

/// True if the other tenant asks for a resource of the first in this way.
fn reaches(server: &Server, asked: &Asked, methods: &[&str]) -> bool {
    is_of_second(asked)
        && methods.contains(&asked.method.as_str())
        && !server.now(&asked.target).is_null()
}

fn lists(asked: &Asked) -> bool {
    is_of_second(asked) && is(asked, "GET", "/Users")
}

pub(super) const MUTANTS: &[Mutant] = &[
    does("SCIM-TENANT-01", |server, asked| {
        let reads = reaches(server, asked, &["GET"]);
        reads.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-02", |server, asked| {
        let lists = lists(asked) && parameter(asked, "filter").is_none();
        lists.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-03", |server, asked| {
        let finds = lists(asked) && parameter(asked, "filter").is_some();
        finds.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-04", |server, asked| {
        let changes = reaches(server, asked, &["PATCH"]);
        changes.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-04", |server, asked| {
        let changes = reaches(server, asked, &["PUT"]);
        changes.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-05", |server, asked| {
        let deletes = reaches(server, asked, &["DELETE"]);
        deletes.then(|| answer_as_first(server, asked)).flatten()
    }),
    does("SCIM-TENANT-06", |server, asked| {
        if !(is_of_second(asked) && is(asked, "POST", "/Users")) {
            return None;
        }
        let mut same = asked.clone();
        let_in(&mut same);
        let name = super::super::sent(asked)["userName"].as_str()?.to_owned();
        same.method = reqwest::Method::GET;
        same.body = None;
        let filter = format!("userName eq \"{name}\"");
        same.target = "/Users".into();
        super::super::with_parameter(&mut same, "filter", &filter);
        let found: serde_json::Value = serde_json::from_str(&server.answer(&same).text).ok()?;
        let refusal = Refusal(409, Some("uniqueness"), "the userName is taken".to_owned());
        (found["totalResults"] == 1).then(|| told(409, &error(&refusal)))
    }),
];
