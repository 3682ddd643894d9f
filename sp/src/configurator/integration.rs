//! What the finished configurator yields: the only value that holds the keys
//! that an IdP is trusted by.

use ::saml::acceptance::{SignaturePolicy, TrustedKeys};
use ::saml::keys::Certificate;
use ::saml::message::RequestedAuthnContext;
use ::saml::metadata::Endpoint;
use ::saml::names;
use jiff::Timestamp;

use super::{Entered, endpoints};
use crate::store::instant;
use crate::store::tenants::TenantRow;

/// An active integration that logins can go through.
pub struct Integration {
    /// What was entered.
    pub tenant: TenantRow,
    /// The IdP's name.
    pub idp_entity_id: String,
    /// Where AuthnRequests go.
    pub sso_url: String,
    /// Where AuthnRequests go by HTTP-POST, when they travel so.
    sso_post_url: Option<String>,
    /// Where logout messages go, best first; none without single logout.
    pub slo: Vec<Endpoint>,
    /// How a person must have signed on.
    pub requested_authn_context: Option<RequestedAuthnContext>,
    /// Every certificate of step 4, those that expired too: to explain a
    /// refusal by, never to verify with.
    pub certificates: Vec<Certificate>,
    /// Whose signatures count.
    pub keys: TrustedKeys,
    /// Which signature is demanded.
    pub policy: SignaturePolicy,
    /// Whether a Response that answers no request is accepted.
    pub unsolicited: bool,
    /// The organization's verified domains.
    pub domains: Vec<String>,
}

/// Why logins can't go through an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrationError {
    /// It isn't activated.
    Inactive,
    /// The IdP's values are not all there.
    Incomplete,
    /// Every certificate is past its end.
    CertificateExpired(Timestamp),
    /// The IdP's metadata is past its `validUntil`.
    MetadataExpired(Timestamp),
}

impl Integration {
    /// The integration, if it is active and complete at this instant.
    ///
    /// # Errors
    /// Why not.
    pub fn of(entered: Entered, now: Timestamp) -> Result<Self, IntegrationError> {
        if entered.tenant.active != 1 {
            return Err(IntegrationError::Inactive);
        }
        let (Some(idp_entity_id), Some(sso_url)) = (
            entered.tenant.idp_entity_id.clone(),
            entered.tenant.idp_sso_url.clone(),
        ) else {
            return Err(IntegrationError::Incomplete);
        };
        if let Some(until) = entered.tenant.idp_metadata_until.map(instant)
            && until <= now
        {
            return Err(IntegrationError::MetadataExpired(until));
        }
        let all = super::saml::certificates(&entered);
        let accept_expired = entered.tenant.accept_expired_certificates == 1;
        let last = all.iter().map(Certificate::not_after).max();
        let live: Vec<Certificate> = all
            .iter()
            .filter(|certificate| accept_expired || certificate.not_after() > now)
            .cloned()
            .collect();
        let Ok(keys) = TrustedKeys::new(live) else {
            return Err(last.map_or(
                IntegrationError::Incomplete,
                IntegrationError::CertificateExpired,
            ));
        };
        Ok(Self {
            idp_entity_id,
            sso_url,
            certificates: all,
            keys,
            policy: super::saml::policy(&entered.tenant.signature_policy).unwrap_or_default(),
            sso_post_url: (entered.tenant.request_binding == "post")
                .then(|| entered.tenant.idp_sso_post_url.clone())
                .flatten(),
            slo: endpoints::read(&entered.tenant.idp_slo),
            requested_authn_context: super::saml::requested(&entered.tenant),
            unsolicited: entered.tenant.unsolicited == 1,
            domains: entered
                .domains
                .iter()
                .filter(|domain| domain.status == "verified")
                .map(|domain| domain.domain.clone())
                .collect(),
            tenant: entered.tenant,
        })
    }

    /// Binding and address of AuthnRequests.
    pub fn sso_endpoint(&self) -> (&'static str, &str) {
        match &self.sso_post_url {
            Some(url) => (names::HTTP_POST, url),
            None => (names::HTTP_REDIRECT, &self.sso_url),
        }
    }
}
