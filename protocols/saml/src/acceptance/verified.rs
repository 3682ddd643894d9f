//! Verifies signatures: which element is signed, and by whose key.
//!
//! A response passes if each of its signatures stands where the schema allows it, covers exactly
//! its parent element, and verifies with a trusted key. The claims are then read from that same
//! node of the same tree.

use uppsala::{Document, NodeId};

use super::claims::{AssertionClaims, ResponseClaims};
use super::{Code, Posted, Refusal, schema};
use crate::Limits;
use crate::encryption::DecryptionKeys;
use crate::keys::Certificate;
use crate::names;
use crate::signature::SignatureError;
use crate::signature::enveloped::Enveloped;
use crate::xml::{self, XmlError};

/// There is no trusted key, so no signature can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at least one signing certificate of the identity provider, found none")]
pub struct NoTrustedKeys;

/// The signing keys of the identity provider; at least one.
#[derive(Debug, Clone)]
pub struct TrustedKeys(Vec<Certificate>);

impl TrustedKeys {
    /// Trusts the keys of these certificates. Their validity period is ignored (saml-metadata
    /// §2.4.1.1).
    ///
    /// # Errors
    /// [`NoTrustedKeys`] when there are none.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, NoTrustedKeys> {
        if certificates.is_empty() {
            return Err(NoTrustedKeys);
        }
        Ok(Self(certificates))
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.0
    }
}

/// Which signatures a service provider requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignaturePolicy {
    /// The signature of the response or of the assertion, as the profile requires.
    #[default]
    Either,
    /// The signature of the assertion.
    Assertion,
    /// The signature of the response.
    Response,
    /// Both of them.
    Both,
}

/// A response with valid signatures, and the claims that were read from the signed nodes.
#[derive(Debug, Clone)]
pub struct Verified {
    pub(super) response: ResponseClaims,
    pub(super) assertion: AssertionClaims,
    /// True if the response's own attributes are signed.
    pub(super) response_signed: bool,
}

impl Posted {
    /// Verifies the signatures and reads the claims from the signed nodes.
    ///
    /// # Errors
    /// A [`Refusal`] with the first violation in the document's form, its status or its signatures.
    pub fn verify(self, keys: &TrustedKeys, policy: SignaturePolicy) -> Result<Verified, Refusal> {
        self.verify_or_decrypt(keys, policy, None)
    }

    /// Verifies the response like [`Self::verify`], for a service provider that can decrypt
    /// assertions. The response's signature is verified over the received document. Then the
    /// assertion is decrypted, and its signature and claims are read from the one tree of the
    /// decrypted document.
    ///
    /// # Errors
    /// As for [`Self::verify`], and [`Code::EncryptedAssertion`] for every failure of the
    /// decryption.
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
            let signed = find_signed_elements(&document, root, root)?;
            verify_signatures(&document, keys, &signed)?;
            let plain = decryption
                .decrypt(&document, encrypted, self.xml())
                .map_err(|reason| Refusal::new(Code::EncryptedAssertion, reason))?;
            return verify_decrypted(
                &plain,
                self.limits(),
                (keys, decryption),
                policy,
                response,
                !signed.is_empty(),
            );
        }
        let assertion = the_assertion(&document, root)?;
        schema::demand(&document, root, assertion).map_err(malformed)?;
        let signed = find_signed_elements(&document, root, assertion)?;
        demand(policy, &signed, root, assertion)?;
        verify_signatures(&document, keys, &signed)?;

        let assertion = AssertionClaims::read(&document, assertion).map_err(malformed)?;
        Ok(Verified {
            assertion: decrypt_name_id(assertion, decryption)?,
            response,
            response_signed: signed.iter().any(|signed| signed.element == root),
        })
    }
}

/// Returns the claims with the decrypted NameID. The signature covers the encrypted NameID, so only
/// the result of decrypting that is read.
fn decrypt_name_id(
    mut claims: AssertionClaims,
    decryption: Option<&DecryptionKeys>,
) -> Result<AssertionClaims, Refusal> {
    let Some(encrypted) = claims.encrypted_id.take() else {
        return Ok(claims);
    };
    let unusable = |reason: String| Refusal::new(Code::EncryptedAssertion, reason);
    if claims.name_id.is_some() {
        return Err(Refusal::new(
            Code::Malformed,
            "expected <NameID> or <EncryptedID> in <Subject>, got both",
        ));
    }
    let keys = decryption.ok_or_else(|| {
        unusable("expected a <NameID>, got an <EncryptedID>, for which there is no key".into())
    })?;
    claims.name_id = Some(keys.name_id(&encrypted).map_err(unusable)?);
    Ok(claims)
}

/// Returns the encrypted assertion, if it is the only assertion of the document and a child of the
/// response.
fn the_encrypted_assertion(document: &Document<'_>, root: NodeId) -> Option<NodeId> {
    let plain = document.get_elements_by_tag_name_ns(names::ASSERTION, "Assertion");
    let encrypted = document.get_elements_by_tag_name_ns(names::ASSERTION, "EncryptedAssertion");
    match (plain.as_slice(), encrypted.as_slice()) {
        ([], [one]) if document.parent(*one) == Some(root) => Some(*one),
        _ => None,
    }
}

