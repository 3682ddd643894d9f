//! Checks of signatures (saml-core §5, XML Signature).

use super::{
    Item, Ruled, SIGNATURE_OUT_OF_PLACE, absent, item, judge_each_document, not_judged, right,
    wrong,
};
use crate::check::Harm;
use crate::check::Level::{Must, Should};
use crate::check::idp::reading::{Case, Document};
use crate::inspection::ns;
use crate::inspection::signature::{ENVELOPED, Signature, is_strong_digest, is_strong_method};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Protection;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        (
            "SAML-IDP-SIGN-01",
            Must,
            "saml-profiles §4.1.3.5, saml-core §5.4",
        ),
        "Every assertion is covered by a valid signature.",
        "each Assertion within what a signature covers that verifies with an announced key",
        "Turn on signing of assertions (or responses) for this service provider. Anybody can write what no signature covers.",
        judge_coverage,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SIGN-02",
            Must,
            "saml-metadata §2.4.4 (WantAssertionsSigned)",
        ),
        "The assertion itself is signed, as this service provider's metadata requires.",
        "a Signature that is a child of the Assertion",
        "In the application's settings choose to sign the assertion (Sign Assertion, or Sign Assertion & Response) rather than the Response only: this service provider's metadata says WantAssertionsSigned=\"true\".",
        judge_signed_assertion,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-03", Must, "saml-core §5.4.2"),
        "Every signature has one Reference, to its parent element.",
        "one Reference with URI=\"#\" and the ID of the signature's parent",
        "Sign the Response or Assertion by its own ID with an enveloped signature: <ds:Reference URI=\"#_ab12…\"> within <Assertion ID=\"_ab12…\">. Never reference the whole document (URI=\"\"): such a signature covers any document that it is moved into, and breaks when the assertion is taken out; never reference another element. Many libraries must be told that the attribute ID has the type ID.",
        judge_reference,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-04", Must, "XML Signature §3.2.1"),
        "Every DigestValue matches the element as it was sent.",
        "DigestValue equal to the digest of the canonical element",
        "Do not change the XML after signing: turn off indentation of outgoing XML, and let no proxy rewrite the page. If both are signed, sign the assertion first and the Response around it last.",
        judge_digest,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SIGN-05",
            Must,
            "XML Signature §3.2.2, saml-metadata §2.4.1.1",
        ),
        "Every signature verifies with a signing key of the metadata.",
        "SignatureValue that verifies with a signing certificate of the metadata",
        "Put the certificate of the key that signs into the metadata (both, during a rollover), or sign with the announced key. Which key signs is often a separate setting for each application.",
        judge_signature_value,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SIGN-06",
            Must,
            "RFC 9231 §2.3, NIST SP 800-131A r2",
        ),
        "The signature algorithm is RSA or ECDSA with SHA-256 or stronger.",
        "rsa-sha256, -384, -512, ecdsa-sha256, -384, -512, or RSA-PSS with one of these",
        "Choose RSA-SHA256 as signature algorithm for this service provider: SHA-1 and MD5 signatures can be forged, and an HMAC with a public key proves nothing.",
        judge_algorithm,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SIGN-07",
            Must,
            "RFC 9231 §2.1, NIST SP 800-131A r2",
        ),
        "The digest algorithm is SHA-256 or stronger.",
        "sha256, sha384 or sha512",
        "Set the digest algorithm to SHA-256. Many products have one setting for the signature algorithm and another for the digest; if there is only one, choose RSA-SHA256. In your own code: <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/> (the URI contains xmlenc#, not xmldsig# as for SHA-1).",
        judge_digest_algorithm,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-08", Should, "saml-core §5.4.3"),
        "CanonicalizationMethod is exclusive canonicalization.",
        "http://www.w3.org/2001/10/xml-exc-c14n#, with or without comments",
        "Choose exclusive canonicalization: with inclusive canonicalization the signature breaks when the assertion is moved into another document.",
        judge_canonicalization,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-09", Should, "saml-core §5.4.4"),
        "The transforms are enveloped-signature and exclusive canonicalization.",
        "enveloped-signature first, then exclusive canonicalization, nothing else",
        "In Signature/SignedInfo/Reference/Transforms write exactly two: <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>, then <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>. Other transforms can exclude parts of the document from the signature, and service providers refuse them. This is an option of your library for XML signatures; consoles have no setting for it.",
        judge_transforms,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SIGN-10",
            Must,
            "saml-schema-assertion-2.0, saml-schema-protocol-2.0",
        ),
        "An element has at most one Signature, directly after its Issuer.",
        "one Signature in an element, directly after its Issuer",
        "Insert the signature directly after the Issuer: at another place the document is invalid against the schema.",
        judge_place,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-11", Should, "saml-metadata-iop §2.5"),
        "A certificate in KeyInfo is one of the metadata's certificates.",
        "an X509Certificate that is also in the metadata, or no X509Certificate",
        "Add the certificate in KeyInfo to the metadata, or leave KeyInfo out: an unknown certificate leads administrators to trust a key that they should not trust.",
        judge_key_info,
    ),
    item(
        HARM,
        ("SAML-IDP-SIGN-12", Should, "saml-core §5.4.5"),
        "The signature contains only SignedInfo, SignatureValue and KeyInfo.",
        "no ds:Object, nothing of SAML inside the signature",
        "Remove the Object from the signature: no signature covers it, and attackers hide assertions there.",
        judge_objects,
    ),
];

