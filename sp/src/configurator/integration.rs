//! What the finished configurator yields: the only value that holds the keys
//! that an IdP is trusted by.

use ::saml::acceptance::{SignaturePolicy, TrustedKeys};
use ::saml::keys::Certificate;
use jiff::Timestamp;

use super::Entered;
use crate::store::tenants::TenantRow;

/// An active integration that logins can go through.
pub struct Integration {
    /// What was entered.
    pub tenant: TenantRow,
    /// The IdP's name.
    pub idp_entity_id: String,
    /// Where AuthnRequests go.
    pub sso_url: String,
    /// Whose signatures count.
    pub keys: TrustedKeys,
    /// Which signature is demanded.
    pub policy: SignaturePolicy,
    /// Whether a Response that answers no request is accepted.
    pub unsolicited: bool,
    /// The organisation's verified domains.
    pub domains: Vec<String>,
}

/// Why logins can't go through an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// It isn't activated.
    Inactive,
    /// The IdP's values are not all there.
    Incomplete,
    /// Every certificate is past its end.
    CertificateExpired(Timestamp),
}

impl Integration {
    /// The integration, if it is active and complete at this instant.
    ///
    /// # Errors
    /// Why not.
    pub fn of(entered: Entered, now: Timestamp) -> Result<Self, Unready> {
        if entered.tenant.active != 1 {
            return Err(Unready::Inactive);
        }
        let (Some(idp_entity_id), Some(sso_url)) = (
            entered.tenant.idp_entity_id.clone(),
            entered.tenant.idp_sso_url.clone(),
        ) else {
            return Err(Unready::Incomplete);
        };
        let all = super::saml::certificates(&entered);
        let last = all.iter().map(Certificate::not_after).max();
        let live: Vec<Certificate> = all
            .into_iter()
            .filter(|certificate| certificate.not_after() > now)
            .collect();
        let Ok(keys) = TrustedKeys::new(live) else {
            return Err(last.map_or(Unready::Incomplete, Unready::CertificateExpired));
        };
        Ok(Self {
            idp_entity_id,
            sso_url,
            keys,
            policy: super::saml::policy(&entered.tenant.signature_policy).unwrap_or_default(),
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
}
