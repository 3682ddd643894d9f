//! Sends the documents of `fixtures/metadata` to the management API, as `spMetadata` and by
//! `spMetadataUrl`.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use world::World;

fn documents() -> Vec<(String, Vec<u8>, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/metadata");
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: HashMap<String, Value> = serde_json::from_str(&expected).unwrap();
    let documents = expected.into_iter().filter(|(_, it)| it["role"] == "sp");
    documents
        .map(|(name, wanted)| {
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            (name, bytes, wanted)
        })
        .collect()
}

async fn serve_documents() -> String {
    let files = documents()
        .into_iter()
        .map(|(name, bytes, _)| (name, bytes));
    let files: Arc<HashMap<String, Vec<u8>>> = Arc::new(files.collect());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let handler =
        move |Path(name): Path<String>| std::future::ready(files.get(&name).cloned().unwrap());
    let router = Router::new().route("/{name}", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn check_accepted(world: &World, name: &str, wanted: &Value, made: &Value) {
    for (key, value) in wanted["settings"].as_object().into_iter().flatten() {
        let got = made.get(key).unwrap_or(&Value::Null);
        assert_eq!(got, value, "{name}: {key}");
    }
    let left_out = made["spMetadataLeftOut"].as_array();
    let left_out: Vec<&Value> = left_out.into_iter().flatten().collect();
    let parts = wanted["left_out"].as_array().into_iter().flatten();
    let parts: Vec<&str> = parts.filter_map(Value::as_str).collect();
    assert_eq!(left_out.len(), parts.len(), "{name}: {left_out:?}");
    for (got, wanted) in left_out.iter().zip(parts) {
        assert!(got.as_str().unwrap().contains(wanted), "{name}: {got}");
    }
    let key = &made["spEncryption"]["certificate"]["id"];
    assert_eq!(
        key.is_string(),
        wanted["encrypts"] == true,
        "{name}: {made}"
    );
    if let Some(id) = key.as_str() {
        let held = world.show(&format!("/certificates/{id}")).await;
        assert_eq!(held["usageType"], "ENCRYPTION");
    }
    let id = made["id"].as_str().unwrap();
    let attributes = world.show(&format!("/applications/{id}/attributes")).await;
    let by_email = made["nameIdFormat"]
        .as_str()
        .unwrap_or_default()
        .ends_with(":emailAddress");
    let subject = if by_email {
        "${user.email}"
    } else {
        "${user.id}"
    };
    assert_eq!(
        attributes["_embedded"]["attributes"][0]["value"], subject,
        "{name}"
    );
    world.delete(&format!("/applications/{id}")).await;
}

#[tokio::test]
async fn each_document_gets_the_same_answer_at_every_endpoint() {
    let world = World::new().await;
    let base = serve_documents().await;
    let path = world.at("/applications");
    for (name, bytes, wanted) in documents() {
        let text = saml::encoding::decode(&bytes).unwrap().text;
        let sources = [
            ("spMetadata", text),
            ("spMetadataUrl", format!("{base}/{name}")),
        ];
        for (member, value) in sources {
            let mut body = json!({"name": name, "protocol": "SAML", "type": "WEB_APP"});
            body[member] = value.into();
            if let Some(fragment) = wanted["refused"].as_str() {
                let (status, answer) = world.call(Method::POST, &path, Some(body.clone())).await;
                assert_eq!(status, 400, "{name}: {answer}");
                let message = answer["details"][0]["message"].as_str().unwrap();
                assert!(message.contains(fragment), "{name}: {message}");
                if let Some(entity_id) = wanted["entity_id"].as_str() {
                    assert!(message.contains("spEntityId"), "{name}: {message}");
                    body["spEntityId"] = entity_id.into();
                    let made = world.create_document(&path, body).await;
                    assert_eq!(made["spEntityId"], entity_id);
                    let id = made["id"].as_str().unwrap();
                    world.delete(&format!("/applications/{id}")).await;
                }
                continue;
            }
            let made = world.create_document(&path, body).await;
            check_accepted(&world, &name, &wanted, &made).await;
        }
    }
}
