//! One login at the service provider: opens the start URL, reads the AuthnRequest, posts a
//! Response to the assertion consumer service, and asks the probe.

use faults::{Cover, Fault, Honest};
use saml::Limits;
use saml::binding::{post, redirect};
use saml::keys::SigningKey;
use saml::message::AuthnRequest;
use saml::metadata::IndexedEndpoint;
use saml::names;
use saml::signature::Signer;
use url::Url;

use super::answer::{CAUSE, quote_field};
use super::expect::Probe;
use super::shown::names_in;
use super::visitor::{Arrival, Visitor, same_place};
use super::{Answer, CheckError, Form, Judge};
use crate::check::runner::page_summary;

/// An AuthnRequest or LogoutRequest as the identity provider received it.
pub(super) struct Request {
    pub(super) xml: String,
    pub(super) relay_state: Option<String>,
    /// The query of the URL, with HTTP-Redirect; `None` with HTTP-POST.
    pub(super) query: Option<String>,
}

/// The values of a request that its Response repeats.
pub(super) struct Asked {
    /// The ID of the AuthnRequest; `None` for an unsolicited Response.
    pub(super) request_id: Option<String>,
    pub(super) relay_state: Option<String>,
    pub(super) acs_url: String,
}

/// A Response that is ready for delivery.
pub(super) struct Ready {
    field: String,
    xml: String,
    /// Names in the Response that contain the name of `--user` and are longer.
    pub(super) longer_names: Vec<String>,
    /// The `SessionIndex` of the assertion.
    pub(super) session_index: String,
    asked: Asked,
}

impl Ready {
    /// Returns the URL of the assertion consumer service to which the Response is posted.
    pub(super) fn acs_url(&self) -> String {
        self.asked.acs_url.clone()
    }

    /// Returns the document of the Response.
    pub(super) fn xml(&self) -> &str {
        &self.xml
    }

    /// Returns the RelayState of the AuthnRequest.
    pub(super) fn relay_state(&self) -> Option<String> {
        self.asked.relay_state.clone()
    }

    /// Returns the same delivery with another document.
    pub(super) fn with_document(self, xml: String) -> Self {
        Self {
            field: post::encode(&xml),
            xml,
            ..self
        }
    }
}

/// A login of one user.
pub(super) struct Login<'j> {
    pub(super) judge: &'j Judge,
    /// The user name.
    pub(super) who: &'j str,
    /// The name of the user whose attributes are sent.
    pub(super) attributes_of: &'j str,
    /// True if the Response is posted from the service provider's own site, so that the browser
    /// sends all cookies.
    is_same_site: bool,
    /// The key that signs the Response.
    key: &'j SigningKey,
}

impl<'j> Login<'j> {
    pub(super) fn new(judge: &'j Judge, who: &'j str) -> Self {
        Self {
            judge,
            who,
            attributes_of: who,
            is_same_site: false,
            key: &judge.provider.key,
        }
    }

    /// Returns the same login with the attributes of this user.
    pub(super) fn with_attributes_of(self, user: &'j str) -> Self {
        Self {
            attributes_of: user,
            ..self
        }
    }

    /// Returns the same login with this key for signing the Response.
    pub(super) fn with_key(self, key: &'j SigningKey) -> Self {
        Self { key, ..self }
    }

    /// Returns the same login, but the Response is posted from the service provider's own site.
    pub(super) fn in_same_site(self) -> Self {
        Self {
            is_same_site: true,
            ..self
        }
    }

    pub(super) fn visitor(&self) -> Result<Visitor, CheckError> {
        let runner = &self.judge.runner;
        Visitor::new(&runner.access, &runner.patience)
    }

    /// Starts a login in a new browser and delivers the Response, changed by the fault if there is
    /// one.
    pub(super) async fn attempt(
        &self,
        fault: Option<&Fault>,
        form: Form,
    ) -> Result<Answer, CheckError> {
        let visitor = self.visitor()?;
        let ready = self.prepare_response(&visitor, fault, form).await?;
        self.deliver(&visitor, &ready).await
    }

