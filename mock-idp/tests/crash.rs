//! Kills `mock-idp serve` with SIGKILL in the middle of provisioning, several times: at the end
//! the target has each user of the directory exactly once. Also tests a disk that is full for
//! some time.
//!
//! REHEARSAL_CRASH_USERS sets the number of users [default: 60]. 2,000 users take some minutes
//! without optimization.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path as File;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Returns the number of users to create.
fn users() -> usize {
    let said = std::env::vars().find(|(name, _)| name == "REHEARSAL_CRASH_USERS");
    said.map_or(60, |(_, count)| count.parse().unwrap())
}

/// A SCIM endpoint that stores resources. For some writes that it has done, it sends no answer;
/// then the test kills the client.
struct Target {
    resources: Mutex<BTreeMap<(String, String), Value>>,
    made: watch::Sender<usize>,
    /// The numbers of created users at which it sends no answer.
    swallow: Vec<usize>,
}

type Shared = Arc<Target>;

async fn search(
    State(target): State<Shared>,
    Path(kind): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let filter = query.get("filter").cloned().unwrap_or_default();
    let parts: Vec<&str> = filter.splitn(3, ' ').collect();
    let all = target.resources.lock().unwrap();
    let found: Vec<&Value> = all
        .iter()
        .filter(|((k, _), value)| {
            *k == kind
                && parts.len() == 3
                && value[parts[0]] == serde_json::from_str::<Value>(parts[2]).unwrap()
        })
        .map(|(_, value)| value)
        .collect();
    Json(json!({"totalResults": found.len(), "Resources": found})).into_response()
}

/// Creates the user even if one of the same name exists, so that the test can detect
/// duplicates.
async fn create(State(target): State<Shared>, Path(kind): Path<String>, body: String) -> Response {
    let mut value: Value = serde_json::from_str(&body).unwrap();
    let users = {
        let mut all = target.resources.lock().unwrap();
        let id = format!("r{}", all.len() + 1);
        value["id"] = id.clone().into();
        all.insert((kind.clone(), id), value.clone());
        all.keys().filter(|(kind, _)| kind == "Users").count()
    };
    let swallowed = kind == "Users" && target.swallow.contains(&users);
    target.made.send_replace(users);
    if swallowed {
        std::future::pending::<()>().await;
    }
    (StatusCode::CREATED, Json(value)).into_response()
}

async fn replace(
    State(target): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    body: String,
) -> Response {
    let mut value: Value = serde_json::from_str(&body).unwrap();
    value["id"] = id.clone().into();
    let mut all = target.resources.lock().unwrap();
    all.insert((kind, id), value.clone());
    Json(value).into_response()
}

async fn patch(
    State(target): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    body: String,
) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut all = target.resources.lock().unwrap();
    let resource = all.get_mut(&(kind, id)).unwrap();
    for operation in body["Operations"].as_array().unwrap() {
        match (operation["op"].as_str(), operation["path"].as_str()) {
            (Some("add"), Some("members")) => {
                let mut members = resource["members"].as_array().unwrap().clone();
                for member in operation["value"].as_array().unwrap() {
                    if !members.contains(member) {
                        members.push(member.clone());
                    }
                }
                resource["members"] = members.into();
            }
            (_, Some(path)) => resource[path] = operation["value"].clone(),
            _ => panic!("{operation}"),
        }
    }
    Json(resource.clone()).into_response()
}

async fn start_target(swallow: Vec<usize>) -> (Shared, String) {
    let target = Arc::new(Target {
        resources: Mutex::default(),
        made: watch::Sender::new(0),
        swallow,
    });
    let router = Router::new()
        .route("/{kind}", get(search).post(create))
        .route("/{kind}/{id}", put(replace).patch(patch))
        .with_state(Arc::clone(&target));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (target, url)
}

struct Process {
    child: Child,
    base: String,
    control: String,
}

async fn start(directory: &File, run: usize) -> Process {
    start_by(Command::new(env!("CARGO_BIN_EXE_mock-idp")), directory, run).await
}

/// Starts the identity provider with a command that takes its arguments.
async fn start_by(mut command: Command, directory: &File, run: usize) -> Process {
    let ready = directory.join(format!("ready-{run}.json"));
    let database = format!("sqlite://{}?mode=rwc", directory.join("idp.db").display());
    let child = command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--control-listen", "127.0.0.1:0", "--admin-token", "t"])
        .args(["--database-url", &database])
        .arg("--ready-file")
        .arg(&ready)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let said = loop {
        tick.tick().await;
        let text = std::fs::read_to_string(&ready).unwrap_or_default();
        if let Ok(said) = serde_json::from_str::<Value>(&text) {
            break said;
        }
    };
    Process {
        child,
        base: format!("{}/v1", said["base_url"].as_str().unwrap()),
        control: said["control_url"].as_str().unwrap().to_owned(),
    }
}

