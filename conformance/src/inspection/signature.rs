//! Verifies every signature in a document: which bytes it covers, and whether it is valid.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};
use serde::Serialize;

use super::canonical::{Layout, Method, canonical, written_name};
use super::certificate::{Certificate, Verification, digest_of};
use super::{child, children, is, ns, text};

/// The transform that excludes the signature itself.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// A signature, with the result for each of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Local name of the parent element.
    pub parent: String,
    /// `ID` of the parent element.
    pub parent_id: Option<String>,
    /// True if the signature directly follows the `Issuer`, or is the first child if there is no
    /// `Issuer`.
    pub well_placed: bool,
    /// `CanonicalizationMethod`.
    pub canonicalization: String,
    /// `SignatureMethod`.
    pub method: String,
    /// The URIs of its References.
    pub references: Vec<String>,
    /// The transforms of the first Reference.
    pub transforms: Vec<String>,
    /// `DigestMethod` of the first Reference.
    pub digest_method: String,
    /// Local name of the element that the first Reference names.
    pub covers: Option<String>,
    /// Position of that element in the document, in bytes.
    pub range: Option<Range<usize>>,
    /// True if the signature covers its parent element and nothing else.
    pub covers_parent: bool,
    /// True if DigestValue matches the covered element; `None` if the digest cannot be computed.
    pub digest_holds: Option<bool>,
    /// True if the digest matches without white space that the layout of a document adds: the
    /// document was pretty-printed after it was signed.
    pub laid_out_afterwards: bool,
    /// True if a trusted key made the signature value; `None` if no key is trusted or none fits the
    /// algorithm.
    pub value_holds: Option<bool>,
    /// Index of the trusted certificate whose key made the signature, counted from 0.
    pub by: Option<usize>,
    /// The certificates in its `KeyInfo`, base64.
    pub brings: Vec<String>,
    /// True if it contains anything besides `SignedInfo`, `SignatureValue` and `KeyInfo`.
    pub has_objects: bool,
    /// `Issuer` of the parent element.
    #[serde(skip)]
    pub issuer: Option<String>,
    /// True if a certificate in its `KeyInfo` has a trusted key.
    #[serde(skip)]
    pub names_trusted_key: bool,
    /// True if it is within `Advice`, which receivers ignore (saml-core §2.6.1).
    #[serde(skip)]
    pub is_in_advice: bool,
    /// True if several elements of the document have the `ID` that its first Reference names.
    #[serde(skip)]
    pub is_ambiguous: bool,
    /// The text of `SignatureValue`, if it is not base64.
    #[serde(skip)]
    pub unreadable_value: Option<String>,
}

impl Signature {
    /// True if the signature covers its parent element and is valid for the key of a trusted
    /// certificate.
    pub fn holds(&self) -> bool {
        self.covers_parent && self.digest_holds == Some(true) && self.value_holds == Some(true)
    }

    /// Returns a sentence that says whether the signature is valid, and if not, why.
    pub fn to_sentence(&self) -> String {
        let what = self.covers.as_deref().unwrap_or("nothing");
        if !self.covers_parent {
            format!(
                "it is in {} but covers {what} (references {:?})",
                self.parent, self.references
            )
        } else if self.digest_holds == Some(false) {
            let why = if self.laid_out_afterwards {
                "; only white space was added: the document was pretty-printed after it was signed, so take it as it was sent"
            } else {
                ""
            };
            format!("{what} was changed after signing: the digest is another{why}")
        } else {
            match self.value_holds {
                Some(true) => format!("it covers {what} and holds"),
                Some(false) if self.names_trusted_key => format!(
                    "it covers {what}, but the key of the certificate in its KeyInfo did not make its SignatureValue: SignedInfo or SignatureValue was changed after signing, or while the message was copied"
                ),
                Some(false) => format!("it covers {what}, but its key is not in the metadata"),
                None => format!("it covers {what}; its key cannot be judged"),
            }
        }
    }
}

/// Returns every signature of a document, in document order.
pub fn signatures(document: &Document<'_>, trusted: &[Certificate]) -> Vec<Signature> {
    let all = document.descendants();
    all.filter(|it| is(*it, ns::DSIG, "Signature"))
        .filter_map(|it| read(it, trusted))
        .collect()
}

