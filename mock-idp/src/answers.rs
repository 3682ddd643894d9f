//! The way of an answer without its HTTP, for measuring: from a session's
//! cookie to the form field, by the same steps as every sign-on.

use crate::sso::SignOnRequest;
use crate::store::logins::FlowRow;
use crate::{Idp, Running};

/// A person who is signed on, to be answered again and again.
pub struct Answers {
    idp: Idp,
    environment: String,
    cookie: String,
    request: SignOnRequest,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({})", self.environment)
    }
}

impl Running {
    /// Signs a user on, for the application of that SP entity ID.
    ///
    /// # Errors
    /// What is missing, in words.
    pub async fn answers(
        &self,
        environment: &str,
        sp_entity_id: &str,
        username: &str,
    ) -> Result<Answers, String> {
        let idp = self.idp.clone();
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let request = idp
            .unsolicited(environment, sp_entity_id, None)
            .await
            .map_err(|error| words(&error))?;
        let user = idp
            .user_of_name(environment, username)
            .await
            .map_err(|error| words(&error))?
            .ok_or_else(|| format!("user {username} not found"))?;
        let flow = idp
            .start_flow(environment, &request)
            .await
            .map_err(|error| words(&error))?;
        let (flow, _, _): (FlowRow, _, _) = idp
            .flow(environment, &flow)
            .await
            .map_err(|error| words(&error))?;
        let cookie = idp
            .open_session(&flow, &user)
            .await
            .map_err(|error| words(&error))?;
        Ok(Answers {
            idp,
            environment: environment.to_owned(),
            cookie,
            request,
        })
    }
}

impl Answers {
    /// One answer: the value of the form field `SAMLResponse`.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn answer(&self) -> Result<String, String> {
        let session = self
            .idp
            .session(&self.environment, Some(&self.cookie))
            .await
            .map_err(|error| error.to_string())?;
        let Some(standing) = session else {
            return Err("the session is over".to_owned());
        };
        let delivery = self
            .idp
            .answer(&self.environment, &self.request, &standing)
            .await
            .map_err(|error| error.to_string())?;
        Ok(delivery.field)
    }
}
