//! The arrows between the crates point one way (docs/decisions/0001). Read
//! from the manifests, so that an arrow turned round turns this red.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

/// Who may know whom.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("ambient", &[]),
    ("browser", &["ambient"]),
    ("saml", &[]),
    ("faults", &["saml"]),
    ("scim", &[]),
    ("test-postgres", &[]),
    ("sp", &["ambient", "saml", "scim", "test-postgres"]),
    ("mock-idp", &["ambient", "faults", "saml", "scim"]),
    ("desktop-sim", &["ambient", "browser"]),
    // The judge cannot reach a party.
    (
        "conformance",
        &["ambient", "browser", "faults", "saml", "scim"],
    ),
    (
        "rehearsal",
        &[
            "ambient",
            "browser",
            "conformance",
            "desktop-sim",
            "faults",
            "mock-idp",
            "saml",
            "scim",
            "sp",
            "test-postgres",
        ],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &Path| -> toml::Table {
        std::fs::read_to_string(path.join("Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap()
    };
    let workspace = read(root);
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let manifests: BTreeMap<String, toml::Table> = members
        .iter()
        .map(|member| read(&root.join(member.as_str().unwrap())))
        .map(|manifest| {
            (
                manifest["package"]["name"].as_str().unwrap().to_owned(),
                manifest,
            )
        })
        .collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into();
    assert_eq!(
        manifests.keys().map(String::as_str).collect::<Vec<_>>(),
        allowed.keys().copied().collect::<Vec<_>>(),
        "a new crate wants a line in ALLOWED"
    );
    for (name, manifest) in &manifests {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(|section| section.as_table()) else {
                continue;
            };
            // A crate that names itself turns its own features on for its tests.
            let others = |key: &&String| manifests.contains_key(*key) && *key != name;
            for dependency in table.keys().filter(others) {
                assert!(
                    allowed[name.as_str()].contains(&dependency.as_str()),
                    "{name} must not depend on {dependency} ({section})"
                );
            }
        }
    }
}
