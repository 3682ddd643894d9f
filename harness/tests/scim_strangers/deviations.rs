//! Deviations of servers of other projects (docs/interop/scim-servers.md).

use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};
use serde_json::{Value, json};

use super::super::mutant_scim::{
    BASE, Server, answer, edit, filter_of, is, parameter, sent, under,
};
use super::switches::{everywhere, refuse};

pub(super) fn take_arrays(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let is_array = is(request, "POST", "/Users") && sent(request).is_array();
    is_array.then(|| answer(201, &json!([])))
}

/// The answer to one check's POST contains no id.
pub(super) fn forget_id(request: &ScimRequest, answer: &mut ScimAnswer) {
    let is_it = is(request, "POST", "/Users") && !sent(request)["meta"].is_null();
    if is_it && answer.status == 201 {
        edit(answer, |body| {
            body.as_object_mut().unwrap().shift_remove("id");
        });
        for (name, value) in &mut answer.headers {
            if name == "location" {
                *value = format!("{BASE}/Users/undefined");
            }
        }
    }
}

pub(super) fn search_as_user(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let is_search = request.target.ends_with("/.search");
    is_search.then(|| refuse(400, Some("invalidValue"), "userName is mandatory"))
}

/// Returns the filter without the texts in it.
fn words(request: &ScimRequest) -> Option<String> {
    let filter = filter_of(request)?.to_lowercase();
    Some(filter.split('"').step_by(2).collect())
}

pub(super) fn fail_at_operators(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let words = words(request)?;
    let is_eq = words.contains(" eq ")
        && !["(", "[", " and ", " or "]
            .iter()
            .any(|it| words.contains(it));
    (!is_eq).then(|| {
        let mut failure = answer(500, &json!({}));
        failure.text = "TypeError: cannot read properties of undefined".to_owned();
        failure
    })
}

fn no_user() -> ScimAnswer {
    let list = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": [],
    });
    answer(200, &list)
}

pub(super) fn no_user_by_title(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    words(request)?.contains("title").then(no_user)
}

fn invalid_filter() -> ScimAnswer {
    refuse(400, Some("invalidFilter"), "not supported")
}

pub(super) fn no_parentheses(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let words = words(request)?;
    (words.contains('(') && !words.contains("not (")).then(invalid_filter)
}

pub(super) fn no_common_filters(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let words = words(request)?;
    let is_id = words.split_whitespace().any(|it| it == "id");
    (is_id || words.contains("meta.")).then(invalid_filter)
}

pub(super) fn whole_resources(request: &mut ScimRequest) {
    if request.method != "GET" || !request.target.contains("ttributes=") {
        return;
    }
    let (path, query) = request.target.split_once('?').unwrap_or_default();
    let kept = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !["attributes", "excludedAttributes"].contains(&name.as_ref()));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .finish();
    request.target = format!("{path}?{query}");
}

pub(super) fn fixed_names(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    let name = if under(request, "PUT", "/Users/") {
        body["userName"].clone()
    } else if under(request, "PATCH", "/Users/") {
        let all = body["Operations"].as_array();
        let mut all = all.into_iter().flatten();
        let of_name = all.find(|it| it["path"] == "userName" && it["op"] == "replace");
        of_name.map_or(Value::Null, |it| it["value"].clone())
    } else {
        Value::Null
    };
    let now = server.now(&request.target);
    let is_judged = now.is_object() && request.header("if-match").is_none();
    let is_new = is_judged && name.is_string() && now["userName"] != name;
    is_new.then(|| refuse(400, Some("mutability"), "userName is immutable"))
}

pub(super) fn hide_members(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |it| {
        if it["members"].is_array() {
            it["members"] = json!([]);
        }
    });
}

pub(super) fn fail_at_count(request: &ScimRequest, answer: &mut ScimAnswer) {
    if request.method == "GET" && parameter(request, "count").is_some() {
        answer.status = 500;
        answer.text = "<html><body>Internal Server Error</body></html>".to_owned();
    }
}

pub(super) fn absolute_endpoints(request: &ScimRequest, answer: &mut ScimAnswer) {
    if request.target.starts_with("/ResourceTypes") {
        everywhere(answer, &mut |it| {
            if let Some(endpoint) = it["endpoint"].as_str().map(str::to_owned) {
                it["endpoint"] = format!("{BASE}{endpoint}").into();
            }
        });
    }
}

pub(super) fn declare_ref(request: &ScimRequest, answer: &mut ScimAnswer) {
    if !request.target.starts_with("/Schemas") {
        return;
    }
    everywhere(answer, &mut |schema| {
        let attributes = schema.get_mut("attributes").and_then(Value::as_array_mut);
        for attribute in attributes.into_iter().flatten() {
            let parts = attribute
                .get_mut("subAttributes")
                .and_then(Value::as_array_mut);
            for part in parts.into_iter().flatten() {
                if part["name"] == "$ref" {
                    part["required"] = true.into();
                    part["mutability"] = "immutable".into();
                }
            }
        }
    });
}

pub(super) fn require_ref(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    let mut members = body["members"].as_array().into_iter().flatten();
    let lacks = is(request, "POST", "/Groups") && members.any(|it| it["$ref"].is_null());
    lacks.then(|| refuse(400, Some("invalidValue"), "$ref is required: members, 0"))
}

/// Like mitol-django-scim, which fails at more operations: fails at every `remove`.
pub(super) fn fail_at_removal(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    let operations = body["Operations"].as_array()?;
    let is_it = request.method == "PATCH" && operations.iter().any(|it| it["op"] == "remove");
    is_it.then(|| answer(500, &json!({})))
}

/// Like mitol-django-scim: fails at filters on attributes other than userName.
pub(super) fn fail_at_other_attributes(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let words = words(request)?;
    let is_name = words.to_lowercase().contains("username");
    (!is_name).then(|| answer(500, &json!({})))
}

/// Like SCIMMY: declines filters on the e-mail address, and finds nobody by `value`.
pub(super) fn decline_addresses(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let words = words(request)?;
    if words.contains("emails.value") || words.contains('[') {
        return Some(invalid_filter());
    }
    words.starts_with("value ").then(no_user)
}

/// Says that it removed the title, and keeps it.
pub(super) fn keep_title(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    let operation = &body["Operations"][0];
    let is_it = request.method == "PATCH" && operation["op"] == "remove";
    let mut done = answer(204, &json!({}));
    done.text = String::new();
    (is_it && operation["path"] == "title").then_some(done)
}
