//! Compares the OpenAPI document with the running API: every documented route answers as
//! documented, and every member of an answer is documented.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use world::{World, browser};

async fn fetch_document(world: &World) -> Value {
    let url = format!("{}/v1/openapi.json", world.idp.base_url());
    browser()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// Creates one resource of each kind. Returns their ids by the names of the path parameters.
async fn create_resources(world: &World) -> BTreeMap<&'static str, String> {
    let mut ids = BTreeMap::from([("env", world.env.clone()), ("user", world.alice.clone())]);
    let group = world.create("/groups", json!({"name": "Users"})).await;
    let outer = world.create("/groups", json!({"name": "Everyone"})).await;
    let join = format!("/users/{}/memberOfGroups", world.alice);
    world.create(&join, json!({"id": group})).await;
    let nest = format!("/groups/{group}/memberOfGroups");
    world.create(&nest, json!({"id": outer})).await;
    let worker = json!({"name": "Worker", "protocol": "OPENID_CONNECT", "enabled": true});
    let worker = world.create("/applications", worker).await;
    let attributes = format!("/applications/{}/attributes", world.app);
    let attributes = world.show(&attributes).await;
    let attribute = attributes["_embedded"]["attributes"][0]["id"].as_str();
    let keys = world.show("/keys").await;
    let key = keys["_embedded"]["keys"][0]["id"].as_str().unwrap();
    let certificate = world.fetch_metadata().await.signing_certificates[0].to_pem();
    let import = json!({"usageType": "SIGNING", "certificate": certificate});
    let certificate = world.create("/certificates", import).await;
    let configuration = json!({"SCIM_URL": "http://127.0.0.1:9/scim",
        "AUTHENTICATION_METHOD": "OAuth 2 Bearer Token", "OAUTH_ACCESS_TOKEN": "t"});
    let store = json!({"name": "Store", "type": "scim", "configuration": configuration});
    let store = world.create("/propagation/stores", store).await;
    let plan = world
        .create("/propagation/plans", json!({"name": "Plan"}))
        .await;
    let rule = json!({"name": "Rule", "targetStore": {"id": store}});
    let rule = world
        .create(&format!("/propagation/plans/{plan}/rules"), rule)
        .await;
    let mapping = json!({"sourceAttribute": "username", "targetAttribute": "userName"});
    let mapping = world
        .create(&format!("/propagation/rules/{rule}/mappings"), mapping)
        .await;
    let revision = world.create("/propagation/revisions", json!({})).await;
    let population = world
        .create("/populations", json!({"name": "Guests"}))
        .await;
    world.sign_on(&browser(), &world.request()).await;
    let sessions = world
        .show(&format!("/users/{}/sessions", world.alice))
        .await;
    let session = sessions["_embedded"]["sessions"][0]["id"].as_str().unwrap();
    ids.extend([
        ("group", group),
        ("outer", outer),
        ("worker", worker),
        ("application", world.app.clone()),
        ("attribute", attribute.unwrap().to_owned()),
        ("key", key.to_owned()),
        ("certificate", certificate),
        ("store", store),
        ("plan", plan),
        ("rule", rule),
        ("mapping", mapping),
        ("revision", revision),
        ("population", population),
        ("session", session.to_owned()),
    ]);
    ids
}

fn fill_path(path: &str, ids: &BTreeMap<&'static str, String>) -> String {
    let mut filled = path.to_owned();
    if path.ends_with("/secret") {
        filled = filled.replace("{application}", &ids["worker"]);
    }
    for (name, id) in ids {
        filled = filled.replace(&format!("{{{name}}}"), id);
    }
    assert!(!filled.contains('{'), "no id for {filled}");
    filled
}

/// Returns the differences between a value and its schema: required members, types, enumerated
/// values.
fn find_differences(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        return find_differences(document, schema, value, at);
    }
    let mut found = Vec::new();
    for one in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(find_differences(document, one, value, at));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        found.push(format!("{at}: expected {kinds:?}, got {value}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            found.extend(find_differences(
                document,
                schema,
                value,
                &format!("{at}.{name}"),
            ));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(find_differences(
            document,
            &schema["items"],
            item,
            &format!("{at}[]"),
        ));
    }
    found
}

#[tokio::test]
async fn every_documented_resource_is_shown_as_documented() {
    let world = World::new().await;
    let document = fetch_document(&world).await;
    let ids = create_resources(&world).await;
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(operation) = operations.get("get") else {
            continue;
        };
        let (status, shown) = world.call(Method::GET, &fill_path(path, &ids), None).await;
        assert_eq!(status, 200, "GET {path}: {shown}");
        let content = &operation["responses"]["200"]["content"];
        if content["application/json"].is_null() {
            // The answer is a file.
            continue;
        }
        let schema = &content["application/json"]["schema"];
        let lacks = find_differences(&document, schema, &shown, path);
        assert!(lacks.is_empty(), "{lacks:#?}");
        // Every member of an answer must be documented.
        if let Some(reference) = schema["$ref"].as_str() {
            let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
            for name in shown.as_object().unwrap().keys() {
                assert!(schema["properties"][name].is_object(), "{path}: {name}");
            }
        }
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

#[tokio::test]
async fn every_documented_method_is_routed_and_no_other() {
    let world = World::new().await;
    let document = fetch_document(&world).await;
    let ids = create_resources(&world).await;
    let http = browser();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let url = format!("{}/v1{}", world.idp.base_url(), fill_path(path, &ids));
        // A method that no route has: the answer lists the allowed ones.
        let answer = http
            .request(Method::from_bytes(b"REPORT").unwrap(), &url)
            .bearer_auth(world.idp.admin_token())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let routed: BTreeSet<String> = answer.headers()["allow"]
            .to_str()
            .unwrap()
            .split(',')
            .map(|method| method.trim().to_lowercase())
            .filter(|method| method != "head")
            .collect();
        let documented: BTreeSet<String> =
            operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(routed, documented, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], "METHOD_NOT_ALLOWED");
        assert!(body["id"].is_string());
    }
}

/// Paths that other files of this project, and PingOne's own clients, call.
#[tokio::test]
async fn every_operation_that_clients_call_is_documented() {
    let world = World::new().await;
    let document = fetch_document(&world).await;
    for (method, path) in [
        ("post", "/environments/{env}/applications"),
        (
            "post",
            "/environments/{env}/applications/{application}/attributes",
        ),
        ("put", "/environments/{env}/users/{user}/password"),
        ("put", "/environments/{env}/users/{user}/enabled"),
        (
            "delete",
            "/environments/{env}/users/{user}/memberOfGroups/{group}",
        ),
        (
            "post",
            "/environments/{env}/propagation/stores/connection/status",
        ),
        (
            "delete",
            "/environments/{env}/propagation/mapping/{mapping}",
        ),
        (
            "get",
            "/environments/{env}/propagation/revisions/{revision}",
        ),
    ] {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path}"
        );
    }
}