    /// Delivers the same Response twice, one after the other. The second browser has the cookies
    /// that the first one had before the login. Returns the second answer.
    pub(super) async fn deliver_twice(
        &self,
        fault: &Fault,
        form: Form,
    ) -> Result<Answer, CheckError> {
        let visitor = self.visitor()?;
        let ready = self.prepare_response(&visitor, Some(fault), form).await?;
        let twin = self.twin(&visitor, &ready)?;
        let first = self.deliver(&visitor, &ready).await?;
        if !first.is_accepted() {
            return Err(CheckError::FirstRefused(first.to_sentence()));
        }
        self.deliver(&twin, &ready).await
    }

    /// Delivers the same Response twice at the same time, in two browsers. The returned answer is
    /// an accepted one only if both deliveries were accepted.
    pub(super) async fn deliver_at_once(
        &self,
        fault: &Fault,
        form: Form,
    ) -> Result<Answer, CheckError> {
        let visitor = self.visitor()?;
        let ready = self.prepare_response(&visitor, Some(fault), form).await?;
        let twin = self.twin(&visitor, &ready)?;
        let (one, other) =
            futures::join!(self.deliver(&visitor, &ready), self.deliver(&twin, &ready));
        let (one, other) = (one?, other?);
        match (one.is_accepted(), other.is_accepted()) {
            (true, _) => Ok(other),
            (false, true) => Ok(one),
            // Two deliveries at once may exclude each other. That proves something only if one alone
            // is accepted.
            (false, false) => match self.attempt(Some(fault), form).await?.is_accepted() {
                true => Ok(one),
                false => Err(CheckError::FirstRefused(one.to_sentence())),
            },
        }
    }

    /// Starts a login in one browser and delivers the Response in another one, which sent no
    /// AuthnRequest.
    pub(super) async fn deliver_in_other_browser(
        &self,
        fault: &Fault,
        form: Form,
    ) -> Result<Answer, CheckError> {
        if self.judge.target.start_url.is_none() {
            return Err(CheckError::NoRequestMade);
        }
        let ready = self
            .prepare_response(&self.visitor()?, Some(fault), form)
            .await?;
        self.deliver(&self.visitor()?, &ready).await
    }

    /// Opens the probe in a browser that is not logged in.
    pub(super) async fn open_probe_without_login(&self) -> Result<Probe, CheckError> {
        self.judge.open_probe(&self.visitor()?).await
    }

    /// Opens the probe in a browser that started a login and delivered a document which is no
    /// Response.
    pub(super) async fn open_probe_after_refusal(&self) -> Result<Probe, CheckError> {
        let visitor = self.visitor()?;
        let asked = self.ask(&visitor).await?;
        let field = post::encode("<nothing></nothing>");
        let fields = [("SAMLResponse", field.as_str())];
        let from = &self.judge.provider.sso_url;
        let acs = address(&asked.acs_url)?;
        visitor.post_response(acs, &fields, from).await?;
        self.judge.open_probe(&visitor).await
    }

    fn twin(&self, visitor: &Visitor, ready: &Ready) -> Result<Visitor, CheckError> {
        self.twin_at(visitor, &ready.asked.acs_url)
    }

    /// Creates another browser with a copy of the cookies for the service provider.
    pub(super) fn twin_at(&self, visitor: &Visitor, acs_url: &str) -> Result<Visitor, CheckError> {
        let acs = address(acs_url)?;
        let target = &self.judge.target;
        let urls: Vec<&Url> = [&acs, &target.probe_url]
            .into_iter()
            .chain(&target.start_url)
            .collect();
        visitor.twin(&urls)
    }

    /// Posts a Response from a page of the identity provider.
    pub(super) async fn post(
        &self,
        visitor: &Visitor,
        ready: &Ready,
    ) -> Result<Arrival, CheckError> {
        let mut fields = vec![("SAMLResponse", ready.field.as_str())];
        if let Some(relay_state) = &ready.asked.relay_state {
            fields.push(("RelayState", relay_state));
        }
        let acs = address(&ready.asked.acs_url)?;
        let from = match self.is_same_site {
            true => acs.clone(),
            false => self.judge.provider.sso_url.clone(),
        };
        visitor.post_response(acs, &fields, &from).await
    }

