//! What strangers do differently from the correct server.

use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};
use serde_json::{Value, json};

use super::super::mutant_scim::{
    Refusal, Server, TOKEN, answer, edit, error, filter_of, is, parameter, rewrite, sent, under,
};

pub(super) fn refuse(status: u16, keyword: Option<&'static str>, detail: &str) -> ScimAnswer {
    let refusal = Refusal(status, keyword, detail.to_owned());
    let mut answer = answer(status, &error(&refusal));
    if status == 405 {
        answer.headers.push(("allow".into(), "GET".into()));
    }
    answer
}

/// Returns a request that creates a user outside of the checks.
pub(super) fn resident(number: usize) -> ScimRequest {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("resident-{number}@other.example"),
        "displayName": format!("Resident {number}"),
        "nickName": "Res",
        "active": true,
        "emails": [{"value": format!("resident-{number}@other.example"), "type": "work"}],
    });
    ScimRequest {
        method: reqwest::Method::POST,
        target: "/Users".to_owned(),
        headers: vec![
            ("authorization".into(), format!("Bearer {TOKEN}")),
            ("content-type".into(), "application/scim+json".into()),
        ],
        body: Some(body.to_string()),
    }
}

pub(super) fn too_many(is_date: bool) -> ScimAnswer {
    let mut answer = refuse(429, None, "too many requests");
    let after = if is_date {
        let soon = ambient::Ambient::real().now() + jiff::SignedDuration::from_secs(2);
        soon.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    } else {
        "1".to_owned()
    };
    answer.headers.push(("retry-after".into(), after));
    answer
}

/// Removes resources from a list.
pub(super) fn hide(answer: &mut ScimAnswer, ids: &[&str]) {
    edit(answer, |body| {
        let Some(all) = body.get_mut("Resources").and_then(Value::as_array_mut) else {
            return;
        };
        let before = all.len();
        all.retain(|one| !one["id"].as_str().is_some_and(|id| ids.contains(&id)));
        let hidden = before - all.len();
        for count in ["totalResults", "itemsPerPage"] {
            if let Some(said) = body[count].as_u64() {
                body[count] = (said - hidden as u64).into();
            }
        }
    });
}

fn is_resource(request: &ScimRequest) -> bool {
    under(request, "PUT", "/Users/") || under(request, "PUT", "/Groups/")
}

/// True if the request contains the whole body of a user, as JSON.
fn writes_user(request: &ScimRequest) -> bool {
    let is_write = is(request, "POST", "/Users") || under(request, "PUT", "/Users/");
    is_write && sent(request).is_object()
}

// Filters.

pub(super) fn ignore_filters(request: &mut ScimRequest) {
    if request.method == "GET"
        && request.target.contains("filter=")
        && !request.target.contains("/ResourceTypes")
        && !request.target.contains("/Schemas")
    {
        let (path, query) = request.target.split_once('?').unwrap_or_default();
        let kept =
            url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "filter");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .finish();
        request.target = format!("{path}?{query}");
    }
    if request.target.ends_with("/.search") {
        rewrite(request, |v| drop_member(v, "filter"));
    }
}

pub(super) fn eq_alone(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    // Ignore operators inside of strings.
    let filter = any_filter(request)?.to_lowercase();
    let filter: String = filter.split('"').step_by(2).collect();
    let is_eq = filter.matches(" eq ").count() == 1
        && !["(", "[", " and ", " or ", " pr"]
            .iter()
            .any(|it| filter.contains(it));
    let is_operator = [
        " ne ", " co ", " sw ", " ew ", " gt ", " ge ", " lt ", " le ",
    ]
    .iter()
    .any(|it| filter.contains(it));
    (!is_eq || is_operator).then(|| refuse(400, Some("invalidFilter"), "only eq is supported"))
}

/// Like AWS: only `eq` on userName and externalId, and on displayName of groups.
pub(super) fn eq_on_names(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let filter = any_filter(request)?.to_lowercase();
    let is_groups = request.target.starts_with("/Groups");
    let name = if is_groups {
        "displayname eq "
    } else {
        "username eq "
    };
    let known = [name, "externalid eq ", "id eq "];
    if known.iter().any(|it| filter.starts_with(it)) {
        return eq_alone(server, request);
    }
    Some(refuse(400, Some("invalidFilter"), "no such filter"))
}

