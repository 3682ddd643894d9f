//! Other documents that the identity provider signs. An attacker can take their signatures for a
//! forged Response.

use jiff::Timestamp;
use saml::message::{LogoutResponse, Status};
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use saml::signature::Signer;

/// A signed document of the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Donor {
    /// The answer to a LogoutRequest, which everybody with a session gets.
    LogoutResponse,
    /// The metadata, which everybody can read.
    Metadata,
}

impl Donor {
    /// Returns the unsigned document. `idp` is the entity ID of the identity provider.
    pub(crate) fn unsigned(self, id: &str, idp: &str, now: Timestamp, signer: &Signer) -> String {
        match self {
            Self::LogoutResponse => LogoutResponse {
                id: id.to_owned(),
                issue_instant: now,
                issuer: idp.to_owned(),
                destination: None,
                in_response_to: None,
                status: Status::success(),
            }
            .to_xml(),
            Self::Metadata => {
                let metadata = IdpMetadata {
                    entity_id: idp.to_owned(),
                    signing_certificates: vec![signer.key.certificate().clone()],
                    sso: vec![Endpoint::at(names::HTTP_REDIRECT, idp)],
                    slo: Vec::new(),
                    name_id_formats: Vec::new(),
                    want_authn_requests_signed: false,
                    valid_until: None,
                    cache_duration: None,
                };
                let start = "<md:EntityDescriptor ";
                let with_id = format!("{start}ID=\"{id}\" ");
                metadata.to_xml().replacen(start, &with_id, 1)
            }
        }
    }
}
