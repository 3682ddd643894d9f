//! Differences of the strangers in answers, groups and authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::scim::wire::{Asked, Told};

use super::super::mutant_scim::{
    BASE, Server, TOKEN, edit, is, parameter, rewrite, under, with_parameter,
};
use super::switches::{drop_member, refuse, walk};

/// The user of the server that accepts only HTTP Basic.
pub(super) const USER: &str = "provisioner";

// Discovery.

fn says_of(told: &mut Told, feature: &str, supported: bool) {
    edit(told, |v| {
        if v["patch"].is_object() {
            v[feature]["supported"] = supported.into();
        }
    });
}

pub(super) fn denies_patch(_: &Asked, told: &mut Told) {
    says_of(told, "patch", false);
}

pub(super) fn denies_filter(_: &Asked, told: &mut Told) {
    says_of(told, "filter", false);
}

pub(super) fn denies_the_rest(_: &Asked, told: &mut Told) {
    for feature in ["bulk", "sort", "etag"] {
        says_of(told, feature, false);
    }
    edit(told, |v| {
        if v["patch"].is_object() {
            drop_member(v, "pagination");
        }
    });
}

pub(super) fn no_discovery(_: &Server, asked: &Asked) -> Option<Told> {
    let places = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"];
    let is_one = places.iter().any(|place| asked.target.starts_with(place));
    is_one.then(|| refuse(404, None, "no route"))
}

pub(super) fn no_groups(_: &Server, asked: &Asked) -> Option<Told> {
    asked
        .target
        .starts_with("/Groups")
        .then(|| refuse(404, None, "no route"))
}

pub(super) fn hides_groups(asked: &Asked, told: &mut Told) {
    if is(asked, "GET", "/ResourceTypes") {
        edit(told, |v| {
            if let Some(all) = v["Resources"].as_array_mut() {
                all.retain(|one| one["name"] != "Group");
                v["totalResults"] = 1.into();
            }
        });
    }
}

// Answers.

pub(super) fn empty_201(asked: &Asked, told: &mut Told) {
    if told.status == 201 && asked.method == "POST" {
        told.text = String::new();
    }
}

pub(super) fn relative_location(_: &Asked, told: &mut Told) {
    for (name, value) in &mut told.headers {
        if name == "location" {
            *value = value.replace("http://scim.test", "");
        }
    }
}

pub(super) fn patch_204(asked: &Asked, told: &mut Told) {
    if asked.method == "PATCH" && told.status == 200 && !asked.target.contains("attributes=") {
        told.status = 204;
        told.text = String::new();
    }
}

pub(super) fn content_type(told: &mut Told, media_type: &str) {
    told.headers.retain(|(name, _)| name != "content-type");
    told.headers
        .push(("content-type".into(), media_type.into()));
}

pub(super) fn plain_json(_: &Asked, told: &mut Told) {
    content_type(told, "application/json");
}

pub(super) fn html_errors(_: &Asked, told: &mut Told) {
    if told.status >= 400 {
        let status = told.status;
        told.text = format!("<html><body><h1>Error {status}</h1></body></html>");
        content_type(told, "text/html");
    }
}

pub(super) fn no_challenge(_: &Asked, told: &mut Told) {
    told.headers.retain(|(name, _)| name != "www-authenticate");
}

/// Redirects to the URL with a slash at its end, like Django.
pub(super) fn ask_for_a_slash(_: &Server, asked: &Asked) -> Option<Told> {
    let target = asked.target.strip_prefix(BASE).unwrap_or(&asked.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.ends_with('/') {
        return None;
    }
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let mut told = refuse(308, None, "");
    told.text = String::new();
    told.headers
        .push(("location".into(), format!("{BASE}{path}/{query}")));
    Some(told)
}

pub(super) fn take_the_slash_off(asked: &mut Asked) {
    let target = asked.target.strip_prefix(BASE).unwrap_or(&asked.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    asked.target = format!("{}{query}", path.trim_end_matches('/'));
}

/// Uses ids with characters that are reserved in URLs.
pub(super) fn odd_ids(_: &Asked, told: &mut Told) {
    for (_, value) in &mut told.headers {
        *value = value.replace("/Users/user-", "/Users/user%2F%23-");
    }
    edit(told, |v| {
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

pub(super) fn read_odd_ids(asked: &mut Asked) {
    asked.target = asked.target.replace("user%2F%23-", "user-");
    if let Some(body) = &asked.body {
        let body = body
            .replace("user/#-", "user-")
            .replace("user%2F%23-", "user-");
        asked.body = Some(body);
    }
}

pub(super) fn no_paging(asked: &mut Asked) {
    for name in ["count", "startIndex"] {
        let said = parameter(asked, name);
        if said.is_some_and(|it| it.parse::<i64>().is_ok()) && asked.method == "GET" {
            with_parameter(asked, name, if name == "count" { "100" } else { "1" });
        }
    }
}

// Groups.

pub(super) fn refuse_nesting(_: &Server, asked: &Asked) -> Option<Told> {
    let nests = asked.target.starts_with("/Groups")
        && asked
            .body
            .as_deref()
            .is_some_and(|body| body.contains("\"value\":\"group-"));
    nests.then(|| refuse(400, Some("invalidValue"), "members are users"))
}

/// Ignores members that do not exist.
pub(super) fn ignore_unknown_members(asked: &mut Asked) {
    if !under(asked, "PATCH", "/Groups/") {
        return;
    }
    rewrite(asked, |v| {
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

fn let_in(asked: &mut Asked) {
    asked.headers.retain(|(name, _)| name != "authorization");
    let right = ("authorization".into(), format!("Bearer {TOKEN}"));
    asked.headers.push(right);
}

pub(super) fn open(asked: &mut Asked) {
    let_in(asked);
}

pub(super) fn open_to_read(asked: &mut Asked) {
    if asked.method == "GET" {
        let_in(asked);
    }
}

pub(super) fn take_any_token(asked: &mut Asked) {
    if asked.header("authorization").is_some() {
        let_in(asked);
    }
}

pub(super) fn basic_alone(asked: &mut Asked) {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{TOKEN}")));
    for (name, value) in &mut asked.headers {
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
