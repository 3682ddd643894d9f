//! Single logout (saml-profiles §4.4) at the identity provider.
//!
//! A service provider sends a `LogoutRequest`, or the user signs off here. The session ends,
//! and the browser carries a `LogoutRequest` to every other application of the session, one
//! after the other ([`round`]). At the end the service provider that asked gets a
//! `LogoutResponse`, which says whether all of them were logged out.

mod round;
mod settings;

use jiff::SignedDuration;
use saml::acceptance::TrustedKeys;
use saml::binding::{Outgoing, Parameter};
use saml::message::{LogoutRequest, LogoutResponse, NameId, NameIdFormat, Status, StatusCode};
use saml::reception::{LogoutExpectations, Received};

pub(crate) use round::Ended;
use round::{Initiator, Round};

use super::session_cache::{ServiceProvider, SsoSession};
use super::{Denied, page};
use crate::Idp;
use crate::refusal::Refused;
use crate::store::logins::SessionRow;
use crate::store::logouts::{self, Participant};

type Result<T> = std::result::Result<T, Denied>;

/// Allowed clock skew of a service provider.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Maximum age of a logout message.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// Returns the stored form of a NameID. Two NameIDs are equal if these texts are equal
/// (saml-core §3.3.4).
fn name_id_to_text(name: &NameId) -> String {
    serde_json::json!([
        name.value,
        name.format.uri(),
        name.name_qualifier,
        name.sp_name_qualifier
    ])
    .to_string()
}

fn read(stored: &str) -> Option<NameId> {
    let (value, format, name_qualifier, sp_name_qualifier): (
        String,
        String,
        Option<String>,
        Option<String>,
    ) = serde_json::from_str(stored).ok()?;
    Some(NameId {
        value,
        format: NameIdFormat::from_uri(&format),
        name_qualifier,
        sp_name_qualifier,
    })
}

impl Idp {
    /// Returns the single logout service URL of an environment.
    pub(crate) fn slo_url(&self, environment: &str) -> String {
        format!("{}/{environment}/saml20/idp/slo", self.base_url)
    }

    /// Returns the participant of the session that the application becomes under this NameID.
    pub(super) fn new_participant(
        &self,
        environment: &str,
        application: &str,
        session: &SessionRow,
        name: &NameId,
    ) -> Participant {
        Participant {
            session: session.token.clone(),
            environment: environment.to_owned(),
            application: application.to_owned(),
            name_id: name_id_to_text(name),
            session_index: session.index.clone(),
            since: self.now(),
        }
    }

    /// Ends the session of a user who signs off at the identity provider, and starts to log out
    /// the participants.
    pub(crate) async fn sign_off(&self, environment: &str, token: Option<&str>) -> Result<Ended> {
        let Some(SsoSession { session, .. }) = self.find_session(environment, token).await? else {
            return Ok(Ended::Whole);
        };
        let mut tx = self.store.write().await?;
        let remaining = logouts::list_participants(&mut tx, &session.token).await?;
        logouts::end_session(&mut tx, &session.token).await?;
        tx.commit().await?;
        self.continue_round(environment, Round::new_at_idp(self.new_id(), remaining))
            .await
    }

    /// Handles a logout message that a browser delivers.
    pub(crate) async fn receive_logout(
        &self,
        environment: &str,
        received: Received,
    ) -> Result<Ended> {
        match received.parameter() {
            Parameter::Request => self.handle_request(environment, received).await,
            Parameter::Response => self.handle_response(environment, received).await,
        }
    }

    fn expectations(&self, environment: &str, issuer: String) -> LogoutExpectations {
        LogoutExpectations {
            issuer,
            destination: self.slo_url(environment),
            in_response_to: None,
            now: self.now(),
            clock_skew: SKEW,
            lifetime: LIFETIME,
        }
    }

