//! An identity provider's metadata (saml-metadata §2.4.3).

use jiff::Timestamp;
use uppsala::Document;

use super::document::{entity, entity_ids, open};
use super::reading::{
    LeftOut, certificates, endpoints, entity_id, flag, role, texts, write_certificates,
    write_endpoints,
};
use super::{Endpoint, MetadataError, Selection, Usable, validity};
use crate::keys::{Certificate, SigningKey};
use crate::message::NameIdFormat;
use crate::names;
use crate::signature::{SignError, Signer};
use crate::xml::{XmlWriter, element, text_element, write_instant};

const ROLE: &str = "IDPSSODescriptor";

/// The metadata of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdpMetadata {
    /// Entity ID: the Issuer of its assertions.
    pub entity_id: String,
    /// Certificates of its signing keys, at least one.
    pub signing_certificates: Vec<Certificate>,
    /// Single sign-on endpoints.
    pub sso: Vec<Endpoint>,
    /// Single logout endpoints.
    pub slo: Vec<Endpoint>,
    /// NameID formats that it supports.
    pub name_id_formats: Vec<NameIdFormat>,
    /// True if requests must be signed.
    pub want_authn_requests_signed: bool,
    /// End of this metadata's validity.
    pub valid_until: Option<Timestamp>,
    /// How long the metadata may be cached, as an `xs:duration`.
    pub cache_duration: Option<String>,
}

impl IdpMetadata {
    /// Reads the metadata of one entity, without verifying a signature.
    ///
    /// # Errors
    /// [`MetadataError`] says what is missing or wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        Self::select(text, &Selection::default())
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
                "SPSSODescriptor",
                "; this is the metadata of a service provider: give that of the identity provider",
            ),
            &mut left_out,
        )?;
        let mut located = |name: &'static str| -> Vec<Endpoint> {
            let all = endpoints(document, role, name, &mut left_out);
            all.into_iter().map(|(_, endpoint)| endpoint).collect()
        };
        let sso = located("SingleSignOnService");
        let slo = located("SingleLogoutService");
        let usable = [names::HTTP_REDIRECT, names::HTTP_POST];
        if !sso
            .iter()
            .any(|endpoint| usable.contains(&endpoint.binding.as_str()))
        {
            return Err(MetadataError::NoEndpoint {
                element: "SingleSignOnService",
                left_out: left_out.as_reason(),
            });
        }
        let signing_certificates = certificates(document, role, "signing", &mut left_out)?;
        if signing_certificates.is_empty() {
            return Err(MetadataError::NoSigningCertificate);
        }
        let metadata = Self {
            entity_id: entity_id(document, entity)?,
            signing_certificates,
            sso,
            slo,
            name_id_formats: texts(document, role, "NameIDFormat")
                .iter()
                .map(|uri| NameIdFormat::from_uri(uri))
                .collect(),
            want_authn_requests_signed: flag(document, role, "WantAuthnRequestsSigned")?,
            valid_until: validity::valid_until(document, role)?,
            cache_duration: validity::cache_duration(document, role)?,
        };
        Ok(Usable {
            metadata,
            left_out: left_out.into_phrases(),
        })
    }

    /// Returns the entity IDs of the identity providers in a document.
    ///
    /// # Errors
    /// When it is not metadata in XML.
    pub fn entity_ids(text: &str) -> Result<Vec<String>, MetadataError> {
        entity_ids(text, ROLE)
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

    /// Returns until when metadata that was fetched at `fetched` may be cached; `None` if it does
    /// not say so.
    ///
    /// # Errors
    /// [`MetadataError::CacheDuration`].
    pub fn fresh_until(&self, fetched: Timestamp) -> Result<Option<Timestamp>, MetadataError> {
        let duration = self.cache_duration.as_deref();
        duration
            .map(|it| validity::add_duration(fetched, it))
            .transpose()
    }

    /// Returns the URL of the single sign-on endpoint with this binding.
    pub fn sso_location(&self, binding: &str) -> Option<&str> {
        let endpoint = self.sso.iter().find(|endpoint| endpoint.binding == binding);
        endpoint.map(|endpoint| endpoint.location.as_str())
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
        let attributes = [
            ("xmlns:md", Some(names::METADATA)),
            ("ID", id),
            ("entityID", Some(self.entity_id.as_str())),
            ("validUntil", until.as_deref()),
            ("cacheDuration", self.cache_duration.as_deref()),
        ];
        let mut w = XmlWriter::new();
        element(&mut w, "md:EntityDescriptor", &attributes, |w| {
            // Without the attribute the value is false (saml-metadata §2.4.3); PingOne leaves it out.
            let wants = self.want_authn_requests_signed.then_some("true");
            let attributes = [
                ("protocolSupportEnumeration", Some(names::PROTOCOL)),
                ("WantAuthnRequestsSigned", wants),
            ];
            element(w, "md:IDPSSODescriptor", &attributes, |w| {
                write_certificates(w, "signing", &self.signing_certificates, &[]);
                write_endpoints(w, "md:SingleLogoutService", &self.slo);
                for format in &self.name_id_formats {
                    text_element(w, "md:NameIDFormat", &[], format.uri());
                }
                write_endpoints(w, "md:SingleSignOnService", &self.sso);
            });
        });
        w.into_string()
    }
}
