//! An IdP in the process of the test, which signs any Response.

use ambient::Ambient;
use jiff::SignedDuration;
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnRequest, AuthnStatement, Conditions, NameId, NameIdFormat, Response,
    Status, Subject, SubjectConfirmation,
};
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use saml::signature::Signer;

use crate::parties::Tenant;

/// An IdP that signs any Response that a test wants.
pub(crate) struct Idp {
    pub(crate) key: SigningKey,
    ambient: Ambient,
}

pub(crate) const IDP: &str = "https://idp.example/env";

/// The user in a Response.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) attributes: Vec<(&'static str, Vec<String>)>,
}

impl Person {
    pub(crate) fn new(email: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Self {
            attributes: vec![
                ("displayname", vec!["Jo Doe".to_owned()]),
                ("groups", groups),
                ("name", vec![email.to_owned()]),
                ("objectidentifier", vec![format!("id-of-{email}")]),
            ],
        }
    }
}

impl Idp {
    pub(crate) fn new(ambient: Ambient) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["idp.example".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let certificate = Certificate::parse(&certificate.pem()).unwrap();
        Self {
            key: SigningKey::new(&pair.serialize_pem(), certificate).unwrap(),
            ambient,
        }
    }

    pub(crate) fn metadata(&self) -> IdpMetadata {
        IdpMetadata {
            entity_id: IDP.to_owned(),
            signing_certificates: vec![self.key.certificate().clone()],
            sso: vec![Endpoint {
                binding: names::HTTP_REDIRECT.to_owned(),
                location: format!("{IDP}/saml20/idp/sso"),
                response_location: None,
            }],
            slo: vec![Endpoint {
                response_location: Some(format!("{IDP}/saml20/idp/slo/response")),
                ..Endpoint::at(names::HTTP_REDIRECT, &format!("{IDP}/saml20/idp/slo"))
            }],
            name_id_formats: Vec::new(),
            want_authn_requests_signed: false,
            valid_until: None,
            cache_duration: None,
        }
    }

    pub(crate) fn draft(
        &self,
        tenant: &Tenant,
        request: &AuthnRequest,
        person: &Person,
    ) -> Response {
        let now = self.ambient.now();
        let soon = now + SignedDuration::from_mins(5);
        let attributes = person.attributes.iter().map(|(name, values)| Attribute {
            name: (*name).to_owned(),
            name_format: Some(names::ATTRNAME_BASIC.to_owned()),
            values: values.clone(),
        });
        let assertion = Assertion {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: now,
            issuer: IDP.to_owned(),
            subject: Some(Subject {
                name_id: NameId {
                    value: "subject".to_owned(),
                    format: NameIdFormat::Unspecified,
                    name_qualifier: None,
                    sp_name_qualifier: None,
                },
                confirmations: vec![SubjectConfirmation {
                    method: names::BEARER.to_owned(),
                    recipient: Some(tenant.acs_url.clone()),
                    not_on_or_after: Some(soon),
                    not_before: None,
                    in_response_to: Some(request.id.clone()),
                }],
            }),
            conditions: Some(Conditions {
                not_before: Some(now),
                not_on_or_after: Some(soon),
                audience_restrictions: vec![vec![tenant.entity_id.clone()]],
            }),
            authn_statements: vec![AuthnStatement {
                authn_instant: now,
                session_index: Some("_s".to_owned()),
                session_not_on_or_after: None,
                class_ref: names::PASSWORD_PROTECTED_TRANSPORT.to_owned(),
            }],
            attributes: attributes.collect(),
        };
        Response {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: now,
            destination: Some(tenant.acs_url.clone()),
            in_response_to: Some(request.id.clone()),
            issuer: Some(IDP.to_owned()),
            status: Status::success(),
            assertions: vec![assertion],
        }
    }

    pub(crate) fn sign(&self, response: &Response) -> String {
        let signer = Signer {
            key: self.key.clone(),
            response: false,
            assertion: true,
            algorithm: self.key.algorithm(),
        };
        signer.sign(response).unwrap()
    }

    /// Signs the Response instead of its assertions.
    pub(crate) fn sign_whole(&self, response: &Response) -> String {
        let signer = Signer {
            key: self.key.clone(),
            response: true,
            assertion: false,
            algorithm: self.key.algorithm(),
        };
        signer.sign(response).unwrap()
    }

    /// Returns a Response without `InResponseTo` (IdP-initiated SSO).
    pub(crate) fn sign_unsolicited_response(
        &self,
        tenant: &Tenant,
        id: &str,
        person: &Person,
    ) -> String {
        let request = AuthnRequest {
            id: String::new(),
            issue_instant: self.ambient.now(),
            issuer: tenant.entity_id.clone(),
            destination: None,
            acs_url: None,
            acs_index: None,
            protocol_binding: None,
            name_id_policy: None,
            force_authn: false,
            is_passive: false,
            requested_authn_context: None,
        };
        let mut response = self.draft(tenant, &request, person);
        response.in_response_to = None;
        for assertion in &mut response.assertions {
            id.clone_into(&mut assertion.id);
            if let Some(subject) = &mut assertion.subject {
                for confirmation in &mut subject.confirmations {
                    confirmation.in_response_to = None;
                }
            }
        }
        self.sign(&response)
    }

    pub(crate) fn sign_response(
        &self,
        tenant: &Tenant,
        request: &AuthnRequest,
        person: &Person,
    ) -> String {
        self.sign(&self.draft(tenant, request, person))
    }
}
