//! Signatures made: of responses from their parts, of documents from their
//! text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::xml::uppsala::{Document, NodeId};

use crate::encryption::{EncryptError, Encryption};
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::message::Response;
use crate::names;
use crate::xml::{self, Limits, XmlError, XmlWriter, element, text_element};

/// Why a document could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The document to be signed cannot be read back.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The assertion could not be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// The signature could not be made.
    #[error("expected to sign with {algorithm}: {reason}")]
    Signature {
        /// The algorithm's URI.
        algorithm: &'static str,
        /// What went wrong.
        reason: String,
    },
}

/// Where an element's signature goes: after its issuer, or first.
fn after_issuer(document: &Document<'_>, node: NodeId) -> Result<usize, XmlError> {
    let issuer = xml::child(document, node, names::ASSERTION, "Issuer");
    if let Some(range) = issuer.and_then(|issuer| document.node_range(issuer)) {
        return Ok(range.end);
    }
    document
        .first_child(node)
        .and_then(|child| document.node_range(child))
        .map(|range| range.start)
        .ok_or_else(|| XmlError::Malformed("the element to be signed is empty".into()))
}

/// Signs responses: the response, its assertions, or both.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The key.
    pub key: SigningKey,
    /// Whether the `<Response>` is signed.
    pub response: bool,
    /// Whether each `<Assertion>` is signed.
    pub assertion: bool,
    /// With which algorithm.
    pub algorithm: SignatureAlgorithm,
}

impl Signer {
    /// Signs documents other than responses: requests, logout, metadata.
    pub fn of_documents(key: SigningKey) -> Self {
        Self {
            response: false,
            assertion: false,
            algorithm: key.algorithm(),
            key,
        }
    }

    /// The document to deliver. Assertions are signed first, so that the
    /// response's signature covers theirs.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot sign with that algorithm.
    pub fn sign(&self, response: &Response) -> Result<String, SignError> {
        let mut assertions = Vec::new();
        if self.assertion {
            for assertion in &response.assertions {
                assertions
                    .push(self.signature_of(&assertion.id, assertion.canonical().as_bytes())?);
            }
        }
        let document = response.write(None, &assertions);
        if !self.response {
            return Ok(document);
        }
        let own = self.signature_of(&response.id, document.as_bytes())?;
        Ok(response.write(Some(&own), &assertions))
    }

    /// The document to deliver, its assertions signed, then encrypted, then
    /// the response signed over that: as this signer is set.
    ///
    /// # Errors
    /// [`SignError`] as for [`Signer::sign`], and when it can't be encrypted.
    pub fn sign_encrypted(
        &self,
        response: &Response,
        encryption: &Encryption,
    ) -> Result<String, SignError> {
        self.sign_text_encrypted(&response.to_xml(), encryption)
    }

    /// The same from a response's unsigned text.
    ///
    /// # Errors
    /// As for [`Signer::sign_encrypted`].
    pub fn sign_text_encrypted(
        &self,
        text: &str,
        encryption: &Encryption,
    ) -> Result<String, SignError> {
        let inner = Self {
            response: false,
            ..self.clone()
        };
        let hidden = encryption.encrypt_assertions(&inner.sign_text(text)?)?;
        let outer = Self {
            assertion: false,
            ..self.clone()
        };
        outer.sign_text(&hidden)
    }

    /// The signature of the element `id`, whose canonical form without its
    /// signature is given: what enveloped-signature and exc-c14n would make of
    /// it. Itself in canonical form.
    fn signature_of(&self, id: &str, canonical: &[u8]) -> Result<String, SignError> {
        let digest = STANDARD.encode(self.algorithm.digest().of(canonical));
        // Alone, SignedInfo is where its namespace is declared; within the
        // signature, the signature declares it.
        let mut alone = XmlWriter::with_capacity(1024);
        let namespace = [("xmlns:ds", Some(names::DSIG))];
        element(&mut alone, "ds:SignedInfo", &namespace, |w| {
            self.signed_info(w, id, &digest);
        });
        let value = self
            .key
            .sign(self.algorithm, alone.into_string().as_bytes())
            .map_err(|error| SignError::Signature {
                algorithm: self.algorithm.uri(),
                reason: error.to_string(),
            })?;
        Ok(self.assembled(id, &digest, &STANDARD.encode(value)))
    }

