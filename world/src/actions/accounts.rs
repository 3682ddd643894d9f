//! Part I of the guide, instruction 2: register, log in, log out.

use reqwest::Method;
use serde_json::json;

use crate::World;
use crate::judge::Outcome;
use crate::world::PORTAL_PASSWORD;

impl World {
    /// Registers a portal account.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn registers_account(&mut self, given: &str, password: &str) -> Outcome {
        let person = self.person(given)?;
        let body = json!({
            "email": person.email,
            "password": password,
            "name": format!("{} {}", person.given, person.family),
        });
        self.at_api(given, Method::POST, "/api/accounts", Some(body))
            .await?;
        Ok(())
    }

    /// Logs in to the portal with a password.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn logs_in(&mut self, given: &str, password: &str) -> Outcome {
        let email = self.email_of(given)?;
        let body = json!({"email": email, "password": password});
        self.at_api(given, Method::POST, "/api/session", Some(body))
            .await?;
        Ok(())
    }

    /// Logs out of the portal.
    ///
    /// # Errors
    /// When the request fails.
    pub async fn logs_out(&mut self, given: &str) -> Outcome {
        self.at_api(given, Method::DELETE, "/api/session", None)
            .await?;
        Ok(())
    }

    /// Registers a portal account and logs in.
    ///
    /// # Errors
    /// When the portal refuses one of them.
    pub async fn has_account(&mut self, given: &str) -> Outcome {
        self.registers_account(given, PORTAL_PASSWORD).await?;
        self.answer()?.clone().succeeded("the registration")?;
        self.logs_in(given, PORTAL_PASSWORD).await?;
        self.answer()?.clone().succeeded("the login")?;
        Ok(())
    }
}
