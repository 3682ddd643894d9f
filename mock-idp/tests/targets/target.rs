//! A SCIM target with one quirk, and an environment that provisions to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::world::{World, connection};

/// A behavior that a reader of the RFC does not expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// 201 with Location and without a body.
    Empty201,
    /// Every PATCH gets this status.
    NoPatch(u16),
    /// Every PATCH gets 400, and `patch.supported` is false.
    DeniesPatch,
    /// Every PUT gets 501.
    NoPut,
    /// Every DELETE gets 404, and nothing is deleted.
    NoDelete,
    /// Every request gets a 308 to the same URL with a slash at its end.
    Slash,
    /// Ids contain a slash and a hash sign.
    OddIds,
    /// Filters are ignored.
    NoFilter,
    /// Every list is a login page.
    Page,
    /// Lists never end.
    Endless,
    /// Every request without `?aadOptscim062020` gets 400.
    Query,
}

#[derive(Default)]
pub(crate) struct Held {
    /// Resources by path: `/Users/1`, with the id not encoded.
    resources: BTreeMap<String, Value>,
    made: u32,
    requests: Vec<String>,
    /// True: the next creation is carried out and answered with 502, and list requests fail.
    pub(crate) loses_next: bool,
    pub(crate) is_broken: bool,
}

pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) held: Arc<Mutex<Held>>,
    /// Notified when a creation was carried out, its answer was lost, and its look-up failed.
    pub(crate) lost: Arc<Notify>,
}

