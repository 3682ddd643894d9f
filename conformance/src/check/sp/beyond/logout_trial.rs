//! Trials of logout messages: logs a user in, sends a message in that browser, and asks the
//! probe whether the user is logged in still.

use saml::keys::SigningKey;
use saml::message::{LogoutRequest, Principal};
use saml::names;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::super::answer::place;
use super::super::login::Login;
use super::super::visitor::{Arrival, Visitor};
use super::logout_message::{Carried, Message, Session, Trick, request_of};
use super::{Beyond, Judged, Stop, breaks, holds_with, skip};
use crate::check::runner::page_summary;

/// The most LogoutRequests that are sent to end the user's other sessions. mod_auth_mellon stores
/// 100 sessions by default.
const MOST_OTHERS: usize = 110;
/// The check whether a valid LogoutRequest ends the session at the first endpoint.
const ENDS_AT_FIRST: &str = "SAML-SP-SLO-01";
/// The check whether a valid LogoutRequest ends the session at the second endpoint.
const ENDS_AT_SECOND: &str = "SAML-SP-SLO-31";

/// The result of a valid LogoutRequest.
pub(super) struct HonestLogout {
    /// True if the user is logged out.
    pub(super) ended: bool,
    /// The same trial while the user had sessions of other logins, if it failed because of them.
    pub(super) with_others: Option<Box<HonestLogout>>,
    /// The ID of the request.
    pub(super) id: String,
    /// Where the browser ended.
    pub(super) arrival: Arrival,
    /// The XML of the request.
    pub(super) sent: String,
}

/// The result of a valid LogoutRequest with each binding. It is sent once; all checks use the
/// same result.
#[derive(Default)]
pub(super) struct HonestLogouts {
    by_redirect: OnceCell<Result<HonestLogout, String>>,
    by_post: OnceCell<Result<HonestLogout, String>>,
}

impl HonestLogouts {
    fn at(&self, endpoint: &Endpoint<'_>) -> &OnceCell<Result<HonestLogout, String>> {
        match endpoint.binding == names::HTTP_REDIRECT {
            true => &self.by_redirect,
            false => &self.by_post,
        }
    }
}

/// A `SingleLogoutService` of the service provider's metadata.
pub(super) struct Endpoint<'t> {
    pub(super) binding: &'t str,
    pub(super) location: &'t str,
}

