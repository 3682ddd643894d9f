//! Enveloped signatures with exactly the features of saml-core §5.4: one Reference to the parent's
//! ID, two transforms, accepted algorithms. The signed element is always the parent of the
//! signature; References are never looked up.

use uppsala::{Document, NodeId};

use crate::encoding::decode_base64;
use crate::keys::{Certificate, DigestAlgorithm, SignatureAlgorithm};
use crate::names::{self, DSIG};
use crate::xml::{self, XmlError};

/// Largest number of prefixes in an `InclusiveNamespaces` list: each is searched in the ancestors
/// of every element.
const MOST_PREFIXES: usize = 16;

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is missing, at a wrong place, or does not follow saml-core §5.4.
    #[error("{0}")]
    Misplaced(String),
    /// The algorithm is not accepted.
    #[error("{0}")]
    Algorithm(String),
    /// Digest or signature value is wrong.
    #[error("{0}")]
    Invalid(String),
}

fn misplaced_error(detail: impl Into<String>) -> SignatureError {
    SignatureError::Misplaced(detail.into())
}

fn missing_error(error: XmlError) -> SignatureError {
    misplaced_error(error.to_string())
}

/// A well-formed signature over its parent element; [`Self::verify`] verifies it.
pub(crate) struct Enveloped {
    /// The signed element, which is the parent of the signature.
    pub(crate) element: NodeId,
    signature: NodeId,
    info: NodeId,
    algorithm: SignatureAlgorithm,
    info_prefixes: Vec<String>,
    digest: DigestAlgorithm,
    prefixes: Vec<String>,
    reference: NodeId,
}

impl Enveloped {
    /// Reads `signature`, a child of `element`, and checks its form.
    pub(crate) fn of(
        document: &Document<'_>,
        signature: NodeId,
        element: NodeId,
    ) -> Result<Self, SignatureError> {
        if xml::child(document, signature, DSIG, "Object").is_some() {
            return Err(misplaced_error(
                "expected no <Object> in <Signature>, found one",
            ));
        }
        let info = the_one(document, signature, "SignedInfo")?;
        the_one(document, signature, "SignatureValue")?;
        let reference = the_one(document, info, "Reference")?;
        let id = xml::require_attribute(document, element, "ID").map_err(missing_error)?;
        let uri = xml::require_attribute(document, reference, "URI").map_err(missing_error)?;
        if id.is_empty() || uri.strip_prefix('#') != Some(id) {
            return Err(misplaced_error(format!(
                "expected <Reference URI=\"#{id}\">, the ID of the element around the signature, got {uri:?}"
            )));
        }
        let (method, uri) = find_child_with_algorithm(document, info, "CanonicalizationMethod")?;
        if uri != names::EXC_C14N {
            return Err(SignatureError::Algorithm(format!(
                "expected CanonicalizationMethod {}, got {uri}",
                names::EXC_C14N
            )));
        }
        let info_prefixes = inclusive_prefixes(document, method)?;
        let (_, uri) = find_child_with_algorithm(document, info, "SignatureMethod")?;
        let algorithm = SignatureAlgorithm::from_accepted_uri(uri).ok_or_else(|| {
            SignatureError::Algorithm(format!(
                "expected SignatureMethod RSA or ECDSA with SHA-256, SHA-384 or SHA-512, got {uri}"
            ))
        })?;
        let (_, uri) = find_child_with_algorithm(document, reference, "DigestMethod")?;
        let digest = DigestAlgorithm::from_accepted_uri(uri).ok_or_else(|| {
            SignatureError::Algorithm(format!(
                "expected DigestMethod SHA-256, SHA-384 or SHA-512, got {uri}"
            ))
        })?;
        the_one(document, reference, "DigestValue")?;
        Ok(Self {
            prefixes: transforms(document, reference)?,
            element,
            signature,
            info,
            algorithm,
            info_prefixes,
            digest,
            reference,
        })
    }

