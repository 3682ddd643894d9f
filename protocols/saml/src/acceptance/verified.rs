//! Signatures: which element was vouched for, and by whose key.
//!
//! A response passes when each of its signatures stands where the schema has
//! it, covers exactly its own parent, and verifies with a trusted key. The
//! claims are then read from that very node of the same tree.

use std::sync::Arc;

use bergshamra::dsig::verify::verify_all_document_with_source;
use bergshamra::xml::uppsala::{Document, NodeId};
use bergshamra::{DsigContext, KeysManager, VerifyResult};

use super::claims::{AssertionClaims, ResponseClaims};
use super::{Code, Posted, Refusal, schema};
use crate::Limits;
use crate::encryption::DecryptionKeys;
use crate::keys::{Certificate, SignatureAlgorithm};
use crate::names;
use crate::xml::{self, XmlError};

/// There is no key to trust, so nothing could ever be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at least one signing certificate of the identity provider, found none")]
pub struct NoTrustedKeys;

/// The keys of the identity provider: one at least.
#[derive(Clone)]
pub struct TrustedKeys {
    certificates: Vec<Certificate>,
    /// The verifier that knows these keys and no others.
    verifier: Arc<DsigContext>,
}

impl std::fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TrustedKeys")
            .field(&self.certificates)
            .finish()
    }
}

impl TrustedKeys {
    /// Trusts the keys of these certificates. Their validity does not matter
    /// (saml-metadata §2.4.1.1).
    ///
    /// # Errors
    /// [`NoTrustedKeys`] when there are none.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, NoTrustedKeys> {
        if certificates.is_empty() {
            return Err(NoTrustedKeys);
        }
        let mut manager = KeysManager::new();
        for certificate in &certificates {
            manager.add_key(certificate.public_key().clone());
        }
        Ok(Self {
            verifier: Arc::new(DsigContext::new(manager)),
            certificates,
        })
    }
}

/// Which signature is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignaturePolicy {
    /// The response's or the assertion's: what the profile demands.
    #[default]
    Either,
    /// The assertion's.
    Assertion,
    /// The response's.
    Response,
    /// Both.
    Both,
}

/// A response whose signatures hold, and what was read from the signed nodes.
#[derive(Debug, Clone)]
pub struct Verified {
    pub(super) response: ResponseClaims,
    pub(super) assertion: AssertionClaims,
    /// Whether the response's own attributes were covered.
    pub(super) response_signed: bool,
}

impl Posted {
    /// Verifies the signatures and reads the claims from what they cover.
    ///
    /// # Errors
    /// A [`Refusal`] naming the first thing that is wrong with the document's
    /// form, its status or its signatures.
    pub fn verify(self, keys: &TrustedKeys, policy: SignaturePolicy) -> Result<Verified, Refusal> {
        self.verify_or_decrypt(keys, policy, None)
    }

    /// The same for a service provider that has keys to decrypt assertions
    /// with. A response's signature is verified over what came; the assertion
    /// is then decrypted, and its own signature and claims are judged in the
    /// one tree of the decrypted document.
    ///
    /// # Errors
    /// As for [`Self::verify`], and [`Code::EncryptedAssertion`] whatever it
    /// is that keeps the assertion from being decrypted.
    pub fn verify_or_decrypt(
        self,
        keys: &TrustedKeys,
        policy: SignaturePolicy,
        decryption: Option<&DecryptionKeys>,
    ) -> Result<Verified, Refusal> {
        let document = xml::parse(self.xml(), self.limits()).map_err(|error| match error {
            XmlError::TooLarge { .. } => Refusal::new(Code::TooLarge, error.to_string()),
            error => Refusal::new(Code::NotXml, error.to_string()),
        })?;
        let root = xml::root(&document, names::PROTOCOL, "Response")
            .map_err(|error| Refusal::new(Code::NotAResponse, error.to_string()))?;
        let malformed = |error: XmlError| Refusal::new(Code::Malformed, error.to_string());

        let response = ResponseClaims::read(&document, root).map_err(malformed)?;
        response.status_is_success()?;
        if let Some(decryption) = decryption
            && let Some(encrypted) = the_encrypted_assertion(&document, root)
        {
            schema::only_response(&document, root).map_err(malformed)?;
            let signed = signed_elements(&document, root, root)?;
            verify_signatures(&document, self.xml(), keys, &signed)?;
            let plain = decryption
                .decrypt(&document, encrypted, self.xml())
                .map_err(|reason| Refusal::new(Code::EncryptedAssertion, reason))?;
            return decrypted(
                &plain,
                self.limits(),
                keys,
                policy,
                response,
                !signed.is_empty(),
            );
        }
        let assertion = the_assertion(&document, root)?;
        schema::demand(&document, root, assertion).map_err(malformed)?;
        let signed = signed_elements(&document, root, assertion)?;
        demand(policy, &signed, root, assertion)?;
        verify_signatures(&document, self.xml(), keys, &signed)?;

        Ok(Verified {
            assertion: AssertionClaims::read(&document, assertion).map_err(malformed)?,
            response,
            response_signed: signed.iter().any(|signed| signed.element == root),
        })
    }
}

