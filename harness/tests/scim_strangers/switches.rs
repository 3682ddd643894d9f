//! What strangers do differently from the correct server.

use rehearsal::check::scim::wire::{Asked, Told};
use serde_json::{Value, json};

use super::super::mutant_scim::{
    Refusal, Server, TOKEN, edit, error, filter_of, is, parameter, rewrite, sent, told, under,
};

pub(super) fn refuse(status: u16, keyword: Option<&'static str>, detail: &str) -> Told {
    let refusal = Refusal(status, keyword, detail.to_owned());
    let mut told = told(status, &error(&refusal));
    if status == 405 {
        told.headers.push(("allow".into(), "GET".into()));
    }
    told
}

/// Returns a request that creates a user outside of the checks.
pub(super) fn resident(number: usize) -> Asked {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("resident-{number}@other.example"),
        "displayName": format!("Resident {number}"),
        "nickName": "Res",
        "active": true,
        "emails": [{"value": format!("resident-{number}@other.example"), "type": "work"}],
    });
    Asked {
        method: reqwest::Method::POST,
        target: "/Users".to_owned(),
        headers: vec![
            ("authorization".into(), format!("Bearer {TOKEN}")),
            ("content-type".into(), "application/scim+json".into()),
        ],
        body: Some(body.to_string()),
    }
}

pub(super) fn too_many(is_date: bool) -> Told {
    let mut told = refuse(429, None, "too many requests");
    let after = if is_date {
        let soon = ambient::Ambient::real().now() + jiff::SignedDuration::from_secs(2);
        soon.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    } else {
        "1".to_owned()
    };
    told.headers.push(("retry-after".into(), after));
    told
}

