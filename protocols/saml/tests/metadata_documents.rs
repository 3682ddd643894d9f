//! Reads the documents in `fixtures/metadata`.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use saml::metadata::{IdpMetadata, MetadataError, Selection, SpMetadata};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/metadata")
}

fn read(role: &str, text: &str) -> Result<Vec<String>, MetadataError> {
    let selection = Selection::default();
    match role {
        "idp" => IdpMetadata::read(text, &selection).map(|it| it.left_out),
        _ => SpMetadata::read(text, &selection).map(|it| it.left_out),
    }
}

#[test]
fn each_document_is_read_or_refused_as_expected() {
    let expected = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let expected = expected.as_object().unwrap();
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, expected.len() + 2, "a document without expectation");
    for (name, wanted) in expected {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let text = saml::encoding::decode(&bytes).unwrap().text;
        let read = read(wanted["role"].as_str().unwrap(), &text);
        match (wanted["refused"].as_str(), read) {
            (Some(fragment), Err(error)) => {
                assert!(error.to_string().contains(fragment), "{name}: {error}");
            }
            (None, Ok(left_out)) => {
                let wanted = wanted["left_out"].as_array().into_iter().flatten();
                let wanted: Vec<&str> = wanted.filter_map(Value::as_str).collect();
                assert_eq!(left_out.len(), wanted.len(), "{name}: {left_out:?}");
                for (got, wanted) in left_out.iter().zip(wanted) {
                    assert!(got.contains(wanted), "{name}: {got}");
                }
            }
            (refused, got) => panic!("{name}: expected {refused:?}, got {got:?}"),
        }
    }
}

#[test]
fn a_document_is_refused_when_none_of_its_parts_can_be_used() {
    let text = std::fs::read_to_string(folder().join("idp-old-second-key.xml")).unwrap();
    let first = text.find("<md:KeyDescriptor").unwrap();
    let second = text.rfind("<md:KeyDescriptor").unwrap();
    let only_old = format!("{}{}", &text[..first], &text[second..]);
    let error = IdpMetadata::parse(&only_old).unwrap_err().to_string();
    assert!(error.contains("certificate 1 of the metadata"), "{error}");
    let nowhere = text.replace("https://", "ftp://");
    let error = IdpMetadata::parse(&nowhere).unwrap_err().to_string();
    assert!(error.contains("is not an http or https URL"), "{error}");
}

#[test]
fn an_aggregate_of_many_entities_is_read_whole() {
    let text = std::fs::read_to_string(folder().join("idp-aggregate.xml")).unwrap();
    let (head, rest) = text.split_once("<md:EntityDescriptor").unwrap();
    let (entities, tail) = rest.rsplit_once("</md:EntitiesDescriptor>").unwrap();
    // Larger than the limit for messages, which does not apply to metadata.
    let many = format!("<md:EntityDescriptor{entities}").repeat(400);
    let text = format!("{head}{many}</md:EntitiesDescriptor>{tail}");
    assert!(text.len() > 1024 * 1024);
    let ids = IdpMetadata::entity_ids(&text).unwrap();
    assert_eq!(ids.len(), 7 * 400);
    let error = IdpMetadata::parse(&text).unwrap_err().to_string();
    assert!(
        error.contains("with 2800: ") && error.contains("and 2795 more"),
        "{error}"
    );
}
