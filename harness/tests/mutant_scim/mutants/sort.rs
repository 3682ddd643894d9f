//! Mutants of sorting and of POST `/.search`.

use serde_json::json;

use super::super::{
    Mutant, Refusal, ScimRequest, answer, edit, error, is, parameter, rewrite, sent, with_parameter,
};
use super::paging::{page, resources};
use super::{does, drop_member, hears, says};

fn is_sorted_by(request: &ScimRequest, by: &str, order: Option<&str>) -> bool {
    parameter(request, "sortBy").as_deref() == Some(by)
        && parameter(request, "sortOrder").as_deref() == order
        && parameter(request, "startIndex").is_none()
}

fn searches(request: &ScimRequest) -> bool {
    is(request, "POST", "/Users/.search")
}

pub(super) const MUTANTS: &[Mutant] = &[
    hears("SCIM-SORT-01", |a| {
        if is_sorted_by(a, "userName", Some("ascending")) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    hears("SCIM-SORT-02", |a| {
        if is_sorted_by(a, "userName", Some("descending")) {
            with_parameter(a, "sortOrder", "ascending");
        }
    }),
    hears("SCIM-SORT-03", |a| {
        if is_sorted_by(a, "userName", None) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    says("SCIM-SORT-04", |a, t| {
        if is_sorted_by(a, "displayName", Some("ascending")) {
            resources(t, |all| {
                all.sort_by_key(|one| one["displayName"].to_string())
            });
        }
    }),
    hears("SCIM-SORT-05", |a| {
        if is_sorted_by(a, "name.familyName", Some("ascending")) {
            with_parameter(a, "sortOrder", "descending");
        }
    }),
    says("SCIM-SORT-06", |a, t| {
        if is_sorted_by(a, "nickName", Some("ascending")) {
            resources(t, |all| all.rotate_right(1));
        }
    }),
    says("SCIM-SORT-07", |a, t| {
        if is_sorted_by(a, "nickName", Some("descending")) {
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
    says("SCIM-SORT-09", |a, t| {
        if is_sorted_by(a, "emails.value", None) {
            resources(t, |all| {
                all.sort_by_key(|one| one["emails"][0]["value"].to_string())
            });
        }
    }),
    says("SCIM-SEARCH-01", |a, t| {
        if searches(a) {
            edit(t, |v| v["schemas"] = json!([]));
        }
    }),
    does("SCIM-SEARCH-05", |_, a| {
        let refusal = Refusal(404, None, "there is no such endpoint".to_owned());
        is(a, "POST", "/.search").then(|| answer(404, &error(&refusal)))
    }),
];
