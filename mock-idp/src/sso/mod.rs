//! Single sign-on: from a service provider's `AuthnRequest` to the Response.
//!
//! [`request`] reads and checks the `AuthnRequest`, [`session_cache`] finds the session and the
//! application, [`answer`] creates, changes, signs and delivers the Response, [`logout`] ends
//! the session everywhere.

pub(crate) mod answer;
mod encryption;
pub(crate) mod logout;
mod name_id;
pub(crate) mod request;
pub(crate) mod session_cache;

use jiff::Timestamp;
use saml::message::NameIdFormat;
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Idp;
use crate::applications::Application;
use crate::refusal::{Refused, Result};
use crate::store::logins::{self, FlowRow, SessionRow};
use crate::store::resources::Kind;
use crate::store::users::UserRow;
use crate::store::{Writing, logouts};

/// A sign-on request that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignOnRequest {
    /// Id of the application.
    pub application: String,
    /// Assertion consumer service URL that the Response is sent to.
    pub acs_url: String,
    /// ID of the `AuthnRequest`; `None` if the sign-on starts at the identity provider.
    pub in_response_to: Option<String>,
    pub relay_state: Option<String>,
    pub force_authn: bool,
    pub is_passive: bool,
    pub name_id_format: Option<String>,
    /// True if the `AuthnRequest` asks for an authentication context that this identity
    /// provider does not have.
    #[serde(default)]
    pub context_unmet: bool,
}

