//! Trials of single logout that the service provider starts: opens the URL of `--logout-url` in the
//! browser of a user who is logged in, reads the LogoutRequest, and answers it.

use jiff::Timestamp;
use reqwest::StatusCode;
use saml::keys::SigningKey;
use saml::message::LogoutResponse;
use serde_json::Value;

use super::super::answer::place;
use super::super::login::{Request, request_at};
use super::super::visitor::{Arrival, Visitor, same_place};
use super::logout_message::{Message, unsolicited_answer};
use super::logout_trial::{Endpoint, evidence};
use super::{Beyond, CheckError, Judged, Stop, breaks, holds_with, skip};
use crate::inspection::parse;

/// What happened when a logged-in user opened the logout URL.
pub(super) struct OwnLogout {
    pub(super) visitor: Visitor,
    /// The `SessionIndex` of the assertion.
    pub(super) index: String,
    /// The LogoutRequest; `None` if the session ended without one.
    pub(super) request: Option<Request>,
    /// Time at which the request came.
    pub(super) at: Timestamp,
    /// Where the browser ended: status and URL.
    pub(super) ending: String,
    /// True if the probe still shows the user, before any LogoutResponse.
    is_in: bool,
}

impl OwnLogout {
    /// Returns the LogoutRequest. The check is skipped if there is none.
    pub(super) fn request(&self) -> Result<&Request, Stop> {
        match &self.request {
            Some(request) => Ok(request),
            None => Err(Stop::Follows("SAML-SP-SLO-15")),
        }
    }
}

/// The result of an honest LogoutResponse.
pub(super) struct OwnAnswer {
    /// True if the user is logged out.
    pub(super) ended: bool,
    /// Status and URL of the page where the browser ended.
    pub(super) said: String,
    pub(super) evidence: Value,
    status: StatusCode,
    url: url::Url,
}

/// How a LogoutResponse is signed, and its RelayState.
#[derive(Clone, Copy)]
pub(super) struct Forgery<'f> {
    /// The key that signs the message; `None` for an unsigned one.
    pub(super) key: Option<&'f SigningKey>,
    /// RelayState; `None` for that of the request.
    pub(super) relay_state: Option<&'f str>,
}

impl<'f> Forgery<'f> {
    /// Returns how the identity provider itself signs.
    pub(super) fn of(beyond: &'f Beyond<'_>) -> Self {
        Self {
            key: Some(&beyond.judge.provider.key),
            relay_state: None,
        }
    }
}

