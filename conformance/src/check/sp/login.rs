//! One login: start address, request, response, assertion consumer service,
//! probe.

use faults::{Cover, Fault, Honest};
use jiff::SignedDuration;
use saml::Limits;
use saml::binding::{post, redirect};
use saml::message::{
    Assertion, Attribute, AuthnRequest, AuthnStatement, Conditions, NameId, NameIdFormat, Response,
    Status, Subject, SubjectConfirmation,
};
use saml::names;
use saml::signature::Signer;
use serde_json::{Value, json};
use url::Url;

use super::Judge;
use super::visitor::{Visitor, same_place};
use crate::check::runner::page_summary;
use crate::excerpt::beginning;

/// Why a login could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The HTTP client could not be set up.
    #[error("expected an HTTP client: {0}")]
    Client(reqwest::Error),
    /// An address doesn't answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The start address doesn't answer, so nothing was delivered.
    #[error("no answer from {url}: {reason}")]
    NotStarted {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Redirects don't end.
    #[error("the redirects do not end, the last one to {0}")]
    Redirects(String),
    /// The start address led elsewhere.
    #[error(
        "the start URL did not lead to {expected} with a SAMLRequest but to {came} (HTTP {status})"
    )]
    NoRequest {
        /// The played provider's address.
        expected: String,
        /// Where it ended.
        came: String,
        /// With what status.
        status: u16,
        /// What the page there says.
        page: String,
    },
    /// The request can't be read.
    #[error("expected an AuthnRequest: {0}")]
    Request(String),
    /// The metadata has no address that responses can be posted to.
    #[error(
        "expected an AssertionConsumerService with the HTTP-POST binding in the metadata, found none"
    )]
    NoAcs,
    /// The response could not be made.
    #[error("{0}")]
    Response(String),
    /// The first of two deliveries, which should have been accepted, was not.
    #[error("the first delivery was not accepted: {0}")]
    FirstRefused(String),
    /// The catalogue can't be read.
    #[error("expected the catalogue of faults: {0}")]
    Catalogue(String),
}

/// What came of a delivery.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whether the probe matched.
    pub accepted: bool,
    /// The status at the end of the delivery.
    pub status: u16,
    /// Where it ended.
    pub url: String,
    /// The reference number that the answer gave.
    pub reference: Option<String>,
    /// What the page at the end of the delivery says.
    pub page: String,
    /// The probe's status.
    pub probe_status: u16,
    /// What the probe said.
    pub probe: String,
    /// The document that was sent.
    pub sent: String,
}

/// How much of a document or answer the evidence quotes, in characters.
const QUOTED: usize = 6000;

fn quoted(text: &str) -> String {
    beginning(text, QUOTED)
}

impl Answer {
    /// In a sentence.
    pub fn said(&self) -> String {
        let how = if self.accepted {
            "accepted: the probe matches"
        } else {
            "refused"
        };
        let reference = self.reference.as_ref();
        let reference = reference.map_or_else(String::new, |it| format!(", reference {it}"));
        format!("{how} (HTTP {} at {}{reference})", self.status, self.url)
    }

    /// For the report. No secret is in it: the keys are the check's own, and
    /// cookies are left out.
    pub fn evidence(&self) -> Value {
        json!({
            "sent": quoted(&self.sent),
            "answer": {"status": self.status, "url": self.url},
            "reference": self.reference,
            "probe": quoted(&self.probe),
        })
    }
}

struct Asked {
    request: AuthnRequest,
    relay_state: Option<String>,
    acs_url: String,
}

struct Ready {
    field: String,
    xml: String,
    asked: Asked,
}

/// A login of somebody, in a browser of its own.
pub(super) struct Login<'j> {
    judge: &'j Judge,
    who: &'j str,
}

impl<'j> Login<'j> {
    pub(super) fn new(judge: &'j Judge, who: &'j str) -> Self {
        Self { judge, who }
    }

    /// Asks, and delivers what the fault makes of the answer.
    pub(super) async fn attempt(
        &self,
        fault: Option<&Fault>,
        cover: Cover,
    ) -> Result<Answer, Trouble> {
        let visitor = Visitor::new(&self.judge.runner.access)?;
        let ready = self.ready(&visitor, fault, cover).await?;
        self.deliver(&visitor, &ready).await
    }