    /// Posts a Response and asks the probe who is logged in.
    pub(super) async fn deliver(
        &self,
        visitor: &Visitor,
        ready: &Ready,
    ) -> Result<Answer, CheckError> {
        let arrival = self.post(visitor, ready).await?;
        self.read_answer(visitor, ready, arrival).await
    }

    /// Opens a URL with a Response in its query, as HTTP-Redirect does, and asks the probe who is
    /// logged in.
    pub(super) async fn deliver_by_link(
        &self,
        visitor: &Visitor,
        ready: &Ready,
        link: Url,
    ) -> Result<Answer, CheckError> {
        let from = Some(&self.judge.provider.sso_url);
        let arrival = visitor.send(link, None, from, None).await?;
        self.read_answer(visitor, ready, arrival).await
    }

    /// Posts these fields, which contain a Response, and asks the probe who is logged in.
    pub(super) async fn deliver_fields(
        &self,
        visitor: &Visitor,
        ready: &Ready,
        url: Url,
        fields: &[(&str, &str)],
    ) -> Result<Answer, CheckError> {
        let from = Some(&self.judge.provider.sso_url);
        let arrival = visitor.send(url, Some(fields), from, None).await?;
        self.read_answer(visitor, ready, arrival).await
    }

    async fn read_answer(
        &self,
        visitor: &Visitor,
        ready: &Ready,
        arrival: Arrival,
    ) -> Result<Answer, CheckError> {
        let probe = self.judge.open_probe(visitor).await?;
        Ok(Answer {
            shown: self.judge.find_person(&probe, &ready.longer_names),
            status: arrival.status.as_u16(),
            is_sent_back: same_place(&self.judge.provider.sso_url, &arrival.url),
            url: arrival.url.to_string(),
            reference: arrival.reference,
            page: page_summary(&arrival.body, 600),
            probe,
            sent: ready.xml.clone(),
            field: quote_field(&ready.field, &ready.xml),
            lost_cookies: arrival.lost_cookies,
            ignored_cookies: visitor.ignored_cookies(),
        })
    }

    /// Starts a login and creates the Response to its request.
    pub(super) async fn prepare_response(
        &self,
        visitor: &Visitor,
        fault: Option<&Fault>,
        form: Form,
    ) -> Result<Ready, CheckError> {
        let asked = self.ask(visitor).await.map_err(|trouble| match trouble {
            CheckError::Unreachable { url, reason } => CheckError::NotStarted { url, reason },
            other => other,
        })?;
        self.make(asked, fault, form)
    }

    /// Returns the values for an unsolicited Response.
    pub(super) fn unsolicited_values(&self) -> Result<Asked, CheckError> {
        Ok(Asked {
            request_id: None,
            relay_state: None,
            acs_url: self.acs_url(None)?,
        })
    }

    /// Creates the Response to a request, changed by the fault if there is one.
    pub(super) fn make(
        &self,
        asked: Asked,
        fault: Option<&Fault>,
        form: Form,
    ) -> Result<Ready, CheckError> {
        let response = self.response(&asked);
        let statements = response
            .assertions
            .iter()
            .flat_map(|it| &it.authn_statements);
        let index = statements.filter_map(|it| it.session_index.clone()).next();
        let signer = Signer {
            key: self.key.clone(),
            response: form.cover != Cover::Assertion,
            assertion: form.cover != Cover::Response,
            algorithm: self.key.algorithm(),
        };
        let check = fault.map_or("", |fault| fault.check.as_str());
        let elsewhere = self.judge.provider.elsewhere(check);
        let victim = self.judge.person.name_id_of(&self.judge.person.user).value;
        let honest = Honest {
            response: &response,
            signer: &signer,
            foreign: &self.judge.provider.foreign,
            foreign_ec: &self.judge.provider.foreign_ec,
            more_keys: self.judge.provider.more_keys.as_ref(),
            recipient: self.judge.target.metadata.encryption_certificates.first(),
            forged: &victim,
            elsewhere: &elsewhere,
            encrypts: form.encrypts,
            demands_both: form.is_demanded,
        };
        let forged = faults::forge(fault.map_or(&[], std::slice::from_ref), &honest)
            .map_err(|error| CheckError::Response(error.reason))?;
        Ok(Ready {
            longer_names: names_in(&forged.xml, &victim),
            field: forged.field,
            xml: forged.xml,
            session_index: index.unwrap_or_default(),
            asked,
        })
    }