/// Verifies the assertion of a decrypted document, in its own tree; nothing outside of the
/// assertion counts.
fn verify_decrypted(
    plain: &str,
    limits: &Limits,
    (keys, decryption): (&TrustedKeys, &DecryptionKeys),
    policy: SignaturePolicy,
    response: ResponseClaims,
    response_signed: bool,
) -> Result<Verified, Refusal> {
    // Use one code for every plaintext. Otherwise an attacker could learn from the answers what a
    // changed ciphertext decrypts to. If the response is signed, an attacker cannot have changed it.
    let unusable = |reason: String| Refusal::new(Code::EncryptedAssertion, reason);
    let concealed = |refusal: Refusal| match response_signed {
        true => refusal,
        false => unusable(refusal.private()),
    };
    let document = xml::parse(plain, limits).map_err(|error| unusable(error.to_string()))?;
    let root = document
        .document_element()
        .ok_or_else(|| unusable("no root element".to_owned()))?;
    let assertions = document.get_elements_by_tag_name_ns(names::ASSERTION, "Assertion");
    let wrapper = xml::child(&document, root, names::ASSERTION, "EncryptedAssertion");
    let assertion = match assertions.as_slice() {
        [one] if wrapper.is_some() && document.parent(*one) == wrapper => *one,
        all => {
            let got = all.len();
            return Err(unusable(format!(
                "expected one <Assertion> in the decrypted <EncryptedAssertion>, got {got}"
            )));
        }
    };
    let unusable_xml = |error: XmlError| unusable(error.to_string());
    schema::only_assertion(&document, assertion).map_err(unusable_xml)?;
    let mut signed = find_signed_elements(&document, root, assertion)
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
        return Err(concealed(Refusal::new(Code::NotSigned, detail)));
    }
    if assertion_signed {
        verify_signatures(&document, keys, &signed).map_err(concealed)?;
    }
    let assertion = AssertionClaims::read(&document, assertion).map_err(unusable_xml)?;
    Ok(Verified {
        assertion: decrypt_name_id(assertion, Some(decryption))?,
        response,
        response_signed,
    })
}

/// Returns the only assertion of the document, which must be a child of the response.
fn the_assertion(document: &Document<'_>, root: NodeId) -> Result<NodeId, Refusal> {
    let responses = document.get_elements_by_tag_name_ns(names::PROTOCOL, "Response");
    if responses.len() != 1 {
        return Err(Refusal::new(
            Code::SignatureMisplaced,
            format!(
                "expected one <Response> in the document, got {}",
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
            "expected an <Assertion>, got an <EncryptedAssertion>, for which there is no key",
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
                "expected one assertion, got {}",
                plain.len() + encrypted.len()
            ),
        )),
    }
}

/// Returns every signature of the document. Each must be a child of the response or of the
/// assertion and follow saml-core §5.4.
fn find_signed_elements(
    document: &Document<'_>,
    root: NodeId,
    assertion: NodeId,
) -> Result<Vec<Enveloped>, Refusal> {
    let mut found: Vec<Enveloped> = Vec::new();
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
                    "expected one <Signature> in <{}>, got two",
                    xml::name_of(document, element)
                ),
            ));
        }
        follows_issuer(document, signature, element)?;
        found.push(Enveloped::of(document, signature, element)?);
    }
    Ok(found)
}

/// Requires that the signature directly follows the Issuer, as the schema says (saml-core §2.3.3,
/// §3.2.2). Parsers differ on signatures at other places.
fn follows_issuer(
    document: &Document<'_>,
    signature: NodeId,
    element: NodeId,
) -> Result<(), Refusal> {
    let children = document.children_iter(element);
    let mut before = children
        .take_while(|node| *node != signature)
        .filter(|node| document.element(*node).is_some());
    let first = before.next();
    let is_right = first.is_none_or(|node| xml::is(document, node, names::ASSERTION, "Issuer"))
        && before.next().is_none();
    if is_right {
        return Ok(());
    }
    let parent = xml::name_of(document, element);
    Err(Refusal::new(
        Code::SignatureMisplaced,
        format!("expected <Signature> right after the <Issuer> of <{parent}>, found it elsewhere"),
    ))
}

fn demand(
    policy: SignaturePolicy,
    signed: &[Enveloped],
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
    let got = match signed.len() {
        0 => "no signature",
        _ if has(root) => "a signature of the response only",
        _ => "a signature of the assertion only",
    };
    Err(Refusal::new(
        Code::NotSigned,
        format!("expected {expected}, got {got}"),
    ))
}

/// Verifies every signature, each over its parent element.
fn verify_signatures(
    document: &Document<'_>,
    keys: &TrustedKeys,
    signed: &[Enveloped],
) -> Result<(), Refusal> {
    for one in signed {
        one.verify(document, keys.certificates())?;
    }
    Ok(())
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        let code = match error {
            SignatureError::Misplaced(_) => Code::SignatureMisplaced,
            SignatureError::Algorithm(_) => Code::SignatureAlgorithm,
            SignatureError::Invalid(_) => Code::SignatureInvalid,
        };
        Self::new(code, error.to_string())
    }
}
