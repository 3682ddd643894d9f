//! One person's browser at the service provider. `check leaver` uses it to ask the probe again
//! after the person was changed in the directory or logged out.

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
use crate::excerpt::truncate;

/// How an honest Response is signed and encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) struct SignedForm(Form);

impl SignedForm {
    /// The usual forms of identity providers, in the order in which they are tried. The last one
    /// is encrypted.
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

    /// True if the assertion is encrypted.
    pub(in crate::check) fn is_encrypted(self) -> bool {
        self.0.encrypts
    }
}

/// Whether the person is logged in, by the answer of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::check) enum Sighting {
    /// The person is logged in. Has the URL where the browser ended, without its query.
    In(String),
    /// The probe answered, and the person is not logged in. Has the status and the URL.
    Out(String),
    /// Not known: there was no answer, or its status was 429 or 500 and above. Has the reason.
    Unclear(String),
}

/// One person's browser, with its cookies.
pub(in crate::check) struct PersonBrowser {
    judge: Judge,
    visitor: Visitor,
}

impl PersonBrowser {
    /// Opens a new browser for the person of `judge`.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub(in crate::check) fn open(judge: Judge) -> Result<Self, CheckError> {
        let visitor = Visitor::new(&judge.runner.access, &judge.runner.patience)?;
        Ok(Self { judge, visitor })
    }

    /// Opens another browser that has the same cookies for the probe and the start URL.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub(in crate::check) fn copy(&self, judge: Judge) -> Result<Self, CheckError> {
        let target = &self.judge.target;
        let urls: Vec<&Url> = [&target.probe_url]
            .into_iter()
            .chain(&target.start_url)
            .collect();
        let visitor = self.visitor.twin(&urls)?;
        Ok(Self { judge, visitor })
    }

    /// Logs the person in: starts a login, delivers an honest Response and asks the probe.
    ///
    /// # Errors
    /// The reason why there was no answer.
    pub(in crate::check) async fn sign_on(
        &self,
        form: SignedForm,
        log: &mut Vec<Exchange>,
    ) -> Result<Answer, CheckError> {
        let login = Login::new(&self.judge, &self.judge.person.user);
        let delivered = async {
            let ready = login.prepare_response(&self.visitor, None, form.0).await?;
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

    /// Asks the probe; returns the result and the body. With `at`, the person counts as logged in
    /// only if the browser ends at that URL, because a login page may show the last user's name.
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
                    patience.record_no_answer(url, reason);
                }
                return (Sighting::Unclear(error.to_string()), String::new());
            }
        };
        patience.record_answer();
        log.push(Exchange {
            status: Some(arrival.status.as_u16()),
            answered: truncate(&arrival.body, 2000),
            ..to_application("GET", url.as_str())
        });
        let body = arrival.body.clone();
        (self.sighting(arrival, at), body)
    }

    fn sighting(&self, arrival: Arrival, at: Option<&str>) -> Sighting {
        let status = arrival.status.as_u16();
        let place = place(arrival.url.as_str());
        let said = format!("HTTP {status} at {place}");
        if status == 429 || status >= 500 {
            return Sighting::Unclear(said);
        }
        let is_there = at.is_none_or(|at| at == place);
        let cookies = self.visitor.cookie_names(&self.judge.target.probe_url);
        let shown = self.judge.find_person(&arrival.into_probe(cookies), &[]);
        if status < 400 && is_there && shown.is_some() {
            return Sighting::In(place);
        }
        Sighting::Out(said)
    }

    /// Posts a form without fields from a page of the service provider. Returns the status and the
    /// body of the answer.
    ///
    /// # Errors
    /// If there is no answer.
    pub(in crate::check) async fn post(&self, url: &Url) -> Result<(u16, String), CheckError> {
        let arrival = self.visitor.post_response(url.clone(), &[], url).await?;
        Ok((arrival.status.as_u16(), arrival.body))
    }

    /// Returns the value of the `Cookie` header that the browser sends to this URL.
    pub(in crate::check) fn cookies(&self, url: &Url) -> String {
        self.visitor.cookie_header(url)
    }

    /// Signs a LogoutRequest of the played identity provider and sends it to the service provider
    /// in this browser. Returns the status and the URL where the browser ended.
    ///
    /// # Errors
    /// If the LogoutRequest cannot be signed, or if there is no answer.
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

/// Returns the reason why no honest Response was accepted, from the answers to them.
pub(in crate::check) async fn set_up_error_of(
    judge: &Judge,
    attempts: Vec<Result<Answer, CheckError>>,
) -> SetUpError {
    let honest = Honest {
        attempts,
        ..Honest::default()
    };
    judge.set_up_error(&honest).await
}

/// Returns an error if `--expect` also matches the probe in a browser that is not logged in.
pub(in crate::check) async fn probe_error_of(judge: &Judge) -> Option<SetUpError> {
    judge.probe_error().await
}
