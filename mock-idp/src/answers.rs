//! Creates SAML Responses without HTTP, for benchmarks: from the session cookie to the form
//! field, with the same steps as a sign-on.

use crate::sso::SignOnRequest;
use crate::store::logins::FlowRow;
use crate::{Idp, Running};

/// A signed-on user, for whom any number of Responses can be created.
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
    /// Signs a user on to the application with this SP entity ID.
    ///
    /// # Errors
    /// A text that says what is missing.
    pub async fn prepare_answers(
        &self,
        environment: &str,
        sp_entity_id: &str,
        username: &str,
    ) -> Result<Answers, String> {
        let idp = self.idp.clone();
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let request = idp
            .create_unsolicited_request(environment, sp_entity_id, None)
            .await
            .map_err(|error| words(&error))?;
        let user = idp
            .find_user_by_name(environment, username)
            .await
            .map_err(|error| words(&error))?
            .ok_or_else(|| format!("user {username} not found"))?;
        let flow = idp
            .start_flow(environment, &request)
            .await
            .map_err(|error| words(&error))?;
        let (flow, _, _): (FlowRow, _, _) = idp
            .get_flow(environment, &flow)
            .await
            .map_err(|error| words(&error))?;
        let tx = idp
            .store
            .write_aside()
            .await
            .map_err(|error| words(&error))?;
        let cookie = idp
            .open_session(tx, &flow, &user)
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
    /// Creates a Response and returns the value of the form field `SAMLResponse`.
    ///
    /// # Errors
    /// A text that says why there is no Response.
    pub async fn answer(&self) -> Result<String, String> {
        let session = self
            .idp
            .find_session(&self.environment, Some(&self.cookie))
            .await
            .map_err(|error| error.to_string())?;
        let Some(standing) = session else {
            return Err("the session has expired".to_owned());
        };
        let delivery = self
            .idp
            .answer(&self.environment, &self.request, &standing)
            .await
            .map_err(|error| error.to_string())?;
        Ok(delivery.field)
    }
}
