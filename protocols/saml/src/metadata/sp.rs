//! A service provider's metadata (saml-metadata §2.4.4).

use jiff::Timestamp;
use uppsala::Document;

use super::document::{entity, entity_ids, open};
use super::reading::{
    LeftOut, certificates, encryption_methods, endpoints, entity_id, flag, role, texts,
    write_certificates, write_endpoints,
};
use super::{Endpoint, MetadataError, Selection, Usable, validity};
use crate::keys::{Certificate, SigningKey};
use crate::message::NameIdFormat;
use crate::names;
use crate::signature::{SignError, Signer};
use crate::xml::{self, XmlError, XmlWriter, element, text_element, write_instant};

const ROLE: &str = "SPSSODescriptor";

/// An endpoint with an index (saml-metadata §2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEndpoint {
    /// Binding and URL.
    pub endpoint: Endpoint,
    /// Index by which a request can name the endpoint.
    pub index: u16,
    /// True if it is the default.
    pub is_default: bool,
}

/// The metadata of a service provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpMetadata {
    /// Entity ID: the audience of assertions for this service provider.
    pub entity_id: String,
    /// Assertion consumer services, at least one.
    pub acs: Vec<IndexedEndpoint>,
    /// Single logout endpoints.
    pub slo: Vec<Endpoint>,
    /// Certificates of the keys that sign its requests.
    pub certificates: Vec<Certificate>,
    /// Certificates for encrypting assertions.
    pub encryption_certificates: Vec<Certificate>,
    /// URIs of the encryption algorithms that it supports, the preferred one first.
    pub encryption_methods: Vec<String>,
    /// True if the service provider signs its AuthnRequests (`AuthnRequestsSigned`).
    pub authn_requests_signed: bool,
    /// True if the assertions themselves must be signed.
    pub want_assertions_signed: bool,
    /// NameID formats that it wants, the preferred one first.
    pub name_id_formats: Vec<NameIdFormat>,
    /// End of this metadata's validity.
    pub valid_until: Option<Timestamp>,
    /// How long the metadata may be cached, as an `xs:duration`.
    pub cache_duration: Option<String>,
}