    /// Delivers twice, one after the other, the second time in a browser that
    /// has the first one's cookies from before the login.
    pub(super) async fn again(&self, fault: &Fault, cover: Cover) -> Result<Answer, Trouble> {
        let visitor = Visitor::new(&self.judge.runner.access)?;
        let ready = self.ready(&visitor, Some(fault), cover).await?;
        let twin = self.twin(&visitor, &ready)?;
        let first = self.deliver(&visitor, &ready).await?;
        if !first.accepted {
            return Err(Trouble::FirstRefused(first.said()));
        }
        self.deliver(&twin, &ready).await
    }

    /// Delivers twice at the same time; accepted only if both are.
    pub(super) async fn at_once(&self, fault: &Fault, cover: Cover) -> Result<Answer, Trouble> {
        let visitor = Visitor::new(&self.judge.runner.access)?;
        let ready = self.ready(&visitor, Some(fault), cover).await?;
        let twin = self.twin(&visitor, &ready)?;
        let (one, other) =
            futures::join!(self.deliver(&visitor, &ready), self.deliver(&twin, &ready));
        let (one, other) = (one?, other?);
        match (one.accepted, other.accepted) {
            (true, _) => Ok(other),
            (false, true) => Ok(one),
            (false, false) => Err(Trouble::FirstRefused(one.said())),
        }
    }

    /// Asks in one browser, delivers in another that asked nothing.
    pub(super) async fn other_browser(
        &self,
        fault: &Fault,
        cover: Cover,
    ) -> Result<Answer, Trouble> {
        let ready = self
            .ready(
                &Visitor::new(&self.judge.runner.access)?,
                Some(fault),
                cover,
            )
            .await?;
        self.deliver(&Visitor::new(&self.judge.runner.access)?, &ready)
            .await
    }

    /// Asks the probe in a browser that is not logged in.
    pub(super) async fn anonymous(&self) -> Result<(u16, String), Trouble> {
        let visitor = Visitor::new(&self.judge.runner.access)?;
        let probe = self.judge.target.probe_url.clone();
        let arrival = visitor.open(probe, None).await?;
        Ok((arrival.status.as_u16(), arrival.body))
    }

    fn twin(&self, visitor: &Visitor, ready: &Ready) -> Result<Visitor, Trouble> {
        let acs = address(&ready.asked.acs_url)?;
        let target = &self.judge.target;
        visitor.twin(&[&acs, &target.start_url, &target.probe_url])
    }

    async fn deliver(&self, visitor: &Visitor, ready: &Ready) -> Result<Answer, Trouble> {
        let mut fields = vec![("SAMLResponse", ready.field.as_str())];
        if let Some(relay_state) = &ready.asked.relay_state {
            fields.push(("RelayState", relay_state));
        }
        let acs = address(&ready.asked.acs_url)?;
        let arrival = visitor
            .post_response(acs, &fields, &self.judge.provider.sso_url)
            .await?;
        let target = &self.judge.target;
        let probe = visitor.open(target.probe_url.clone(), None).await?;
        Ok(Answer {
            accepted: self.judge.shows_person(&probe.body),
            status: arrival.status.as_u16(),
            url: arrival.url.to_string(),
            reference: arrival.reference,
            page: page_summary(&arrival.body, 160),
            probe_status: probe.status.as_u16(),
            probe: probe.body,
            sent: ready.xml.clone(),
        })
    }

    /// Starts a login and makes the answer to its request.
    async fn ready(
        &self,
        visitor: &Visitor,
        fault: Option<&Fault>,
        cover: Cover,
    ) -> Result<Ready, Trouble> {
        let asked = self.ask(visitor).await.map_err(|trouble| match trouble {
            Trouble::Unreachable { url, reason } => Trouble::NotStarted { url, reason },
            other => other,
        })?;
        let response = self.response(&asked);
        let signer = Signer {
            key: self.judge.provider.key.clone(),
            response: cover != Cover::Assertion,
            assertion: cover != Cover::Response,
            algorithm: self.judge.provider.key.algorithm(),
        };
        let honest = Honest {
            response: &response,
            signer: &signer,
            foreign: &self.judge.provider.foreign,
            recipient: self.judge.target.metadata.encryption_certificates.first(),
            forged: &self.judge.person.user,
        };
        let forged = faults::forge(fault.map_or(&[], std::slice::from_ref), &honest)
            .map_err(|error| Trouble::Response(error.to_string()))?;
        Ok(Ready {
            field: forged.field,
            xml: forged.xml,
            asked,
        })
    }