    /// The document to deliver, from a response's unsigned text: the
    /// signatures go right after the issuers, where the schema has them, the
    /// assertions' first.
    ///
    /// # Errors
    /// [`SignError`] when the text is no response, or as for [`Signer::sign`].
    pub fn sign_text(&self, text: &str) -> Result<String, SignError> {
        let mut signed = text.to_owned();
        if self.assertion {
            let mut found = Vec::new();
            {
                let document = xml::parse(text, &Limits::default())?;
                let root = xml::root(&document, names::PROTOCOL, "Response")?;
                for node in xml::children(&document, root, names::ASSERTION, "Assertion") {
                    found.push(self.enveloped(&document, node)?);
                }
            }
            for (at, signature) in found.into_iter().rev() {
                signed.insert_str(at, &signature);
            }
        }
        if !self.response {
            return Ok(signed);
        }
        self.sign_root(signed, Some("Response"))
    }

    /// The document with a signature of its root: after `<Issuer>` when there
    /// is one, else before everything else. For metadata, requests by POST and
    /// logout messages.
    ///
    /// # Errors
    /// [`SignError`] when the root has no ID, or as for [`Signer::sign`].
    pub fn sign_document(&self, text: &str) -> Result<String, SignError> {
        self.sign_root(text.to_owned(), None)
    }

    fn sign_root(&self, mut text: String, name: Option<&'static str>) -> Result<String, SignError> {
        let (at, signature) = {
            let document = xml::parse(&text, &Limits::default())?;
            let root = match name {
                Some(name) => xml::root(&document, names::PROTOCOL, name)?,
                None => {
                    let root = document.document_element();
                    let root = root.ok_or_else(|| XmlError::Malformed("no root element".into()))?;
                    xml::required_attribute(&document, root, "ID")?;
                    root
                }
            };
            self.enveloped(&document, root)?
        };
        text.insert_str(at, &signature);
        Ok(text)
    }

    /// The signature of an element that has none yet, and where it goes.
    fn enveloped(
        &self,
        document: &Document<'_>,
        node: NodeId,
    ) -> Result<(usize, String), SignError> {
        let id = xml::attribute(document, node, "ID").unwrap_or_default();
        let canonical = xml::canonical(document, node, None, &[]);
        Ok((
            after_issuer(document, node)?,
            self.signature_of(id, &canonical)?,
        ))
    }

    fn assembled(&self, id: &str, digest: &str, value: &str) -> String {
        let mut w = XmlWriter::with_capacity(3 * 1024);
        let namespace = [("xmlns:ds", Some(names::DSIG))];
        element(&mut w, "ds:Signature", &namespace, |w| {
            element(w, "ds:SignedInfo", &[], |w| self.signed_info(w, id, digest));
            text_element(w, "ds:SignatureValue", &[], value);
            element(w, "ds:KeyInfo", &[], |w| {
                element(w, "ds:X509Data", &[], |w| {
                    let certificate = self.key.certificate().base64();
                    text_element(w, "ds:X509Certificate", &[], certificate);
                });
            });
        });
        w.into_string()
    }

    /// What is inside `<ds:SignedInfo>`.
    fn signed_info(&self, w: &mut XmlWriter, id: &str, digest: &str) {
        let algorithm = |uri| [("Algorithm", Some(uri))];
        let empty = |w: &mut XmlWriter, name, uri| element(w, name, &algorithm(uri), |_| {});
        empty(w, "ds:CanonicalizationMethod", names::EXC_C14N);
        empty(w, "ds:SignatureMethod", self.algorithm.uri());
        let reference = format!("#{id}");
        element(w, "ds:Reference", &[("URI", Some(&reference))], |w| {
            element(w, "ds:Transforms", &[], |w| {
                empty(w, "ds:Transform", names::ENVELOPED_SIGNATURE);
                empty(w, "ds:Transform", names::EXC_C14N);
            });
            empty(w, "ds:DigestMethod", self.algorithm.digest().uri());
            text_element(w, "ds:DigestValue", &[], digest);
        });
    }
}