impl SpMetadata {
    /// Reads the metadata of one entity, without verifying a signature.
    ///
    /// # Errors
    /// [`MetadataError`] says what is missing or wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        Self::select(text, &Selection::default())
    }

    /// Returns the metadata if it is still valid at `now`.
    ///
    /// # Errors
    /// [`MetadataError::Expired`].
    pub fn valid_at(self, now: Timestamp) -> Result<Self, MetadataError> {
        match self.valid_until {
            Some(until) if until <= now => Err(MetadataError::Expired(until)),
            _ => Ok(self),
        }
    }

    /// Reads the metadata of the selected entity, and verifies the signature if the selection
    /// requires one.
    ///
    /// # Errors
    /// [`MetadataError`] says what is missing or wrong and what to do.
    pub fn select(text: &str, selection: &Selection<'_>) -> Result<Self, MetadataError> {
        Ok(Self::read(text, selection)?.metadata)
    }

    /// Reads the metadata like [`Self::select`], and also returns which parts were ignored.
    ///
    /// # Errors
    /// [`MetadataError`] says what is missing or wrong and what to do.
    pub fn read(text: &str, selection: &Selection<'_>) -> Result<Usable<Self>, MetadataError> {
        Self::read_tree(&open(text, selection, ROLE)?, selection)
    }

    /// Reads the metadata of the selected entity in a tree.
    pub(super) fn read_tree(
        document: &Document<'_>,
        selection: &Selection<'_>,
    ) -> Result<Usable<Self>, MetadataError> {
        let mut left_out = LeftOut::default();
        let entity = entity(document, selection, ROLE)?;
        let role = role(
            document,
            entity,
            ROLE,
            (
                "IDPSSODescriptor",
                "; this is the metadata of an identity provider: give that of the service provider",
            ),
            &mut left_out,
        )?;
        let mut acs = Vec::new();
        for (node, endpoint) in endpoints(document, role, "AssertionConsumerService", &mut left_out)
        {
            let index = xml::require_attribute(document, node, "index")?;
            acs.push(IndexedEndpoint {
                endpoint,
                index: index.trim().parse().map_err(|_| XmlError::Value {
                    expected: "a number from 0 to 65535",
                    place: "AssertionConsumerService/@index".into(),
                    got: index.to_owned(),
                })?,
                is_default: flag(document, node, "isDefault")?,
            });
        }
        if acs.is_empty() {
            return Err(MetadataError::NoEndpoint {
                element: "AssertionConsumerService",
                left_out: left_out.as_reason(),
            });
        }
        let slo = endpoints(document, role, "SingleLogoutService", &mut left_out);
        let mut keys = |purpose| match certificates(document, role, purpose, &mut left_out) {
            // The service provider can still use unsigned requests and unencrypted assertions.
            Err(MetadataError::Certificate { .. }) => Ok(Vec::new()),
            other => other,
        };
        let metadata = Self {
            certificates: keys("signing")?,
            encryption_certificates: keys("encryption")?,
            entity_id: entity_id(document, entity)?,
            acs,
            slo: slo.into_iter().map(|(_, endpoint)| endpoint).collect(),
            encryption_methods: encryption_methods(document, role),
            valid_until: validity::valid_until(document, role)?,
            cache_duration: validity::cache_duration(document, role)?,
            authn_requests_signed: flag(document, role, "AuthnRequestsSigned")?,
            want_assertions_signed: flag(document, role, "WantAssertionsSigned")?,
            name_id_formats: texts(document, role, "NameIDFormat")
                .iter()
                .map(|uri| NameIdFormat::from_uri(uri))
                .collect(),
        };
        Ok(Usable {
            metadata,
            left_out: left_out.into_phrases(),
        })
    }

    /// Returns the entity IDs of the service providers in a document.
    ///
    /// # Errors
    /// When it is not metadata in XML.
    pub fn entity_ids(text: &str) -> Result<Vec<String>, MetadataError> {
        entity_ids(text, ROLE)
    }

    /// Returns the single logout endpoint for a browser: HTTP-Redirect, or else HTTP-POST. SOAP is
    /// only for servers (saml-bindings §3.2).
    pub fn browser_slo(&self) -> Option<&Endpoint> {
        let bindings = [names::HTTP_REDIRECT, names::HTTP_POST];
        let mut found = bindings
            .iter()
            .filter_map(|binding| self.slo.iter().find(|it| it.binding == *binding));
        found.next()
    }

    /// Returns the assertion consumer service for requests that name none: the one marked as
    /// default, or else the first (saml-metadata §2.2.3).
    pub fn default_acs(&self) -> Option<&IndexedEndpoint> {
        let marked = self.acs.iter().find(|acs| acs.is_default);
        marked.or_else(|| self.acs.first())
    }

    /// Returns the document with a signature over all of it, under the given `xs:ID`.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn to_signed_xml(&self, id: &str, key: &SigningKey) -> Result<String, SignError> {
        Signer::of_documents(key.clone()).sign_document(&self.write(Some(id)))
    }

    /// Returns the XML document.
    pub fn to_xml(&self) -> String {
        self.write(None)
    }

    fn write(&self, id: Option<&str>) -> String {
        let until = self.valid_until.map(write_instant);
        let word = |flag| if flag { "true" } else { "false" };
        let attributes = [
            ("xmlns:md", Some(names::METADATA)),
            ("ID", id),
            ("entityID", Some(self.entity_id.as_str())),
            ("validUntil", until.as_deref()),
            ("cacheDuration", self.cache_duration.as_deref()),
        ];
        let mut w = XmlWriter::new();
        element(&mut w, "md:EntityDescriptor", &attributes, |w| {
            let attributes = [
                ("protocolSupportEnumeration", Some(names::PROTOCOL)),
                (
                    "AuthnRequestsSigned",
                    Some(word(self.authn_requests_signed)),
                ),
                (
                    "WantAssertionsSigned",
                    Some(word(self.want_assertions_signed)),
                ),
            ];
            element(w, "md:SPSSODescriptor", &attributes, |w| {
                write_certificates(w, "signing", &self.certificates, &[]);
                let methods = &self.encryption_methods;
                write_certificates(w, "encryption", &self.encryption_certificates, methods);
                write_endpoints(w, "md:SingleLogoutService", &self.slo);
                for format in &self.name_id_formats {
                    text_element(w, "md:NameIDFormat", &[], format.uri());
                }
                for acs in &self.acs {
                    let index = acs.index.to_string();
                    let attributes = [
                        ("Binding", Some(acs.endpoint.binding.as_str())),
                        ("Location", Some(acs.endpoint.location.as_str())),
                        ("index", Some(index.as_str())),
                        ("isDefault", acs.is_default.then_some("true")),
                    ];
                    element(w, "md:AssertionConsumerService", &attributes, |_| {});
                }
            });
        });
        w.into_string()
    }
}
