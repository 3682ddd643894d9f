//! A small, correct SCIM server in memory, called without a socket. It shares no code with
//! the portal, so that the checks are compared with the RFCs and not with the portal.

mod answers;
mod bulk;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};

use super::schemas::{Attr, ENTERPRISE, KINDS, Kind, config, find, member, schemas, types};
use super::{filter, listing, patch};
use answers::{Answer, documents, no};
pub(crate) use answers::{Refusal, answer, error};
use values::object;

pub(crate) const BASE: &str = "http://scim.test/v2";
pub(crate) const TOKEN: &str = "token-of-the-honest-server";
/// The token of another tenant, which has a server of its own behind the same URL.
pub(crate) const SECOND_TOKEN: &str = "token-of-another-tenant";

/// A stored resource.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    kind: usize,
    body: Map<String, Value>,
    version: u64,
    created: Timestamp,
    modified: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) all: BTreeMap<String, Kept>,
    last: u64,
    ticks: i64,
    /// Deleted resources, for mutants that still return them.
    gone: Vec<Value>,
    /// Ids that a bulk request has assigned to resources that do not exist yet.
    promised: BTreeSet<String>,
}

/// A correct SCIM server.
#[derive(Debug, Default)]
pub(crate) struct Server(Mutex<State>);

/// Splits a target into the segments of its path and the parameters of its query.
pub(crate) fn parts(target: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let target = target.strip_prefix(BASE).unwrap_or(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let decoded = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B"));
        let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
        pairs
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let path = path.split('/').skip(1).map(decoded).collect();
    let query = url::form_urlencoded::parse(query.as_bytes());
    (
        path,
        query
            .map(|(a, b)| (a.into_owned(), b.into_owned()))
            .collect(),
    )
}

impl Server {
    /// Returns the answer to a request.
    pub(crate) fn answer(&self, request: &ScimRequest) -> ScimAnswer {
        let mut state = self.0.lock().unwrap();
        let mut answer = state.answer(request).unwrap_or_else(|refusal| {
            let mut answer = answer(refusal.0, &error(&refusal));
            match refusal.0 {
                401 => answer
                    .headers
                    .push(("www-authenticate".into(), "Bearer".into())),
                405 => answer.headers.push(("allow".into(), "GET".into())),
                _ => {}
            }
            answer
        });
        answer.request = request.line();
        answer
    }
}

impl Server {
    /// Returns a server whose ids differ from those of every other server.
    pub(crate) fn beginning_at(number: u64) -> Self {
        Self(Mutex::new(State {
            last: number,
            ..State::default()
        }))
    }

    /// Creates the user of a PUT under the id of the request, as servers with an upsert do.
    pub(crate) fn upsert(&self, request: &ScimRequest) -> Option<ScimAnswer> {
        let id = request.target.strip_prefix("/Users/")?;
        self.create_by_put(request, Some(id.to_owned()))
    }

    /// Creates the user of a PUT under an id of the server's.
    pub(crate) fn upsert_with_own_id(&self, request: &ScimRequest) -> Option<ScimAnswer> {
        self.create_by_put(request, None)
    }

    fn create_by_put(&self, request: &ScimRequest, id: Option<String>) -> Option<ScimAnswer> {
        let id_sent = request.target.strip_prefix("/Users/")?;
        let mut state = self.0.lock().unwrap();
        if request.method != "PUT" || state.all.contains_key(id_sent) {
            return None;
        }
        let body: Value = serde_json::from_str(request.body.as_deref()?).ok()?;
        let mut answer = state.create(0, &body, id, &BTreeMap::new()).ok()?;
        answer.status = 200;
        Some(answer)
    }

    /// Returns the ids of all resources.
    pub(crate) fn left(&self) -> Vec<String> {
        self.0.lock().unwrap().all.keys().cloned().collect()
    }

    /// Returns the deleted resources.
    pub(crate) fn gone(&self) -> Vec<Value> {
        self.0.lock().unwrap().gone.clone()
    }

    /// Returns the resource at a target; the query is ignored. Null if there is none.
    pub(crate) fn now(&self, target: &str) -> Value {
        let place = target.split('?').next().unwrap_or_default();
        let id = place.rsplit('/').next().unwrap_or_default();
        let state = self.0.lock().unwrap();
        match state.all.get(id) {
            Some(_) => state.whole(id).1,
            None => Value::Null,
        }
    }
}

impl State {
    fn answer(&mut self, request: &ScimRequest) -> Answer {
        let authorization = request.header("authorization").unwrap_or_default();
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") || token != TOKEN {
            return no(401, "", "expected the token");
        }
        let (path, query) = parts(&request.target);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let body = match (&request.body, method) {
            (Some(text), "POST" | "PUT" | "PATCH") => {
                let media = request.header("content-type").unwrap_or_default();
                let media = media.split(';').next().unwrap_or_default().trim();
                if !["application/scim+json", "application/json"].contains(&media) {
                    return no(415, "", "expected JSON");
                }
                if path == ["Bulk"] && text.len() > 16384 {
                    return no(413, "tooLarge", "the body is too large");
                }
                match serde_json::from_str::<Value>(text) {
                    Ok(body) if body.is_object() => body,
                    _ => return no(400, "invalidSyntax", "expected a JSON object"),
                }
            }
            _ => Value::Null,
        };
        match (method, path.as_slice()) {
            ("GET", ["ServiceProviderConfig"]) => Ok(answer(200, &config(BASE))),
            ("GET", ["ResourceTypes", rest @ ..]) => documents(&types(), "name", rest, &query),
            ("GET", ["Schemas", rest @ ..]) => documents(&schemas(), "id", rest, &query),
            ("GET", ["Me"]) => no(501, "", "there is no current user"),
            ("POST", ["Bulk"]) => self.bulk(&body),
            ("POST", [".search"]) => self.search(&[0, 1], &body),
            (_, [endpoint, rest @ ..]) => {
                let kind = KINDS
                    .iter()
                    .position(|kind| kind.endpoint[1..] == **endpoint);
                let Some(kind) = kind else {
                    return no(404, "", "there is no such endpoint");
                };
                match (method, rest) {
                    ("GET", []) => listing::list(self, &[kind], &query),
                    ("POST", []) => self.create(kind, &body, None, &query),
                    ("POST", [".search"]) => self.search(&[kind], &body),
                    ("GET" | "PUT" | "PATCH" | "DELETE", [id]) => {
                        self.one(kind, id, request, &body, &query)
                    }
                    (_, [] | [_]) => no(405, "", "there is no such method here"),
                    _ => no(404, "", "there is no such endpoint"),
                }
            }
            _ => no(404, "", "there is no such endpoint"),
        }
    }

    fn one(
        &mut self,
        kind: usize,
        id: &str,
        request: &ScimRequest,
        body: &Value,
        query: &BTreeMap<String, String>,
    ) -> Answer {
        let before = match self.all.get(id) {
            Some(kept) if kept.kind == kind => kept.clone(),
            _ => return no(404, "", format!("there is no {id}")),
        };
        let version = format!("W/\"{}\"", before.version);
        if request.header("if-none-match") == Some(&version) {
            return Ok(answer(304, &Value::Null));
        }
        if request
            .header("if-match")
            .is_some_and(|wanted| wanted != "*" && wanted != version)
        {
            return no(412, "", "the version is another");
        }
        let after = match request.method.as_str() {
            "PUT" => self.normal(kind, body)?,
            "PATCH" => {
                let after = patch::apply(body, &KINDS[kind], &before.body)?;
                self.normal(kind, &after.into())?
            }
            "DELETE" => {
                let gone = self.whole(id).1;
                self.gone.push(gone);
                self.all.remove(id);
                for kept in self.all.values_mut() {
                    if let Some(members) =
                        kept.body.get_mut("members").and_then(Value::as_array_mut)
                    {
                        members.retain(|one| one["value"] != *id);
                    }
                }
                return Ok(ScimAnswer {
                    text: String::new(),
                    ..answer(204, &Value::Null)
                });
            }
            _ => return Ok(self.resource_answer(200, id, query)),
        };
        self.unique(&after, Some(id))?;
        if after != before.body {
            let modified = self.tick();
            let kept = self.all.get_mut(id).expect("it was there");
            kept.body = after;
            kept.version += 1;
            kept.modified = modified;
        }
        Ok(self.resource_answer(200, id, query))
    }

    fn create(
        &mut self,
        kind: usize,
        body: &Value,
        id: Option<String>,
        query: &BTreeMap<String, String>,
    ) -> Answer {
        let body = self.normal(kind, body)?;
        self.unique(&body, None)?;
        let now = self.tick();
        self.last += 1;
        let number = self.last;
        let id = id.unwrap_or_else(|| format!("{}-{number}", KINDS[kind].name.to_lowercase()));
        let kept = Kept {
            number,
            kind,
            body,
            version: 1,
            created: now,
            modified: now,
        };
        self.all.insert(id.clone(), kept);
        let mut answer = self.resource_answer(201, &id, query);
        let location = format!("{BASE}{}/{id}", KINDS[kind].endpoint);
        answer.headers.push(("location".into(), location));
        Ok(answer)
    }

    fn tick(&mut self) -> Timestamp {
        self.ticks += 1;
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("an instant");
        start + SignedDuration::from_millis(self.ticks)
    }

    fn unique(&self, body: &Map<String, Value>, but: Option<&str>) -> Result<(), Refusal> {
        let name = |body: &Map<String, Value>| Some(body.get("userName")?.as_str()?.to_lowercase());
        let Some(wanted) = name(body) else {
            return Ok(());
        };
        let mut others = self.all.iter().filter(|(id, _)| Some(id.as_str()) != but);
        if others.any(|(_, kept)| name(&kept.body).as_ref() == Some(&wanted)) {
            return no(409, "uniqueness", "the userName is taken");
        }
        Ok(())
    }

    /// Returns the body as it is stored: canonical attribute names, and values of the right
    /// types.
    fn normal(&self, kind: usize, body: &Value) -> Result<Map<String, Value>, Refusal> {
        let kind = &KINDS[kind];
        let named = member(body, "schemas").and_then(Value::as_array);
        if named.is_none_or(|all| !all.contains(&kind.urn.into())) {
            return no(
                400,
                "invalidValue",
                format!("expected schemas to name {}", kind.urn),
            );
        }
        let mut out = object(&kind.attrs, body)?;
        let mut all = vec![Value::from(kind.urn)];
        if let Some(held) = member(body, ENTERPRISE).filter(|_| !kind.extension.is_empty()) {
            let inner = object(&kind.extension, held)?;
            if !inner.is_empty() {
                out.insert(ENTERPRISE.into(), inner.into());
                all.push(ENTERPRISE.into());
            }
        }
        for one in out
            .get("members")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let id = one["value"].as_str().unwrap_or_default();
            if !self.all.contains_key(id) && !self.promised.contains(id) {
                return no(400, "invalidValue", format!("there is no {id}"));
            }
        }
        out.insert("schemas".into(), all.into());
        Ok(out)
    }

    /// Returns the whole resource as clients see it.
    pub(crate) fn whole(&self, id: &str) -> (&'static Kind, Value) {
        let kept = &self.all[id];
        let kind = &KINDS[kept.kind];
        let mut out = kept.body.clone();
        out.shift_remove("password");
        out.insert("id".into(), id.into());
        out.insert(
            "meta".into(),
            json!({
                "resourceType": kind.name,
                "created": kept.created.to_string(),
                "lastModified": kept.modified.to_string(),
                "location": format!("{BASE}{}/{id}", kind.endpoint),
                "version": format!("W/\"{}\"", kept.version),
            }),
        );
        for one in out
            .get_mut("members")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let id = one["value"].as_str().unwrap_or_default().to_owned();
            if let Some(member) = self.all.get(&id) {
                let kind = &KINDS[member.kind];
                one["type"] = kind.name.into();
                one["$ref"] = format!("{BASE}{}/{id}", kind.endpoint).into();
            }
        }
        if kind.name == "User" {
            let holds = |kept: &Kept| {
                let members = kept.body.get("members").and_then(Value::as_array);
                members.is_some_and(|all| all.iter().any(|one| one["value"] == *id))
            };
            let groups = self.all.iter().filter(|(_, kept)| holds(kept));
            let groups: Vec<Value> = groups.map(|(id, _)| json!({ "value": id })).collect();
            if !groups.is_empty() {
                out.insert("groups".into(), groups.into());
            }
        }
        (kind, out.into())
    }

    fn resource_answer(
        &self,
        status: u16,
        id: &str,
        query: &BTreeMap<String, String>,
    ) -> ScimAnswer {
        let (kind, whole) = self.whole(id);
        let mut answer = answer(status, &listing::cut(kind, &whole, query));
        let text = |name: &str| whole["meta"][name].as_str().unwrap_or_default().to_owned();
        answer.headers.push(("etag".into(), text("version")));
        answer
            .headers
            .push(("content-location".into(), text("location")));
        answer
    }

    fn search(&mut self, kinds: &[usize], body: &Value) -> Answer {
        let mut query = BTreeMap::new();
        for (name, value) in body.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(all) => {
                    let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
                    all.join(",")
                }
                other => other.to_string(),
            };
            query.insert(name.clone(), text);
        }
        listing::list(self, kinds, &query)
    }

    /// Returns the resources of these types, in the order of creation.
    pub(crate) fn of(&self, kinds: &[usize]) -> Vec<(u64, &'static Kind, Value)> {
        let mut all: Vec<_> = self
            .all
            .iter()
            .filter(|(_, kept)| kinds.contains(&kept.kind))
            .map(|(id, kept)| {
                let (kind, whole) = self.whole(id);
                (kept.number, kind, whole)
            })
            .collect();
        all.sort_by_key(|(number, ..)| *number);
        all
    }
}

/// True if a resource matches a filter.
pub(crate) fn meets(filter: &filter::Filter, kind: &Kind, whole: &Value) -> Result<bool, Refusal> {
    filter::matches(filter, kind, whole)
}

/// Returns the attribute at a path, for sorting.
pub(crate) fn attribute<'k>(kind: &'k Kind, path: &str) -> Option<&'k Attr> {
    let (name, part) = path
        .split_once('.')
        .map_or((path, None), |(a, b)| (a, Some(b)));
    let attr = find(&kind.attrs, name)?;
    match part {
        Some(part) => find(&attr.inner, part),
        None => Some(attr),
    }
}
