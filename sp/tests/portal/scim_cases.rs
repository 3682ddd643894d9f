//! Runs the cases of fixtures/scim/cases: requests of real SCIM clients and the
//! properties that the answers must have.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::parties::Parties;
use crate::scim_client::{Got, Scim};

/// Replaces the placeholders for the unique text and for IDs.
fn fill_placeholders(text: &str, got: &BTreeMap<String, Got>) -> String {
    let mut text = text.replace("%T%", "case");
    for (name, got) in got {
        if let Some(id) = got.body["id"].as_str() {
            text = text.replace(&format!("%{name}%"), id);
        }
    }
    text
}

/// Percent-encodes the query of a path.
fn encode_query(path: &str) -> String {
    match path.split_once("?filter=") {
        Some((path, filter)) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!("{path}?{}", query.append_pair("filter", filter).finish())
        }
        None => path.to_owned(),
    }
}

async fn play(file: &Path) {
    let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let what = format!("{} {}", case["id"], case["what"]);
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let mut got = BTreeMap::new();
    for step in case["steps"].as_array().unwrap() {
        let method: Method = step["m"].as_str().unwrap().parse().unwrap();
        let path = encode_query(&fill_placeholders(step["p"].as_str().unwrap(), &got));
        let body = match &step["b"] {
            Value::Null => String::new(),
            body => fill_placeholders(&body.to_string(), &got),
        };
        let answer = scim.ask(method, &path, &[], &body).await;
        got.insert(step["as"].as_str().unwrap().to_owned(), answer);
    }
    for then in case["then"].as_array().unwrap() {
        let of = &got[then["of"].as_str().unwrap()];
        if let Some(status) = then["status"].as_u64() {
            assert_eq!(u64::from(of.status.as_u16()), status, "{what}: {}", of.body);
            continue;
        }
        let at = then["at"].as_str().unwrap();
        let wanted = match then["as_in"].as_str() {
            Some(other) => got[other].body.pointer(at).cloned(),
            None => serde_json::from_str(&fill_placeholders(&then["is"].to_string(), &got)).ok(),
        };
        let wanted = wanted.unwrap_or_default();
        let found = of.body.pointer(at).cloned().unwrap_or_default();
        assert_eq!(found, wanted, "{what}: {at} of {}", of.body);
    }
}

#[tokio::test]
async fn each_case_is_answered_as_its_client_needs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scim/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4);
    for file in files {
        play(&file).await;
    }
}
