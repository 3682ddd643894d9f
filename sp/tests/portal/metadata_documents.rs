//! Imports the documents of `fixtures/metadata` in all three ways of step 4:
//! API, upload on the page, and URL.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use crate::parties::{Browser, Parties, answer, step};

const PAGE: &str = "/profile/business/idp_integration";

fn documents() -> Vec<(String, Vec<u8>, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/metadata");
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: HashMap<String, Value> = serde_json::from_str(&expected).unwrap();
    let documents = expected.into_iter().filter(|(_, it)| it["role"] == "idp");
    documents
        .map(|(name, wanted)| {
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            (name, bytes, wanted)
        })
        .collect()
}

/// Serves the documents at `/NAME`, byte for byte.
async fn serve_documents() -> String {
    let files = documents()
        .into_iter()
        .map(|(name, bytes, _)| (name, bytes));
    let files: Arc<HashMap<String, Vec<u8>>> = Arc::new(files.collect());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let handler = move |Path(name): Path<String>| {
        std::future::ready(files.get(&name).cloned().ok_or(StatusCode::NOT_FOUND))
    };
    let router = Router::new().route("/{name}", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// Uploads a file on the page; returns status and body of the answer.
async fn upload(admin: &Browser, bytes: &[u8]) -> (u16, String) {
    upload_of(admin, bytes, "").await
}

/// Uploads a file with several entities and selects one of them.
async fn upload_of(admin: &Browser, bytes: &[u8], entity_id: &str) -> (u16, String) {
    let shown = admin.get(PAGE).await.body;
    let (_, rest) = shown.split_once("name=\"csrf\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    let mut body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"metadata_entity_id\"\r\n\r\n{entity_id}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"metadata_file\"; filename=\"m.xml\"\r\n\
         Content-Type: application/xml\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request = admin
        .client
        .post(format!("{}{PAGE}/saml", admin.base))
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body);
    let answer = answer(request).await;
    (answer.status.as_u16(), answer.body)
}

fn unescape_html(page: &str) -> String {
    page.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// Checks that step 4 shows the expected values of an accepted document.
async fn check_accepted(admin: &Browser, name: &str, wanted: &Value) {
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    let provider = &shown["identity_provider"];
    let left_out = provider["metadata"]["left_out"].as_array().unwrap();
    let wanted_parts = wanted["left_out"].as_array().into_iter().flatten();
    let wanted_parts: Vec<&str> = wanted_parts.filter_map(Value::as_str).collect();
    assert_eq!(left_out.len(), wanted_parts.len(), "{name}: {left_out:?}");
    for (got, wanted) in left_out.iter().zip(wanted_parts) {
        assert!(got.as_str().unwrap().contains(wanted), "{name}: {got}");
    }
    let expired = provider["certificates"][0]["expired"].as_bool().unwrap();
    assert_eq!(expired, wanted["expired"] == true, "{name}");
    assert_eq!(
        provider["entity_id"], "https://idp.example.com/metadata",
        "{name}"
    );
}

#[tokio::test]
async fn each_document_gets_the_same_answer_at_every_endpoint() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    admin.post(&step("deactivate"), &json!({})).await.is(200);
    let base = serve_documents().await;
    for (name, bytes, wanted) in documents() {
        let text = saml::encoding::decode(&bytes).unwrap().text;
        let url = format!("{base}/{name}");
        let by_api = admin
            .put(&step("saml"), &json!({"metadata_xml": text}))
            .await;
        if let Some(fragment) = wanted["refused"].as_str() {
            let refused = by_api.problem(400, "metadata-invalid");
            assert!(
                refused["detail"].as_str().unwrap().contains(fragment),
                "{name}: {refused}"
            );
            let by_url = admin
                .put(&step("saml"), &json!({"metadata_url": url}))
                .await;
            let refused = by_url.problem(400, "metadata-invalid");
            assert!(
                refused["detail"].as_str().unwrap().contains(fragment),
                "{name}: {refused}"
            );
            let (status, page) = upload(&admin, &bytes).await;
            assert_eq!(status, 400, "{name}");
            assert!(unescape_html(&page).contains(fragment), "{name}: {page}");
            continue;
        }
        by_api.is(200);
        check_accepted(&admin, &name, &wanted).await;
        admin
            .put(&step("saml"), &json!({"metadata_url": url}))
            .await
            .is(200);
        check_accepted(&admin, &name, &wanted).await;
        let (status, page) = upload(&admin, &bytes).await;
        assert_eq!(status, 303, "{name}: {page}");
        check_accepted(&admin, &name, &wanted).await;
    }
}

#[tokio::test]
async fn an_expired_certificate_counts_only_by_choice() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let (_, bytes, _) = documents()
        .into_iter()
        .find(|(_, _, wanted)| wanted["expired"] == true)
        .unwrap();
    let body = json!({"metadata_xml": String::from_utf8(bytes).unwrap()});
    let refused = admin.put(&step("saml"), &body).await;
    let refused = refused.problem(409, "active-integration-needs");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("accept expired certificates"), "{detail}");
    let settings = json!({"accept_expired_certificates": true});
    let shown = admin.put(&step("saml-settings"), &settings).await.is(200);
    assert_eq!(shown["saml_settings"]["accept_expired_certificates"], true);
    let shown = admin.put(&step("saml"), &body).await.is(200);
    assert_eq!(shown["status"], "active");
    let (request, _) = parties.browser().start_sso("anna@corp.example").await;
    assert!(!request.id.is_empty());
}

/// Returns metadata with seven identity providers, about `length` bytes long.
fn aggregate(length: usize) -> Vec<u8> {
    const END: &[u8] = b"</md:EntitiesDescriptor>";
    let (_, mut all, _) = documents()
        .into_iter()
        .find(|(name, _, _)| name == "idp-aggregate.xml")
        .unwrap();
    let end = all.windows(END.len()).position(|it| it == END).unwrap();
    all.truncate(end);
    all.extend_from_slice(b"<!--");
    all.resize(length, b'x');
    all.extend_from_slice(b"-->");
    all.extend_from_slice(END);
    all
}

#[tokio::test]
async fn the_metadata_of_a_federation_is_read_up_to_20_mb() {
    const MB: usize = 1024 * 1024;
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    admin.post(&step("deactivate"), &json!({})).await.is(200);
    let large = aggregate(18 * MB);
    // No entity was selected: the error counts all seven.
    let (status, page) = upload(&admin, &large).await;
    assert_eq!(status, 400);
    let said = unescape_html(&page);
    assert!(
        said.contains("(<md:EntitiesDescriptor>) with 7: "),
        "{page}"
    );
    let (status, page) = upload_of(&admin, &large, "https://idp3.example.com/metadata").await;
    assert_eq!(status, 303, "{page}");
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    assert_eq!(
        shown["identity_provider"]["entity_id"],
        "https://idp3.example.com/metadata"
    );
    let body = json!({
        "metadata_xml": String::from_utf8(large).unwrap(),
        "metadata_entity_id": "https://idp5.example.com/metadata",
    });
    admin.put(&step("saml"), &body).await.is(200);

    let (status, page) = upload(&admin, &aggregate(21 * MB)).await;
    assert_eq!(status, 400);
    assert!(
        page.contains("has 21.0 MB, and at most 20 MB are read"),
        "{page}"
    );
    // All other requests have the normal limit.
    let note = json!({"done": true, "note": "x".repeat(4 * MB)});
    let refused = admin.put(&step("application"), &note).await;
    let refused = refused.problem(413, "body-too-large");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("4 MB"), "{detail}");
}
