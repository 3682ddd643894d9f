//! Signs responses and other documents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uppsala::{Document, NodeId};

use crate::encryption::{EncryptError, Encryption};
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::message::Response;
use crate::names;
use crate::xml::{self, Limits, XmlError, XmlWriter, element, text_element};

/// Why a document could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The document to sign cannot be parsed.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The assertion cannot be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// The signature cannot be made.
    #[error("cannot sign with {algorithm}: {reason}")]
    Signature {
        /// URI of the algorithm.
        algorithm: &'static str,
        /// The reason.
        reason: String,
    },
}

/// Returns the position of an element's signature: after its Issuer, or as the first child.
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
    /// The signing key.
    pub key: SigningKey,
    /// True if the `<Response>` is signed.
    pub response: bool,
    /// True if each `<Assertion>` is signed.
    pub assertion: bool,
    /// The signature algorithm.
    pub algorithm: SignatureAlgorithm,
}

impl Signer {
    /// Creates a signer for documents other than responses: requests, logout messages, metadata.
    pub fn of_documents(key: SigningKey) -> Self {
        Self {
            response: false,
            assertion: false,
            algorithm: key.algorithm(),
            key,
        }
    }

    /// Returns the signed document. Assertions are signed first, so that the response's signature
    /// covers their signatures.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used with this algorithm.
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

    /// Returns the document with its assertions signed, then encrypted, and then the response
    /// signed, according to the fields of this signer.
    ///
    /// # Errors
    /// [`SignError`] as for [`Signer::sign`], and when the encryption fails.
    pub fn sign_encrypted(
        &self,
        response: &Response,
        encryption: &Encryption,
    ) -> Result<String, SignError> {
        self.sign_text_encrypted(&response.to_xml(), encryption)
    }

    /// As [`Signer::sign_encrypted`], for a response that is already written as unsigned XML.
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

    /// Returns the signature of the element `id`, in canonical form. `canonical` is the canonical
    /// form of the element without its signature, as enveloped-signature and exc-c14n give it.
    fn signature_of(&self, id: &str, canonical: &[u8]) -> Result<String, SignError> {
        let digest = STANDARD.encode(self.algorithm.digest().of(canonical));
        // In its own canonical form, SignedInfo declares its namespace; inside the signature, the
        // signature element declares it.
        let mut alone = XmlWriter::with_capacity(1024);
        let namespace = [("xmlns:ds", Some(names::DSIG))];
        element(&mut alone, "ds:SignedInfo", &namespace, |w| {
            self.write_signed_info(w, id, &digest);
        });
        let value = self
            .key
            .sign(self.algorithm, alone.into_string().as_bytes())
            .map_err(|error| SignError::Signature {
                algorithm: self.algorithm.uri(),
                reason: error.to_string(),
            })?;
        Ok(self.assemble_signature(id, &digest, &STANDARD.encode(value)))
    }

    /// Signs the unsigned text of a response. The signatures are inserted directly after the
    /// Issuers, as the schema requires, those of the assertions first.
    ///
    /// # Errors
    /// [`SignError`] when the text is not a response, or as for [`Signer::sign`].
    pub fn sign_text(&self, text: &str) -> Result<String, SignError> {
        let mut signed = text.to_owned();
        if self.assertion {
            let mut found = Vec::new();
            {
                let document = xml::parse(text, &Limits::default())?;
                let root = xml::root(&document, names::PROTOCOL, "Response")?;
                for node in xml::children(&document, root, names::ASSERTION, "Assertion") {
                    found.push(self.make_enveloped_signature(&document, node)?);
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

    /// Signs the root of a document: after `<Issuer>` if there is one, otherwise as the first
    /// child. For metadata, requests by POST and logout messages.
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
                    xml::require_attribute(&document, root, "ID")?;
                    root
                }
            };
            self.make_enveloped_signature(&document, root)?
        };
        text.insert_str(at, &signature);
        Ok(text)
    }

    /// Returns the signature of an element without one, and its position.
    fn make_enveloped_signature(
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

    fn assemble_signature(&self, id: &str, digest: &str, value: &str) -> String {
        let mut w = XmlWriter::with_capacity(3 * 1024);
        let namespace = [("xmlns:ds", Some(names::DSIG))];
        element(&mut w, "ds:Signature", &namespace, |w| {
            element(w, "ds:SignedInfo", &[], |w| {
                self.write_signed_info(w, id, digest)
            });
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

    /// Writes the content of `<ds:SignedInfo>`.
    fn write_signed_info(&self, w: &mut XmlWriter, id: &str, digest: &str) {
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