fn algorithm(node: Option<Node<'_, '_>>) -> String {
    let uri = node.and_then(|it| it.attribute("Algorithm"));
    uri.unwrap_or_default().to_owned()
}

fn method_of(node: Node<'_, '_>) -> Option<Method> {
    let mut method = Method::of(node.attribute("Algorithm")?)?;
    if let Some(list) =
        child(node, ns::EXC_C14N, "InclusiveNamespaces").and_then(|it| it.attribute("PrefixList"))
    {
        let prefixes = list.split_whitespace();
        method.prefixes = prefixes
            .map(|it| if it == "#default" { "" } else { it }.to_owned())
            .collect();
    }
    Some(method)
}

fn read(node: Node<'_, '_>, trusted: &[Certificate]) -> Option<Signature> {
    let parent = node.parent_element()?;
    let signed_info = child(node, ns::DSIG, "SignedInfo");
    let canonicalization = signed_info.and_then(|it| child(it, ns::DSIG, "CanonicalizationMethod"));
    let references: Vec<Node<'_, '_>> = signed_info
        .map(|it| children(it, ns::DSIG, "Reference").collect())
        .unwrap_or_default();
    let first = references.first().copied();
    let target = first.and_then(|it| find_referenced_element(node.document(), it));
    let transforms: Vec<Node<'_, '_>> = first
        .and_then(|it| child(it, ns::DSIG, "Transforms"))
        .map(|it| children(it, ns::DSIG, "Transform").collect())
        .unwrap_or_default();
    let digest_method = algorithm(first.and_then(|it| child(it, ns::DSIG, "DigestMethod")));
    let method = algorithm(signed_info.and_then(|it| child(it, ns::DSIG, "SignatureMethod")));
    let digest_of_target = |layout: Layout| {
        let (reference, target) = first.zip(target)?;
        digest(node, reference, target, &transforms, &digest_method, layout)
    };
    let digest_holds = digest_of_target(Layout::Nothing);
    let added = match digest_holds {
        Some(false) => Layout::ADDED
            .into_iter()
            .find(|layout| digest_of_target(*layout) == Some(true)),
        _ => None,
    };
    let laid_out_afterwards = added.is_some();
    let signed = signed_info
        .zip(canonicalization.and_then(method_of))
        .map(|(info, mut method)| {
            // `SignedInfo` was pretty-printed too.
            method.left_out = added.unwrap_or(Layout::Nothing);
            canonical(info, &method, None)
        });
    let value = child(node, ns::DSIG, "SignatureValue").map(text);
    let decoded = value.as_deref().and_then(decode_base64);
    let unreadable_value = value.filter(|_| decoded.is_none());
    let (value_holds, by) = match (signed, decoded) {
        (Some(signed), Some(value)) => verify_value(trusted, &method, signed.as_bytes(), &value),
        _ => (Some(false), None),
    };
    let before = node.prev_sibling_element();
    let brings: Vec<String> = node
        .descendants()
        .filter(|it| is(*it, ns::DSIG, "X509Certificate"))
        .map(|it| text(it).split_whitespace().collect())
        .collect();
    // If the value holds, its key is known already.
    let names_trusted_key = value_holds == Some(false)
        && brings
            .iter()
            .filter_map(|it| Certificate::read(it).ok())
            .any(|own| trusted.iter().any(|it| it.has_key_of(&own)));
    Some(Signature {
        parent: parent.tag_name().name().to_owned(),
        parent_id: parent.attribute("ID").map(str::to_owned),
        well_placed: before.is_none_or(|it| is(it, ns::ASSERTION, "Issuer")),
        canonicalization: algorithm(canonicalization),
        method,
        references: references
            .iter()
            .map(|it| it.attribute("URI").unwrap_or_default().to_owned())
            .collect(),
        transforms: transforms.iter().map(|it| algorithm(Some(*it))).collect(),
        digest_method,
        covers: target.map(|it| it.tag_name().name().to_owned()),
        range: target.map(|it| it.range()),
        covers_parent: references.len() == 1 && target == Some(parent),
        digest_holds,
        laid_out_afterwards,
        value_holds,
        by,
        brings,
        issuer: child(parent, ns::ASSERTION, "Issuer").map(text),
        names_trusted_key,
        is_in_advice: node.ancestors().any(|it| is(it, ns::ASSERTION, "Advice")),
        is_ambiguous: first.is_some_and(is_ambiguous),
        unreadable_value,
        has_objects: node.children().filter(Node::is_element).any(|it| {
            !["SignedInfo", "SignatureValue", "KeyInfo"].contains(&it.tag_name().name())
                || is(it, ns::DSIG, "KeyInfo")
                    && it
                        .descendants()
                        .any(|inner| inner.tag_name().namespace() == Some(ns::ASSERTION))
        }),
    })
}

