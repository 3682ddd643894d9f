//! Differences of the strangers in answers, groups and authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};

use super::super::mutant_scim::{
    BASE, Server, TOKEN, edit, is, parameter, rewrite, under, with_parameter,
};
use super::switches::{drop_member, refuse, walk};

/// The user of the server that accepts only HTTP Basic.
pub(super) const USER: &str = "provisioner";

// Discovery.

fn says_of(answer: &mut ScimAnswer, feature: &str, supported: bool) {
    edit(answer, |v| {
        if v["patch"].is_object() {
            v[feature]["supported"] = supported.into();
        }
    });
}

pub(super) fn denies_patch(_: &ScimRequest, answer: &mut ScimAnswer) {
    says_of(answer, "patch", false);
}

pub(super) fn denies_filter(_: &ScimRequest, answer: &mut ScimAnswer) {
    says_of(answer, "filter", false);
}

pub(super) fn denies_the_rest(_: &ScimRequest, answer: &mut ScimAnswer) {
    for feature in ["bulk", "sort", "etag"] {
        says_of(answer, feature, false);
    }
    edit(answer, |v| {
        if v["patch"].is_object() {
            drop_member(v, "pagination");
        }
    });
}

pub(super) fn no_discovery(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let places = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"];
    let is_one = places.iter().any(|place| request.target.starts_with(place));
    is_one.then(|| refuse(404, None, "no route"))
}

pub(super) fn no_groups(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    request
        .target
        .starts_with("/Groups")
        .then(|| refuse(404, None, "no route"))
}

pub(super) fn hides_groups(request: &ScimRequest, answer: &mut ScimAnswer) {
    if is(request, "GET", "/ResourceTypes") {
        edit(answer, |v| {
            if let Some(all) = v["Resources"].as_array_mut() {
                all.retain(|one| one["name"] != "Group");
                v["totalResults"] = 1.into();
            }
        });
    }
}

// Answers.

pub(super) fn empty_201(request: &ScimRequest, answer: &mut ScimAnswer) {
    if answer.status == 201 && request.method == "POST" {
        answer.text = String::new();
    }
}

pub(super) fn relative_location(_: &ScimRequest, answer: &mut ScimAnswer) {
    for (name, value) in &mut answer.headers {
        if name == "location" {
            *value = value.replace("http://scim.test", "");
        }
    }
}

pub(super) fn patch_204(request: &ScimRequest, answer: &mut ScimAnswer) {
    if request.method == "PATCH" && answer.status == 200 && !request.target.contains("attributes=")
    {
        answer.status = 204;
        answer.text = String::new();
    }
}

pub(super) fn content_type(answer: &mut ScimAnswer, media_type: &str) {
    answer.headers.retain(|(name, _)| name != "content-type");
    answer
        .headers
        .push(("content-type".into(), media_type.into()));
}

pub(super) fn plain_json(_: &ScimRequest, answer: &mut ScimAnswer) {
    content_type(answer, "application/json");
}

pub(super) fn html_errors(_: &ScimRequest, answer: &mut ScimAnswer) {
    if answer.status >= 400 {
        let status = answer.status;
        answer.text = format!("<html><body><h1>Error {status}</h1></body></html>");
        content_type(answer, "text/html");
    }
}

pub(super) fn no_challenge(_: &ScimRequest, answer: &mut ScimAnswer) {
    answer
        .headers
        .retain(|(name, _)| name != "www-authenticate");
}

