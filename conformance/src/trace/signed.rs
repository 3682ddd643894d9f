//! Explains signatures: whose key signed what, and whether that key belongs to the issuer of the
//! message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use serde::Serialize;

use super::document::Damage;
use super::{Known, TrustedKey, Verdict};
use crate::inspection::canonical::Method;
use crate::inspection::certificate::{Certificate, Key, digest_of};
use crate::inspection::message::QuerySignature;
use crate::inspection::signature::{ENVELOPED, Signature, signatures, verify_value};

/// A signature with its explanation.
#[derive(Debug, Clone, Serialize)]
pub struct Signed {
    /// The explanation in one sentence.
    pub said: String,
    /// How much of the message the signature covers, in percent.
    pub covers_percent: u8,
    /// True if it was verified with a key from metadata.
    pub judged_by_metadata: bool,
    /// Entity ID whose metadata contains the key, if it is not the issuer of the message.
    pub foreign_key_of: Option<String>,
    /// Entity ID of the issuer of the signed part.
    #[serde(skip)]
    pub(super) issuer: Option<String>,
    /// Why the signature cannot be judged here.
    #[serde(skip)]
    unsupported: Option<String>,
    /// The key of the metadata that made the signature.
    #[serde(skip)]
    key: Option<TrustedKey>,
    /// The parts of the signature.
    #[serde(flatten)]
    pub signature: Signature,
}

/// Returns the signatures inside a message.
pub(super) fn of_element(
    element: Node<'_, '_>,
    issuer: Option<&str>,
    known: &Known,
) -> Vec<Signed> {
    let document = element.document();
    let trusted: Vec<Certificate> = known
        .trusted
        .iter()
        .map(|it| it.certificate.clone())
        .collect();
    let by_metadata = signatures(document, &trusted);
    // Without metadata, the certificate inside the signature at least shows whether the document is
    // unchanged.
    let own: Vec<Certificate> = by_metadata
        .iter()
        .flat_map(|it| &it.brings)
        .filter_map(|it| Certificate::read(it).ok())
        .collect();
    let by_own = signatures(document, &own);
    let whole = element.range();
    let within = |it: &Signature| {
        it.range.as_ref().map_or(element.is_root(), |range| {
            whole.start <= range.start && range.end <= whole.end
        })
    };
    by_metadata
        .into_iter()
        .zip(by_own)
        .filter(|(it, _)| within(it) || element == document.root_element())
        .map(|(by_metadata, by_own)| {
            // That of the signed part: a Response may contain an assertion of another issuer.
            let issuer = by_metadata.issuer.clone().or(issuer.map(str::to_owned));
            let issuer = issuer.as_deref();
            // A key of another entity is named. If the metadata is not that of the issuer and no key
            // fits, nothing is known about the key.
            let judged_by_metadata = !known.trusted.is_empty()
                && (known.has_metadata_of(issuer) || by_metadata.by.is_some());
            let (signature, keys) = match judged_by_metadata {
                true => (by_metadata, &trusted),
                false => (by_own, &own),
            };
            explain(
                signature,
                keys,
                issuer,
                judged_by_metadata,
                whole.len(),
                known,
            )
        })
        .collect()
}