/// The answer of every check about signatures to a document without one.
const UNSIGNED: &str = "there is no signature: see SAML-IDP-SIGN-01";

/// The answer of checks that need a key of the metadata, if none can be read.
const NO_KEY: &str = "no signing certificate of the metadata can be read: see SAML-IDP-MD-07";

/// Judges every signature of a document; without a signature there is nothing to judge.
fn judge_signatures(
    case: &Case<'_>,
    complaint: impl Fn(&Signature) -> Option<String>,
    otherwise: &str,
) -> Ruled {
    judge_each_document(case, |_, document| {
        match document.signatures.iter().find_map(&complaint) {
            Some(complaint) => wrong(complaint),
            None if document.signatures.is_empty() => absent(UNSIGNED),
            None => right(otherwise.to_owned()),
        }
    })
}

/// Returns the index of the first assertion that no signature covers.
fn first_uncovered(document: &Document) -> Option<usize> {
    let judge_coverage = |range: &std::ops::Range<usize>| {
        document.signatures.iter().any(|it| {
            it.covers_parent
                && it
                    .range
                    .as_ref()
                    .is_some_and(|all| all.start <= range.start && range.end <= all.end)
        })
    };
    let mut assertions = document.assertions.iter();
    assertions.position(|range| !judge_coverage(range))
}

fn judge_coverage(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| match first_uncovered(document) {
        Some(at) if document.signatures.is_empty() => wrong(format!(
            "the document has no signature, so assertion {} is not covered",
            at + 1
        )),
        Some(at) => wrong(format!("no signature covers assertion {}", at + 1)),
        None => right("they are"),
    })
}

fn judge_signed_assertion(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let signed = document
            .signatures
            .iter()
            .any(|it| it.parent == "Assertion");
        let response = document.signatures.iter().any(|it| it.parent == "Response");
        if document.signatures.is_empty() {
            absent(UNSIGNED)
        } else if signed || document.assertions.is_empty() {
            right("it is")
        } else if response {
            wrong("only the Response is signed")
        } else {
            wrong("the Assertion contains no Signature")
        }
    })
}

fn judge_reference(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        let own = it.parent_id.as_ref().map(|id| format!("#{id}"));
        let right = it.references.len() == 1 && it.references.first() == own.as_ref();
        (!right).then(|| {
            let references = it.references.iter().map(|uri| format!("URI={uri:?}"));
            let references = references.collect::<Vec<_>>().join(" and ");
            match references.as_str() {
                "" => format!("the Signature of the {} has no Reference", it.parent),
                all => format!("the Signature of the {} has a Reference {all}", it.parent),
            }
        })
    };
    judge_signatures(case, complaint, "they have")
}

fn judge_digest(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        (it.digest_holds == Some(false)).then(|| {
            format!(
                "the {} is not what was signed",
                it.covers.as_deref().unwrap_or("element")
            )
        })
    };
    judge_signatures(case, complaint, "they do")
}

