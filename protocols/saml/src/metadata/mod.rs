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

/// The largest document that is read, in bytes: federations publish aggregates
/// of thousands of entities.
pub const MAX_METADATA_BYTES: usize = 20 * MEGABYTE;

const MEGABYTE: usize = 1024 * 1024;

/// Metadata of which everything that can be used was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable<M> {
    /// What can be used.
    pub metadata: M,
    /// What cannot, each a phrase that names the part and says why.
    pub left_out: Vec<String>,
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
    /// A larger document than is read.
    #[error(
        "the metadata has {:.1} MB, and at most {} MB are read: save the part of this entity alone",
        *came as f64 / MEGABYTE as f64, MAX_METADATA_BYTES / MEGABYTE
    )]
    TooLarge {
        /// Its size, in bytes.
        came: usize,
    },
    /// A web page, such as a sign-on form, in place of metadata.
    #[error(
        "expected SAML metadata, got a web page (HTML): the address may ask for a sign-on first; \
         download the metadata in a browser and give the file, or copy the metadata URL again"
    )]
    WebPage,
    /// The root has the right name in a wrong namespace.
    #[error(
        "invalid namespace of <{element}>: expected {expected}, got {}; export the SAML 2.0 metadata",
        came.as_deref().unwrap_or("none"), expected = crate::names::METADATA
    )]
    Namespace {
        /// The element's local name.
        element: String,
        /// Its namespace.
        came: Option<String>,
    },
    /// Many entities, and nobody said which.
    #[error(
        "expected one entity that has <md:{role}>, got an aggregate (<md:EntitiesDescriptor>) \
         with {}: {}; choose one by its entity ID, or export the metadata of this application alone",
        came.len(), first_of(came)
    )]
    Aggregate {
        /// The role's element.
        role: &'static str,
        /// The candidates' identifiers, all of them.
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
    #[error("expected cacheDuration to be a duration such as PT1H, got {0:?}")]
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
    #[error("expected protocolSupportEnumeration to name {expected}, got {came:?}")]
    Protocol {
        /// The SAML 2.0 protocol.
        expected: &'static str,
        /// What came.
        came: String,
    },
    /// No endpoint with a binding and an address that can be used.
    #[error(
        "expected an endpoint <md:{element}> with the HTTP-Redirect or HTTP-POST binding, found none{left_out}"
    )]
    NoEndpoint {
        /// The endpoint's element.
        element: &'static str,
        /// What was found and cannot be used, in parentheses; else empty.
        left_out: String,
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
    #[error("expected metadata that is still valid, got one that ended at {0}; export it again")]
    Expired(jiff::Timestamp),
}

/// The first five of a list, and how many follow.
fn first_of(all: &[String]) -> String {
    const MOST: usize = 5;
    let shown = all.iter().take(MOST).map(String::as_str);
    let shown: Vec<&str> = shown.collect();
    match all.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}