struct Administrator {
    http: reqwest::Client,
    at: String,
}

impl Administrator {
    async fn make(&self, path: &str, body: Value) -> String {
        let answer = self
            .http
            .post(format!("{}{path}", self.at))
            .bearer_auth("t")
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let made: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{path}: {made}");
        made["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn after_a_kill_the_target_has_exactly_the_users_of_the_directory() {
    let count = users();
    let kills: Vec<usize> = [1, count / 3, count / 2, count - 1].to_vec();
    let (target, url) = start_target(kills.clone()).await;
    let directory = tempfile::TempDir::new().unwrap();
    let mut process = start(directory.path(), 0).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut administrator = Administrator {
        http: http.clone(),
        at: process.base.clone(),
    };
    let env = administrator
        .make("/environments", json!({"name": "Administrators"}))
        .await;
    administrator.at = format!("{}/environments/{env}", process.base);
    let group = administrator
        .make("/groups", json!({"name": "Users"}))
        .await;
    for number in 0..count {
        let user = json!({"username": format!("user{number}"), "email": format!("user{number}@example.com")});
        let user = administrator.make("/users", user).await;
        if number % 10 == 0 {
            let at = format!("/users/{user}/memberOfGroups");
            administrator.make(&at, json!({"id": group})).await;
        }
    }
    let store = json!({"name": "Portal", "type": "scim", "configuration": {"SCIM_URL": url}});
    let store = administrator.make("/propagation/stores", store).await;
    let plan = administrator
        .make("/propagation/plans", json!({"name": "Plan"}))
        .await;
    let rule = json!({"name": "All", "targetStore": {"id": store}, "active": true, "groups": [{"id": group}]});
    administrator
        .make(&format!("/propagation/plans/{plan}/rules"), rule)
        .await;
    administrator
        .make("/propagation/revisions", json!({}))
        .await;

    for (run, kill) in kills.iter().enumerate() {
        let mut made = target.made.subscribe();
        made.wait_for(|made| made >= kill).await.unwrap();
        process.child.start_kill().unwrap();
        process.child.wait().await.unwrap();
        process = start(directory.path(), run + 1).await;
    }
    loop {
        let idle = format!(
            "{}/v1/environments/{env}/propagation/stores/{store}/idle?timeout_ms=60000",
            process.control
        );
        if http.get(idle).send().await.unwrap().status() == 200 {
            break;
        }
    }

    let all = target.resources.lock().unwrap();
    let mut names: Vec<&str> = all
        .iter()
        .filter(|((kind, _), _)| kind == "Users")
        .map(|(_, user)| user["userName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let mut expected: Vec<String> = (0..count).map(|number| format!("user{number}")).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let groups: Vec<&Value> = all
        .iter()
        .filter(|((kind, _), _)| kind == "Groups")
        .map(|(_, group)| group)
        .collect();
    assert_eq!(groups.len(), 1);
    assert_eq!(
        groups[0]["members"].as_array().unwrap().len(),
        count.div_ceil(10)
    );
}

/// Limits the size of files that a process writes, which simulates a full disk.
fn limit_files(process: &Process, bytes: &str) {
    let set = std::process::Command::new("prlimit")
        .args(["--pid", &process.child.id().unwrap().to_string()])
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    assert!(set.unwrap().success(), "prlimit");
}

#[tokio::test]
async fn after_a_full_disk_the_idp_writes_again_without_a_restart() {
    let directory = tempfile::TempDir::new().unwrap();
    // Without the trap, the signal XFSZ for a file that is too large would end the process.
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]);
    command.arg(env!("CARGO_BIN_EXE_mock-idp"));
    let process = start_by(command, directory.path(), 0).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let environments = format!("{}/environments", process.base);
    let ready = environments.replace("/v1/environments", "/readyz");
    let status = async |request: reqwest::RequestBuilder| {
        let answer = request.bearer_auth("t").send().await.unwrap();
        answer.status().as_u16()
    };
    let create = async |n: usize| {
        let body = json!({"name": format!("Environment {n}")});
        status(http.post(&environments).json(&body)).await
    };
    assert_eq!(status(http.get(&ready)).await, 200);
    limit_files(&process, "1");
    // Each request fails, and none makes the next one fail differently.
    for n in 0..3 {
        assert_eq!(create(n).await, 500);
        assert_eq!(status(http.get(&ready)).await, 503);
    }
    limit_files(&process, "unlimited");
    assert_eq!(status(http.get(&ready)).await, 200);
    for n in 0..3 {
        assert_eq!(create(n).await, 201);
    }
}
