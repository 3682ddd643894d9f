//! Single logout (saml-profiles §4.4), the identity provider's side.
//!
//! A service provider asks, or the person signs off here; the session ends,
//! and the browser carries a request to every other application that takes
//! part in it, one after the other ([`round`]). Whoever asked is told in the
//! end whether all of them could be reached.

mod round;
mod settings;

use jiff::SignedDuration;
use saml::acceptance::TrustedKeys;
use saml::binding::{Outgoing, Parameter};
use saml::message::{LogoutRequest, LogoutResponse, NameId, NameIdFormat, Status, StatusCode};
use saml::reception::{LogoutExpectations, Received};

pub(crate) use round::Ended;
use round::{Initiator, Round};

use super::session_cache::SsoSession;
use super::{Denied, page};
use crate::Idp;
use crate::applications::Application;
use crate::refusal::Refused;
use crate::store::logins::SessionRow;
use crate::store::logouts::{self, Participant};

type Result<T> = std::result::Result<T, Denied>;

/// By how much a service provider's clock may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How old a logout message may be.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// A NameID as participants are looked up by: equal names are equal texts
/// (saml-core §3.3.4).
fn stored(name: &NameId) -> String {
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
    /// Where logout messages come to.
    pub(crate) fn slo_url(&self, environment: &str) -> String {
        format!("{}/{environment}/saml20/idp/slo", self.base_url)
    }

    /// Notes that the application takes part in the session under that name.
    pub(crate) async fn take_part(
        &self,
        environment: &str,
        application: &str,
        session: &SessionRow,
        name: &NameId,
    ) -> Result<()> {
        let participant = Participant {
            session: session.token.clone(),
            environment: environment.to_owned(),
            application: application.to_owned(),
            name_id: stored(name),
            session_index: session.index.clone(),
            since: self.now(),
        };
        let edition = self.store.edition();
        if self.takes_part(edition, &participant) {
            return Ok(());
        }
        let mut tx = self.store.write_aside().await?;
        logouts::take_part(&mut tx, &participant).await?;
        tx.commit().await?;
        self.took_part(edition, &participant);
        Ok(())
    }

    /// The person signs off here: the session ends, the others are told.
    pub(crate) async fn sign_off(&self, environment: &str, token: Option<&str>) -> Result<Ended> {
        let Some(SsoSession { session, .. }) = self.session(environment, token).await? else {
            return Ok(Ended::Whole);
        };
        let mut tx = self.store.write().await?;
        let remaining = logouts::of_session(&mut tx, &session.token).await?;
        logouts::end_session(&mut tx, &session.token).await?;
        tx.commit().await?;
        self.go_on(environment, Round::started_here(self.new_id(), remaining))
            .await
    }

    /// A browser brings a logout message.
    pub(crate) async fn receive_logout(
        &self,
        environment: &str,
        received: Received,
    ) -> Result<Ended> {
        match received.parameter() {
            Parameter::Request => self.asked_to_log_out(environment, received).await,
            Parameter::Response => self.told_of_logout(environment, received).await,
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

    /// The keys that vouch for an application's messages.
    async fn keys_of(&self, environment: &str, application: &Application) -> Result<TrustedKeys> {
        let all = self.vouching(environment, application).await?;
        match TrustedKeys::new(all) {
            Ok(keys) => Ok(keys),
            Err(_) => page(format!(
                "The application {} has no verification certificate: its logout messages can't be verified. \
                 Give it one under Configuration, or import its metadata.",
                application.name
            )),
        }
    }

    async fn asked_to_log_out(&self, environment: &str, received: Received) -> Result<Ended> {
        let issuer = received.claimed_issuer().map_err(refused)?;
        let (resource, application) = self.application_of(environment, &issuer).await?;
        let keys = self.keys_of(environment, &application).await?;
        let expected = self.expectations(environment, application.sp_entity_id.clone());
        let honored = received
            .verify::<LogoutRequest>(&keys)
            .and_then(|vouched| vouched.check(&expected, None))
            .map_err(refused)?;
        let request = honored.message();
        let now = self.now();
        let mut tx = self.store.write().await?;
        let message = (request.issuer.as_str(), request.id.as_str());
        if !logouts::see(&mut tx, environment, message, honored.until(), now).await? {
            return page("This logout was used already.");
        }
        let name = stored(honored.name_id());
        let mut meant =
            logouts::sessions_of(&mut tx, environment, &resource.id, &name, now).await?;
        let indexes = &request.session_indexes;
        meant.retain(|one| indexes.is_empty() || indexes.contains(&one.session_index));
        let initiator = Initiator {
            application: resource.id.clone(),
            request: request.id.clone(),
            relay_state: honored.relay_state().map(str::to_owned),
        };
        let too_late = meant
            .iter()
            .any(|one| !settings::within_window(&application, one.since, now));
        if meant.is_empty() || too_late {
            tx.commit().await?;
            let (detail, message) = if too_late {
                let words = "the SLO window is over: the sign-on was too long ago";
                (StatusCode::RequestDenied, words)
            } else {
                let words = "no session of this subject and session index lives here";
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
            let all = logouts::of_session(&mut tx, &one.session).await?;
            remaining.extend(
                all.into_iter()
                    .filter(|other| other.application != resource.id || other.name_id != name),
            );
            logouts::end_session(&mut tx, &one.session).await?;
        }
        tx.commit().await?;
        let round = Round::asked_for(self.new_id(), initiator, remaining);
        self.go_on(environment, round).await
    }

    async fn told_of_logout(&self, environment: &str, received: Received) -> Result<Ended> {
        let id = received.relay_state().unwrap_or_default().to_owned();
        let now = self.now();
        let kept = {
            let mut db = self.store.read().await?;
            logouts::waiting(&mut db, (environment, &id), now).await?
        };
        let Some(mut round) = kept.as_deref().and_then(Round::read) else {
            return page("No logout waits for this answer: it is over, or took too long.");
        };
        let issuer = received.claimed_issuer().map_err(refused)?;
        let (resource, application) = self.application_of(environment, &issuer).await?;
        let Some(request) = round.asked_of(&resource.id) else {
            return page(format!(
                "The application {} was asked nothing.",
                resource.name
            ));
        };
        let keys = self.keys_of(environment, &application).await?;
        let entity = application.sp_entity_id.clone();
        let expected = LogoutExpectations {
            in_response_to: Some(request),
            ..self.expectations(environment, entity)
        };
        let honored = received
            .verify::<LogoutResponse>(&keys)
            .and_then(|vouched| vouched.check(&expected))
            .map_err(refused)?;
        let response = honored.message();
        let mut tx = self.store.write_aside().await?;
        let message = (response.issuer.as_str(), response.id.as_str());
        let first = logouts::see(&mut tx, environment, message, honored.until(), now).await?;
        tx.commit().await?;
        if !first {
            return page("This answer was used already.");
        }
        round.answered(&response.status);
        self.go_on(environment, round).await
    }
}

/// Why a logout message is not acted upon, for the person in front of it.
fn refused(refusal: saml::acceptance::Refusal) -> Denied {
    Denied::Page(format!(
        "The logout message can't be accepted: {}.",
        refusal.private()
    ))
}

fn internal(error: impl std::fmt::Display) -> Denied {
    Denied::Refused(Refused::Internal(error.to_string()))
}

/// A browser that carries a message.
fn carrying(outgoing: Outgoing) -> Ended {
    Ended::Carrying(outgoing)
}
