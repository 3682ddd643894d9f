//! The table of mutants. Each file belongs to the file of the same name in
//! `conformance/src/check/scim`, whose checks its mutants make fail.

mod auth;
mod bulk;
mod create;
mod delete;
mod discovery;
mod etag;
mod filter;
mod group;
mod http;
mod large_list;
mod paging;
mod patch;
mod put;
mod race;
mod read;
mod sort;
mod tenant;
mod vendor;

use serde_json::Value;

use super::{Mutant, Mutation, ScimAnswer, ScimRequest, edit, under};
pub(crate) use large_list::{answer_pages, refuse_pages};

/// Returns the mutants of all families.
pub(crate) fn mutants() -> Vec<Mutant> {
    [
        discovery::MUTANTS,
        auth::MUTANTS,
        http::MUTANTS,
        create::MUTANTS,
        read::MUTANTS,
        paging::MUTANTS,
        large_list::MUTANTS,
        sort::MUTANTS,
        filter::MUTANTS,
        put::MUTANTS,
        patch::MUTANTS,
        delete::MUTANTS,
        group::MUTANTS,
        bulk::MUTANTS,
        etag::MUTANTS,
        race::MUTANTS,
        vendor::MUTANTS,
        tenant::MUTANTS,
    ]
    .concat()
}

const fn says(fires: &'static str, bend: fn(&ScimRequest, &mut ScimAnswer)) -> Mutant {
    mutant(fires, Mutation::ChangesAnswer(bend))
}

const fn hears(fires: &'static str, bend: fn(&mut ScimRequest)) -> Mutant {
    mutant(fires, Mutation::ChangesRequest(bend))
}

const fn does(
    fires: &'static str,
    bend: fn(&super::Server, &ScimRequest) -> Option<ScimAnswer>,
) -> Mutant {
    mutant(fires, Mutation::AnswersInstead(bend))
}

const fn mutant(fires: &'static str, bend: Mutation) -> Mutant {
    Mutant {
        fires,
        also: &[],
        bend,
    }
}

fn drop_member(value: &mut Value, name: &str) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove(name);
    }
}

/// True for a POST to `/Users` without query.
fn posts(request: &ScimRequest) -> bool {
    request.method == "POST" && request.target == "/Users"
}

fn read_of_user(request: &ScimRequest, answer: &mut ScimAnswer, change: impl FnOnce(&mut Value)) {
    if under(request, "GET", "/Users/") && answer.status == 200 {
        // An answer without `meta` is not changed.
        edit(answer, |v| {
            if v["meta"].is_object() {
                change(v);
            }
        });
    }
}

fn status(answer: &mut ScimAnswer, from: u16, to: u16) {
    if answer.status == from {
        answer.status = to;
    }
}