    /// Starts a login and reads the AuthnRequest. With `--idp-initiated`, returns the values for
    /// an unsolicited Response.
    pub(super) async fn ask(&self, visitor: &Visitor) -> Result<Asked, CheckError> {
        let Some(request) = self.request(visitor).await? else {
            return self.unsolicited_values();
        };
        let parsed = AuthnRequest::parse(&request.xml)
            .map_err(|error| CheckError::Request(error.to_string()))?;
        let acs_url = self.acs_url(Some(&parsed))?;
        Ok(Asked {
            request_id: Some(parsed.id),
            relay_state: request.relay_state,
            acs_url,
        })
    }

    /// Starts a login and returns the AuthnRequest as it was received; `None` with
    /// `--idp-initiated`.
    pub(super) async fn request(&self, visitor: &Visitor) -> Result<Option<Request>, CheckError> {
        let judge = self.judge;
        let sso_url = &judge.provider.sso_url;
        let Some(start) = judge.target.start_url.clone() else {
            return Ok(None);
        };
        let arrival = self.start(visitor, start).await?;
        match request_at(&arrival, sso_url)? {
            Some(request) => {
                judge.provider.starts.clear();
                Ok(Some(request))
            }
            None => Err(CheckError::NoRequest {
                expected: sso_url.to_string(),
                got: arrival
                    .elsewhere
                    .as_ref()
                    .unwrap_or(&arrival.url)
                    .to_string(),
                status: arrival.status.as_u16(),
                page: page_summary(&arrival.body, CAUSE),
            }),
        }
    }

    /// Returns the assertion consumer service that the request chooses by its URL or index, if it
    /// is in the metadata; otherwise the default one (saml-profiles §4.1.4.1).
    fn acs_url(&self, request: Option<&AuthnRequest>) -> Result<String, CheckError> {
        let all = self.judge.target.metadata.acs.iter();
        let posted: Vec<&IndexedEndpoint> = all
            .filter(|acs| acs.endpoint.binding == names::HTTP_POST)
            .collect();
        let find = |is_it: &dyn Fn(&IndexedEndpoint) -> bool| {
            posted.iter().find(|acs| is_it(acs)).copied()
        };
        let named = request.and_then(|request| {
            find(&|acs| request.acs_url.as_ref() == Some(&acs.endpoint.location))
                .or_else(|| find(&|acs| request.acs_index == Some(acs.index)))
        });
        named
            .or_else(|| find(&|acs| acs.is_default))
            .or(posted.first().copied())
            .map(|acs| acs.endpoint.location.clone())
            .ok_or(CheckError::NoAcs)
    }
}

/// Returns the request that a browser carries to this URL of the identity provider: in the query of
/// the URL where it ended, or in a form of the page. `None` if there is none.
pub(super) fn request_at(arrival: &Arrival, url: &Url) -> Result<Option<Request>, CheckError> {
    let limits = Limits::default();
    let unreadable = |error: &dyn std::fmt::Display| CheckError::Request(error.to_string());
    if same_place(url, &arrival.url) {
        let query = arrival.url.query().unwrap_or_default();
        // A weak algorithm, such as RSA-SHA1, is a finding of its own and must not keep the other
        // checks of the message from running. The judge verifies the signature itself.
        let message =
            redirect::decode_unverified(query, &limits).map_err(|error| unreadable(&error))?;
        return Ok(Some(Request {
            xml: message.xml,
            relay_state: message.relay_state,
            query: Some(query.to_owned()),
        }));
    }
    let form = arrival.page().saml_form();
    let Some(form) = form.filter(|form| same_place(url, &form.action)) else {
        return Ok(None);
    };
    let request = form.value("SAMLRequest").unwrap_or_default();
    let xml = post::decode(request, &limits).map_err(|error| unreadable(&error))?;
    Ok(Some(Request {
        xml,
        relay_state: form.value("RelayState").map(str::to_owned),
        query: None,
    }))
}

fn address(text: &str) -> Result<Url, CheckError> {
    Url::parse(text).map_err(|error| {
        CheckError::Response(format!(
            "invalid assertion consumer service URL {text}: {error}"
        ))
    })
}
