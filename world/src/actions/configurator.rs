//! Part II of the guide: the configurator with its seven steps.

use reqwest::Method;
use serde_json::{Value, json};

use crate::World;
use crate::judge::{Outcome, list, text};
use crate::world::Answer;

/// The ids of the steps, in the guide's order, as in the portal's API.
pub const STEPS: [&str; 7] = [
    "domains",
    "application",
    "groups",
    "saml",
    "scim",
    "users",
    "backup-login",
];

/// Path of the configurator in the portal's API.
const PAGE: &str = "/api/business/idp-integration";

impl World {
    /// Sends a request to the configurator, then reads the state of all steps again.
    ///
    /// # Errors
    /// When a request fails; a refusal is returned as the answer.
    pub async fn at_configurator(
        &mut self,
        given: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<Answer> {
        let path = format!("{PAGE}{path}");
        let answer = self.at_api(given, method, &path, body).await?.clone();
        self.look_at_configurator(given).await?;
        self.answer = Some(answer.clone());
        Ok(answer)
    }

    /// Opens the configurator's page and remembers the state of the steps.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn look_at_configurator(&mut self, given: &str) -> Outcome<Answer> {
        let answer = self.at_api(given, Method::GET, PAGE, None).await?.clone();
        if answer.status == 200 {
            self.configurator = answer.body.clone();
        }
        Ok(answer)
    }

    /// Clicks Start Configuring.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn starts_configuring(&mut self, given: &str) -> Outcome<Answer> {
        self.at_configurator(given, Method::POST, "/start", None)
            .await
    }

    /// Step 1: adds a domain.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn adds_domain(&mut self, given: &str, domain: &str) -> Outcome<Answer> {
        let body = json!({"domain": domain});
        self.at_configurator(given, Method::POST, "/domains", Some(body))
            .await
    }

    /// Step 1: lets the portal look up the TXT record of a domain.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn verifies_domain(&mut self, given: &str, domain: &str) -> Outcome<Answer> {
        let path = format!("/domains/{domain}/verify");
        self.at_configurator(given, Method::POST, &path, None).await
    }

    /// Publishes the TXT record that step 1 shows for a domain, as the DNS administrator
    /// does.
    ///
    /// # Errors
    /// When the page does not show the record, or the name server refuses it.
    pub async fn publishes_record(&self, domain: &str) -> Outcome {
        let (name, value) = self.txt_record(domain)?;
        self.rehearsal.publish_txt(&name, &value).await
    }

    /// Returns name and value of the TXT record that step 1 shows for a domain.
    ///
    /// # Errors
    /// When the page does not show it.
    pub fn txt_record(&self, domain: &str) -> Outcome<(String, String)> {
        let row = list(&self.configurator, "/domains")?
            .iter()
            .find(|row| row["domain"] == domain)
            .cloned()
            .unwrap_or_default();
        Ok((
            text(&row, "/txt_name")?.to_owned(),
            text(&row, "/txt_value")?.to_owned(),
        ))
    }

    /// Steps 2, 5 and 6: selects "Configuration in the IdP Directory is done".
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn confirms_done(&mut self, given: &str, step: &str) -> Outcome<Answer> {
        let body = match step {
            "scim" => json!({"enabled": true, "done": true}),
            _ => json!({"done": true}),
        };
        self.at_configurator(given, Method::PUT, &format!("/{step}"), Some(body))
            .await
    }

    /// Step 3: enters names and ids of both groups.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn enters_groups(
        &mut self,
        given: &str,
        admins: (&str, &str),
        users: (&str, &str),
    ) -> Outcome<Answer> {
        let body = json!({
            "admins": {"name": admins.0, "id": admins.1},
            "users": {"name": users.0, "id": users.1},
        });
        self.at_configurator(given, Method::PUT, "/groups", Some(body))
            .await
    }

    /// Step 4: enters the values of the IdP.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn enters_saml(&mut self, given: &str, values: Value) -> Outcome<Answer> {
        self.at_configurator(given, Method::PUT, "/saml", Some(values))
            .await
    }

    /// Step 5: creates a SCIM bearer token at the portal and remembers it.
    ///
    /// # Errors
    /// When the request fails, or the answer contains no token.
    pub async fn copies_scim_token(&mut self, given: &str) -> Outcome {
        let answer = self
            .at_configurator(given, Method::POST, "/scim/token", None)
            .await?
            .succeeded("showing the bearer token")?;
        let token = text(&answer.body, "/token")?.to_owned();
        self.former_scim_token = std::mem::replace(&mut self.scim_token, token);
        Ok(())
    }

    /// Step 7: enters the backup login.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn enters_backup_login(&mut self, given: &str, email: &str) -> Outcome<Answer> {
        let body = json!({"email": email});
        self.at_configurator(given, Method::PUT, "/backup-login", Some(body))
            .await
    }

    /// Completes step 1 for the organization's domain: adds it, publishes the record,
    /// verifies.
    ///
    /// # Errors
    /// When a part of it fails.
    pub async fn completes_domains(&mut self, given: &str) -> Outcome {
        let domain = self.domain.clone();
        self.adds_domain(given, &domain)
            .await?
            .succeeded("adding the domain")?;
        self.publishes_record(&domain).await?;
        self.verifies_domain(given, &domain)
            .await?
            .succeeded("verifying the domain")?;
        Ok(())
    }

    /// Returns a read-only value that the portal shows in step 4 or 5.
    ///
    /// # Errors
    /// When the page does not show it.
    pub fn given_by_portal(&self, pointer: &str) -> Outcome<String> {
        Ok(text(&self.configurator, pointer)?.to_owned())
    }
}