pub(super) fn no_filters(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    any_filter(request)?;
    Some(refuse(
        400,
        Some("invalidFilter"),
        "filters are not supported",
    ))
}

fn any_filter(request: &ScimRequest) -> Option<String> {
    if request.method == "POST" && request.target.ends_with("/.search") {
        return sent(request)["filter"].as_str().map(str::to_owned);
    }
    let is_list = is(request, "GET", "/Users") || is(request, "GET", "/Groups");
    is_list.then(|| parameter(request, "filter"))?
}

pub(super) fn case_sensitive_filters(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let filter = filter_of(request)?;
    let is_loud = filter.starts_with("userName eq \"RH");
    is_loud.then(|| {
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": [],
        });
        answer(200, &list)
    })
}

pub(super) fn fail_at_bad_filters(_: &ScimRequest, answer: &mut ScimAnswer) {
    if answer.status == 400 && answer.text.contains("invalidFilter") {
        answer.status = 500;
        answer.text = "<html><body><h1>Internal Server Error</h1></body></html>".to_owned();
        super::answers::content_type(answer, "text/html");
    }
}

// Required attributes of users.

pub(super) fn require_emails(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let emails = &sent(request)["emails"];
    let has_none = emails.as_array().is_none_or(Vec::is_empty);
    (writes_user(request) && has_none)
        .then(|| refuse(400, Some("invalidValue"), "emails is required"))
}

pub(super) fn require_country(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    (writes_user(request) && sent(request)["title"].is_null())
        .then(|| refuse(400, Some("invalidValue"), "title is required"))
}

pub(super) fn require_domain(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let name = sent(request)["userName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let is_foreign = !name.is_empty() && !name.to_lowercase().ends_with("@corp.example");
    (writes_user(request) && is_foreign).then(|| {
        refuse(
            400,
            Some("invalidValue"),
            "userName is not in a verified domain",
        )
    })
}

pub(super) fn forbid_writes(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    (request.method != "GET").then(|| refuse(403, None, "the token may read"))
}

pub(super) fn one_email(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let refusal = || refuse(400, Some("invalidValue"), "a user has one e-mail");
    let body = sent(request);
    let many = |value: &Value| value.as_array().is_some_and(|all| all.len() > 1);
    if writes_user(request) && many(&body["emails"]) {
        return Some(refusal());
    }
    if under(request, "PATCH", "/Users/") {
        let now = server.now(&request.target);
        let has_one = now["emails"].as_array().is_some_and(|all| !all.is_empty());
        for one in body["Operations"].as_array().into_iter().flatten() {
            let adds = one["op"]
                .as_str()
                .is_some_and(|op| op.eq_ignore_ascii_case("add"));
            let emails = match one["path"].as_str() {
                Some(path) => path.starts_with("emails"),
                None => !one["value"]["emails"].is_null(),
            };
            if adds && emails && has_one || many(&one["value"]) && emails {
                return Some(refusal());
            }
        }
    }
    None
}

/// Keeps only the first e-mail address, without an error.
pub(super) fn first_email(request: &mut ScimRequest) {
    if writes_user(request) {
        rewrite(request, |v| {
            if let Some(all) = v.get_mut("emails").and_then(Value::as_array_mut) {
                all.truncate(1);
            }
        });
    }
}

// Attributes that are not stored.

pub(super) fn forget_nick_name(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |v| drop_member(v, "nickName"));
}

/// Like django-scim2: computes displayName from the names.
pub(super) fn compute_display_name(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |v| {
        if v["userName"].is_string() {
            let name = format!("{} {}", v["name"]["givenName"], v["name"]["familyName"]);
            if !v["displayName"].is_null() {
                v["displayName"] = name.replace(['"'], "").into();
            }
        }
    });
}

/// Every new user is active, whatever the client sends.
pub(super) fn activate_new_users(request: &mut ScimRequest) {
    if is(request, "POST", "/Users") && sent(request)["active"] == false {
        rewrite(request, |v| v["active"] = true.into());
    }
}

/// Like a server without inactive users: `active` is always true.
pub(super) fn activate_always(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |v| {
        if v["active"].is_boolean() {
            v["active"] = true.into();
        }
    });
}

