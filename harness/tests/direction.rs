//! Tests the direction of the dependencies between the crates (docs/decisions/0001), read
//! from the manifests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

/// Which crate may depend on which.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("ambient", &[]),
    ("browser", &["ambient"]),
    ("saml", &[]),
    ("faults", &["saml"]),
    ("scim", &[]),
    ("test-postgres", &[]),
    ("sp", &["ambient", "saml", "scim", "test-postgres"]),
    ("mock-idp", &["ambient", "faults", "saml", "scim"]),
    ("desktop-sim", &["ambient", "browser"]),
    // The judge cannot depend on a party.
    (
        "conformance",
        &["ambient", "browser", "faults", "saml", "scim"],
    ),
    (
        "world",
        &[
            "ambient",
            "browser",
            "desktop-sim",
            "mock-idp",
            "saml",
            "sp",
        ],
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
            "world",
        ],
    ),
];

/// Returns the manifest of each crate of the workspace, by name.
fn manifests(root: &Path) -> BTreeMap<String, toml::Table> {
    let read = |path: &Path| -> toml::Table {
        std::fs::read_to_string(path.join("Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap()
    };
    let workspace = read(root);
    let members = workspace["workspace"]["members"].as_array().unwrap();
    members
        .iter()
        .map(|member| read(&root.join(member.as_str().unwrap())))
        .map(|manifest| {
            let package = manifest["package"]["name"].as_str().unwrap();
            // Dependencies are named after the library.
            let library = package.strip_prefix("rehearsal-").unwrap_or(package);
            (library.to_owned(), manifest)
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifests = manifests(root);
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
            // A crate that depends on itself turns on its own features for its tests.
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

/// Every arrow in docs/architecture.md must be a dependency, and every dependency must be
/// an arrow or follow from arrows.
#[test]
fn the_picture_of_the_architecture_is_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut arrows: Vec<(String, String)> = Vec::new();
    for line in page.lines() {
        let ends = line
            .split_once(" --> ")
            .or_else(|| line.split_once(" -. tests .-> "));
        if let Some((from, to)) = ends {
            arrows.push((from.trim().to_owned(), to.trim().to_owned()));
        }
    }
    let manifests = manifests(root);
    let dependencies: Vec<(String, String)> = manifests
        .iter()
        .flat_map(|(name, manifest)| {
            ["dependencies", "dev-dependencies"]
                .into_iter()
                .filter_map(|section| manifest.get(section)?.as_table())
                .flat_map(toml::Table::keys)
                .filter(|key| manifests.contains_key(*key) && *key != name)
                .map(|key| (name.clone(), key.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    for arrow in &arrows {
        assert!(dependencies.contains(arrow), "no dependency: {arrow:?}");
    }
    let is_reached = |from: &str, to: &str| {
        let mut seen = vec![from.to_owned()];
        let mut next = 0;
        while next < seen.len() {
            let here = seen[next].clone();
            for (_, there) in arrows.iter().filter(|(from, _)| *from == here) {
                if !seen.contains(there) {
                    seen.push(there.clone());
                }
            }
            next += 1;
        }
        seen.iter().any(|crate_name| crate_name == to)
    };
    for (from, to) in &dependencies {
        assert!(is_reached(from, to), "no arrow from {from} to {to}");
    }
    for name in manifests.keys() {
        assert!(page.contains(&format!("    {name}[\"")), "{name}");
    }
}