/// The one encrypted assertion of a document that has no other, a child of the
/// response.
fn the_encrypted_assertion(document: &Document<'_>, root: NodeId) -> Option<NodeId> {
    let plain = document.get_elements_by_tag_name_ns(names::ASSERTION, "Assertion");
    let encrypted = document.get_elements_by_tag_name_ns(names::ASSERTION, "EncryptedAssertion");
    match (plain.as_slice(), encrypted.as_slice()) {
        ([], [one]) if document.parent(*one) == Some(root) => Some(*one),
        _ => None,
    }
}

/// Judges the assertion of a document that was decrypted: in its tree, and
/// nothing outside the assertion counts any more.
fn decrypted(
    plain: &str,
    limits: &Limits,
    keys: &TrustedKeys,
    policy: SignaturePolicy,
    response: ResponseClaims,
    response_signed: bool,
) -> Result<Verified, Refusal> {
    // One code for whatever the plaintext may be: nobody learns from the
    // answers what a changed ciphertext decrypts to.
    let unusable = |reason: String| Refusal::new(Code::EncryptedAssertion, reason);
    let document = xml::parse(plain, limits).map_err(|error| unusable(error.to_string()))?;
    let root = document
        .document_element()
        .ok_or_else(|| unusable("no root element".to_owned()))?;
    let assertions = document.get_elements_by_tag_name_ns(names::ASSERTION, "Assertion");
    let wrapper = xml::child(&document, root, names::ASSERTION, "EncryptedAssertion");
    let assertion = match assertions.as_slice() {
        [one] if wrapper.is_some() && document.parent(*one) == wrapper => *one,
        all => {
            let came = all.len();
            return Err(unusable(format!(
                "expected one <Assertion> in the decrypted <EncryptedAssertion>, came {came}"
            )));
        }
    };
    let unusable_xml = |error: XmlError| unusable(error.to_string());
    schema::only_assertion(&document, assertion).map_err(unusable_xml)?;
    let mut signed = signed_elements(&document, root, assertion)
        .map_err(|refusal| unusable(refusal.private()))?;
    signed.retain(|one| one.element == assertion);
    let assertion_signed = !signed.is_empty();
    let (met, expected) = match policy {
        SignaturePolicy::Either => (
            response_signed || assertion_signed,
            "a signed response or assertion",
        ),
        SignaturePolicy::Assertion => (assertion_signed, "a signed assertion"),
        SignaturePolicy::Response => (response_signed, "a signed response"),
        SignaturePolicy::Both => (
            response_signed && assertion_signed,
            "a signed response and a signed assertion",
        ),
    };
    if !met {
        let detail = format!("expected {expected} around or in what was encrypted");
        return Err(Refusal::new(Code::NotSigned, detail));
    }
    if assertion_signed {
        covered(&document, plain, keys, &signed)?;
    }
    Ok(Verified {
        assertion: AssertionClaims::read(&document, assertion).map_err(unusable_xml)?,
        response,
        response_signed,
    })
}

