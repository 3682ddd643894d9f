//! Creates the SAML Response: drafts it from the directory and the attribute mappings, applies
//! the chosen faults, signs it and delivers it.

use std::sync::OnceLock;

use faults::{Delivery as Delivered, Fault, Forged, Honest};
use jiff::{SignedDuration, Timestamp};
use saml::binding::post;
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    StatusCode, Subject, SubjectConfirmation,
};
use saml::names;
use saml::signature::Signer;

use super::encryption::AssertionEncryption;
use super::name_id::{NameIdSource, choose_source};
use super::session_cache::{Mapping, Prepared, SsoSession};
use super::{Delivery, Denied, SignOnRequest, page};
use crate::Idp;
use crate::applications::{Application, SUBJECT, keys};
use crate::config::KeyMaterial;
use crate::expression::{self, Model};
use crate::refusal::Refused;
use crate::store::logins::SessionRow;
use crate::store::logouts::{self, Participant};

type Result<T> = std::result::Result<T, Denied>;

/// The result of the attribute mappings for a user.
struct EvaluatedMappings {
    subject: String,
    attributes: Vec<Attribute>,
}

fn internal(error: impl std::fmt::Display) -> Denied {
    Denied::Refused(Refused::Internal(error.to_string()))
}

impl Idp {
    /// Creates the Response for a user who has a session, and stores the participant.
    pub(crate) async fn answer(
        &self,
        environment: &str,
        request: &SignOnRequest,
        standing: &SsoSession,
    ) -> Result<Delivery> {
        let (delivery, participant) = self.create_response(environment, request, standing).await?;
        let edition = self.store.edition();
        if let Some(new) = participant.filter(|it| !self.takes_part(edition, it)) {
            let mut tx = self.store.write_aside().await?;
            logouts::take_part(&mut tx, &new).await?;
            tx.commit().await?;
            self.took_part(edition, &new);
        }
        Ok(delivery)
    }

    /// Creates the Response for a user who has a session. Returns the participant that the
    /// caller must store before the Response is sent; `None` if the Response has no assertion.
    pub(super) async fn create_response(
        &self,
        environment: &str,
        request: &SignOnRequest,
        SsoSession { session, person }: &SsoSession,
    ) -> Result<(Delivery, Option<Participant>)> {
        let Some(prepared) = self
            .load_prepared(environment, &request.application)
            .await?
        else {
            return page("This application no longer exists.");
        };
        let application = &prepared.application;
        if !application.admits(&person.groups) {
            tracing::info!(user = %person.user.id, application = %application.name, "not in a group that may use the application");
            let detail = StatusCode::RequestDenied;
            let message = "The user is in no group that may use this application.";
            let declined = self.decline(environment, request, detail, message).await?;
            return Ok((declined, None));
        }
        let mut evaluated = evaluate_mappings(&prepared.mappings, &person.model, self.now())?;
        // If the request has no NameIDPolicy Format, the configured format of the application
        // counts. For both, the name must have the form that the format requires.
        let configured = application.name_id_format.as_deref();
        let format = request.name_id_format.as_deref().or(configured);
        match choose_source(format, &evaluated.subject) {
            NameIdSource::Mapped => {}
            NameIdSource::Transient => evaluated.subject = self.saml_id(),
            NameIdSource::NotSupported => {
                let detail = StatusCode::InvalidNameIdPolicy;
                let message = "The user has no NameID of the requested format; map saml_subject to an attribute of that form, such as ${user.email} for emailAddress.";
                let declined = self.decline(environment, request, detail, message).await?;
                return Ok((declined, None));
            }
        }
        let response = self.draft_response(environment, request, application, session, evaluated);
        let subject = response
            .assertions
            .first()
            .and_then(|it| it.subject.as_ref());
        let participant = subject.map(|subject| {
            self.new_participant(environment, &request.application, session, &subject.name_id)
        });
        let delivery = self
            .deliver(environment, request, &prepared, &response)
            .await?;
        Ok((delivery, participant))
    }

    /// Creates a Response with an error status and without an assertion (saml-core §3.2.2.2).
    pub(crate) async fn decline(
        &self,
        environment: &str,
        request: &SignOnRequest,
        detail: StatusCode,
        message: &str,
    ) -> Result<Delivery> {
        let Some(prepared) = self
            .load_prepared(environment, &request.application)
            .await?
        else {
            return page("This application no longer exists.");
        };
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
        let signer = Signer {
            // The Response itself is signed, because it contains no assertion.
            response: true,
            ..signer(&prepared)
        };
        let xml = signer.sign(&response).map_err(internal)?;
        Ok(Delivery {
            acs_url: request.acs_url.clone(),
            field: post::encode(&xml),
            relay_state: request.relay_state.clone(),
        })
    }

    fn saml_id(&self) -> String {
        format!("_{}", self.ambient.rng().hex(16))
    }