impl Beyond<'_> {
    /// Logs a user in and opens the logout URL.
    pub(super) async fn begin_own_logout(&self) -> Result<OwnLogout, Stop> {
        let Some(url) = self.judge.target.logout_url.clone() else {
            return skip(
                "not judged: the URL at which a user logs out was not given (--logout-url)",
            );
        };
        let session = self.open_another_session().await?;
        let slo = &self.judge.provider.slo_url;
        let visitor = session.visitor;
        let mut arrival = visitor.send(url.clone(), None, None, Some(slo)).await?;
        // Many applications log out by POST only, so that a link on another site cannot do it.
        let refused = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        if refused.contains(&arrival.status) {
            let from = Some(&url);
            arrival = visitor
                .send(url.clone(), Some(&[]), from, Some(slo))
                .await?;
        }
        let fields = &self.judge.target.logout_form;
        arrival = self.judge.submit(&visitor, arrival, fields, slo).await?;
        let at = self.judge.ambient.now();
        let request = match request_at(&arrival, slo) {
            Err(CheckError::Request(why)) => {
                return skip(format!("cannot read the LogoutRequest: {why}"));
            }
            other => other?,
        };
        let is_in = self.is_in(&visitor).await?;
        let ending = describe(&arrival);
        if request.is_none() && is_in {
            return skip(format!(
                "the logout URL neither logged the user out nor sent a LogoutRequest: {ending}; check --logout-url. If it shows a form that starts the logout, give its fields with --logout-form"
            ));
        }
        Ok(OwnLogout {
            visitor,
            index: session.index,
            request,
            at,
            ending,
            is_in,
        })
    }

    /// As [`Self::begin_own_logout`], once for all checks.
    pub(super) async fn begin_own_logout_once(&self) -> Result<&OwnLogout, Stop> {
        let own = self.own_logout.get_or_init(|| async {
            let own = self.begin_own_logout().await;
            own.map_err(Stop::into_reason)
        });
        match own.await {
            Ok(own) => Ok(own),
            Err(why) => skip(why.clone()),
        }
    }

    /// Returns the LogoutRequest of [`Self::begin_own_logout_once`].
    pub(super) async fn read_own_request(&self) -> Result<&Request, Stop> {
        self.begin_own_logout_once().await?.request()
    }

    /// Returns binding and URL to which a LogoutResponse is sent.
    pub(super) fn answer_endpoint(&self) -> Result<(&str, String), Stop> {
        let endpoint = self.first_endpoint()?;
        let all = self.judge.target.metadata.slo.iter();
        let mut own = all.filter(|it| it.binding == endpoint.binding);
        let other = own.find_map(|it| it.response_location.clone());
        let location = other.unwrap_or_else(|| endpoint.location.to_owned());
        Ok((endpoint.binding, location))
    }

    /// Creates the honest LogoutResponse to a LogoutRequest.
    pub(super) fn answer_to(&self, request: &Request) -> Result<LogoutResponse, Stop> {
        let document = parse(&request.xml)
            .map_err(|why| Stop::Skip(format!("the LogoutRequest cannot be read: {why}")))?;
        let id = document.root_element().attribute("ID");
        let (_, location) = self.answer_endpoint()?;
        Ok(LogoutResponse {
            in_response_to: id.map(str::to_owned),
            ..unsolicited_answer(self.judge, &location)
        })
    }

    /// Sends a LogoutResponse in this browser.
    pub(super) async fn send_answer(
        &self,
        visitor: &Visitor,
        answer: &LogoutResponse,
        forgery: &Forgery<'_>,
    ) -> Result<Arrival, Stop> {
        let (binding, location) = self.answer_endpoint()?;
        let message = Message {
            relay_state: forgery.relay_state.map(str::to_owned),
            ..Message::response(answer, forgery.key)
        };
        let endpoint = Endpoint {
            binding,
            location: &location,
        };
        self.send(visitor, &message, &endpoint).await
    }

    /// Answers the LogoutRequest with an honest LogoutResponse. This is done once; all checks use
    /// the same result.
    pub(super) async fn answer_own_request(&self) -> Result<&OwnAnswer, Stop> {
        let own = self.begin_own_logout_once().await?;
        let request = own.request()?;
        let done = self.own_answer.get_or_init(|| async {
            let tried = async {
                let answer = self.answer_to(request)?;
                let forgery = Forgery {
                    relay_state: request.relay_state.as_deref(),
                    ..Forgery::of(self)
                };
                let arrival = self.send_answer(&own.visitor, &answer, &forgery).await?;
                Ok(OwnAnswer {
                    ended: !self.is_in(&own.visitor).await?,
                    said: describe(&arrival),
                    evidence: evidence(&answer.to_xml(), &arrival),
                    status: arrival.status,
                    url: arrival.url,
                })
            };
            tried.await.map_err(Stop::into_reason)
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(why) => skip(why.clone()),
        }
    }

    /// Begins a logout and answers it with a LogoutResponse that must be refused: the honest one
    /// with this change, signed as `forgery` says. If the session lasts until the answer, it must
    /// last after it. If it had ended before, the answer must be an error, or lead elsewhere than
    /// that to the honest LogoutResponse; if it does not, nothing shows whether it was accepted.
    pub(super) async fn require_refusal_of_answer(
        &self,
        forgery: Forgery<'_>,
        change: impl FnOnce(&mut LogoutResponse),
    ) -> Judged {
        let honest = self.answer_own_request().await?;
        if !honest.ended {
            return Err(Stop::Follows("SAML-SP-SLO-23"));
        }
        let own = self.begin_own_logout().await?;
        let request = own.request()?;
        let mut answer = self.answer_to(request)?;
        change(&mut answer);
        let forgery = Forgery {
            relay_state: request.relay_state.as_deref(),
            ..forgery
        };
        let arrival = self.send_answer(&own.visitor, &answer, &forgery).await?;
        let said = describe(&arrival);
        let evidence = evidence(&answer.to_xml(), &arrival);
        if own.is_in {
            return match self.is_in(&own.visitor).await? {
                true => holds_with(
                    format!("the user is still logged in; the answer was {said}"),
                    evidence,
                ),
                false => breaks(
                    format!("the user is logged out; the answer was {said}"),
                    evidence,
                ),
            };
        }
        let is_error = arrival.status.is_client_error() || arrival.status.is_server_error();
        let is_refused = is_error && arrival.status != honest.status;
        match is_refused || !same_place(&arrival.url, &honest.url) {
            true => holds_with(
                format!("the answer was {said}; the session had ended before"),
                evidence,
            ),
            false if honest.status.is_client_error() || honest.status.is_server_error() => {
                skip(format!(
                    "cannot tell: the session ends before the LogoutResponse, and an honest LogoutResponse gets the same error: {}",
                    honest.said
                ))
            }
            false => skip(format!(
                "cannot tell: the session ends before the LogoutResponse, and the answer is the same as to an honest one: {said}"
            )),
        }
    }
}

fn describe(arrival: &Arrival) -> String {
    format!(
        "HTTP {} at {}",
        arrival.status.as_u16(),
        place(arrival.url.as_str())
    )
}