/// The one assertion of the document, which must be the response's child.
fn the_assertion(document: &Document<'_>, root: NodeId) -> Result<NodeId, Refusal> {
    let responses = document.get_elements_by_tag_name_ns(names::PROTOCOL, "Response");
    if responses.len() != 1 {
        return Err(Refusal::new(
            Code::SignatureMisplaced,
            format!(
                "expected one <Response> in the document, came {}",
                responses.len()
            ),
        ));
    }
    let assertions = document.get_elements_by_tag_name_ns(names::ASSERTION, "Assertion");
    let encrypted = document.get_elements_by_tag_name_ns(names::ASSERTION, "EncryptedAssertion");
    match (assertions.as_slice(), encrypted.as_slice()) {
        ([], []) => Err(Refusal::new(
            Code::NoAssertion,
            "expected one <Assertion>, found none",
        )),
        ([], [_]) => Err(Refusal::new(
            Code::EncryptedAssertion,
            "expected an <Assertion>, came an <EncryptedAssertion>, for which there is no key",
        )),
        ([assertion], []) if document.parent(*assertion) == Some(root) => Ok(*assertion),
        ([assertion], []) => {
            let parent = document
                .parent(*assertion)
                .map(|node| xml::name_of(document, node));
            Err(Refusal::new(
                Code::SignatureMisplaced,
                format!(
                    "expected the <Assertion> in <Response>, found it in <{}>",
                    parent.unwrap_or_default()
                ),
            ))
        }
        (plain, encrypted) => Err(Refusal::new(
            Code::ManyAssertions,
            format!(
                "expected one assertion, came {}",
                plain.len() + encrypted.len()
            ),
        )),
    }
}

/// A signature and the element it must cover.
struct Signed {
    signature: NodeId,
    element: NodeId,
}

/// Every signature of the document, each the child of the response or of the
/// assertion and shaped as saml-core §5.4 demands.
fn signed_elements(
    document: &Document<'_>,
    root: NodeId,
    assertion: NodeId,
) -> Result<Vec<Signed>, Refusal> {
    let mut found: Vec<Signed> = Vec::new();
    for signature in document.get_elements_by_tag_name_ns(names::DSIG, "Signature") {
        let parent = document.parent(signature);
        let element = [root, assertion]
            .into_iter()
            .find(|node| Some(*node) == parent);
        let Some(element) = element else {
            let parent = parent
                .map(|node| xml::name_of(document, node))
                .unwrap_or_default();
            return Err(Refusal::new(
                Code::SignatureMisplaced,
                format!(
                    "expected <Signature> in <Response> or <Assertion>, found it in <{parent}>"
                ),
            ));
        };
        if found.iter().any(|other| other.element == element) {
            return Err(Refusal::new(
                Code::SignatureMisplaced,
                format!(
                    "expected one <Signature> in <{}>, came two",
                    xml::name_of(document, element)
                ),
            ));
        }
        shape(document, signature, element)?;
        found.push(Signed { signature, element });
    }
    Ok(found)
}

/// One reference, to the parent by its ID; two transforms at most, both known;
/// algorithms from the list; nothing else inside (saml-core §5.4.2 – §5.4.4).
fn shape(document: &Document<'_>, signature: NodeId, element: NodeId) -> Result<(), Refusal> {
    let misplaced = |detail: String| Refusal::new(Code::SignatureMisplaced, detail);
    let missing = |error: XmlError| Refusal::new(Code::SignatureMisplaced, error.to_string());
    if xml::child(document, signature, names::DSIG, "Object").is_some() {
        return Err(misplaced(
            "expected no <Object> in <Signature>, found one".into(),
        ));
    }
    let infos = xml::children(document, signature, names::DSIG, "SignedInfo");
    let [info] = infos.as_slice() else {
        return Err(misplaced(format!(
            "expected one <SignedInfo>, came {}",
            infos.len()
        )));
    };
    let references = xml::children(document, *info, names::DSIG, "Reference");
    let [reference] = references.as_slice() else {
        return Err(misplaced(format!(
            "expected one <Reference>, came {}",
            references.len()
        )));
    };
    let id = xml::required_attribute(document, element, "ID").map_err(missing)?;
    let uri = xml::required_attribute(document, *reference, "URI").map_err(missing)?;
    if id.is_empty() || uri.strip_prefix('#') != Some(id) {
        return Err(misplaced(format!(
            "expected <Reference URI=\"#{id}\">, the ID of the element around the signature, came {uri:?}"
        )));
    }
    let algorithm = |parent: NodeId, name: &'static str| -> Result<String, Refusal> {
        let node = xml::required(document, parent, names::DSIG, name).map_err(missing)?;
        let uri = xml::required_attribute(document, node, "Algorithm").map_err(missing)?;
        Ok(uri.to_owned())
    };
    let canonicalization = algorithm(*info, "CanonicalizationMethod")?;
    if canonicalization != names::EXC_C14N {
        return Err(Refusal::new(
            Code::SignatureAlgorithm,
            format!(
                "expected CanonicalizationMethod {}, came {canonicalization}",
                names::EXC_C14N
            ),
        ));
    }
    let method = algorithm(*info, "SignatureMethod")?;
    if SignatureAlgorithm::accepted(&method).is_none() {
        return Err(Refusal::new(
            Code::SignatureAlgorithm,
            format!(
                "expected SignatureMethod RSA or ECDSA with SHA-256, SHA-384 or SHA-512, came {method}"
            ),
        ));
    }
    let digest = algorithm(*reference, "DigestMethod")?;
    if ![names::SHA256, names::SHA384, names::SHA512].contains(&digest.as_str()) {
        return Err(Refusal::new(
            Code::SignatureAlgorithm,
            format!("expected DigestMethod SHA-256, SHA-384 or SHA-512, came {digest}"),
        ));
    }
    let transforms =
        xml::required(document, *reference, names::DSIG, "Transforms").map_err(missing)?;
    let transforms: Vec<&str> = xml::children(document, transforms, names::DSIG, "Transform")
        .into_iter()
        .map(|node| xml::attribute(document, node, "Algorithm").unwrap_or_default())
        .collect();
    if transforms != [names::ENVELOPED_SIGNATURE, names::EXC_C14N] {
        return Err(Refusal::new(
            Code::SignatureAlgorithm,
            format!(
                "expected the transforms enveloped-signature and xml-exc-c14n, came {}",
                transforms.join(", ")
            ),
        ));
    }
    Ok(())
}

