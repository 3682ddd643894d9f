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
mod paging;
mod patch;
mod put;
mod race;
mod read;
mod sort;
mod tenant;

use serde_json::Value;

use super::{Asked, Bend, Mutant, Told, edit, under};

/// Returns the mutants of all families.
pub(crate) fn mutants() -> Vec<Mutant> {
    [
        discovery::MUTANTS,
        auth::MUTANTS,
        http::MUTANTS,
        create::MUTANTS,
        read::MUTANTS,
        paging::MUTANTS,
        sort::MUTANTS,
        filter::MUTANTS,
        put::MUTANTS,
        patch::MUTANTS,
        delete::MUTANTS,
        group::MUTANTS,
        bulk::MUTANTS,
        etag::MUTANTS,
        race::MUTANTS,
        tenant::MUTANTS,
    ]
    .concat()
}

const fn says(fires: &'static str, bend: fn(&Asked, &mut Told)) -> Mutant {
    mutant(fires, Bend::Says(bend))
}

const fn hears(fires: &'static str, bend: fn(&mut Asked)) -> Mutant {
    mutant(fires, Bend::Hears(bend))
}

const fn does(fires: &'static str, bend: fn(&super::Server, &Asked) -> Option<Told>) -> Mutant {
    mutant(fires, Bend::Does(bend))
}

const fn mutant(fires: &'static str, bend: Bend) -> Mutant {
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
fn posts(asked: &Asked) -> bool {
    asked.method == "POST" && asked.target == "/Users"
}

fn read_of_user(asked: &Asked, told: &mut Told, change: impl FnOnce(&mut Value)) {
    if under(asked, "GET", "/Users/") && told.status == 200 {
        // An answer without `meta` is not changed.
        edit(told, |v| {
            if v["meta"].is_object() {
                change(v);
            }
        });
    }
}

fn status(told: &mut Told, from: u16, to: u16) {
    if told.status == from {
        told.status = to;
    }
}