fn explain(
    signature: Signature,
    keys: &[Certificate],
    issuer: Option<&str>,
    judged_by_metadata: bool,
    whole: usize,
    known: &Known,
) -> Signed {
    let owner = signature
        .by
        .filter(|_| judged_by_metadata)
        .and_then(|at| known.owner(at, issuer));
    let by = match (owner, signature.by.and_then(|at| keys.get(at))) {
        (Some(owner), _) => format!(
            " by a key that {} announces ({})",
            owner.entity_id, owner.certificate.subject
        ),
        (None, Some(own)) => format!(
            " by the certificate that it brings itself ({}): that proves nothing until it is compared with the metadata (--metadata)",
            own.subject
        ),
        (None, None) => String::new(),
    };
    let unsupported = why_unsupported(&signature, keys);
    let is_unchanged = signature.covers_parent && signature.digest_holds == Some(true);
    let said = if signature.is_ambiguous {
        format!(
            "it references {:?}, the ID of several elements, so what it covers is not certain",
            signature.references
        )
    } else if is_unchanged && unsupported.is_none() && signature.value_holds != Some(true) {
        wrong_key(&signature, keys, issuer, judged_by_metadata, known)
    } else {
        let link = match is_unchanged || by.is_empty() {
            true if by.is_empty() => "",
            true => ",",
            false => "; its SignedInfo was signed",
        };
        format!("{}{link}{by}", signature.to_sentence())
    };
    let covered = signature.range.as_ref().map_or(0, |it| it.len());
    Signed {
        said,
        covers_percent: u8::try_from(covered * 100 / whole.max(1))
            .unwrap_or(100)
            .min(100),
        judged_by_metadata,
        foreign_key_of: owner
            .filter(|it| issuer.is_some_and(|issuer| issuer != it.entity_id))
            .map(|it| it.entity_id.clone()),
        issuer: issuer.map(str::to_owned),
        unsupported,
        key: owner.cloned(),
        signature,
    }
}

/// Returns why a signature cannot be judged here, although its receiver may be able to.
fn why_unsupported(signature: &Signature, keys: &[Certificate]) -> Option<String> {
    let parent = &signature.parent;
    if signature.digest_holds != Some(false) && digest_of(&signature.digest_method, b"").is_none() {
        return Some(format!(
            "the signature of the {parent}: the digest algorithm {} is not supported here",
            signature.digest_method
        ));
    }
    let mut methods = signature
        .transforms
        .iter()
        .filter(|it| *it != ENVELOPED)
        .chain([&signature.canonicalization]);
    if let Some(other) = methods.find(|it| Method::of(it).is_none()) {
        return Some(format!(
            "the signature of the {parent}: the transform or canonicalization {other} is not supported here, and SAML permits a receiver to refuse it (saml-core §5.4.4)"
        ));
    }
    if signature.value_holds.is_some() {
        return None;
    }
    if keys.is_empty() {
        return Some(format!(
            "the signature of the {parent}: it brings no certificate; give the issuer's metadata (--metadata)"
        ));
    }
    let has_fitting_key = match family(&signature.method) {
        Some("RSA") => keys.iter().any(|it| matches!(it.key, Key::Rsa(_))),
        Some(_) => keys.iter().any(|it| matches!(it.key, Key::Ec(_))),
        None => true,
    };
    has_fitting_key.then(|| {
        format!(
            "the signature of the {parent}: the algorithm {} is not supported here with this key",
            signature.method
        )
    })
}

/// Returns the kind of key that a signature algorithm needs.
fn family(method: &str) -> Option<&'static str> {
    let (_, name) = method.rsplit_once('#')?;
    match name {
        it if it.contains("ecdsa") => Some("EC"),
        it if it.contains("rsa") && !it.contains("dsa-") => Some("RSA"),
        _ => None,
    }
}

