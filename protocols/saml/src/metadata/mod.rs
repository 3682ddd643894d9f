//! How identity provider and service provider introduce themselves
//! (saml-metadata).

mod idp;
mod reading;
mod sp;

pub use idp::IdpMetadata;
pub use sp::{IndexedEndpoint, SpMetadata};

use crate::XmlError;
use crate::keys::CertificateError;

/// Where a role is reached, and how (saml-metadata §2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The binding's URI.
    pub binding: String,
    /// The URL.
    pub location: String,
}

/// Why a document is not the metadata that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not the XML of metadata.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Many entities where one belongs.
    #[error(
        "expected the metadata of one entity (<md:EntityDescriptor>), came an aggregate \
         (<md:EntitiesDescriptor>); export the metadata of this application alone"
    )]
    Aggregate,
    /// The entity does not play the role.
    #[error("expected <md:{expected}>, found none{hint}")]
    Role {
        /// The role's element.
        expected: &'static str,
        /// What was found instead, and what to do.
        hint: &'static str,
    },
    /// The role does not speak SAML 2.0.
    #[error("expected protocolSupportEnumeration to name {expected}, came {came:?}")]
    Protocol {
        /// The SAML 2.0 protocol.
        expected: &'static str,
        /// What came.
        came: String,
    },
    /// No endpoint with a binding we can use.
    #[error(
        "expected an endpoint <md:{0}> with the HTTP-Redirect or HTTP-POST binding, found none"
    )]
    NoEndpoint(&'static str),
    /// An endpoint is not an http or https URL.
    #[error("expected an http or https URL in <md:{element}>, came {came:?}")]
    Location {
        /// The endpoint's element.
        element: &'static str,
        /// What came.
        came: String,
    },
    /// No certificate that verifies signatures.
    #[error(
        "expected a signing certificate in <md:KeyDescriptor>, found none; without it no answer can be verified"
    )]
    NoSigningCertificate,
    /// A certificate is not one.
    #[error("certificate {number} of the metadata: {source}")]
    Certificate {
        /// Its position, from 1.
        number: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The metadata is no longer valid.
    #[error("expected metadata that is still valid, came one that ended at {0}; export it anew")]
    Expired(jiff::Timestamp),
}