/// Why a sign-on ends with an error page at the identity provider, without a Response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    /// Text of the error page for the user.
    #[error("{0}")]
    Page(String),
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<crate::store::StoreError> for Denied {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<sqlx::Error> for Denied {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

pub(crate) fn page<T>(message: impl Into<String>) -> std::result::Result<T, Denied> {
    Err(Denied::Page(message.into()))
}

/// The form that the browser posts to the service provider.
pub(crate) struct Delivery {
    pub acs_url: String,
    /// Value of the form field `SAMLResponse`.
    pub field: String,
    pub relay_state: Option<String>,
}

/// Returns the stored form of a token: its SHA-256 digest as hexadecimal.
pub(crate) fn fingerprint(token: &str) -> String {
    ambient::hexadecimal(&Sha256::digest(token.as_bytes()))
}

fn later(now: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl Idp {
    /// Returns the entity ID of an environment, which is the Issuer of its messages.
    pub(crate) fn issuer(&self, environment: &str) -> String {
        format!("{}/{environment}", self.base_url)
    }

    /// Returns the single sign-on service URL of an environment.
    pub(crate) fn sso_url(&self, environment: &str) -> String {
        format!("{}/{environment}/saml20/idp/sso", self.base_url)
    }

    /// Returns the metadata for the service provider of an application.
    pub(crate) async fn idp_metadata(&self, environment: &str, id: &str) -> Result<IdpMetadata> {
        let resource = self.get(environment, Kind::Application, id).await?;
        let application = Application::of(&resource)?;
        let key = self.signing_key(environment, &application).await?;
        let sso = [names::HTTP_POST, names::HTTP_REDIRECT]
            .map(|binding| Endpoint::at(binding, &self.sso_url(environment)));
        let format = application.name_id_format.as_deref();
        Ok(IdpMetadata {
            entity_id: self.issuer(environment),
            signing_certificates: vec![key.certificate().clone()],
            sso: sso.to_vec(),
            slo: [names::HTTP_POST, names::HTTP_REDIRECT]
                .map(|binding| Endpoint::at(binding, &self.slo_url(environment)))
                .to_vec(),
            name_id_formats: vec![format.map_or(NameIdFormat::Unspecified, NameIdFormat::from_uri)],
            want_authn_requests_signed: application.sp_verification.authn_request_signed,
            valid_until: None,
            cache_duration: None,
        })
    }

    /// Returns the metadata as it is published: XML, signed with the application's key.
    pub(crate) async fn sign_metadata(&self, environment: &str, id: &str) -> Result<String> {
        let metadata = self.idp_metadata(environment, id).await?;
        let resource = self.get(environment, Kind::Application, id).await?;
        let application = Application::of(&resource)?;
        let key = self.signing_key(environment, &application).await?;
        let id = format!("_{}", self.ambient.rng().hex(16));
        metadata
            .to_signed_xml(&id, &key)
            .map_err(|error| Refused::Internal(error.to_string()))
    }

    /// Returns the sessions of a user that have not expired.
    pub(crate) async fn list_sessions_of_user(
        &self,
        environment: &str,
        user: &str,
    ) -> Result<Vec<SessionRow>> {
        self.get_user(environment, user).await?;
        let mut db = self.store.read().await?;
        Ok(logins::list_sessions_of(&mut db, environment, user, self.now()).await?)
    }

    /// Ends one session of a user, by its `SessionIndex`.
    pub(crate) async fn end_session(
        &self,
        environment: &str,
        user: &str,
        index: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        if !logins::close(&mut tx, environment, user, index).await? {
            return Err(Refused::not_found("session", index));
        }
        tx.commit().await?;
        Ok(())
    }

    /// Stores a request until the user has signed on. Returns the id of the flow.
    pub(crate) async fn start_flow(
        &self,
        environment: &str,
        request: &SignOnRequest,
    ) -> Result<String> {
        let now = self.now();
        let flow = FlowRow {
            id: self.new_id(),
            environment: environment.to_owned(),
            document: serde_json::to_string(request)
                .map_err(|error| Refused::Internal(error.to_string()))?,
            session: None,
            expires_at: later(now, self.config.flow_lifetime),
        };
        let mut tx = self.store.write_aside().await?;
        logins::start(&mut tx, &flow, now).await?;
        tx.commit().await?;
        Ok(flow.id)
    }

    /// Returns a flow that has not been answered, its request, and the name of its application.
    pub(crate) async fn get_flow(
        &self,
        environment: &str,
        id: &str,
    ) -> std::result::Result<(FlowRow, SignOnRequest, String), Denied> {
        let found = {
            let mut db = self.store.read().await?;
            logins::find_flow(&mut db, environment, id, self.now()).await?
        };
        let Some(flow) = found else {
            return page(
                "This sign-on is complete or took too long. Go back to the application and start again.",
            );
        };
        let request: SignOnRequest = serde_json::from_str(&flow.document)
            .map_err(|error| Refused::Internal(error.to_string()))?;
        let name = self
            .application_name(environment, &request.application)
            .await?;
        Ok((flow, request, name))
    }

    /// Creates the session of a user who has signed on in a flow, and commits the transaction of
    /// the sign-on. Returns the value of the session cookie.
    pub(crate) async fn open_session(
        &self,
        mut tx: Writing,
        flow: &FlowRow,
        user: &UserRow,
    ) -> Result<String> {
        let now = self.now();
        let token = self.ambient.rng().token(32);
        let session = SessionRow {
            token: fingerprint(&token),
            environment: flow.environment.clone(),
            user: user.id.clone(),
            index: format!("_{}", self.ambient.rng().hex(16)),
            authenticated_at: now,
            expires_at: later(now, self.config.session_lifetime),
        };
        let edition = self.store.edition();
        logins::open(&mut tx, &session).await?;
        logins::set_flow_session(&mut tx, &flow.id, &session.token).await?;
        tx.commit().await?;
        self.remember_session(edition, session);
        Ok(token)
    }

    /// Answers a flow after the user has signed on in this browser. A flow is answered once
    /// only.
    pub(crate) async fn resume(
        &self,
        environment: &str,
        flow: &str,
        token: Option<&str>,
    ) -> std::result::Result<Delivery, Denied> {
        let (flow, request, _) = self.get_flow(environment, flow).await?;
        let session = self.find_session(environment, token).await?;
        let Some(standing) = session else {
            return page(
                "Nobody is signed on in this browser. Go back to the application and start again.",
            );
        };
        if flow.session.as_deref() != Some(standing.session.token.as_str()) {
            return page(
                "This sign-on belongs to another browser. Go back to the application and start again.",
            );
        }
        let (delivery, participant) = self
            .create_response(environment, &request, &standing)
            .await?;
        let edition = self.store.edition();
        let new = participant.filter(|it| !self.takes_part(edition, it));
        let mut tx = self.store.write_aside().await?;
        if !logins::finish(&mut tx, &flow.id).await? {
            return page("This sign-on was answered already.");
        }
        if let Some(new) = &new {
            logouts::take_part(&mut tx, new).await?;
        }
        tx.commit().await?;
        if let Some(new) = &new {
            self.took_part(edition, new);
        }
        Ok(delivery)
    }
}
