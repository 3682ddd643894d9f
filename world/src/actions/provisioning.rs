//! Step 5 at the IdP: Connections → Provisioning → + → New connection. Also what the guide
//! does not mention: the rule, and the switches that turn connection and rule on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::World;
use crate::judge::{Failed, Outcome, text};

/// Time in milliseconds that the provisioning engine may take to empty its queue.
const PATIENCE_MS: u32 = 20_000;

impl World {
    /// Returns the configuration of the connection, with the values that the portal shows
    /// in step 5.
    fn connection(&self) -> Outcome<Value> {
        Ok(json!({
            "SCIM_URL": self.given_by_portal("/scim/base_url")?,
            "SCIM_VERSION": "2.0",
            "USERS_RESOURCE": "/Users",
            "GROUPS_RESOURCE": "/Groups",
            "AUTHENTICATION_METHOD": "OAuth 2 Bearer Token",
            "AUTHORIZATION_TYPE": "Bearer",
            "OAUTH_ACCESS_TOKEN": self.scim_token,
            "UNIQUE_USER_IDENTIFIER": "userName",
            "USER_FILTER": "userName eq \"%s\"",
            "CREATE_USERS": true,
            "UPDATE_USERS": true,
            "DISABLE_USERS": true,
            "REMOVE_ACTION": "Delete",
        }))
    }

    /// Test Connection: tests the values before they are saved.
    ///
    /// # Errors
    /// When the request to the IdP fails.
    pub async fn tests_connection(&mut self) -> Outcome {
        let body = json!({"type": "scim", "configuration": self.connection()?});
        self.at_management(
            Method::POST,
            "/propagation/stores/connection/status",
            Some(body),
        )
        .await?;
        Ok(())
    }

    /// New connection → Save: creates the connection (PingOne: a propagation store).
    /// When the IdP refuses it.
    /// # Errors
    /// When the IdP refuses them.
    pub async fn saves_connection(&mut self, name: &str) -> Outcome {
        let body = json!({
            "name": name,
            "type": "scim",
            "status": "ACTIVE",
            "managed": true,
            "configuration": self.connection()?,
        });
        self.directory.store = self.create("/propagation/stores", body).await?;
        Ok(())
    }

    /// Creates the rule, which selects users and groups for the connection, and turns it
    /// on.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn starts_provisioning(&mut self) -> Outcome {
        let plan = self
            .create("/propagation/plans", json!({"name": "Product users"}))
            .await?;
        let source = self
            .create(
                "/propagation/stores",
                json!({"name": "PingOne Directory", "type": "directory", "status": "ACTIVE", "configuration": {}}),
            )
            .await?;
        let groups: Vec<Value> = [&self.directory.admins, &self.directory.product_users]
            .into_iter()
            .filter_map(|name| self.directory.groups.get(name))
            .map(|id| json!({"id": id}))
            .collect();
        let rule = json!({
            "name": "Everybody",
            "plan": {"id": plan},
            "sourceStore": {"id": source},
            "targetStore": {"id": self.directory.store},
            "populationExpression": "population.id pr",
            "groups": groups,
            "active": false,
        });
        let id = self
            .create(&format!("/propagation/plans/{plan}/rules"), rule.clone())
            .await?;
        let mut active = rule;
        active["active"] = true.into();
        self.at_management(
            Method::PUT,
            &format!("/propagation/rules/{id}"),
            Some(active),
        )
        .await?
        .clone()
        .succeeded("turning the rule on")?;
        self.at_management(Method::POST, "/propagation/revisions", Some(json!({})))
            .await?
            .clone()
            .succeeded("starting the synchronization")?;
        self.directory_is_in_sync().await
    }

    /// Makes the IdP's environment behave like the product of a vendor (its flavor).
    ///
    /// # Errors
    /// When the IdP does not know this vendor.
    pub async fn idp_speaks_as(&mut self, provider: &str) -> Outcome {
        self.idp_environment().await?;
        let shown = self.at_management(Method::GET, "", None).await?.clone();
        let mut environment = shown.succeeded("showing the environment")?.body.clone();
        environment["flavor"] = provider.into();
        self.at_management(Method::PUT, "", Some(environment))
            .await?
            .clone()
            .succeeded("choosing the provider")?;
        Ok(())
    }

    /// Waits until the provisioning engine has sent all changes.
    ///
    /// # Errors
    /// When the engine is not idle in time.
    pub async fn directory_is_in_sync(&mut self) -> Outcome {
        if self.directory.store.is_empty() {
            return Ok(());
        }
        let path = format!(
            "/v1/environments/{}/propagation/stores/{}/idle?timeout_ms={PATIENCE_MS}",
            self.directory.environment, self.directory.store
        );
        let answer = self
            .ask_idp_control(Method::GET, &path, None)
            .await?
            .clone();
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        Err(Failed::mismatch(
            "the provisioning engine to be idle",
            answer.to_string(),
        ))
    }

    /// Returns the synchronization status of the connection.
    ///
    /// # Errors
    /// When the IdP does not return it.
    pub async fn sync_status(&mut self) -> Outcome<Value> {
        let path = format!("/propagation/stores/{}", self.directory.store);
        let answer = self
            .at_management(Method::GET, &path, None)
            .await?
            .clone()
            .succeeded("reading the connection")?;
        Ok(answer.body["syncStatus"].clone())
    }

    async fn create(&mut self, path: &str, body: Value) -> Outcome<String> {
        let answer = self
            .at_management(Method::POST, path, Some(body))
            .await?
            .clone()
            .succeeded(path)?;
        Ok(text(&answer.body, "/id")?.to_owned())
    }
}
