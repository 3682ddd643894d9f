//! The answer: drafted from the directory and the mappings, amended by the
//! faults that are chosen, signed, delivered.

use std::sync::OnceLock;

use faults::{Delivery as Delivered, Fault, Forged, Honest};
use jiff::SignedDuration;
use saml::binding::post;
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    StatusCode, Subject, SubjectConfirmation,
};
use saml::names;
use saml::signature::Signer;
use serde_json::json;

use super::hiding::Hiding;
use super::naming::{Naming, naming};
use super::{Delivery, Denied, SignOnRequest, page};
use crate::Idp;
use crate::applications::{Application, SUBJECT, keys};
use crate::directory::{groups, text, users};
use crate::expression::{self, Template};
use crate::refusal::Refused;
use crate::store::logins::SessionRow;
use crate::store::resources::{self, Kind};
use crate::store::users::UserRow;

type Result<T> = std::result::Result<T, Denied>;

/// What the mappings make of a user.
struct Stated {
    subject: String,
    attributes: Vec<Attribute>,
}

fn internal(error: impl std::fmt::Display) -> Denied {
    Denied::Refused(Refused::Internal(error.to_string()))
}

impl Idp {
    /// Answers a request for a user who is signed on.
    pub(crate) async fn answer(
        &self,
        environment: &str,
        request: &SignOnRequest,
        session: &SessionRow,
        user: &UserRow,
    ) -> Result<Delivery> {
        let (application, within) = {
            let mut db = self.store.read().await?;
            let found = resources::get(
                &mut db,
                environment,
                Kind::Application,
                &request.application,
            )
            .await?;
            let Some(found) = found else {
                return page("The application is no more.");
            };
            (
                Application::of(&found)?,
                groups::groups_of(&mut db, user).await?,
            )
        };
        if !application.admits(&within) {
            tracing::info!(user = %user.id, application = %application.name, "not in a group that may use the application");
            return self
                .decline(
                    environment,
                    request,
                    StatusCode::RequestDenied,
                    "The user is in no group that may use this application.",
                )
                .await;
        }
        let model = json!({"user": users::seen(user, &within)});
        let mut stated = self
            .stated(environment, &request.application, &model)
            .await?;
        match naming(request.name_id_format.as_deref(), &stated.subject) {
            Naming::AsMapped => {}
            Naming::ByChance => stated.subject = self.saml_id(),
            Naming::Unmet => {
                let detail = StatusCode::InvalidNameIdPolicy;
                let message = "The subject has no name of the format that was asked for.";
                return self.decline(environment, request, detail, message).await;
            }
        }
        let response = self.draft_response(environment, request, &application, session, stated);
        let subject = response
            .assertions
            .first()
            .and_then(|it| it.subject.as_ref());
        if let Some(subject) = subject {
            let name = &subject.name_id;
            self.take_part(environment, &request.application, session, name)
                .await?;
        }
        let hiding = self.hiding(environment, &application).await?;
        self.deliver(environment, request, (&application, hiding), response)
            .await
    }

    /// Answers that there will be no sign-on (saml-core §3.2.2.2).
    pub(crate) async fn decline(
        &self,
        environment: &str,
        request: &SignOnRequest,
        detail: StatusCode,
        message: &str,
    ) -> Result<Delivery> {
        let resource = self
            .get(environment, Kind::Application, &request.application)
            .await?;
        let mut application = Application::of(&resource)?;
        // There is no assertion to sign.
        application.response_signed = true;
        let response = Response {
            id: self.saml_id(),
            issue_instant: self.now(),
            destination: Some(request.acs_url.clone()),
            in_response_to: request.in_response_to.clone(),
            issuer: Some(self.issuer(environment)),
            status: Status {
                code: StatusCode::Responder,
                detail: Some(detail),
                message: Some(message.to_owned()),
            },
            assertions: Vec::new(),
        };
        let key = self.signing_key(environment, &application).await?;
        let xml = sign(&application, key, &response)?;
        Ok(Delivery {
            acs_url: request.acs_url.clone(),
            field: post::encode(&xml),
            relay_state: request.relay_state.clone(),
        })
    }

    fn saml_id(&self) -> String {
        format!("_{}", self.ambient.chance().hex(16))
    }

    async fn stated(
        &self,
        environment: &str,
        application: &str,
        model: &serde_json::Value,
    ) -> Result<Stated> {
        let mappings = {
            let mut db = self.store.read().await?;
            resources::list(&mut db, environment, Kind::Attribute, Some(application)).await?
        };
        let mut stated = Stated {
            subject: String::new(),
            attributes: Vec::new(),
        };
        for mapping in mappings {
            let source = text(&mapping.document, "value").unwrap_or_default();
            let values = Template::parse(source)
                .and_then(|template| template.evaluate(model, self.now()))
                .map(|value| expression::texts(&value));
            let values = match values {
                Ok(values) => values,
                Err(error) => {
                    return page(format!(
                        "The attribute mapping {} failed: {error}. Its expression is {source}",
                        mapping.name
                    ));
                }
            };
            let required = mapping.document.get("required") == Some(&true.into());
            if required && values.iter().all(|value| value.is_empty()) {
                return page(format!(
                    "The attribute {} is required and has no value for this user. Its mapping is {source}",
                    mapping.name
                ));
            }
            if mapping.name == SUBJECT {
                stated.subject = values.concat();
            } else if !values.is_empty() {
                stated.attributes.push(Attribute {
                    name: mapping.name.clone(),
                    name_format: Some(
                        text(&mapping.document, "nameFormat")
                            .unwrap_or(names::ATTRNAME_UNSPECIFIED)
                            .to_owned(),
                    ),
                    values,
                });
            }
        }
        Ok(stated)
    }

