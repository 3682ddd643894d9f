//! An identity provider that provisions its users and a group to the SCIM endpoint.

use reqwest::Method;
use serde_json::{Value, json};

use super::Target;
use crate::world::{World, connection};

pub(crate) struct Provisioned {
    pub(crate) world: World,
    pub(crate) target: Target,
    pub(crate) store: String,
    pub(crate) group: String,
}

impl Provisioned {
    pub(crate) async fn new(settings: Value) -> Self {
        Self::with_target(Target::new().await, settings).await
    }

    pub(crate) async fn with_target(target: Target, settings: Value) -> Self {
        let world = World::new().await;
        let configuration = json!({
            "SCIM_URL": target.url, "SCIM_VERSION": "2.0", "USERS_RESOURCE": "/Users",
            "GROUPS_RESOURCE": "/Groups", "AUTHENTICATION_METHOD": "OAuth 2 Bearer Token",
            "OAUTH_ACCESS_TOKEN": "secret", "UNIQUE_USER_IDENTIFIER": "userName",
        });
        let connection = connection(configuration, &settings);
        let check = "/propagation/stores/connection/status";
        let tested = world.change(Method::POST, check, connection.clone()).await;
        assert_eq!(tested["status"], "SUCCESS", "{tested}");
        let (store, group) = world.set_up_provisioning(connection).await;
        Self {
            world,
            target,
            store,
            group,
        }
    }

    pub(crate) async fn new_synchronized(settings: Value) -> Self {
        let here = Self::new(settings).await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.wait_until_idle().await;
        here
    }

    pub(crate) async fn ask_idle(&self, timeout_ms: u32) -> (u16, Value) {
        let path = format!(
            "/v1{}/idle?timeout_ms={timeout_ms}",
            self.world
                .at(&format!("/propagation/stores/{}", self.store))
        );
        self.world.call_control(Method::GET, &path, None).await
    }

    pub(crate) async fn wait_until_idle(&self) -> Value {
        let (status, answer) = self.ask_idle(20_000).await;
        assert_eq!(status, 200, "{answer}");
        answer["syncStatus"].clone()
    }
}