/// Removes resources from a list.
pub(super) fn hide(told: &mut Told, ids: &[&str]) {
    edit(told, |body| {
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

fn is_resource(asked: &Asked) -> bool {
    under(asked, "PUT", "/Users/") || under(asked, "PUT", "/Groups/")
}

/// True if the request contains the whole body of a user, as JSON.
fn writes_user(asked: &Asked) -> bool {
    let is_write = is(asked, "POST", "/Users") || under(asked, "PUT", "/Users/");
    is_write && sent(asked).is_object()
}

// Filters.

pub(super) fn ignore_filters(asked: &mut Asked) {
    if asked.method == "GET"
        && asked.target.contains("filter=")
        && !asked.target.contains("/ResourceTypes")
        && !asked.target.contains("/Schemas")
    {
        let (path, query) = asked.target.split_once('?').unwrap_or_default();
        let kept =
            url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "filter");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .finish();
        asked.target = format!("{path}?{query}");
    }
    if asked.target.ends_with("/.search") {
        rewrite(asked, |v| drop_member(v, "filter"));
    }
}

pub(super) fn eq_alone(_: &Server, asked: &Asked) -> Option<Told> {
    // Ignore operators inside of strings.
    let filter = any_filter(asked)?.to_lowercase();
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
pub(super) fn eq_on_names(server: &Server, asked: &Asked) -> Option<Told> {
    let filter = any_filter(asked)?.to_lowercase();
    let is_groups = asked.target.starts_with("/Groups");
    let name = if is_groups {
        "displayname eq "
    } else {
        "username eq "
    };
    let known = [name, "externalid eq ", "id eq "];
    if known.iter().any(|it| filter.starts_with(it)) {
        return eq_alone(server, asked);
    }
    Some(refuse(400, Some("invalidFilter"), "no such filter"))
}

pub(super) fn no_filters(_: &Server, asked: &Asked) -> Option<Told> {
    any_filter(asked)?;
    Some(refuse(
        400,
        Some("invalidFilter"),
        "filters are not supported",
    ))
}

fn any_filter(asked: &Asked) -> Option<String> {
    if asked.method == "POST" && asked.target.ends_with("/.search") {
        return sent(asked)["filter"].as_str().map(str::to_owned);
    }
    let is_list = is(asked, "GET", "/Users") || is(asked, "GET", "/Groups");
    is_list.then(|| parameter(asked, "filter"))?
}

pub(super) fn case_sensitive_filters(_: &Server, asked: &Asked) -> Option<Told> {
    let filter = filter_of(asked)?;
    let is_loud = filter.starts_with("userName eq \"RH");
    is_loud.then(|| {
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": [],
        });
        told(200, &list)
    })
}

pub(super) fn fail_at_bad_filters(_: &Asked, told: &mut Told) {
    if told.status == 400 && told.text.contains("invalidFilter") {
        told.status = 500;
        told.text = "<html><body><h1>Internal Server Error</h1></body></html>".to_owned();
        super::answers::content_type(told, "text/html");
    }
}

// Required attributes of users.

pub(super) fn require_emails(_: &Server, asked: &Asked) -> Option<Told> {
    let emails = &sent(asked)["emails"];
    let has_none = emails.as_array().is_none_or(Vec::is_empty);
    (writes_user(asked) && has_none)
        .then(|| refuse(400, Some("invalidValue"), "emails is required"))
}

pub(super) fn require_country(_: &Server, asked: &Asked) -> Option<Told> {
    (writes_user(asked) && sent(asked)["title"].is_null())
        .then(|| refuse(400, Some("invalidValue"), "title is required"))
}

pub(super) fn require_domain(_: &Server, asked: &Asked) -> Option<Told> {
    let name = sent(asked)["userName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let is_foreign = !name.is_empty() && !name.to_lowercase().ends_with("@corp.example");
    (writes_user(asked) && is_foreign).then(|| {
        refuse(
            400,
            Some("invalidValue"),
            "userName is not in a verified domain",
        )
    })
}

pub(super) fn forbid_writes(_: &Server, asked: &Asked) -> Option<Told> {
    (asked.method != "GET").then(|| refuse(403, None, "the token may read"))
}

pub(super) fn one_email(server: &Server, asked: &Asked) -> Option<Told> {
    let refusal = || refuse(400, Some("invalidValue"), "a user has one e-mail");
    let body = sent(asked);
    let many = |value: &Value| value.as_array().is_some_and(|all| all.len() > 1);
    if writes_user(asked) && many(&body["emails"]) {
        return Some(refusal());
    }
    if under(asked, "PATCH", "/Users/") {
        let now = server.now(&asked.target);
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
pub(super) fn first_email(asked: &mut Asked) {
    if writes_user(asked) {
        rewrite(asked, |v| {
            if let Some(all) = v.get_mut("emails").and_then(Value::as_array_mut) {
                all.truncate(1);
            }
        });
    }
}

// Attributes that are not stored.

pub(super) fn forget_nick_name(_: &Asked, told: &mut Told) {
    everywhere(told, &mut |v| drop_member(v, "nickName"));
}

/// Like django-scim2: computes displayName from the names.
pub(super) fn compute_display_name(_: &Asked, told: &mut Told) {
    everywhere(told, &mut |v| {
        if v["userName"].is_string() {
            let name = format!("{} {}", v["name"]["givenName"], v["name"]["familyName"]);
            if !v["displayName"].is_null() {
                v["displayName"] = name.replace(['"'], "").into();
            }
        }
    });
}

pub(super) fn forget_external_id(_: &Asked, told: &mut Told) {
    everywhere(told, &mut |v| drop_member(v, "externalId"));
}

pub(super) fn lower_user_names(asked: &mut Asked) {
    rewrite(asked, |v| {
        if let Some(name) = v["userName"].as_str().map(str::to_lowercase) {
            v["userName"] = name.into();
        }
    });
}

pub(super) fn bare_members(_: &Asked, told: &mut Told) {
    everywhere(told, &mut |v| {
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

// Methods.

pub(super) fn no_put(_: &Server, asked: &Asked) -> Option<Told> {
    is_resource(asked).then(|| refuse(405, None, "PUT is not supported"))
}

pub(super) fn no_patch(_: &Server, asked: &Asked) -> Option<Told> {
    (asked.method == "PATCH").then(|| refuse(501, None, "PATCH is not supported"))
}

pub(super) fn no_delete(_: &Server, asked: &Asked) -> Option<Told> {
    (asked.method == "DELETE").then(|| refuse(404, None, "no route"))
}

/// DELETE only disables the user.
pub(super) fn soft_delete(server: &Server, asked: &Asked) -> Option<Told> {
    if !under(asked, "DELETE", "/Users/") {
        return None;
    }
    let operation = json!({"op": "replace", "path": "active", "value": false});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [operation],
    });
    let mut off = asked.clone();
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

pub(super) fn no_search(_: &Server, asked: &Asked) -> Option<Told> {
    asked
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
pub(super) fn everywhere(told: &mut Told, change: &mut dyn FnMut(&mut Value)) {
    edit(told, |body| {
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