    /// Verifies that one of these keys signed the element as it is in this tree, without the
    /// signature itself.
    pub(crate) fn verify(
        &self,
        document: &Document<'_>,
        certificates: &[Certificate],
    ) -> Result<(), SignatureError> {
        let invalid = |detail: String| SignatureError::Invalid(detail);
        self.unique_id(document)?;
        let prefixes: Vec<&str> = self.prefixes.iter().map(String::as_str).collect();
        let canonical = xml::canonical(document, self.element, Some(self.signature), &prefixes);
        let stated = self.octets(document, self.reference, "DigestValue")?;
        if self.digest.of(&canonical) != stated {
            return Err(invalid(format!(
                "expected the digest that the signature of <{}> names; the element was changed after it was signed",
                xml::name_of(document, self.element)
            )));
        }
        let prefixes: Vec<&str> = self.info_prefixes.iter().map(String::as_str).collect();
        let signed = xml::canonical(document, self.info, None, &prefixes);
        let value = self.octets(document, self.signature, "SignatureValue")?;
        let mut all = certificates.iter();
        if all.any(|certificate| certificate.verifies(self.algorithm, &signed, &value)) {
            return Ok(());
        }
        let trusted: Vec<String> = certificates
            .iter()
            .map(Certificate::fingerprint_sha256)
            .collect();
        Err(invalid(format!(
            "expected the signature of <{}> to verify with {}: it does not",
            xml::name_of(document, self.element),
            trusted.join(" or "),
        )))
    }

    /// Requires that no other element has this ID, in any attribute that a parser may use as an ID
    /// (saml-core §1.3.4).
    fn unique_id(&self, document: &Document<'_>) -> Result<(), SignatureError> {
        let id = xml::attribute(document, self.element, "ID").unwrap_or_default();
        let bears = xml::elements(document).filter(|(_, element)| {
            element.attributes.iter().any(|attribute| {
                attribute.value == id
                    && ["ID", "Id", "id", "AssertionID"]
                        .contains(&attribute.name.local_name.as_ref())
            })
        });
        match bears.count() {
            1 => Ok(()),
            got => Err(SignatureError::Invalid(format!(
                "expected the ID {id} once in the document, got {got} times"
            ))),
        }
    }

    fn octets(
        &self,
        document: &Document<'_>,
        parent: NodeId,
        name: &'static str,
    ) -> Result<Vec<u8>, SignatureError> {
        let node = the_one(document, parent, name)?;
        let wrong = |what: String| SignatureError::Invalid(format!("in <{name}>: {what}"));
        let text = xml::only_text(document, node)
            .ok_or_else(|| wrong("expected base64 and nothing else".into()))?;
        decode_base64(&text).map_err(|error| wrong(format!("expected base64: {error}")))
    }
}

/// Returns the only child with this name, which must exist.
fn the_one(
    document: &Document<'_>,
    parent: NodeId,
    name: &'static str,
) -> Result<NodeId, SignatureError> {
    match xml::children(document, parent, DSIG, name).as_slice() {
        [one] => Ok(*one),
        all => Err(misplaced_error(format!(
            "expected one <{name}>, got {}",
            all.len()
        ))),
    }
}

/// Returns the child with this name and its Algorithm.
fn find_child_with_algorithm<'d>(
    document: &'d Document<'_>,
    parent: NodeId,
    name: &'static str,
) -> Result<(NodeId, &'d str), SignatureError> {
    let node = the_one(document, parent, name)?;
    let uri = xml::require_attribute(document, node, "Algorithm").map_err(missing_error)?;
    Ok((node, uri))
}

/// Requires the transforms enveloped-signature and exclusive canonicalization, in this order and no
/// others. Returns the inclusive prefixes.
fn transforms(document: &Document<'_>, reference: NodeId) -> Result<Vec<String>, SignatureError> {
    let all = the_one(document, reference, "Transforms")?;
    let nodes = xml::children(document, all, DSIG, "Transform");
    let uri = |node: &NodeId| xml::attribute(document, *node, "Algorithm").unwrap_or_default();
    if let [first, second] = nodes.as_slice()
        && uri(first) == names::ENVELOPED_SIGNATURE
        && uri(second) == names::EXC_C14N
    {
        return inclusive_prefixes(document, *second);
    }
    let got: Vec<&str> = nodes.iter().map(uri).collect();
    Err(SignatureError::Algorithm(format!(
        "expected the transforms enveloped-signature and xml-exc-c14n, got {}",
        got.join(", ")
    )))
}

/// Returns the `PrefixList` of an exclusive canonicalization (xml-exc-c14n §3).
fn inclusive_prefixes(
    document: &Document<'_>,
    method: NodeId,
) -> Result<Vec<String>, SignatureError> {
    let Some(list) = xml::child(document, method, names::EXC_C14N, "InclusiveNamespaces") else {
        return Ok(Vec::new());
    };
    let list = xml::attribute(document, list, "PrefixList").unwrap_or_default();
    let prefixes: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    if prefixes.len() > MOST_PREFIXES {
        return Err(SignatureError::Algorithm(format!(
            "expected at most {MOST_PREFIXES} inclusive prefixes, got {}",
            prefixes.len()
        )));
    }
    Ok(prefixes)
}
