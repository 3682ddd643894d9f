//! Mutants of list responses: paging by index and by cursor.

use serde_json::{Value, json};

use super::super::{
    Mutant, ScimAnswer, ScimRequest, Server, edit, filter_of, is, parameter, rewrite,
    with_parameter,
};
use super::{does, drop_member, hears, says};

/// True for a GET of `/Users` with exactly these paging and sorting parameters.
pub(super) fn page(request: &ScimRequest, wanted: &[(&str, &str)]) -> bool {
    let known = ["startIndex", "count", "cursor", "sortBy", "sortOrder"];
    is(request, "GET", "/Users")
        && known.iter().all(|name| {
            let wanted = wanted.iter().find(|(known, _)| known == name);
            parameter(request, name).as_deref() == wanted.map(|(_, value)| *value)
        })
}

fn stranger(answer: &mut ScimAnswer) {
    edit(answer, |v| {
        v["Resources"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": "stranger"}))
    });
}

pub(super) fn resources(answer: &mut ScimAnswer, change: fn(&mut Vec<Value>)) {
    edit(answer, |v| {
        if let Some(all) = v["Resources"].as_array_mut() {
            change(all);
        }
    });
}

/// Answers a list with cursors that store an offset.
fn by_offset(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let cursor = parameter(request, "cursor").filter(|_| is(request, "GET", "/Users"))?;
    let offset: u64 = match cursor.as_str() {
        "" => 0,
        cursor => cursor.strip_prefix("offset-")?.parse().ok()?,
    };
    let mut by_index = request.clone();
    by_index.target = request.target.replace("cursor=", "was=");
    with_parameter(&mut by_index, "startIndex", &(offset + 1).to_string());
    let mut answer = server.answer(&by_index);
    edit(&mut answer, |v| {
        let end = offset + v["itemsPerPage"].as_u64().unwrap_or_default();
        if v["totalResults"].as_u64().is_some_and(|total| end < total) {
            v["nextCursor"] = json!(format!("offset-{end}"));
        }
    });
    Some(answer)
}

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-PAGE-01", |a, t| {
        if is(a, "GET", "/Users") && t.status == 200 {
            edit(t, |v| v["schemas"] = json!([]));
        }
    }),
    says("SCIM-PAGE-02", |a, t| {
        if a.method == "GET" && a.target == "/Users?count=1" {
            edit(t, |v| v["totalResults"] = json!("many"));
        }
    }),
    says("SCIM-PAGE-03", |a, t| {
        if page(a, &[("count", "2")]) {
            edit(t, |v| v["totalResults"] = json!(2));
        }
    }),
    says("SCIM-PAGE-04", |a, t| {
        if page(a, &[("count", "2")]) {
            stranger(t);
        }
    }),
    hears("SCIM-PAGE-05", |a| {
        if page(a, &[("count", "0")]) {
            with_parameter(a, "count", "100");
        }
    }),
    hears("SCIM-PAGE-06", |a| {
        if page(a, &[("count", "-3")]) {
            with_parameter(a, "count", "3");
        }
    }),
    hears("SCIM-PAGE-07", |a| {
        if page(a, &[("startIndex", "0"), ("count", "2")]) {
            with_parameter(a, "startIndex", "2");
        }
    }),
    hears("SCIM-PAGE-08", |a| {
        if page(a, &[("startIndex", "-7"), ("count", "2")]) {
            with_parameter(a, "startIndex", "3");
        }
    }),
    does("SCIM-PAGE-09", |server, a| {
        if !page(a, &[("startIndex", "3"), ("count", "2")]) {
            return None;
        }
        let mut early = a.clone();
        with_parameter(&mut early, "startIndex", "2");
        let mut answer = server.answer(&early);
        edit(&mut answer, |v| v["startIndex"] = json!(3));
        Some(answer)
    }),
    says("SCIM-PAGE-11", |a, t| {
        if page(a, &[("startIndex", "3"), ("count", "2")]) {
            edit(t, |v| v["startIndex"] = json!(1));
        }
    }),
    says("SCIM-PAGE-12", |a, t| {
        if page(a, &[("startIndex", "1"), ("count", "2")]) {
            edit(t, |v| v["itemsPerPage"] = json!(99));
        }
    }),
    hears("SCIM-PAGE-15", |a| {
        if page(a, &[("startIndex", "5"), ("count", "2")]) {
            with_parameter(a, "startIndex", "4");
        }
    }),
    says("SCIM-CURSOR-01", |a, t| {
        if page(a, &[("cursor", ""), ("count", "2")]) {
            edit(t, |v| drop_member(v, "nextCursor"));
        }
    }),
    says("SCIM-CURSOR-02", |a, t| {
        let second = parameter(a, "cursor").is_some_and(|cursor| !cursor.is_empty());
        if second && filter_of(a).is_some_and(|filter| filter.ends_with("c-\"")) {
            resources(t, |all| drop(all.pop()));
        }
    }),
    says("SCIM-CURSOR-03", |a, t| {
        if page(a, &[("cursor", ""), ("count", "2")])
            && filter_of(a).is_some_and(|filter| filter.ends_with("c-\""))
        {
            stranger(t);
        }
    }),
    says("SCIM-PAGE-10", |a, t| {
        if page(a, &[("startIndex", "100")]) {
            t.status = 404;
        }
    }),
    hears("SCIM-PAGE-13", |a| {
        if page(a, &[("count", "many")]) {
            with_parameter(a, "count", "100");
        }
    }),
    says("SCIM-PAGE-14", |a, t| {
        if page(a, &[("count", "1000000")]) {
            t.status = 400;
        }
    }),
    hears("SCIM-CURSOR-04", |a| {
        if parameter(a, "cursor").as_deref() == Some("no-cursor-at-all") {
            with_parameter(a, "cursor", "");
        }
    }),
    hears("SCIM-CURSOR-05", |a| {
        if is(a, "POST", "/Users/.search") {
            rewrite(a, |v| drop_member(v, "cursor"));
        }
    }),
    does("SCIM-CURSOR-06", by_offset),
    // The limit of a page, not the number of its resources.
    says("SCIM-PAGE-12", |a, t| {
        if page(a, &[("startIndex", "5"), ("count", "4")]) {
            edit(t, |v| v["itemsPerPage"] = json!(4));
        }
    }),
    // startIndex counted from 0, but 1 if it is not given.
    says("SCIM-PAGE-16", |a, t| {
        if page(a, &[]) {
            resources(t, |all| {
                if all.len() == 1 {
                    all.clear();
                }
            });
        }
    }),
];