    async fn ask(&self, visitor: &Visitor) -> Result<Asked, Trouble> {
        let judge = self.judge;
        let sso_url = &judge.provider.sso_url;
        let start = judge.target.start_url.clone();
        let arrival = visitor.open(start, Some(sso_url)).await?;
        let limits = Limits::default();
        let unreadable = |error: &dyn std::fmt::Display| Trouble::Request(error.to_string());
        let (xml, relay_state) = if same_place(sso_url, &arrival.url) {
            let query = arrival.url.query().unwrap_or_default();
            let message = redirect::decode(query, &limits).map_err(|error| unreadable(&error))?;
            (message.xml, message.relay_state)
        } else {
            let form = arrival.page().saml_form();
            let form = form.filter(|form| same_place(sso_url, &form.action));
            let form = form.ok_or_else(|| Trouble::NoRequest {
                expected: sso_url.to_string(),
                came: arrival
                    .elsewhere
                    .as_ref()
                    .unwrap_or(&arrival.url)
                    .to_string(),
                status: arrival.status.as_u16(),
                page: page_summary(&arrival.body, 160),
            })?;
            let request = form.value("SAMLRequest").unwrap_or_default();
            let xml = post::decode(request, &limits).map_err(|error| unreadable(&error))?;
            (xml, form.value("RelayState").map(str::to_owned))
        };
        let request = AuthnRequest::parse(&xml).map_err(|error| unreadable(&error))?;
        let acs_url = self.acs_url(&request)?;
        Ok(Asked {
            request,
            relay_state,
            acs_url,
        })
    }

    /// The address the request names, when the metadata has it; else the
    /// default one (saml-profiles §4.1.4.1).
    fn acs_url(&self, request: &AuthnRequest) -> Result<String, Trouble> {
        let all = self.judge.target.metadata.acs.iter();
        let posted: Vec<_> = all
            .filter(|acs| acs.endpoint.binding == names::HTTP_POST)
            .collect();
        let named = posted
            .iter()
            .find(|acs| request.acs_url.as_ref() == Some(&acs.endpoint.location));
        let default = posted.iter().find(|acs| acs.is_default);
        named
            .or(default)
            .or(posted.first())
            .map(|acs| acs.endpoint.location.clone())
            .ok_or(Trouble::NoAcs)
    }

    /// The honest answer about [`Self::who`].
    fn response(&self, asked: &Asked) -> Response {
        let judge = self.judge;
        let chance = judge.ambient.chance();
        let now = judge.ambient.now();
        let after = |seconds| now + SignedDuration::from_secs(seconds);
        let id = || format!("_{}", chance.hex(16));
        let attributes = judge
            .person
            .attributes
            .iter()
            .map(|(name, value)| Attribute {
                name: name.clone(),
                name_format: Some(names::ATTRNAME_UNSPECIFIED.to_owned()),
                values: vec![value.replace("{user}", self.who)],
            });
        let issuer = &judge.provider.entity_id;
        Response {
            id: id(),
            issue_instant: now,
            destination: Some(asked.acs_url.clone()),
            in_response_to: Some(asked.request.id.clone()),
            issuer: Some(issuer.clone()),
            status: Status::success(),
            assertions: vec![Assertion {
                id: id(),
                issue_instant: now,
                issuer: issuer.clone(),
                subject: Some(Subject {
                    name_id: NameId {
                        value: self.who.to_owned(),
                        format: NameIdFormat::EmailAddress,
                        name_qualifier: None,
                        sp_name_qualifier: None,
                    },
                    confirmations: vec![SubjectConfirmation {
                        method: names::BEARER.to_owned(),
                        recipient: Some(asked.acs_url.clone()),
                        not_on_or_after: Some(after(300)),
                        not_before: None,
                        in_response_to: Some(asked.request.id.clone()),
                    }],
                }),
                conditions: Some(Conditions {
                    not_before: Some(after(-60)),
                    not_on_or_after: Some(after(300)),
                    audience_restrictions: vec![vec![judge.target.metadata.entity_id.clone()]],
                }),
                authn_statements: vec![AuthnStatement {
                    authn_instant: now,
                    session_index: Some(id()),
                    session_not_on_or_after: None,
                    class_ref: names::PASSWORD_PROTECTED_TRANSPORT.to_owned(),
                }],
                attributes: attributes.collect(),
            }],
        }
    }
}

fn address(text: &str) -> Result<Url, Trouble> {
    Url::parse(text)
        .map_err(|error| Trouble::Response(format!("expected an address, came {text}: {error}")))
}