/// Redirects to the URL with a slash at its end, like Django.
pub(super) fn ask_for_a_slash(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let target = request.target.strip_prefix(BASE).unwrap_or(&request.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.ends_with('/') {
        return None;
    }
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let mut answer = refuse(308, None, "");
    answer.text = String::new();
    answer
        .headers
        .push(("location".into(), format!("{BASE}{path}/{query}")));
    Some(answer)
}

pub(super) fn take_the_slash_off(request: &mut ScimRequest) {
    let target = request.target.strip_prefix(BASE).unwrap_or(&request.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    request.target = format!("{}{query}", path.trim_end_matches('/'));
}

/// Uses ids with characters that are reserved in URLs.
pub(super) fn odd_ids(_: &ScimRequest, answer: &mut ScimAnswer) {
    for (_, value) in &mut answer.headers {
        *value = value.replace("/Users/user-", "/Users/user%2F%23-");
    }
    edit(answer, |v| {
        walk(v, &mut |text| {
            if text.contains("/Users/user-") {
                text.replace("/Users/user-", "/Users/user%2F%23-")
            } else if text.starts_with("user-") {
                text.replacen("user-", "user/#-", 1)
            } else {
                text.to_owned()
            }
        });
    });
}

pub(super) fn read_odd_ids(request: &mut ScimRequest) {
    request.target = request.target.replace("user%2F%23-", "user-");
    if let Some(body) = &request.body {
        let body = body
            .replace("user/#-", "user-")
            .replace("user%2F%23-", "user-");
        request.body = Some(body);
    }
}

pub(super) fn no_paging(request: &mut ScimRequest) {
    for name in ["count", "startIndex"] {
        let said = parameter(request, name);
        if said.is_some_and(|it| it.parse::<i64>().is_ok()) && request.method == "GET" {
            with_parameter(request, name, if name == "count" { "100" } else { "1" });
        }
    }
}

/// Answers a PATCH with 204 and without the resource.
pub(super) fn answer_patch_without_body(request: &ScimRequest, answer: &mut ScimAnswer) {
    let has_attributes = parameter(request, "attributes").is_some();
    if request.method == "PATCH" && answer.status == 200 && !has_attributes {
        answer.status = 204;
        answer.text.clear();
    }
}

/// Returns `active` of users whatever `attributes` says.
pub(super) fn return_active_always(request: &ScimRequest, answer: &mut ScimAnswer) {
    let is_read = under(request, "GET", "/Users/") && answer.status == 200;
    if is_read && parameter(request, "attributes").is_some() {
        edit(answer, |v| v["active"] = true.into());
    }
}

/// Skips `startIndex` resources, not `startIndex` - 1.
pub(super) fn skip_first(request: &mut ScimRequest) {
    let is_list = is(request, "GET", "/Users") || is(request, "GET", "/Groups");
    let start = parameter(request, "startIndex").unwrap_or_else(|| "1".to_owned());
    if let Ok(start) = start.parse::<i64>()
        && is_list
    {
        with_parameter(request, "startIndex", &(start + 1).to_string());
    }
}

/// Skips `startIndex` resources where the client sends it, and none otherwise.
pub(super) fn skip_first_if_given(request: &mut ScimRequest) {
    if parameter(request, "startIndex").is_some() {
        skip_first(request);
    }
}

/// Returns the `startIndex` that the client sent.
pub(super) fn repeat_start_index(request: &ScimRequest, answer: &mut ScimAnswer) {
    let asked = parameter(request, "startIndex").and_then(|it| it.parse::<i64>().ok());
    edit(answer, |v| {
        if let Some(asked) = asked.filter(|_| v["startIndex"].is_number()) {
            v["startIndex"] = asked.max(1).into();
        }
    });
}

// Groups.

pub(super) fn refuse_nesting(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let nests = request.target.starts_with("/Groups")
        && request
            .body
            .as_deref()
            .is_some_and(|body| body.contains("\"value\":\"group-"));
    nests.then(|| refuse(400, Some("invalidValue"), "members are users"))
}

/// Ignores members that do not exist.
pub(super) fn ignore_unknown_members(request: &mut ScimRequest) {
    if !under(request, "PATCH", "/Groups/") {
        return;
    }
    rewrite(request, |v| {
        for one in v["Operations"].as_array_mut().into_iter().flatten() {
            if let Some(all) = one["value"].as_array_mut() {
                all.retain(|it| {
                    !it["value"]
                        .as_str()
                        .is_some_and(|id| id.ends_with("-nobody"))
                });
            }
        }
    });
}

// Authentication.

fn let_in(request: &mut ScimRequest) {
    request.headers.retain(|(name, _)| name != "authorization");
    let right = ("authorization".into(), format!("Bearer {TOKEN}"));
    request.headers.push(right);
}

pub(super) fn open(request: &mut ScimRequest) {
    let_in(request);
}

pub(super) fn open_to_read(request: &mut ScimRequest) {
    if request.method == "GET" {
        let_in(request);
    }
}

pub(super) fn take_any_token(request: &mut ScimRequest) {
    if request.header("authorization").is_some() {
        let_in(request);
    }
}

pub(super) fn basic_alone(request: &mut ScimRequest) {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{TOKEN}")));
    for (name, value) in &mut request.headers {
        if name == "authorization" {
            let is_right =
                value.to_lowercase().starts_with("basic ") && value[6..] == expected[6..];
            *value = if is_right {
                format!("Bearer {TOKEN}")
            } else {
                "Bearer wrong".into()
            };
        }
    }
}
