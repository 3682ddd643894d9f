//! Two runs with the same seed have the same ids, secrets and keys.
#![allow(clippy::unwrap_used)]

use rehearsal::organization::Plan;
use rehearsal::{Options, World};
use serde_json::Value;

/// Runs with this seed; returns what must be the same in each run.
async fn run(seed: u64) -> (Value, Vec<String>) {
    let options = Options {
        seed: Some(seed),
        ..Options::default()
    };
    let mut world = World::with(options).await.unwrap();
    world.demo_organization(Plan::default()).await.unwrap();
    world.signs_in_by_sso("Grace").await.unwrap();
    let directory = &world.directory;
    let mut drawn = vec![
        world.license_key.clone(),
        world.scim_token.clone(),
        world.rehearsal.idp_admin_token().to_owned(),
        directory.environment.clone(),
        directory.application.clone(),
        directory.store.clone(),
    ];
    drawn.extend(directory.groups.values().cloned());
    drawn.extend(directory.users.values().cloned());
    drawn.sort();
    let saml = world.configurator["service_provider"]["entity_id"]
        .as_str()
        .and_then(|url| url.rsplit('/').next().map(str::to_owned));
    drawn.extend(saml);
    let metadata = world.idp_metadata().await.unwrap();
    let certificate = metadata
        .split("X509Certificate>")
        .nth(1)
        .unwrap()
        .to_owned();
    world.rehearsal.shutdown().await;
    (certificate.into(), drawn)
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_secrets_and_keys_repeat_with_the_seed_and_differ_without() {
    let first = run(7).await;
    assert_eq!(run(7).await, first);
    let (certificate, drawn) = run(8).await;
    assert_ne!(certificate, first.0);
    assert!(drawn.iter().all(|it| !first.1.contains(it)), "{drawn:?}");
}
