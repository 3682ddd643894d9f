//! Part I of the guide, instructions 3 and 4: the license key and the business account.

use reqwest::Method;
use serde_json::{Value, json};

use crate::World;
use crate::judge::{Outcome, text};

impl World {
    /// Creates a license key at the portal's control port, as if the vendor sold it, and
    /// remembers it.
    ///
    /// # Errors
    /// When the control port refuses it.
    pub async fn key_is_sold(&mut self, order: Value) -> Outcome {
        let client = self.person("the-vendor")?.browser.client().clone();
        let control = self.rehearsal.portal_control()?;
        let request = control.request(&client, Method::POST, "/control/license-keys")?;
        let request = request.json(&order);
        let answer = self.keep(request).await?.clone().succeeded("the sale")?;
        self.license_key = text(&answer.body, "/key")?.to_owned();
        Ok(())
    }

    /// Registers the remembered license key.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn registers_key(
        &mut self,
        given: &str,
        display_name: Option<&str>,
        organization: Option<&str>,
    ) -> Outcome {
        let mut body = json!({"key": self.license_key});
        if let Some(name) = display_name {
            body["subscription_name"] = name.into();
        }
        if let Some(name) = organization {
            body["organization"] = json!({"name": name, "country": "GB"});
        }
        self.at_api(given, Method::POST, "/api/license-keys", Some(body))
            .await?;
        Ok(())
    }

    /// Creates a portal account and registers a per-user key, which creates the business
    /// account.
    ///
    /// # Errors
    /// When a part of it fails.
    pub async fn has_business_account(&mut self, given: &str, seats: u32) -> Outcome {
        self.has_business_account_by(given, per_user_key(seats))
            .await
    }

    /// Does the same with a key of this order.
    ///
    /// # Errors
    /// When a part of it fails.
    pub async fn has_business_account_by(&mut self, given: &str, order: Value) -> Outcome {
        self.has_account(given).await?;
        self.key_is_sold(order).await?;
        self.registers_key(given, None, Some("Lumen Works")).await?;
        self.answer()?.clone().succeeded("the key's registration")?;
        Ok(())
    }
}

/// Returns the order of a Business Edition key with per-user licensing.
pub fn per_user_key(seats: u32) -> Value {
    json!({"seats": seats, "licensing": "per-user", "edition": "business"})
}