impl Beyond<'_> {
    /// Returns the endpoints for HTTP-Redirect and HTTP-POST, in this order, one of each binding.
    pub(super) fn endpoints(&self) -> Vec<Endpoint<'_>> {
        let all = self.judge.target.metadata.slo.iter();
        let mut found: Vec<Endpoint<'_>> = all
            .filter(|it| [names::HTTP_REDIRECT, names::HTTP_POST].contains(&it.binding.as_str()))
            .map(|it| Endpoint {
                binding: &it.binding,
                location: &it.location,
            })
            .collect();
        found.sort_by_key(|it| it.binding != names::HTTP_REDIRECT);
        found.dedup_by(|a, b| a.binding == b.binding);
        found
    }

    /// Returns the first of [`Self::endpoints`]; the check is skipped if there is none.
    pub(super) fn first_endpoint(&self) -> Result<Endpoint<'_>, Stop> {
        match self.endpoints().into_iter().next() {
            Some(endpoint) => Ok(endpoint),
            None => skip("the metadata has no SingleLogoutService with HTTP-Redirect or HTTP-POST"),
        }
    }

    /// Returns the first of [`Self::endpoints`] at which a valid LogoutRequest ends the session. At
    /// any other one, messages that end no session prove nothing.
    pub(super) async fn endpoint(&self) -> Result<Endpoint<'_>, Stop> {
        let mut reason = None;
        for endpoint in self.endpoints() {
            match self.run_honest_logout(&endpoint).await {
                Ok(done) if done.ended => return Ok(endpoint),
                Ok(_) => {}
                Err(why) => reason = reason.or(Some(why)),
            }
        }
        self.first_endpoint()?;
        Err(reason.unwrap_or(Stop::Follows(ENDS_AT_FIRST)))
    }

    /// Returns the endpoint for HTTP-Redirect; the check is skipped if there is none.
    pub(super) fn redirect_endpoint(&self) -> Result<Endpoint<'_>, Stop> {
        match self.first_endpoint()? {
            endpoint if endpoint.binding == names::HTTP_REDIRECT => Ok(endpoint),
            _ => skip("the metadata has no SingleLogoutService with HTTP-Redirect"),
        }
    }

    /// True if this is the first of [`Self::endpoints`].
    fn is_first(&self, endpoint: &Endpoint<'_>) -> bool {
        self.first_endpoint()
            .is_ok_and(|first| first.binding == endpoint.binding)
    }

    /// Logs the user of `--user` in, in a new browser. If the service provider does not find the
    /// session of a LogoutRequest among several ones of the user, the others are ended before:
    /// otherwise a forged LogoutRequest would fail for that reason, which proves nothing.
    pub(super) async fn new_session(&self) -> Result<Session, Stop> {
        let needs_end = |endpoint: &Endpoint<'_>| {
            let honest = self.honest_logouts.at(endpoint).get();
            honest.is_some_and(|it| it.as_ref().is_ok_and(|it| it.with_others.is_some()))
        };
        if let Some(endpoint) = self.endpoints().into_iter().find(needs_end) {
            self.end_all_sessions(&endpoint).await?;
        }
        self.open_another_session().await
    }

    /// Logs the user of `--user` in, in a new browser, and keeps the user's other sessions.
    pub(super) async fn open_another_session(&self) -> Result<Session, Stop> {
        let user = &self.judge.person.user;
        let login = Login::new(self.judge, user);
        let visitor = login.visitor()?;
        let ready = login.make(login.ask(&visitor).await?, None, self.base)?;
        let index = ready.session_index.clone();
        let answer = login.deliver(&visitor, &ready).await?;
        if !answer.is_accepted() {
            return skip(format!(
                "not judged: the service provider refused a valid Response: {}",
                answer.to_sentence()
            ));
        }
        Ok(Session {
            visitor,
            name: user.clone(),
            index,
        })
    }

    /// Sends a message in this browser, as a link or a form on a page of the identity provider.
    pub(super) async fn send(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
        endpoint: &Endpoint<'_>,
    ) -> Result<Arrival, Stop> {
        let provider = &self.judge.provider;
        let (from, end) = (Some(&provider.sso_url), Some(&provider.slo_url));
        Ok(
            match message.encode_for_binding(endpoint.binding, endpoint.location)? {
                Carried::Link(url) => visitor.send(url, None, from, end).await?,
                Carried::Form(url, fields) => {
                    let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
                    let fields: Vec<(&str, &str)> = fields.collect();
                    visitor.send(url, Some(&fields), from, end).await?
                }
            },
        )
    }

    /// Logs a user in and sends a valid LogoutRequest to this endpoint. This is done once; all checks
    /// use the same result.
    pub(super) async fn run_honest_logout(
        &self,
        endpoint: &Endpoint<'_>,
    ) -> Result<&HonestLogout, Stop> {
        let done = self.honest_logouts.at(endpoint).get_or_init(|| async {
            let tried = self.try_honest_logout_twice(endpoint).await;
            tried.map_err(Stop::into_reason)
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(why) => skip(why.clone()),
        }
    }

    /// Skips the check if a valid LogoutRequest does not end the session at this endpoint: then
    /// messages that end no session there prove nothing.
    pub(super) async fn require_honest_logout(&self, endpoint: &Endpoint<'_>) -> Result<(), Stop> {
        match (
            self.run_honest_logout(endpoint).await?.ended,
            self.is_first(endpoint),
        ) {
            (true, _) => Ok(()),
            (false, true) => Err(Stop::Follows(ENDS_AT_FIRST)),
            (false, false) => Err(Stop::Follows(ENDS_AT_SECOND)),
        }
    }

    /// Sends a valid LogoutRequest. If the user stays logged in, ends all sessions of the user and
    /// tries it again: the checks before have left many, and a service provider may look only at
    /// the first one that it finds by the NameID.
    async fn try_honest_logout_twice(&self, endpoint: &Endpoint<'_>) -> Result<HonestLogout, Stop> {
        let first = self.try_honest_logout(endpoint).await?;
        if first.ended || !self.end_all_sessions(endpoint).await? {
            return Ok(first);
        }
        let again = self.try_honest_logout(endpoint).await?;
        Ok(match again.ended {
            true => HonestLogout {
                with_others: Some(Box::new(first)),
                ..again
            },
            false => first,
        })
    }

    async fn try_honest_logout(&self, endpoint: &Endpoint<'_>) -> Result<HonestLogout, Stop> {
        let session = self.open_another_session().await?;
        let request = request_of(self.judge, &session, endpoint.location);
        let message = Message::request(&request, Some(&self.judge.provider.key));
        let arrival = self.send(&session.visitor, &message, endpoint).await?;
        Ok(HonestLogout {
            ended: !self.is_in(&session.visitor).await?,
            with_others: None,
            id: request.id,
            arrival,
            sent: message.xml,
        })
    }

    /// Logs the user in and sends LogoutRequests without SessionIndex until this session ends, for
    /// a service provider that ends one session at each. False if none of them ends it.
    async fn end_all_sessions(&self, endpoint: &Endpoint<'_>) -> Result<bool, Stop> {
        let session = self.open_another_session().await?;
        for _ in 0..MOST_OTHERS {
            let mut request = request_of(self.judge, &session, endpoint.location);
            request.session_indexes = Vec::new();
            let message = Message::request(&request, Some(&self.judge.provider.key));
            let arrival = self.send(&session.visitor, &message, endpoint).await?;
            if !self.is_in(&session.visitor).await? {
                return Ok(true);
            }
            if arrival.status.is_client_error() || arrival.status.is_server_error() {
                break;
            }
        }
        Ok(false)
    }

    /// Sends a message that must not end the session, in the browser of a user who is logged in.
    /// The check passes if the user is logged in still.
    pub(super) async fn require_session<'k>(
        &self,
        endpoint: &Endpoint<'_>,
        make: impl FnOnce(&Session) -> Message<'k>,
    ) -> Judged {
        self.require_honest_logout(endpoint).await?;
        let mut kept = self.session.lock().await;
        let session = match kept.take() {
            // The session is used again, unless another check has ended all of the user's sessions.
            Some(session) if self.is_in(&session.visitor).await? => session,
            _ => self.new_session().await?,
        };
        let message = make(&session);
        let arrival = self.send(&session.visitor, &message, endpoint).await?;
        let evidence = evidence(&message.xml, &arrival);
        let said = format!(
            "HTTP {} at {}",
            arrival.status.as_u16(),
            place(arrival.url.as_str())
        );
        if !self.is_in(&session.visitor).await? {
            return breaks(
                format!("the user is logged out; the answer was {said}"),
                evidence,
            );
        }
        *kept = Some(session);
        holds_with(
            format!("the user is still logged in; the answer was {said}"),
            evidence,
        )
    }

    /// As [`Self::require_session`], with a LogoutRequest that `key` signs, or an unsigned one.
    pub(super) async fn require_session_if_signed_by(
        &self,
        endpoint: &Endpoint<'_>,
        key: Option<&SigningKey>,
    ) -> Judged {
        self.require_session(endpoint, |session| {
            let request = request_of(self.judge, session, endpoint.location);
            Message::request(&request, key)
        })
        .await
    }

    /// As [`Self::require_session`] at [`Self::endpoint`], with a LogoutRequest that `change` changes before
    /// the identity provider's key signs it.
    pub(super) async fn require_session_after_change(
        &self,
        change: impl FnOnce(&mut LogoutRequest),
    ) -> Judged {
        let endpoint = self.endpoint().await?;
        self.require_session(&endpoint, |session| {
            let mut request = request_of(self.judge, session, endpoint.location);
            change(&mut request);
            Message::request(&request, Some(&self.judge.provider.key))
        })
        .await
    }

    /// As [`Self::require_session`], with a LogoutRequest about the user `who`, without SessionIndex.
    pub(super) async fn require_session_for_user(
        &self,
        endpoint: &Endpoint<'_>,
        who: &str,
    ) -> Judged {
        let other = self.judge.person.name_id_of(who);
        self.require_session(endpoint, |session| {
            let request = LogoutRequest {
                principal: Principal::Named(other),
                session_indexes: Vec::new(),
                ..request_of(self.judge, session, endpoint.location)
            };
            Message::request(&request, Some(&self.judge.provider.key))
        })
        .await
    }

    /// Skips the check if a LogoutRequest without a signature, or with that of an unknown key, ends the
    /// session: then no signature is needed. `causes` are the checks that fail for these two reasons.
    pub(super) async fn require_verified_signatures(
        &self,
        endpoint: &Endpoint<'_>,
        causes: [&'static str; 2],
    ) -> Result<(), Stop> {
        let keys = [None, Some(&self.judge.provider.foreign)];
        for (key, cause) in keys.into_iter().zip(causes) {
            match self.require_session_if_signed_by(endpoint, key).await {
                Err(Stop::Breaks(_)) => return Err(Stop::Follows(cause)),
                // What was not tried shows nothing.
                judged => judged.map(drop)?,
            }
        }
        Ok(())
    }

    /// Skips the check if a signed LogoutRequest about a user who never logged in ends the session: then
    /// what is beside it proves nothing.
    pub(super) async fn require_compared_names(&self, endpoint: &Endpoint<'_>) -> Result<(), Stop> {
        let absent = self.judge.absent_user();
        match self.require_session_for_user(endpoint, &absent).await {
            Err(Stop::Breaks(_)) => Err(Stop::Follows("SAML-SP-SLO-08")),
            judged => judged.map(drop),
        }
    }

    /// As [`Self::require_session`] by HTTP-Redirect, with a query that `trick` changes after signing. It is
    /// skipped if the session ends for a reason that has nothing to do with the trick: queries
    /// without a signature, or with that of an unknown key, end it, too.
    pub(super) async fn require_session_after_trick(&self, trick: Trick) -> Judged {
        let endpoint = self.redirect_endpoint()?;
        let judged = self.require_session(&endpoint, |session| {
            let own = request_of(self.judge, session, endpoint.location);
            let mut signed = own.clone();
            if matches!(trick, Trick::TwiceAfter | Trick::TwiceBefore) {
                let other = self.judge.person.name_id_of(&self.judge.absent_user());
                signed.principal = Principal::Named(other);
                signed.session_indexes.clear();
            }
            Message {
                trick,
                other_xml: own.to_xml(),
                ..Message::request(&signed, Some(&self.judge.provider.key))
            }
        });
        let judged = judged.await;
        if !matches!(judged, Err(Stop::Breaks(_))) {
            return judged;
        }
        let (key, cause) = match trick {
            Trick::NoAlgorithm => (None, "SAML-SP-SLO-03"),
            _ => (Some(&self.judge.provider.foreign), "SAML-SP-SLO-04"),
        };
        match self.require_session_if_signed_by(&endpoint, key).await {
            Err(Stop::Breaks(_)) => Err(Stop::Follows(cause)),
            Ok(_) => judged,
            // The session may have ended for the other reason.
            Err(untried) => Err(untried),
        }
    }
}

/// Returns the evidence for the report: the message, and the page where the browser ended.
pub(super) fn evidence(sent: &str, arrival: &Arrival) -> Value {
    json!({
        "sent": sent,
        "answer": {
            "status": arrival.status.as_u16(),
            "url": arrival.url.as_str(),
            "page": page_summary(&arrival.body, 600),
        },
    })
}
