//! One person's browser at the service provider, for checks that look at a
//! session again after something happened elsewhere.

use faults::Cover;
use saml::binding::{Parameter, post, redirect};
use saml::metadata::Endpoint;
use saml::names;
use saml::signature::Signer;
use url::Url;

use super::answer::place;
use super::honest::{Form, Honest};
use super::login::Login;
use super::visitor::{Arrival, Visitor};
use super::{Answer, CheckError, Judge};
use crate::check::SetUpError;
use crate::check::evidence::{Exchange, Saml};
use crate::excerpt::beginning;

/// How an honest Response is signed and encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) struct SignedForm(Form);

impl SignedForm {
    /// As identity providers commonly send it; the last one is encrypted.
    pub(in crate::check) const ALL: [Self; 4] = [
        Self::of(Cover::Assertion, false),
        Self::of(Cover::Both, false),
        Self::of(Cover::Response, false),
        Self::of(Cover::Assertion, true),
    ];

    const fn of(cover: Cover, encrypts: bool) -> Self {
        Self(Form {
            cover,
            encrypts,
            is_demanded: false,
        })
    }

    /// Whether the assertion is encrypted.
    pub(in crate::check) fn is_encrypted(self) -> bool {
        self.0.encrypts
    }
}

/// What the probe showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::check) enum Sighting {
    /// The person is in: the probe's address without its query.
    In(String),
    /// The probe answered, and the person is not in.
    Out(String),
    /// No answer that says either: none at all, a limit on requests, or a
    /// failure of the server.
    Unclear(String),
}

/// One person's browser.
pub(in crate::check) struct PersonBrowser {
    judge: Judge,
    visitor: Visitor,
}

impl PersonBrowser {
    /// A new browser of the person of this judge.
    ///
    /// # Errors
    /// When the HTTP client can't be set up.
    pub(in crate::check) fn open(judge: Judge) -> Result<Self, CheckError> {
        let visitor = Visitor::new(&judge.runner.access, &judge.runner.patience)?;
        Ok(Self { judge, visitor })
    }

    /// The same person in another browser that has the same cookies.
    ///
    /// # Errors
    /// When the HTTP client can't be set up.
    pub(in crate::check) fn copy(&self, judge: Judge) -> Result<Self, CheckError> {
        let target = &self.judge.target;
        let urls: Vec<&Url> = [&target.probe_url]
            .into_iter()
            .chain(&target.start_url)
            .collect();
        let visitor = self.visitor.twin(&urls)?;
        Ok(Self { judge, visitor })
    }

    /// Signs on: request, Response, probe.
    ///
    /// # Errors
    /// Why it could not be tried.
    pub(in crate::check) async fn sign_on(
        &self,
        form: SignedForm,
        log: &mut Vec<Exchange>,
    ) -> Result<Answer, CheckError> {
        let login = Login::new(&self.judge, &self.judge.person.user);
        let delivered = async {
            let ready = login.ready(&self.visitor, None, form.0).await?;
            let answer = login.deliver(&self.visitor, &ready).await?;
            Ok((ready.acs_url(), answer))
        };
        let (acs_url, answer) = match delivered.await {
            Ok((acs_url, answer)) => (acs_url, Ok(answer)),
            Err(error) => (String::new(), Err(error)),
        };
        self.judge.note(&answer);
        let answer = answer?;
        log.push(Exchange {
            status: Some(answer.status),
            answered: format!("the browser ended at {}", place(&answer.url)),
            saml: vec![Saml {
                parameter: "SAMLResponse".to_owned(),
                binding: "HTTP-POST".to_owned(),
                xml: answer.sent.clone(),
                trusted: vec![self.judge.provider.key.certificate().to_base64()],
                ..Saml::default()
            }],
            ..to_application("POST", &acs_url)
        });
        Ok(answer)
    }

    /// Asks the probe. With `at`, the person is in only where the browser ends
    /// there: a login page may show a name that it remembers.
    pub(in crate::check) async fn look(
        &self,
        at: Option<&str>,
        log: &mut Vec<Exchange>,
    ) -> (Sighting, String) {
        let url = &self.judge.target.probe_url;
        let patience = &self.judge.runner.patience;
        let arrival = match self.visitor.open(url.clone(), None).await {
            Ok(arrival) => arrival,
            Err(error) => {
                if let CheckError::Unreachable { url, reason } = &error {
                    patience.no_answer(url, reason);
                }
                return (Sighting::Unclear(error.to_string()), String::new());
            }
        };
        patience.answered();
        log.push(Exchange {
            status: Some(arrival.status.as_u16()),
            answered: beginning(&arrival.body, 2000),
            ..to_application("GET", url.as_str())
        });
        (self.sighting(&arrival, at), arrival.body)
    }

