//! The state of a single logout while the browser goes from one application to the next.

use saml::binding::{Outgoing, Parameter, send};
use saml::message::{LogoutRequest, LogoutResponse, Principal, Status, StatusCode};
use saml::names;
use serde::{Deserialize, Serialize};

use super::{LIFETIME, Result, carry_message, internal, read, settings};
use crate::Idp;
use crate::applications::Application;
use crate::sso::later;
use crate::store::logouts::{self, Participant};
use crate::store::resources::Kind;

/// The result of a step of a logout.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All participants were logged out.
    Whole,
    /// At least one participant could not be reached, or did not log the user out.
    InPart,
    /// Not complete: the browser carries this message to the next application.
    Carrying(Outgoing),
}

/// The application that asked for the logout and gets the `LogoutResponse` at the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Initiator {
    /// Id of the application.
    pub(super) application: String,
    /// ID of its `LogoutRequest`.
    pub(super) request: String,
    pub(super) relay_state: Option<String>,
}

/// A participant that is still to be logged out.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    application: String,
    name_id: String,
    session_index: String,
    /// Sign-on time, in microseconds since the Unix epoch.
    since: i64,
}

/// The state of the logout, stored between two steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Round {
    id: String,
    initiator: Option<Initiator>,
    remaining: Vec<Told>,
    /// The application that got the last `LogoutRequest`, and the ID of that request.
    asked: Option<(String, String)>,
    in_part: bool,
}

impl Round {
    pub(super) fn new_at_idp(id: String, remaining: Vec<Participant>) -> Self {
        Self {
            id,
            initiator: None,
            remaining: remaining.into_iter().map(Told::from).collect(),
            asked: None,
            in_part: false,
        }
    }

    pub(super) fn new_at_application(
        id: String,
        by: Initiator,
        remaining: Vec<Participant>,
    ) -> Self {
        Self {
            initiator: Some(by),
            ..Self::new_at_idp(id, remaining)
        }
    }

    pub(super) fn read(document: &str) -> Option<Self> {
        serde_json::from_str(document).ok()
    }

    /// Returns the ID of the `LogoutRequest` that waits for an answer of this application.
    pub(super) fn awaited_request(&self, application: &str) -> Option<String> {
        let (asked, request) = self.asked.as_ref()?;
        (asked == application).then(|| request.clone())
    }

    /// Records the status of an answer. `UnknownPrincipal` counts as success: the application
    /// has no session to end.
    pub(super) fn record_answer(&mut self, status: &Status) {
        let whole = status.is_success() && status.detail != Some(StatusCode::PartialLogout);
        if !whole && status.detail != Some(StatusCode::UnknownPrincipal) {
            self.in_part = true;
        }
        self.asked = None;
    }
}

impl From<Participant> for Told {
    fn from(it: Participant) -> Self {
        Self {
            application: it.application,
            name_id: it.name_id,
            session_index: it.session_index,
            since: it.since.as_microsecond(),
        }
    }
}

impl Idp {
    /// Sends a `LogoutRequest` to the next application; after the last one, answers the
    /// application that asked for the logout.
    pub(super) async fn continue_round(
        &self,
        environment: &str,
        mut round: Round,
    ) -> Result<Ended> {
        let now = self.now();
        while !round.remaining.is_empty() {
            let next = round.remaining.remove(0);
            let Some((request, outgoing)) = self.ask(environment, &round, &next).await? else {
                round.in_part = true;
                continue;
            };
            round.asked = Some((next.application, request));
            let document = serde_json::to_string(&round).map_err(internal)?;
            let mut tx = self.store.write_aside().await?;
            let until = later(now, LIFETIME);
            logouts::keep(&mut tx, (environment, &round.id), &document, until).await?;
            tx.commit().await?;
            return Ok(carry_message(outgoing));
        }
        let mut tx = self.store.write_aside().await?;
        logouts::delete_logout(&mut tx, &round.id).await?;
        tx.commit().await?;
        match &round.initiator {
            Some(initiator) => {
                let detail = round.in_part.then_some(StatusCode::PartialLogout);
                let status = Status {
                    detail,
                    ..Status::success()
                };
                self.reply(environment, initiator, status).await
            }
            None if round.in_part => Ok(Ended::InPart),
            None => Ok(Ended::Whole),
        }
    }

    async fn get_application(&self, environment: &str, application: &str) -> Result<Application> {
        let resource = self
            .get(environment, Kind::Application, application)
            .await?;
        Ok(Application::of(&resource)?)
    }

    /// Creates the `LogoutRequest` to one application. `None` if it cannot be reached: it has
    /// no endpoint, no longer exists, or its SLO window has ended.
    async fn ask(
        &self,
        environment: &str,
        round: &Round,
        next: &Told,
    ) -> Result<Option<(String, Outgoing)>> {
        let Ok(application) = self.get_application(environment, &next.application).await else {
            return Ok(None);
        };
        let now = self.now();
        let since = crate::store::instant(next.since);
        let (Some((binding, location)), Some(name), true) = (
            settings::requests(&application),
            read(&next.name_id),
            settings::within_window(&application, since, now),
        ) else {
            return Ok(None);
        };
        let request = LogoutRequest {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: now,
            issuer: self.issuer(environment),
            destination: Some(location.to_owned()),
            not_on_or_after: Some(later(now, LIFETIME)),
            reason: Some(names::LOGOUT_USER.to_owned()),
            principal: Principal::Named(name),
            session_indexes: vec![next.session_index.clone()],
        };
        let key = self.signing_key(environment, &application).await?;
        let outgoing = send(
            (binding, location),
            Parameter::Request,
            &request.to_xml(),
            Some(&round.id),
            Some(&key),
        )
        .map_err(internal)?;
        Ok(Some((request.id, outgoing)))
    }

    /// Creates the `LogoutResponse` to the application that asked for the logout.
    pub(super) async fn reply(
        &self,
        environment: &str,
        to: &Initiator,
        status: Status,
    ) -> Result<Ended> {
        let application = self.get_application(environment, &to.application).await?;
        let Some((binding, location)) = settings::responses(&application) else {
            // The application asked, but it has no endpoint for the answer.
            return Ok(match status.detail {
                None => Ended::Whole,
                Some(_) => Ended::InPart,
            });
        };
        let response = LogoutResponse {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: self.now(),
            issuer: self.issuer(environment),
            destination: Some(location.to_owned()),
            in_response_to: Some(to.request.clone()),
            status,
        };
        let key = self.signing_key(environment, &application).await?;
        let outgoing = send(
            (binding, location),
            Parameter::Response,
            &response.to_xml(),
            to.relay_state.as_deref(),
            Some(&key),
        )
        .map_err(internal)?;
        Ok(carry_message(outgoing))
    }
}