type Shared = (Arc<Mutex<Held>>, Arc<Notify>, &'static [Quirk]);

impl Target {
    pub(crate) async fn new(quirks: &'static [Quirk]) -> Self {
        let (held, lost) = (Arc::<Mutex<Held>>::default(), Arc::<Notify>::default());
        let shared: Shared = (Arc::clone(&held), Arc::clone(&lost), quirks);
        let router = Router::new().fallback(answer).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let query = if quirks.contains(&Quirk::Query) {
            "/?aadOptscim062020"
        } else {
            ""
        };
        let url = format!("http://{}{query}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, held, lost }
    }

    pub(crate) fn put(&self, path: &str, value: Value) {
        let mut held = self.held.lock().unwrap();
        held.resources.insert(path.to_owned(), value);
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        let held = self.held.lock().unwrap();
        let all = held.resources.iter();
        all.filter(|(path, _)| path.starts_with(kind))
            .map(|(_, value)| value.clone())
            .collect()
    }

    pub(crate) fn user(&self, name: &str) -> Option<Value> {
        let mut all = self.all("/Users/").into_iter();
        all.find(|one| one["userName"] == name)
    }

    pub(crate) fn members(&self) -> usize {
        let groups = self.all("/Groups/");
        groups
            .first()
            .map_or(0, |group| group["members"].as_array().map_or(0, Vec::len))
    }

    pub(crate) fn requests(&self, beginning: &str) -> usize {
        let held = self.held.lock().unwrap();
        let all = held.requests.iter();
        all.filter(|it| it.starts_with(beginning)).count()
    }
}

fn said(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/scim+json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn empty(status: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

fn decode_parameter(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, it)| it.into_owned()).unwrap()
}

async fn answer(
    State((held, lost, quirks)): State<Shared>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response<Body> {
    let mut held = held.lock().unwrap();
    let has = |quirk| quirks.contains(&quirk);
    held.requests.push(format!("{method} {uri}"));
    let query = uri.query().unwrap_or_default();
    if has(Quirk::Query) && !query.starts_with("aadOptscim062020") {
        return said(400, &json!({"detail": "the query is missing"}));
    }
    let path = uri.path();
    if has(Quirk::Slash) && !path.ends_with('/') {
        let mut redirect = empty(308);
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        let to = format!("{path}/{query}").parse().unwrap();
        redirect.headers_mut().insert(header::LOCATION, to);
        return redirect;
    }
    if path == "/ServiceProviderConfig" {
        return said(
            200,
            &json!({"patch": {"supported": !has(Quirk::DeniesPatch)}}),
        );
    }
    let parts: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(decode_parameter)
        .collect();
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (method.as_str(), parts.as_slice()) {
        ("GET", [kind]) => {
            if held.is_broken {
                // The look-up after the lost answer failed too.
                lost.notify_one();
                return empty(503);
            }
            if has(Quirk::Endless) {
                let spaces = Bytes::from_static(&[b' '; 64 * 1024]);
                let spaces = move || Ok::<_, std::io::Error>(spaces.clone());
                return Response::new(Body::from_stream(futures::stream::repeat_with(spaces)));
            }
            if has(Quirk::Page) {
                return Response::new(Body::from("<html>Please log in</html>"));
            }
            said(200, &list(&held, kind, query, has(Quirk::NoFilter)))
        }
        ("POST", [kind]) => {
            held.made += 1;
            let id = if has(Quirk::OddIds) {
                format!("r/{}#x", held.made)
            } else {
                format!("r{}", held.made)
            };
            let mut value = sent;
            value["id"] = id.clone().into();
            held.resources
                .insert(format!("/{kind}/{id}"), value.clone());
            if held.loses_next {
                held.loses_next = false;
                held.is_broken = true;
                return empty(502);
            }
            let mut made = if has(Quirk::Empty201) {
                empty(201)
            } else {
                said(201, &value)
            };
            let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
            let location = format!("/{kind}/{encoded}").parse().unwrap();
            made.headers_mut().insert(header::LOCATION, location);
            made
        }
        (method, [kind, id]) => {
            let place = format!("/{kind}/{id}");
            let Some(now) = held.resources.get(&place).cloned() else {
                return said(404, &json!({"detail": "not found"}));
            };
            match method {
                "GET" => said(200, &now),
                "PUT" if has(Quirk::NoPut) => empty(501),
                "PUT" => {
                    let mut value = sent;
                    value["id"] = id.as_str().into();
                    held.resources.insert(place, value.clone());
                    said(200, &value)
                }
                "PATCH" => {
                    for quirk in quirks {
                        match quirk {
                            Quirk::NoPatch(status) => return empty(*status),
                            Quirk::DeniesPatch => return empty(400),
                            _ => {}
                        }
                    }
                    let value = apply_patch(now, &sent);
                    held.resources.insert(place, value.clone());
                    said(200, &value)
                }
                "DELETE" if has(Quirk::NoDelete) => empty(404),
                "DELETE" => {
                    held.resources.remove(&place);
                    empty(204)
                }
                _ => empty(405),
            }
        }
        _ => empty(404),
    }
}

fn list(held: &Held, kind: &str, query: &str, ignores: bool) -> Value {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let filter = pairs.find(|(name, _)| name == "filter");
    let filter = filter.map(|(_, it)| it.into_owned()).filter(|_| !ignores);
    let all = held.resources.iter();
    let found: Vec<&Value> = all
        .filter(|(path, _)| path.starts_with(&format!("/{kind}/")))
        .map(|(_, value)| value)
        .filter(|value| {
            let Some((attribute, wanted)) = filter.as_deref().and_then(|it| it.rsplit_once(" eq "))
            else {
                return true;
            };
            let wanted: String = serde_json::from_str(wanted).unwrap();
            match attribute {
                r#"emails[type eq "work"].value"# => {
                    value["emails"][0]["type"] == "work" && value["emails"][0]["value"] == wanted
                }
                attribute => value[attribute] == wanted,
            }
        })
        .collect();
    let urn = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    json!({"schemas": [urn], "totalResults": found.len(), "Resources": found})
}

fn apply_patch(mut now: Value, body: &Value) -> Value {
    for operation in body["Operations"].as_array().into_iter().flatten() {
        let path = operation["path"].as_str().unwrap();
        match operation["op"].as_str().unwrap() {
            "add" => {
                let more = operation["value"].as_array().unwrap().clone();
                let members = now["members"].as_array_mut().unwrap();
                members.retain(|it| !more.contains(it));
                members.extend(more);
            }
            "remove" => {
                let gone = path.split('"').nth(1).unwrap();
                let members = now["members"].as_array_mut().unwrap();
                members.retain(|it| it["value"] != gone);
            }
            _ => now[path] = operation["value"].clone(),
        }
    }
    now
}

pub(crate) struct Provisioned {
    pub(crate) world: World,
    pub(crate) target: Target,
    pub(crate) store: String,
}

impl Provisioned {
    pub(crate) async fn new(quirks: &'static [Quirk], settings: Value) -> Self {
        let target = Target::new(quirks).await;
        let world = World::new().await;
        let configuration = json!({
            "SCIM_URL": target.url, "AUTHENTICATION_METHOD": "None",
            "UNIQUE_USER_IDENTIFIER": "userName",
        });
        let (store, _) = world
            .set_up_provisioning(connection(configuration, &settings))
            .await;
        Self {
            world,
            target,
            store,
        }
    }

    pub(crate) async fn synchronize(&self) -> Value {
        self.world.create("/propagation/revisions", json!({})).await;
        self.wait_until_idle().await
    }

    pub(crate) async fn wait_until_idle(&self) -> Value {
        let path = format!(
            "/v1{}/idle?timeout_ms=20000",
            self.world
                .at(&format!("/propagation/stores/{}", self.store))
        );
        let (status, answer) = self
            .world
            .call_control(reqwest::Method::GET, &path, None)
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["syncStatus"].clone()
    }

    pub(crate) fn alice(&self) -> String {
        format!("/users/{}", self.world.alice)
    }

    pub(crate) async fn rename_alice(&self) {
        let married = json!({"name": {"family": "Brown"}});
        self.world
            .change(reqwest::Method::PATCH, &self.alice(), married)
            .await;
    }

    /// Creates, changes, disables and deletes a user. Each change must reach the target.
    pub(crate) async fn check_convergence(&self, row: &str) {
        let status = self.synchronize().await;
        assert_eq!(status["syncState"], "SUCCESS", "{row}: {status}");
        let alice = self.target.user("alice").unwrap();
        assert_eq!(alice["displayName"], "Alice Adams", "{row}");
        assert_eq!(self.target.members(), 1, "{row}: the group has its member");

        self.rename_alice().await;
        let bob = json!({"username": "bob", "email": "bob@example.com"});
        let bob = self.world.create("/users", bob).await;
        let status = self.wait_until_idle().await;
        assert_eq!(status["syncState"], "SUCCESS", "{row}: {status}");
        let alice = self.target.user("alice").unwrap();
        assert_eq!(alice["name"]["familyName"], "Brown", "{row}");

        self.world.delete(&format!("/users/{bob}")).await;
        self.world.delete(&self.alice()).await;
        let status = self.wait_until_idle().await;
        assert_eq!(status["syncState"], "SUCCESS", "{row}: {status}");
        let left = self.target.all("/Users/");
        assert!(
            left.iter().all(|it| it["active"] == false),
            "{row}: {left:?}"
        );
        assert_eq!(self.target.members(), 0, "{row}");
    }
}