/// Explains a signature of an unchanged part that no key verifies.
fn wrong_key(
    signature: &Signature,
    keys: &[Certificate],
    issuer: Option<&str>,
    judged_by_metadata: bool,
    known: &Known,
) -> String {
    let covers = signature.covers.as_deref().unwrap_or("nothing");
    if signature.unreadable_value.is_some() {
        return format!("it covers {covers}, but its SignatureValue is not base64");
    }
    if signature.names_trusted_key || !judged_by_metadata {
        let metadata = match judged_by_metadata {
            true => "; the certificate is in the metadata, so the metadata is not the cause",
            false => "",
        };
        return format!("{}{metadata}", signature.to_sentence());
    }
    let name = issuer.unwrap_or("the issuer");
    let brought: Vec<Certificate> = signature
        .brings
        .iter()
        .filter_map(|it| Certificate::read(it).ok())
        .collect();
    if let Some(it) = known.entity(name).and_then(|it| {
        let mut all = it.encryption_certificates.iter();
        all.find(|own| brought.iter().any(|it| it.has_key_of(own)))
    }) {
        return format!(
            "it covers {covers}, but the metadata of {name} announces its certificate only for encryption (use=\"encryption\"): {}. The identity provider must sign with the key that its metadata announces for signing, or announce this one with use=\"signing\" or without use",
            it.to_sentence()
        );
    }
    let of_issuer = known.keys_of(name).map(|it| &it.certificate);
    let announced: Vec<&Certificate> = of_issuer.collect();
    let announced = if announced.is_empty() {
        keys.iter().collect()
    } else {
        announced
    };
    let all = |certificates: &[&Certificate]| {
        let most = certificates.iter().take(3);
        most.map(|it| it.to_sentence())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let announced = all(&announced);
    if signature.value_holds.is_none() {
        let kind = family(&signature.method).unwrap_or_default();
        let method = signature.method.rsplit('#').next().unwrap_or_default();
        return format!(
            "it covers {covers}, but {method} needs a key of kind {kind}, and the metadata has none: it has {announced}. {FETCH_AGAIN}"
        );
    }
    let brought = match brought.as_slice() {
        [] => "none, so that a changed SignatureValue is possible too".to_owned(),
        all_of_them => all(&all_of_them.iter().collect::<Vec<_>>()),
    };
    format!(
        "it covers {covers}, but its key is not in the metadata. Certificate in the message: {brought}. In the metadata of {name}: {announced}. {FETCH_AGAIN}"
    )
}

/// What to do if the metadata has another key.
const FETCH_AGAIN: &str = "If the identity provider changed its certificate (rollover), fetch its metadata again and enter it at the service provider; if not, the message is of another environment or tenant, or forged";

/// Adds what the receiver would refuse about the signatures.
pub(super) fn judge(signed: &[Signed], damage: &Damage, known: &Known, verdict: &mut Verdict) {
    let mut by_own_certificate = false;
    let mut is_changed = false;
    // Receivers ignore the assertions in Advice, so their signatures do not count.
    for it in signed.iter().filter(|it| !it.signature.is_in_advice) {
        let signature = &it.signature;
        let is_second = is_changed && signature.digest_holds == Some(false);
        is_changed |= signature.digest_holds == Some(false);
        judge_one(it, damage, is_second, verdict);
        if let Some(owner) = &it.foreign_key_of {
            foreign_key(it, owner, known, verdict);
        }
        judge_algorithms(&signature.method, &signature.digest_method, verdict);
        if it.judged_by_metadata {
            expiry(it.issuer.as_deref(), it.key.as_ref(), known, verdict);
        }
        by_own_certificate |= !it.judged_by_metadata;
    }
    if by_own_certificate && known.trusted.is_empty() {
        verdict.leave_out(
            "whether the key is one that the receiver trusts: give the issuer's metadata (--metadata)",
        );
    }
}

/// `is_second` is true if another signature of the message does not hold because of a change.
fn judge_one(it: &Signed, damage: &Damage, is_second: bool, verdict: &mut Verdict) {
    let signature = &it.signature;
    let parent = &signature.parent;
    // What makes the ID ambiguous is an objection of its own.
    if signature.is_ambiguous {
        return;
    }
    let is_changed = !signature.covers_parent || signature.digest_holds == Some(false);
    if is_changed && damage.has_text_between() {
        verdict.leave_out(format!(
            "the signature of the {parent}: it cannot hold on a damaged copy"
        ));
    } else if let Some(value) = signature.unreadable_value.as_ref().filter(|_| !is_changed) {
        let begin: String = value.chars().take(LONGEST_VALUE).collect();
        verdict.leave_out(format!(
            "the signature of the {parent}: its SignatureValue is \"{begin}\" and not base64, so it was probably removed from this copy. What it covers is unchanged"
        ));
    } else if let Some(reason) = it.unsupported.as_ref().filter(|_| !is_changed) {
        verdict.leave_out(reason.clone());
    } else if is_second && signature.covers_parent {
        verdict.refuse(format!(
            "the signature of the {parent} does not hold either, for the same reason"
        ));
    } else if !signature.holds() {
        let why = match signature.digest_holds == Some(false) && !signature.laid_out_afterwards {
            true => damage.describe_change(),
            false => String::new(),
        };
        verdict.refuse(format!(
            "the signature of the {parent} does not hold: {}{why}",
            it.said
        ));
    }
}

/// Longest SignatureValue that is repeated, in characters.
const LONGEST_VALUE: usize = 40;

/// Adds what is known about the algorithms of a signature; the digest is empty for a query.
fn judge_algorithms(method: &str, digest: &str, verdict: &mut Verdict) {
    let is_sha1 = |algorithm: &str| algorithm.ends_with("sha1");
    for algorithm in [method, digest] {
        if is_broken(algorithm) {
            verdict.refuse(format!(
                "{algorithm} can be forged; choose RSA-SHA256 at the issuer"
            ));
        }
    }
    let (what, fix) = match (is_sha1(method), is_sha1(digest)) {
        (true, true) => (
            "signature and digest",
            "choose RSA-SHA256 with the digest SHA-256 at the issuer",
        ),
        (true, false) => ("signature", "choose RSA-SHA256 at the issuer"),
        (false, true) => (
            "digest (DigestMethod)",
            "choose the digest method SHA-256 at the issuer; the signature method is right",
        ),
        (false, false) => return,
    };
    verdict.add_remark_once(format!(
        "SHA-1 in the {what}: it is obsolete, and many receivers refuse it (the default policy of RHEL 9, OpenSSL with a strict security level, newer libraries, strict settings of service providers): {fix}"
    ));
}

fn foreign_key(signed: &Signed, owner: &str, known: &Known, verdict: &mut Verdict) {
    let parent = &signed.signature.parent;
    let issuer = signed.issuer.as_deref().unwrap_or("none");
    if known.has_metadata_of(Some(issuer)) {
        verdict.refuse(format!(
            "the signature of the {parent} is by a key of {owner}, which is not its Issuer: anybody in the same aggregate could sign for anybody else"
        ));
    } else if known.similar_entity(issuer).is_none() {
        verdict.refuse(format!(
            "the Issuer of the {parent} is {issuer}, which is not in the metadata; the key is that of {owner}. A service provider with this metadata does not know the Issuer. If the identity provider changed its entity ID, fetch its metadata again; if it has several, give the metadata of {issuer}"
        ));
    }
}

/// Adds what has expired of the metadata: the document, and the certificate that made the signature.
fn expiry(issuer: Option<&str>, key: Option<&TrustedKey>, known: &Known, verdict: &mut Verdict) {
    let Some(now) = known.now else { return };
    let announced = issuer.and_then(|it| known.keys_of(it).next());
    if let Some(key) = key.or(announced)
        && let Some(until) = key.valid_until
        && until <= now
    {
        verdict.add_remark(format!(
            "the metadata of {} is valid until {until} (validUntil), which is past: a service provider that uses this copy refuses every message; fetch it again",
            key.entity_id
        ));
    }
    if let Some(key) = key
        && key.certificate.not_after <= now
    {
        verdict.add_remark(format!(
            "the certificate of the signature expired: {}. SAML ignores that date, many products do not; the identity provider needs a new certificate, and the service provider its new metadata",
            key.certificate.to_sentence()
        ));
    }
}

/// Adds what is known about an issuer that is not in the metadata.
pub(super) fn unknown_issuer(
    issuer: &str,
    signed: &[Signed],
    is_response: bool,
    known: &Known,
    verdict: &mut Verdict,
) {
    let mut of_issuer = signed
        .iter()
        .filter(|it| it.issuer.as_deref() == Some(issuer));
    if let Some((entity, difference)) = known.similar_entity(issuer) {
        verdict.refuse(format!(
            "the Issuer is {issuer}, and the metadata is of {entity}: they differ only {difference}, and service providers compare the text. Fetch the metadata again, or enter {issuer} as the entity ID of the identity provider"
        ));
    } else if of_issuer.any(|it| it.foreign_key_of.is_some()) {
        // `judge` says whose key it is.
    } else if is_response && known.entities.iter().any(|it| it.is_identity_provider) {
        verdict.refuse(format!(
            "the Issuer is {issuer}, and the metadata is of {}: it contains neither this Issuer nor the key of the signature. A service provider with this metadata refuses the message. It is of another tenant, environment or identity provider, or the metadata is: give the metadata of {issuer}",
            known.names_of_entities()
        ));
    } else {
        verdict.leave_out(known.describe_missing_metadata(issuer));
    }
}

/// True for algorithms by which a signature can be forged: MD5, and HMAC, whose key the receiver would
/// take from a public certificate.
fn is_broken(algorithm: &str) -> bool {
    algorithm.ends_with("md5") || algorithm.contains("hmac")
}

/// Judges the detached signature of a query string (saml-bindings §3.4.4.1).
pub(super) fn judge_query(
    signature: &QuerySignature,
    issuer: Option<&str>,
    known: &Known,
    verdict: &mut Verdict,
) -> String {
    let algorithm = &signature.algorithm;
    judge_algorithms(algorithm, "", verdict);
    if known.trusted.is_empty() {
        verdict
            .leave_out("the signature of the query: give the metadata of the sender (--metadata)");
        return format!("{algorithm}, over the query as it was sent");
    }
    let value: String = signature.value.split_whitespace().collect();
    let Ok(value) = STANDARD.decode(value) else {
        match is_decoded_copy(signature) {
            true => verdict.leave_out(DECODED_COPY),
            false => verdict.refuse("the Signature parameter is not base64"),
        }
        return algorithm.clone();
    };
    let keys = known.trusted.iter();
    let keys: Vec<Certificate> = keys.map(|it| it.certificate.clone()).collect();
    match verify_value(&keys, algorithm, signature.signed.as_bytes(), &value) {
        (Some(true), Some(at)) => {
            let key = known.owner(at, issuer).unwrap_or(&known.trusted[at]);
            let owner = &key.entity_id;
            if issuer
                .is_some_and(|issuer| issuer != owner && known.similar_entity(issuer).is_none())
            {
                verdict.refuse(format!(
                    "the signature of the query is by a key of {owner}, which is not the Issuer"
                ));
            }
            expiry(issuer, Some(key), known, verdict);
            format!("{algorithm}; it holds, by a key that {owner} announces")
        }
        (None, _) => {
            verdict.leave_out(format!(
                "the signature of the query: no key of the metadata fits {algorithm}"
            ));
            algorithm.clone()
        }
        _ if !known.has_metadata_of(issuer) => algorithm.clone(),
        _ if is_decoded_copy(signature) => {
            verdict.leave_out(DECODED_COPY);
            algorithm.clone()
        }
        _ => {
            verdict.refuse(
                "the signature of the query does not hold: the query was changed or percent-encoded again after signing, or the key is not in the metadata (after a change of the certificate, fetch the metadata again)",
            );
            format!("{algorithm}; it does not hold")
        }
    }
}

/// What is said about the signature of a query that was decoded before it was copied.
const DECODED_COPY: &str = "the signature of the query: it was made over the percent-encoded query, and this copy is decoded (it contains +, /, = or spaces). Copy the URL from the address or the network tab as it was sent";

/// True if the values of a query are not percent-encoded any more.
fn is_decoded_copy(signature: &QuerySignature) -> bool {
    let values = signature.signed.split('&');
    let mut values = values.filter_map(|pair| pair.split_once('='));
    let is_decoded = |value: &str| value.contains(['+', '/', '=', ' ']);
    signature.value.contains(' ')
        || values.any(|(name, value)| name != "RelayState" && is_decoded(value))
}