fn demand(
    policy: SignaturePolicy,
    signed: &[Signed],
    root: NodeId,
    assertion: NodeId,
) -> Result<(), Refusal> {
    let has = |node| signed.iter().any(|signed| signed.element == node);
    let (met, expected) = match policy {
        SignaturePolicy::Either => (!signed.is_empty(), "a signed response or assertion"),
        SignaturePolicy::Assertion => (has(assertion), "a signed assertion"),
        SignaturePolicy::Response => (has(root), "a signed response"),
        SignaturePolicy::Both => (
            has(root) && has(assertion),
            "a signed response and a signed assertion",
        ),
    };
    if met {
        return Ok(());
    }
    let came = match signed.len() {
        0 => "no signature",
        _ if has(root) => "a signature of the response only",
        _ => "a signature of the assertion only",
    };
    Err(Refusal::new(
        Code::NotSigned,
        format!("expected {expected}, came {came}"),
    ))
}

/// Every signature must verify, each over the node it stands in.
fn verify_signatures(
    document: &Document<'_>,
    source: &str,
    keys: &TrustedKeys,
    signed: &[Signed],
) -> Result<(), Refusal> {
    if signed.is_empty() {
        return Ok(());
    }
    let results = covered(document, source, keys, signed)?;
    if results.len() != signed.len() || !results.iter().all(VerifyResult::is_valid) {
        return Err(Refusal::new(
            Code::SignatureInvalid,
            "expected every signature in the document to verify",
        ));
    }
    Ok(())
}

/// Each of these signatures must verify over the node it stands in; every
/// result, those of others included.
fn covered(
    document: &Document<'_>,
    source: &str,
    keys: &TrustedKeys,
    signed: &[Signed],
) -> Result<Vec<VerifyResult>, Refusal> {
    let invalid = |detail: String| Refusal::new(Code::SignatureInvalid, detail);
    let results = verify_all_document_with_source(&keys.verifier, document, Some(source))
        .map_err(|error| invalid(error.to_string()))?;
    for expected in signed {
        let covered = results.iter().any(|result| match result {
            VerifyResult::Valid {
                signature_node,
                references,
                ..
            } => {
                *signature_node == expected.signature
                    && matches!(
                        references.as_slice(),
                        [one] if one.digest_verified && one.resolved_node == Some(expected.element)
                    )
            }
            VerifyResult::Invalid { .. } => false,
        });
        if !covered {
            let reasons: Vec<&str> = results
                .iter()
                .filter_map(|result| match result {
                    VerifyResult::Invalid { reason } => Some(reason.as_str()),
                    VerifyResult::Valid { .. } => None,
                })
                .collect();
            let trusted: Vec<String> = keys
                .certificates
                .iter()
                .map(Certificate::fingerprint_sha256)
                .collect();
            return Err(invalid(format!(
                "expected the signature of <{}> to verify with {}: {}",
                xml::name_of(document, expected.element),
                trusted.join(" or "),
                if reasons.is_empty() {
                    "it does not".into()
                } else {
                    reasons.join("; ")
                },
            )));
        }
    }
    Ok(results)
}