fn judge_signature_value(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| match it.value_holds {
        Some(true) => None,
        Some(false) => Some(format!(
            "the signature of the {} verifies with no announced key",
            it.parent
        )),
        // Another check judges unknown algorithms.
        None => None,
    };
    if case.announced.readable().is_empty() {
        return not_judged(NO_KEY);
    }
    judge_each_document(case, |_, document| {
        let all = &document.signatures;
        match all.iter().find_map(complaint) {
            Some(complaint) => wrong(complaint),
            None if all.is_empty() => absent(UNSIGNED),
            None if all.iter().any(|it| it.value_holds.is_none()) => absent(
                "a signature has an algorithm that cannot be verified here: see SAML-IDP-SIGN-06",
            ),
            None => right("they do"),
        }
    })
}

fn name(uri: &str) -> &str {
    uri.rsplit('#').next().unwrap_or(uri)
}

fn judge_algorithm(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        if !is_strong_method(&it.method) {
            return Some(format!("{:?}", it.method));
        }
        // The algorithm is strong but does not fit any announced key, for example an RSA signature
        // that is declared as ECDSA.
        let announced = case.announced.readable();
        (it.value_holds.is_none() && !announced.is_empty())
            .then(|| format!("{}, which does not fit the announced key", name(&it.method)))
    };
    judge_signatures(case, complaint, "it is")
}

fn judge_digest_algorithm(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        let is_weak = !is_strong_digest(&it.digest_method);
        (is_weak && !it.references.is_empty()).then(|| {
            let method = &it.digest_method;
            format!(
                "the Signature of the {} has the DigestMethod {method:?}",
                it.parent
            )
        })
    };
    judge_signatures(case, complaint, "it is")
}

fn judge_canonicalization(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        (!it.canonicalization.starts_with(ns::EXC_C14N))
            .then(|| format!("{:?}", it.canonicalization))
    };
    judge_signatures(case, complaint, "it is")
}

fn judge_transforms(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Signature| {
        let right = match it.transforms.as_slice() {
            [first] => first == ENVELOPED,
            [first, second] => first == ENVELOPED && second.starts_with(ns::EXC_C14N),
            _ => false,
        };
        (!right && !it.references.is_empty()).then(|| {
            let transforms = it.transforms.join(", ");
            format!(
                "the Signature of the {} has the Transforms [{transforms}]",
                it.parent
            )
        })
    };
    judge_signatures(case, complaint, "they are")
}

fn judge_place(case: &Case<'_>) -> Ruled {
    let ruled = judge_each_document(case, |_, document| {
        if document.signatures.is_empty() {
            return absent(UNSIGNED);
        }
        let mut parents: Vec<(&str, Option<&str>)> = document
            .signatures
            .iter()
            .map(|it| (it.parent.as_str(), it.parent_id.as_deref()))
            .collect();
        if let Some(stray) = document
            .signatures
            .iter()
            .find(|it| !it.well_placed || !["Response", "Assertion"].contains(&it.parent.as_str()))
        {
            return wrong(format!(
                "a Signature in <{}> is out of place: expected it as a child of Response or Assertion, directly after Issuer",
                stray.parent
            ));
        }
        let total = parents.len();
        parents.sort_unstable();
        parents.dedup();
        if parents.len() < total {
            return wrong("two signatures in one element");
        }
        right("they have")
    });
    ruled.about(SIGNATURE_OUT_OF_PLACE)
}

fn judge_key_info(case: &Case<'_>) -> Ruled {
    let announced = case.announced.readable();
    if announced.is_empty() {
        return not_judged(NO_KEY);
    }
    let complaint = |it: &Signature| {
        let strange = |brought: &&String| !announced.iter().any(|known| known.base64 == **brought);
        it.brings.iter().find(strange).map(|brought| {
            format!(
                "a certificate that is not in the metadata ({}…)",
                &brought[..brought.len().min(24)]
            )
        })
    };
    judge_signatures(case, complaint, "it is")
}

fn judge_objects(case: &Case<'_>) -> Ruled {
    judge_signatures(
        case,
        |it| {
            it.has_objects.then(|| {
                format!(
                    "the signature of the {} contains another element",
                    it.parent
                )
            })
        },
        "it does",
    )
}
