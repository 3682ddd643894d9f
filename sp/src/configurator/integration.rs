//! The active integration, created from the values of the configurator. No
//! other type contains the keys that verify the IdP's signatures.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ::saml::acceptance::{SignaturePolicy, TrustedKeys};
use ::saml::keys::Certificate;
use ::saml::message::RequestedAuthnContext;
use ::saml::metadata::Endpoint;
use ::saml::names;
use jiff::Timestamp;

use super::endpoints;
use crate::store::instant;
use crate::store::tenants::{LoginTenant, TenantRow};

/// A complete and active integration.
pub struct Integration {
    /// The values of steps 2 to 7.
    pub tenant: TenantRow,
    /// Entity ID of the IdP.
    pub idp_entity_id: String,
    /// URL for AuthnRequests.
    pub sso_url: String,
    /// URL for AuthnRequests with the HTTP-POST binding, if that binding is
    /// selected.
    sso_post_url: Option<String>,
    /// Endpoints for logout messages, preferred ones first; empty without
    /// single logout.
    pub slo: Vec<Endpoint>,
    /// The authentication context that the tenant requests.
    pub requested_authn_context: Option<RequestedAuthnContext>,
    /// All certificates of step 4, expired ones too: only to explain a refusal,
    /// never to verify a signature.
    pub certificates: Vec<Certificate>,
    /// The keys that signatures are verified with.
    pub keys: TrustedKeys,
    /// Which elements must be signed.
    pub policy: SignaturePolicy,
    /// True if unsolicited Responses are accepted (IdP-initiated SSO).
    pub unsolicited: bool,
    /// The organization's verified domains.
    pub domains: Vec<String>,
}

/// Why an integration cannot be used for logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrationError {
    /// The integration is not active.
    Inactive,
    /// Values of the IdP are missing in step 4.
    Incomplete,
    /// All certificates have expired; contains the latest expiry.
    CertificateExpired(Timestamp),
    /// The `validUntil` of the IdP's metadata has passed.
    MetadataExpired(Timestamp),
}

impl Integration {
    /// Creates the integration from the stored values of the tenant, which must be
    /// active and whose step 4 must be complete and valid at this time.
    ///
    /// # Errors
    /// See [`IntegrationError`].
    pub fn of(found: LoginTenant, now: Timestamp) -> Result<Self, IntegrationError> {
        let LoginTenant { tenant, domains } = found;
        if tenant.active != 1 {
            return Err(IntegrationError::Inactive);
        }
        let (Some(idp_entity_id), Some(sso_url)) =
            (tenant.idp_entity_id.clone(), tenant.idp_sso_url.clone())
        else {
            return Err(IntegrationError::Incomplete);
        };
        if let Some(until) = tenant.idp_metadata_until.map(instant)
            && until <= now
        {
            return Err(IntegrationError::MetadataExpired(until));
        }
        let all = certificates(&tenant);
        let accept_expired = tenant.accept_expired_certificates == 1;
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
            policy: super::saml::policy(&tenant.signature_policy).unwrap_or_default(),
            sso_post_url: (tenant.request_binding == "post")
                .then(|| tenant.idp_sso_post_url.clone())
                .flatten(),
            slo: endpoints::read(&tenant.idp_slo),
            requested_authn_context: super::saml::requested_authn_context(&tenant),
            unsolicited: tenant.unsolicited == 1,
            domains,
            tenant,
        })
    }

    /// Returns binding and URL for AuthnRequests.
    pub fn sso_endpoint(&self) -> (&'static str, &str) {
        match &self.sso_post_url {
            Some(url) => (names::HTTP_POST, url),
            None => (names::HTTP_REDIRECT, &self.sso_url),
        }
    }
}

/// Largest number of tenants whose certificates are kept in parsed form.
const PARSED: usize = 1000;

/// Returns the certificates of step 4.
pub fn certificates(tenant: &TenantRow) -> Vec<Certificate> {
    // Parsing takes longer than verifying a signature, and a login needs them
    // twice. The key is the stored text, so an entry is never outdated.
    static KNOWN: Mutex<BTreeMap<String, Vec<Certificate>>> = Mutex::new(BTreeMap::new());
    let stored = tenant.idp_certificates.as_deref().unwrap_or("[]");
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(stored) {
        return found.clone();
    }
    let texts: Vec<String> = serde_json::from_str(stored).unwrap_or_default();
    let parsed: Vec<Certificate> = texts
        .iter()
        .filter_map(|text| Certificate::parse(text).ok())
        .collect();
    let mut known = known();
    if known.len() >= PARSED {
        known.clear();
    }
    known.insert(stored.to_owned(), parsed.clone());
    parsed
}
