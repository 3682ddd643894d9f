//! How identity provider and service provider introduce themselves
//! (saml-metadata).

mod idp;
mod reading;
mod sp;
mod validity;

pub use idp::IdpMetadata;
pub use sp::{IndexedEndpoint, SpMetadata};

use crate::XmlError;
use crate::acceptance::TrustedKeys;
use crate::keys::CertificateError;
use crate::signature::SignatureError;

/// Which entity of a document is read, and on whose word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'s> {
    /// The entity's identifier; of a document with one candidate it need not
    /// be said.
    pub entity_id: Option<&'s str>,
    /// Who must have signed the document; without, it is taken at its word.
    pub signed_by: Option<&'s TrustedKeys>,
}

/// Where a role is reached, and how (saml-metadata §2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The binding's URI.
    pub binding: String,
    /// The URL.
    pub location: String,
    /// The URL for answers, where it is another one (§2.2.2).
    pub response_location: Option<String>,
}

impl Endpoint {
    /// An endpoint with one URL for everything.
    pub fn at(binding: &str, location: &str) -> Self {
        Self {
            binding: binding.to_owned(),
            location: location.to_owned(),
            response_location: None,
        }
    }
}

/// Why a document is not the metadata that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not the XML of metadata.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Many entities, and nobody said which.
    #[error(
        "expected one entity that has <md:{role}>, came an aggregate (<md:EntitiesDescriptor>) \
         with {}: {}; say which one, or export the metadata of this application alone",
        came.len(),
        came.join(", ")
    )]
    Aggregate {
        /// The role's element.
        role: &'static str,
        /// The candidates' identifiers.
        came: Vec<String>,
    },
    /// The entity that was asked for is not there.
    #[error("expected the entity {0} in the metadata, found none of that name")]
    NoSuchEntity(String),
    /// The metadata is not signed by whom it must be.
    #[error(
        "expected metadata with a signature of the certificate that was given: {0}; \
         fetch it again, or compare the certificate with the publisher's"
    )]
    Signature(#[from] SignatureError),
    /// The metadata says how long it may be kept, but not in a way that is
    /// understood.
    #[error("expected cacheDuration to be a duration such as PT1H, came {0:?}")]
    CacheDuration(String),
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