    fn draft_response(
        &self,
        environment: &str,
        request: &SignOnRequest,
        application: &Application,
        session: &SessionRow,
        evaluated: EvaluatedMappings,
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
                    value: evaluated.subject,
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
                not_before: Some(after(-application.not_before_seconds)),
                not_on_or_after: Some(until),
                audience_restrictions: vec![vec![application.sp_entity_id.clone()]],
            }),
            authn_statements: vec![AuthnStatement {
                authn_instant: session.authenticated_at,
                session_index: Some(session.index.clone()),
                session_not_on_or_after: application.session_not_on_or_after_duration.map(after),
                class_ref: application.authn_context_class_ref.clone(),
            }],
            attributes: evaluated.attributes,
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
        prepared: &Prepared,
        response: &Response,
    ) -> Result<Delivery> {
        let id = &request.application;
        let faults = self.misbehavior.take_due_faults(environment, id);
        let field = match find_replay(&faults) {
            Some(fault) => self.misbehavior.last(environment, id).ok_or_else(|| {
                internal(format!(
                    "cannot apply the fault {}: there is no earlier Response to repeat",
                    fault.id
                ))
            })?,
            None => {
                let forged = self.apply_faults(prepared, response, &faults).await?;
                self.misbehavior
                    .remember_delivered(environment, id, &forged.field);
                forged.field
            }
        };
        Ok(Delivery {
            acs_url: request.acs_url.clone(),
            field,
            relay_state: request.relay_state.clone(),
        })
    }

    async fn apply_faults(
        &self,
        prepared: &Prepared,
        response: &Response,
        faults: &[Fault],
    ) -> Result<Forged> {
        let signer = signer(prepared);
        let encryption = prepared
            .encryption
            .as_ref()
            .map_err(|words| Denied::Page(words.clone()))?;
        if faults.is_empty() {
            let xml = match encryption {
                Some(encryption) => encryption.sign(&signer, response)?,
                None => signer.sign(response).map_err(internal)?,
            };
            let field = post::encode(&xml);
            return Ok(Forged { xml, field });
        }
        let (foreign, foreign_ec) = self.foreign_keys().await?;
        let honest = Honest {
            response,
            signer: &signer,
            foreign: &foreign,
            foreign_ec: &foreign_ec,
            more_keys: None,
            recipient: encryption.as_ref().map(AssertionEncryption::recipient),
            forged: &somebody_else(response),
            // Port 9 (discard): no server listens there.
            elsewhere: "http://127.0.0.1:9",
            encrypts: false,
            demands_both: false,
        };
        faults::forge(faults, &honest).map_err(internal)
    }

    /// Returns an RSA key and an EC key that no service provider trusts. They are generated at the
    /// first use.
    async fn foreign_keys(&self) -> Result<(SigningKey, SigningKey)> {
        const NAME: &str = "Somebody else";
        static KEYS: OnceLock<(SigningKey, SigningKey)> = OnceLock::new();
        if let Some(keys) = KEYS.get() {
            return Ok(keys.clone());
        }
        let now = self.now();
        let made = tokio::task::spawn_blocking(move || {
            Ok::<_, String>((keys::generate(NAME, now)?, keys::generate_ec(NAME, now)?))
        });
        let (rsa, ec) = made.await.map_err(internal)?.map_err(internal)?;
        let keys = (signing_key(&rsa)?, signing_key(&ec)?);
        Ok(KEYS.get_or_init(|| keys).clone())
    }
}

fn signing_key(material: &KeyMaterial) -> Result<SigningKey> {
    let certificate = Certificate::parse(&material.certificate).map_err(internal)?;
    SigningKey::new(&material.private_key, certificate).map_err(internal)
}

fn find_replay(faults: &[Fault]) -> Option<&Fault> {
    faults
        .iter()
        .find(|fault| fault.delivery == Delivered::Again)
}

/// Returns the user name that a forged assertion claims: one in the mail domain of the real
/// user.
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

/// Evaluates the attribute mappings for a user at the time `now`.
fn evaluate_mappings(
    mappings: &[Mapping],
    model: &Model,
    now: Timestamp,
) -> Result<EvaluatedMappings> {
    let mut evaluated = EvaluatedMappings {
        subject: String::new(),
        attributes: Vec::new(),
    };
    for mapping in mappings {
        let value = match &mapping.template {
            Ok(template) => template.evaluate(model, now),
            Err(error) => Err(error.clone()),
        };
        let values = match value {
            Ok(value) => expression::texts(&value),
            Err(error) => {
                return page(format!(
                    "The attribute mapping {} failed: {error}. Its expression is {}",
                    mapping.name, mapping.source
                ));
            }
        };
        if mapping.required && values.iter().all(String::is_empty) {
            return page(format!(
                "The attribute {} is required and has no value for this user. Its mapping is {}",
                mapping.name, mapping.source
            ));
        }
        if mapping.name == SUBJECT {
            evaluated.subject = values.concat();
        } else if !values.is_empty() {
            let name_format = mapping.name_format.as_deref();
            evaluated.attributes.push(Attribute {
                name: mapping.name.clone(),
                name_format: Some(
                    name_format
                        .unwrap_or(names::ATTRNAME_UNSPECIFIED)
                        .to_owned(),
                ),
                values,
            });
        }
    }
    Ok(evaluated)
}

fn signer(prepared: &Prepared) -> Signer {
    let (application, key) = (&prepared.application, prepared.key.clone());
    Signer {
        response: application.response_signed,
        assertion: application.assertion_signed,
        algorithm: application.algorithm().unwrap_or_else(|| key.algorithm()),
        key,
    }
}
