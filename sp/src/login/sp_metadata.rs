//! The SAML metadata of the service provider for a tenant (saml-metadata
//! §2.4.4), signed with the portal's own key.

use saml::encryption::ContentCipher;
use saml::metadata::{Endpoint, IndexedEndpoint, SpMetadata};
use saml::names;
use saml::signature::SignError;

use crate::Portal;
use crate::refusal::{Refused, kinds};
use crate::store::tenants::TenantRow;

impl Portal {
    /// Returns the signed metadata document of this tenant.
    ///
    /// # Errors
    /// If the portal's key cannot be created, read or used for signing.
    pub async fn sign_metadata(&self, tenant: &TenantRow) -> Result<String, Refused> {
        let key = self.request_key().await?;
        let certificate = key.certificate().clone();
        let sp = self.service_provider(&tenant.id);
        let encrypts = tenant.encryption == 1;
        let metadata = SpMetadata {
            entity_id: sp.entity_id,
            acs: vec![IndexedEndpoint {
                endpoint: Endpoint::at(names::HTTP_POST, &sp.acs_url),
                index: 0,
                is_default: true,
            }],
            slo: [names::HTTP_REDIRECT, names::HTTP_POST]
                .map(|binding| Endpoint::at(binding, &sp.slo_url))
                .to_vec(),
            certificates: vec![certificate.clone()],
            encryption_certificates: encrypts.then_some(certificate).into_iter().collect(),
            encryption_methods: if encrypts {
                ContentCipher::ALL.map(|it| it.uri().to_owned()).to_vec()
            } else {
                Vec::new()
            },
            authn_requests_signed: tenant.signs_requests(),
            // Must match the signature policy: `either` also accepts a Response
            // in which only the Response is signed.
            want_assertions_signed: ["assertion", "both"]
                .contains(&tenant.signature_policy.as_str()),
            name_id_formats: Vec::new(),
            valid_until: None,
            cache_duration: Some("PT1H".to_owned()),
        };
        let id = format!("_{}", self.ambient.rng().hex(16));
        metadata
            .to_signed_xml(&id, &key)
            .map_err(|error: SignError| {
                Refused::new(
                    &kinds::INTERNAL,
                    format!("cannot sign the portal's metadata: {error}"),
                )
            })
    }
}
