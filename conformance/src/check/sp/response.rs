//! The honest Response about a user (saml-profiles §4.1.4.2).

use jiff::SignedDuration;
use saml::message::{
    Assertion, AuthnStatement, Conditions, Response, Status, Subject, SubjectConfirmation,
};
use saml::names;

use super::login::{Asked, Login};

impl Login<'_> {
    /// Creates the honest Response about [`Self::who`].
    pub(super) fn response(&self, asked: &Asked) -> Response {
        let judge = self.judge;
        let person = &judge.person;
        let rng = judge.ambient.rng();
        let now = judge.ambient.now();
        let after = |seconds| now + SignedDuration::from_secs(seconds);
        let id = || format!("_{}", rng.hex(16));
        let issuer = &judge.provider.entity_id;
        Response {
            id: id(),
            issue_instant: now,
            destination: Some(asked.acs_url.clone()),
            in_response_to: asked.request_id.clone(),
            issuer: Some(issuer.clone()),
            status: Status::success(),
            assertions: vec![Assertion {
                id: id(),
                issue_instant: now,
                issuer: issuer.clone(),
                subject: Some(Subject {
                    name_id: person.name_id_of(self.who),
                    confirmations: vec![SubjectConfirmation {
                        method: names::BEARER.to_owned(),
                        recipient: Some(asked.acs_url.clone()),
                        not_on_or_after: Some(after(300)),
                        not_before: None,
                        in_response_to: asked.request_id.clone(),
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
                    class_ref: person.authn_context.clone(),
                }],
                attributes: person.attributes_of(self.attributes_of),
            }],
        }
    }
}
