//! Mutants of GET, of pages, sorting and searching.

use serde_json::{Value, json};

use super::super::{
    Asked, Mutant, Told, edit, filter_of, is, parameter, rewrite, sent, under, with_parameter,
};
use super::{does, hears, says};

/// A read of one user with this parameter.
fn asks(asked: &Asked, name: &str, value: &str) -> bool {
    under(asked, "GET", "/Users/") && parameter(asked, name).as_deref() == Some(value)
}

fn bare(asked: &mut Asked) {
    asked.target = asked
        .target
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
}

fn drop_member(value: &mut Value, name: &str) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove(name);
    }
}

/// A list of users with just these parameters beside the filter.
fn page(asked: &Asked, wanted: &[(&str, &str)]) -> bool {
    let known = ["startIndex", "count", "cursor", "sortBy", "sortOrder"];
    is(asked, "GET", "/Users")
        && known.iter().all(|name| {
            let wanted = wanted.iter().find(|(known, _)| known == name);
            parameter(asked, name).as_deref() == wanted.map(|(_, value)| *value)
        })
}

fn stranger(told: &mut Told) {
    edit(told, |v| {
        v["Resources"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": "stranger"}))
    });
}

fn sorted(asked: &Asked, by: &str, order: Option<&str>) -> bool {
    parameter(asked, "sortBy").as_deref() == Some(by)
        && parameter(asked, "sortOrder").as_deref() == order
        && parameter(asked, "startIndex").is_none()
}

fn resources(told: &mut Told, change: fn(&mut Vec<Value>)) {
    edit(told, |v| {
        if let Some(all) = v["Resources"].as_array_mut() {
            change(all);
        }
    });
}

fn searches(asked: &Asked) -> bool {
    is(asked, "POST", "/Users/.search")
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
        let mut told = server.answer(&early);
        edit(&mut told, |v| v["startIndex"] = json!(3));
        Some(told)
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
    hears("SCIM-SORT-01", |a| {
        if sorted(a, "userName", Some("ascending")) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    hears("SCIM-SORT-02", |a| {
        if sorted(a, "userName", Some("descending")) {
            with_parameter(a, "sortOrder", "ascending");
        }
    }),
    hears("SCIM-SORT-03", |a| {
        if sorted(a, "userName", None) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    says("SCIM-SORT-04", |a, t| {
        if sorted(a, "displayName", Some("ascending")) {
            resources(t, |all| {
                all.sort_by_key(|one| one["displayName"].to_string())
            });
        }
    }),
    hears("SCIM-SORT-05", |a| {
        if sorted(a, "name.familyName", Some("ascending")) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    says("SCIM-SORT-06", |a, t| {
        if sorted(a, "nickName", Some("ascending")) {
            resources(t, |all| all.rotate_right(1));
        }
    }),
    says("SCIM-SORT-07", |a, t| {
        if sorted(a, "nickName", Some("descending")) {
            resources(t, |all| all.rotate_left(1));
        }
    }),
    hears("SCIM-SORT-08", |a| {
        if page(
            a,
            &[("sortBy", "userName"), ("startIndex", "3"), ("count", "2")],
        ) {
            with_parameter(a, "startIndex", "1");
        }
    }),
    hears("SCIM-SEARCH-02", |a| {
        if searches(a)
            && sent(a)["filter"]
                .as_str()
                .is_some_and(|filter| filter.contains(" eq "))
        {
            rewrite(a, |v| drop_member(v, "filter"));
        }
    }),
    hears("SCIM-SEARCH-03", |a| {
        if searches(a) {
            rewrite(a, |v| drop_member(v, "startIndex"));
        }
    }),
    hears("SCIM-SEARCH-04", |a| {
        if searches(a) {
            rewrite(a, |v| drop_member(v, "attributes"));
        }
    }),
];
