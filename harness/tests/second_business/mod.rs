//! A second business at the portal, Bea's, with an integration of its own.

use rehearsal::World;
use reqwest::Method;
use serde_json::{Value, json};

/// What the portal shows to the second business. Each test reads what it needs.
pub(crate) struct SecondBusiness {
    #[allow(dead_code)]
    pub(crate) metadata_url: String,
    #[allow(dead_code)]
    pub(crate) scim_base_url: String,
    #[allow(dead_code)]
    pub(crate) scim_token: String,
}

/// Sets up the second business, which trusts this identity provider and owns
/// the domain `nimbus.example`.
pub(crate) async fn set_up(world: &mut World, idp_metadata: &str) -> SecondBusiness {
    let domain = std::mem::replace(&mut world.domain, "nimbus.example".to_owned());
    world.has_business_account("Bea", 5).await.unwrap();
    let started = world.starts_configuring("Bea").await.unwrap();
    assert_eq!(started.status, 200, "{started}");
    world.completes_domains("Bea").await.unwrap();
    world.trusts("Bea", idp_metadata).await.unwrap();
    let groups = json!({
        "admins": {"name": "Admins", "id": "admins"},
        "users": {"name": "Parallels Desktop Users", "id": "users"},
    });
    let mut token = String::new();
    for (method, step, body) in [
        (Method::PUT, "/application", json!({"done": true})),
        (Method::PUT, "/groups", groups),
        (Method::POST, "/scim/token", Value::Null),
        (Method::PUT, "/scim", json!({"enabled": true, "done": true})),
        (Method::PUT, "/users", json!({"done": true})),
        (
            Method::PUT,
            "/backup-login",
            json!({"email": "bea@nimbus.example"}),
        ),
        (Method::POST, "/activate", Value::Null),
    ] {
        let body = Some(body).filter(|it| !it.is_null());
        let done = world.at_configurator("Bea", method, step, body).await;
        let done = done.unwrap();
        assert!((200..300).contains(&done.status), "{step}: {done}");
        if let Some(made) = done.body["token"].as_str() {
            made.clone_into(&mut token);
        }
    }
    let shown = |pointer: &str| world.given_by_portal(pointer).unwrap();
    let business = SecondBusiness {
        metadata_url: shown("/service_provider/metadata_url"),
        scim_base_url: shown("/scim/base_url"),
        scim_token: token,
    };
    world.domain = domain;
    business
}