/// Returns the element that a Reference names: the only one with that `ID`, or the root for an
/// empty URI.
fn find_referenced_element<'a, 'i>(
    document: &'a Document<'i>,
    reference: Node<'a, 'i>,
) -> Option<Node<'a, 'i>> {
    let uri = reference.attribute("URI")?;
    if uri.is_empty() {
        return Some(document.root_element());
    }
    let id = uri.strip_prefix('#')?;
    let mut named = document
        .descendants()
        .filter(|it| it.attribute("ID") == Some(id));
    let only = named.next()?;
    named.next().is_none().then_some(only)
}

/// True if several elements have the ID that a Reference names.
fn is_ambiguous(reference: Node<'_, '_>) -> bool {
    let uri = reference.attribute("URI").unwrap_or_default();
    uri.strip_prefix('#').is_some_and(|id| {
        let all = reference.document().descendants();
        all.filter(|it| it.attribute("ID") == Some(id)).count() > 1
    })
}

fn digest(
    signature: Node<'_, '_>,
    reference: Node<'_, '_>,
    target: Node<'_, '_>,
    transforms: &[Node<'_, '_>],
    digest_method: &str,
    layout: Layout,
) -> Option<bool> {
    let mut left_out = None;
    let mut method = Method::of("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")?;
    for transform in transforms {
        match transform.attribute("Algorithm") {
            Some(ENVELOPED) => left_out = Some(signature.id()),
            _ => method = method_of(*transform)?,
        }
    }
    let got = child(reference, ns::DSIG, "DigestValue").and_then(|it| decode_base64(&text(it)))?;
    method.left_out = layout;
    let octets = canonical(target, &method, left_out);
    Some(digest_of(digest_method, octets.as_bytes())? == got)
}

/// Verifies a signature value with the keys of all certificates. Returns whether one of them made
/// it and its index; `None` if no key fits the algorithm.
pub fn verify_value(
    trusted: &[Certificate],
    method: &str,
    data: &[u8],
    value: &[u8],
) -> (Option<bool>, Option<usize>) {
    let mut known = false;
    for (at, certificate) in trusted.iter().enumerate() {
        match certificate.verifies(method, data, value) {
            Verification::Holds => return (Some(true), Some(at)),
            Verification::Breaks => known = true,
            Verification::Unknown => {}
        }
    }
    (known.then_some(false), None)
}

/// True if the signature algorithm is RSA or ECDSA with SHA-256 or stronger (RFC 9231 §2.3).
pub fn is_strong_method(method: &str) -> bool {
    const STRONG: [&str; 9] = [
        "rsa-sha256",
        "rsa-sha384",
        "rsa-sha512",
        "ecdsa-sha256",
        "ecdsa-sha384",
        "ecdsa-sha512",
        "sha256-rsa-MGF1",
        "sha384-rsa-MGF1",
        "sha512-rsa-MGF1",
    ];
    let name = method.rsplit_once('#').map_or(method, |(_, name)| name);
    STRONG.contains(&name)
}

/// True if the digest algorithm is SHA-256 or stronger (RFC 9231 §2.1).
pub fn is_strong_digest(method: &str) -> bool {
    !method.ends_with("#sha1") && digest_of(method, b"").is_some()
}

fn decode_base64(base64: &str) -> Option<Vec<u8>> {
    let bare: String = base64.split_whitespace().collect();
    STANDARD.decode(bare).ok()
}

/// Returns the name of an element for messages, with its prefix.
pub fn name_of(node: Node<'_, '_>) -> String {
    written_name(node).to_owned()
}