    fn sighting(&self, arrival: &Arrival, at: Option<&str>) -> Sighting {
        let status = arrival.status.as_u16();
        let place = place(arrival.url.as_str());
        let said = format!("HTTP {status} at {place}");
        if status == 429 || status >= 500 {
            return Sighting::Unclear(said);
        }
        let is_there = at.is_none_or(|at| at == place);
        let shown = self.judge.find_person(&arrival.body, &[]);
        if status < 400 && is_there && shown.is_some() {
            return Sighting::In(place);
        }
        Sighting::Out(said)
    }

    /// Posts a form without fields from the service provider's own site; the
    /// status and the answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub(in crate::check) async fn post(&self, url: &Url) -> Result<(u16, String), CheckError> {
        let arrival = self.visitor.post_response(url.clone(), &[], url).await?;
        Ok((arrival.status.as_u16(), arrival.body))
    }

    /// The cookies that a request to this address has, as its `Cookie` header.
    pub(in crate::check) fn cookies(&self, url: &Url) -> String {
        self.visitor.cookie_header(url)
    }

    /// Brings a LogoutRequest of the played identity provider to the service
    /// provider; where the browser ended.
    ///
    /// # Errors
    /// When it can't be signed, or no answer comes.
    pub(in crate::check) async fn log_out(
        &self,
        endpoint: &Endpoint,
        xml: &str,
        log: &mut Vec<Exchange>,
    ) -> Result<String, CheckError> {
        let key = &self.judge.provider.key;
        let unsent = |error: &dyn std::fmt::Display| CheckError::Response(error.to_string());
        let from = &self.judge.provider.sso_url;
        let is_redirect = endpoint.binding == names::HTTP_REDIRECT;
        let arrival = if is_redirect {
            let url =
                redirect::encode(&endpoint.location, Parameter::Request, xml, None, Some(key))
                    .map_err(|error| unsent(&error))?;
            let url = Url::parse(&url).map_err(|error| unsent(&error))?;
            self.visitor.open(url, None).await?
        } else {
            let signed = Signer::of_documents(key.clone())
                .sign_document(xml)
                .map_err(|error| unsent(&error))?;
            let url = Url::parse(&endpoint.location).map_err(|error| unsent(&error))?;
            let field = post::encode(&signed);
            let fields = [("SAMLRequest", field.as_str())];
            self.visitor.post_response(url, &fields, from).await?
        };
        let end = format!(
            "HTTP {} at {}",
            arrival.status.as_u16(),
            place(arrival.url.as_str())
        );
        log.push(Exchange {
            status: Some(arrival.status.as_u16()),
            answered: format!("the browser ended at {}", place(arrival.url.as_str())),
            saml: vec![Saml {
                parameter: "SAMLRequest".to_owned(),
                binding: if is_redirect {
                    "HTTP-Redirect"
                } else {
                    "HTTP-POST"
                }
                .to_owned(),
                xml: xml.to_owned(),
                ..Saml::default()
            }],
            ..to_application(if is_redirect { "GET" } else { "POST" }, &endpoint.location)
        });
        Ok(end)
    }
}

fn to_application(method: &str, url: &str) -> Exchange {
    Exchange {
        from: "Browser".to_owned(),
        to: "Application".to_owned(),
        method: method.to_owned(),
        url: url.to_owned(),
        ..Exchange::default()
    }
}

/// Why nobody can be signed on, by what came of honest Responses, or because
/// the probe can't tell who is in.
pub(in crate::check) async fn set_up_error_of(
    judge: &Judge,
    came: Vec<Result<Answer, CheckError>>,
) -> SetUpError {
    let honest = Honest {
        came,
        ..Honest::default()
    };
    judge.set_up_error(&honest).await
}

/// Why the probe can't tell who is in, if it can't.
pub(in crate::check) async fn probe_error_of(judge: &Judge) -> Option<SetUpError> {
    judge.probe_error().await
}