    async fn handle_request(&self, environment: &str, received: Received) -> Result<Ended> {
        let issuer = received.claimed_issuer().map_err(to_denied)?;
        let found = self.get_enabled_application(environment, &issuer).await?;
        let application = &found.application;
        let keys = keys_of(&found)?;
        let expected = self.expectations(environment, application.sp_entity_id.clone());
        let honored = received
            .verify::<LogoutRequest>(&keys)
            .and_then(|vouched| vouched.check(&expected, None))
            .map_err(to_denied)?;
        let request = honored.message();
        let now = self.now();
        let mut tx = self.store.write().await?;
        let message = (request.issuer.as_str(), request.id.as_str());
        if !logouts::see(&mut tx, environment, message, honored.until(), now).await? {
            return page("This LogoutRequest was used already.");
        }
        let name = name_id_to_text(honored.name_id());
        let mut meant =
            logouts::find_sessions_of(&mut tx, environment, &found.id, &name, now).await?;
        let indexes = &request.session_indexes;
        meant.retain(|one| indexes.is_empty() || indexes.contains(&one.session_index));
        let initiator = Initiator {
            application: found.id.clone(),
            request: request.id.clone(),
            relay_state: honored.relay_state().map(str::to_owned),
        };
        let too_late = meant
            .iter()
            .any(|one| !settings::within_window(application, one.since, now));
        if meant.is_empty() || too_late {
            tx.commit().await?;
            let (detail, message) = if too_late {
                let words = "the SLO window has ended: the sign-on was too long ago";
                (StatusCode::RequestDenied, words)
            } else {
                let words = "session not found for this NameID and SessionIndex";
                (StatusCode::UnknownPrincipal, words)
            };
            let status = Status {
                code: StatusCode::Requester,
                detail: Some(detail),
                message: Some(message.to_owned()),
            };
            return self.reply(environment, &initiator, status).await;
        }
        let mut remaining = Vec::new();
        for one in &meant {
            let all = logouts::list_participants(&mut tx, &one.session).await?;
            remaining.extend(
                all.into_iter()
                    .filter(|other| other.application != found.id || other.name_id != name),
            );
            logouts::end_session(&mut tx, &one.session).await?;
        }
        tx.commit().await?;
        let round = Round::new_at_application(self.new_id(), initiator, remaining);
        self.continue_round(environment, round).await
    }

    async fn handle_response(&self, environment: &str, received: Received) -> Result<Ended> {
        let id = received.relay_state().unwrap_or_default().to_owned();
        let now = self.now();
        let kept = {
            let mut db = self.store.read().await?;
            logouts::find_logout(&mut db, (environment, &id), now).await?
        };
        let Some(mut round) = kept.as_deref().and_then(Round::read) else {
            return page(
                "There is no logout in progress for this LogoutResponse: it is complete, or took too long.",
            );
        };
        let issuer = received.claimed_issuer().map_err(to_denied)?;
        let found = self.get_enabled_application(environment, &issuer).await?;
        let application = &found.application;
        let Some(request) = round.awaited_request(&found.id) else {
            return page(format!(
                "Unexpected LogoutResponse: no LogoutRequest was sent to the application {}.",
                application.name
            ));
        };
        let keys = keys_of(&found)?;
        let entity = application.sp_entity_id.clone();
        let expected = LogoutExpectations {
            in_response_to: Some(request),
            ..self.expectations(environment, entity)
        };
        let honored = received
            .verify::<LogoutResponse>(&keys)
            .and_then(|vouched| vouched.check(&expected))
            .map_err(to_denied)?;
        let response = honored.message();
        let mut tx = self.store.write_aside().await?;
        let message = (response.issuer.as_str(), response.id.as_str());
        let first = logouts::see(&mut tx, environment, message, honored.until(), now).await?;
        tx.commit().await?;
        if !first {
            return page("This LogoutResponse was used already.");
        }
        round.record_answer(&response.status);
        self.continue_round(environment, round).await
    }
}

/// Returns the keys that verify the signatures of an application's messages.
fn keys_of(found: &ServiceProvider) -> Result<TrustedKeys> {
    match TrustedKeys::new(found.certificates.clone()) {
        Ok(keys) => Ok(keys),
        Err(_) => page(format!(
            "The application {} has no verification certificate: its logout messages cannot be verified. \
             Give it one under Configuration, or import its metadata.",
            found.application.name
        )),
    }
}

/// Turns the refusal of a logout message into a page for the user.
fn to_denied(refusal: saml::acceptance::Refusal) -> Denied {
    Denied::Page(format!(
        "The logout message cannot be accepted: {}.",
        refusal.private()
    ))
}

fn internal(error: impl std::fmt::Display) -> Denied {
    Denied::Refused(Refused::Internal(error.to_string()))
}

/// Makes the browser carry a message.
fn carry_message(outgoing: Outgoing) -> Ended {
    Ended::Carrying(outgoing)
}
