//! Metadata of identity providers and service providers (saml-metadata).

mod aggregate;
mod document;
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

/// Selects an entity of a document, and whose signature is required.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'s> {
    /// Entity ID; not needed if the document has only one candidate.
    pub entity_id: Option<&'s str>,
    /// Keys of which one must have signed the document; `None` requires no signature.
    pub signed_by: Option<&'s TrustedKeys>,
}

/// Largest document, in bytes: federations publish the metadata of thousands of entities in one
/// document.
pub const MAX_METADATA_BYTES: usize = 20 * MEGABYTE;

const MEGABYTE: usize = 1024 * 1024;

/// The usable parts of metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable<M> {
    /// The usable parts.
    pub metadata: M,
    /// The ignored parts, each as a phrase that names the part and the reason.
    pub left_out: Vec<String>,
}

/// An endpoint of a role (saml-metadata §2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// URI of the binding.
    pub binding: String,
    /// The URL.
    pub location: String,
    /// URL for responses, if it differs (§2.2.2).
    pub response_location: Option<String>,
}

impl Endpoint {
    /// Creates an endpoint with one URL for requests and responses.
    pub fn at(binding: &str, location: &str) -> Self {
        Self {
            binding: binding.to_owned(),
            location: location.to_owned(),
            response_location: None,
        }
    }
}

/// Why a document is not the expected metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The document is not metadata in XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The document is too large.
    #[error(
        "the metadata has {:.1} MB, and at most {} MB are read; save only the EntityDescriptor of this entity",
        *got as f64 / MEGABYTE as f64, MAX_METADATA_BYTES / MEGABYTE
    )]
    TooLarge {
        /// Size of the document, in bytes.
        got: usize,
    },
    /// The document is an HTML page, such as a login page.
    #[error(
        "expected SAML metadata, got a web page (HTML): the address may ask for a sign-on first; \
         download the metadata in a browser and give the file, or copy the metadata URL again"
    )]
    WebPage,
    /// The root element has the right name in the wrong namespace.
    #[error(
        "invalid namespace of <{element}>: expected {expected}, got {}; export the SAML 2.0 metadata",
        got.as_deref().unwrap_or("none"), expected = crate::names::METADATA
    )]
    Namespace {
        /// Local name of the root element.
        element: String,
        /// Namespace of the root element.
        got: Option<String>,
    },
    /// The document has several entities, and none is selected.
    #[error(
        "expected one entity that has <md:{role}>, got an aggregate (<md:EntitiesDescriptor>) \
         with {}: {}; choose one by its entity ID, or export the metadata of this application alone",
        got.len(), first_of(got)
    )]
    Aggregate {
        /// Element name of the role.
        role: &'static str,
        /// Entity IDs of all candidates.
        got: Vec<String>,
    },
    /// The selected entity is not in the document.
    #[error("entity {0} not found in the metadata")]
    NoSuchEntity(String),
    /// The required signature is missing or invalid.
    #[error(
        "invalid metadata signature: {0}; fetch the metadata again, or compare the certificate \
         that you gave with the publisher's"
    )]
    Signature(#[from] SignatureError),
    /// `cacheDuration` is not a valid duration.
    #[error("expected cacheDuration to be a duration such as PT1H, got {0:?}")]
    CacheDuration(String),
    /// The entity does not have the role.
    #[error("expected <md:{expected}>, found none{hint}")]
    Role {
        /// Element name of the role.
        expected: &'static str,
        /// What was found instead, and what to do.
        hint: &'static str,
    },
    /// The role does not support SAML 2.0.
    #[error("expected protocolSupportEnumeration to name {expected}, got {got:?}")]
    Protocol {
        /// URI of the SAML 2.0 protocol.
        expected: &'static str,
        /// The actual value.
        got: String,
    },
    /// There is no endpoint with a usable binding and URL.
    #[error(
        "expected an endpoint <md:{element}> with the HTTP-Redirect or HTTP-POST binding, found none{left_out}"
    )]
    NoEndpoint {
        /// Element name of the endpoint.
        element: &'static str,
        /// The ignored endpoints, in parentheses; may be empty.
        left_out: String,
    },
    /// There is no certificate for verifying signatures.
    #[error(
        "expected a signing certificate in <md:KeyDescriptor>, found none; without it no answer can be verified"
    )]
    NoSigningCertificate,
    /// A certificate cannot be parsed.
    #[error("cannot read certificate {number} of the metadata: {source}")]
    Certificate {
        /// Position of the certificate, from 1.
        number: usize,
        /// The error of the certificate.
        source: CertificateError,
    },
    /// The metadata has expired.
    #[error("the metadata expired at {0}; export it again")]
    Expired(jiff::Timestamp),
}

/// Returns the first five entries of a list, and the number of the others.
fn first_of(all: &[String]) -> String {
    const MOST: usize = 5;
    let shown = all.iter().take(MOST).map(String::as_str);
    let shown: Vec<&str> = shown.collect();
    match all.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}