    fn draft_response(
        &self,
        environment: &str,
        request: &SignOnRequest,
        application: &Application,
        session: &SessionRow,
        stated: Stated,
    ) -> Response {
        let now = self.now();
        let after = |seconds: i64| {
            now.saturating_add(SignedDuration::from_secs(seconds))
                .unwrap_or(now)
        };
        let until = after(application.assertion_duration);
        let format = request
            .name_id_format
            .as_deref()
            .or(application.name_id_format.as_deref())
            .map_or(NameIdFormat::Unspecified, NameIdFormat::from_uri);
        let assertion = Assertion {
            id: self.saml_id(),
            issue_instant: now,
            issuer: self.issuer(environment),
            subject: Some(Subject {
                name_id: NameId {
                    value: stated.subject,
                    format,
                    name_qualifier: None,
                    sp_name_qualifier: None,
                },
                confirmations: vec![SubjectConfirmation {
                    method: names::BEARER.to_owned(),
                    recipient: Some(request.acs_url.clone()),
                    not_on_or_after: Some(until),
                    not_before: None,
                    in_response_to: request.in_response_to.clone(),
                }],
            }),
            conditions: Some(Conditions {
                not_before: Some(after(-60)),
                not_on_or_after: Some(until),
                audience_restrictions: vec![vec![application.sp_entity_id.clone()]],
            }),
            authn_statements: vec![AuthnStatement {
                authn_instant: session.authenticated_at,
                session_index: Some(session.index.clone()),
                session_not_on_or_after: application.session_not_on_or_after_duration.map(after),
                class_ref: names::PASSWORD_PROTECTED_TRANSPORT.to_owned(),
            }],
            attributes: stated.attributes,
        };
        Response {
            id: self.saml_id(),
            issue_instant: now,
            destination: Some(request.acs_url.clone()),
            in_response_to: request.in_response_to.clone(),
            issuer: Some(self.issuer(environment)),
            status: Status::success(),
            assertions: vec![assertion],
        }
    }

    async fn deliver(
        &self,
        environment: &str,
        request: &SignOnRequest,
        (application, hiding): (&Application, Option<Hiding>),
        response: Response,
    ) -> Result<Delivery> {
        let id = &request.application;
        let faults = self.misbehaviour.strike(environment, id);
        let field = match repeated(&faults) {
            Some(fault) => self.misbehaviour.last(environment, id).ok_or_else(|| {
                internal(format!(
                    "the fault {} changed nothing: there is no answer to repeat",
                    fault.id
                ))
            })?,
            None => {
                let forged = self
                    .amended(environment, (application, hiding), response, &faults)
                    .await?;
                self.misbehaviour.delivered(environment, id, &forged.field);
                forged.field
            }
        };
        Ok(Delivery {
            acs_url: request.acs_url.clone(),
            field,
            relay_state: request.relay_state.clone(),
        })
    }

    async fn amended(
        &self,
        environment: &str,
        (application, hiding): (&Application, Option<Hiding>),
        response: Response,
        faults: &[Fault],
    ) -> Result<Forged> {
        let key = self.signing_key(environment, application).await?;
        if faults.is_empty() {
            let xml = match &hiding {
                Some(hiding) => hiding.sign(&signer(application, key), &response)?,
                None => sign(application, key, &response)?,
            };
            let field = post::encode(&xml);
            return Ok(Forged { xml, field });
        }
        let signer = signer(application, key);
        let foreign = self.foreign_key().await?;
        let honest = Honest {
            response: &response,
            signer: &signer,
            foreign: &foreign,
            recipient: hiding.as_ref().map(Hiding::recipient),
            forged: &somebody_else(&response),
        };
        faults::forge(faults, &honest).map_err(internal)
    }

    /// A key that nobody was told of, made when it is first wanted.
    async fn foreign_key(&self) -> Result<SigningKey> {
        static KEY: OnceLock<SigningKey> = OnceLock::new();
        if let Some(key) = KEY.get() {
            return Ok(key.clone());
        }
        let now = self.now();
        let made = tokio::task::spawn_blocking(move || keys::generate("Somebody else", now));
        let material = made.await.map_err(internal)?.map_err(internal)?;
        let certificate = Certificate::parse(&material.certificate).map_err(internal)?;
        let key = SigningKey::new(&material.private_key, certificate).map_err(internal)?;
        Ok(KEY.get_or_init(|| key).clone())
    }
}

fn repeated(faults: &[Fault]) -> Option<&Fault> {
    faults
        .iter()
        .find(|fault| fault.delivery == Delivered::Again)
}

/// Whom a fault would pass for: somebody at the subject's own domain.
fn somebody_else(response: &Response) -> String {
    let subject = response
        .assertions
        .first()
        .and_then(|one| one.subject.as_ref());
    let domain = subject.and_then(|subject| subject.name_id.value.split_once('@'));
    format!(
        "mallory@{}",
        domain.map_or("example.com", |(_, domain)| domain)
    )
}

fn signer(application: &Application, key: SigningKey) -> Signer {
    Signer {
        response: application.response_signed,
        assertion: application.assertion_signed,
        algorithm: application.algorithm().unwrap_or_else(|| key.algorithm()),
        key,
    }
}

fn sign(application: &Application, key: SigningKey, response: &Response) -> Result<String> {
    signer(application, key).sign(response).map_err(internal)
}