pub(super) fn forget_external_id(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |v| drop_member(v, "externalId"));
}

pub(super) fn lower_user_names(request: &mut ScimRequest) {
    rewrite(request, |v| {
        if let Some(name) = v["userName"].as_str().map(str::to_lowercase) {
            v["userName"] = name.into();
        }
    });
}

pub(super) fn bare_members(_: &ScimRequest, answer: &mut ScimAnswer) {
    everywhere(answer, &mut |v| {
        for one in v
            .get_mut("members")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            drop_member(one, "type");
            drop_member(one, "$ref");
        }
    });
}

// Lists.

fn each_listed(answer: &mut ScimAnswer, change: impl Fn(&mut Value)) {
    edit(answer, |body| {
        let all = body.get_mut("Resources").and_then(Value::as_array_mut);
        all.into_iter().flatten().for_each(change);
    });
}

pub(super) fn short_lists_of_all(request: &ScimRequest, answer: &mut ScimAnswer) {
    let is_list = is(request, "GET", "/Users") || is(request, "GET", "/Groups");
    if is_list && parameter(request, "filter").is_none() {
        each_listed(answer, |one| drop_member(one, "meta"));
    }
}

pub(super) fn lists_without_members(request: &ScimRequest, answer: &mut ScimAnswer) {
    if is(request, "GET", "/Groups") {
        each_listed(answer, |one| drop_member(one, "members"));
    }
}

// Methods.

pub(super) fn no_put(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    is_resource(request).then(|| refuse(405, None, "PUT is not supported"))
}

pub(super) fn no_patch(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    (request.method == "PATCH").then(|| refuse(501, None, "PATCH is not supported"))
}

fn has_paths(request: &ScimRequest) -> bool {
    let body = sent(request);
    let mut all = body["Operations"].as_array().into_iter().flatten();
    request.method == "PATCH" && all.any(|one| one["path"].is_string())
}

pub(super) fn refuse_paths(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    has_paths(request).then(|| refuse(400, Some("invalidPath"), "path is not supported"))
}

pub(super) fn fail_at_paths(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    has_paths(request).then(|| refuse(500, None, "TypeError: path is not a function"))
}

/// Like mitol-django-scim: the value of an operation with a path must be an object.
pub(super) fn fail_at_values(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let body = sent(request);
    let mut all = body["Operations"].as_array().into_iter().flatten();
    let has_object = all.any(|it| it["value"].is_object());
    let fails = has_paths(request) && !has_object;
    fails.then(|| {
        refuse(
            500,
            None,
            "AttributeError: 'bool' object has no attribute 'items'",
        )
    })
}

pub(super) fn no_delete(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    (request.method == "DELETE").then(|| refuse(404, None, "no route"))
}

/// DELETE only disables the user.
pub(super) fn soft_delete(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    if !under(request, "DELETE", "/Users/") {
        return None;
    }
    let operation = json!({"op": "replace", "path": "active", "value": false});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [operation],
    });
    let mut off = request.clone();
    off.method = reqwest::Method::PATCH;
    off.headers
        .push(("content-type".into(), "application/scim+json".into()));
    off.body = Some(body.to_string());
    let mut done = server.answer(&off);
    if done.status == 200 {
        done.status = 204;
        done.text = String::new();
    }
    Some(done)
}

pub(super) fn no_search(_: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    request
        .target
        .ends_with("/.search")
        .then(|| refuse(404, None, "no route"))
}

pub(super) fn drop_member(value: &mut Value, name: &str) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove(name);
    }
}

/// Changes a resource, or each resource of a list.
pub(super) fn everywhere(answer: &mut ScimAnswer, change: &mut dyn FnMut(&mut Value)) {
    edit(answer, |body| {
        if let Some(all) = body.get_mut("Resources").and_then(Value::as_array_mut) {
            all.iter_mut().for_each(&mut *change);
        }
        change(body);
    });
}

pub(super) fn walk(value: &mut Value, change: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(all) => all.iter_mut().for_each(|one| walk(one, change)),
        Value::Object(all) => all.values_mut().for_each(|one| walk(one, change)),
        _ => {}
    }
}
