//! Explains signatures: whose key signed what, and whether that key belongs to the issuer of the
//! message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use serde::Serialize;

use super::{Known, TrustedKey, Verdict};
use crate::inspection::certificate::Certificate;
use crate::inspection::message::QuerySignature;
use crate::inspection::signature::{Signature, signatures, verify_value};

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
    // A key of another entity is named. If the metadata is not that of the issuer and no key fits,
    // nothing is known about the key.
    let judged_by_metadata = !trusted.is_empty()
        && (known.has_metadata_of(issuer)
            || signatures(document, &trusted)
                .iter()
                .any(|it| it.by.is_some()));
    // Without metadata, the certificate inside the signature at least shows whether the document is
    // unchanged.
    let keys: Vec<Certificate> = if judged_by_metadata {
        trusted
    } else {
        signatures(document, &[])
            .iter()
            .flat_map(|it| it.brings.clone())
            .filter_map(|it| Certificate::read(&it).ok())
            .collect()
    };
    let whole = element.range();
    let within = |it: &Signature| {
        it.range.as_ref().map_or(element.is_root(), |range| {
            whole.start <= range.start && range.end <= whole.end
        })
    };
    signatures(document, &keys)
        .into_iter()
        .filter(|it| within(it) || element == document.root_element())
        .map(|signature| {
            let covered = signature.range.as_ref().map_or(0, |it| it.len());
            let owner = signature
                .by
                .filter(|_| judged_by_metadata)
                .and_then(|at| known.trusted.get(at));
            let foreign_key_of = owner.and_then(|it| foreign_owner(it, issuer));
            Signed {
                said: format!(
                    "{}{}",
                    signature.to_sentence(),
                    by(&signature, &keys, known, judged_by_metadata)
                ),
                covers_percent: u8::try_from(covered * 100 / whole.len().max(1))
                    .unwrap_or(100)
                    .min(100),
                judged_by_metadata,
                foreign_key_of,
                signature,
            }
        })
        .collect()
}

/// Returns the owner of a key, if it is not the issuer of the message.
fn foreign_owner(key: &TrustedKey, issuer: Option<&str>) -> Option<String> {
    let issuer = issuer?;
    (key.entity_id != issuer).then(|| key.entity_id.clone())
}

fn by(
    signature: &Signature,
    keys: &[Certificate],
    known: &Known,
    judged_by_metadata: bool,
) -> String {
    let Some(at) = signature.by else {
        return String::new();
    };
    let subject = keys.get(at).map_or("", |it| it.subject.as_str());
    match known.trusted.get(at).filter(|_| judged_by_metadata) {
        Some(key) => format!(", by a key that {} announces ({subject})", key.entity_id),
        None => format!(
            ", by the certificate that it brings itself ({subject}): that proves nothing until it is compared with the metadata (--metadata)"
        ),
    }
}

/// Adds what the receiver would refuse about the signatures.
pub(super) fn judge(signed: &[Signed], known: &Known, verdict: &mut Verdict) {
    let mut by_own_certificate = false;
    for it in signed {
        let signature = &it.signature;
        if !signature.holds() {
            verdict.refuse(format!(
                "the signature of the {} does not hold: {}",
                signature.parent, it.said
            ));
        }
        if let Some(owner) = &it.foreign_key_of {
            verdict.refuse(format!(
                "the signature of the {} is by a key of {owner}, which is not its Issuer: anybody in the same aggregate could sign for anybody else",
                signature.parent
            ));
        }
        for algorithm in [&signature.method, &signature.digest_method] {
            if is_weak(algorithm) {
                verdict.refuse(format!(
                    "{algorithm} can be forged; choose RSA-SHA256 at the issuer"
                ));
            }
        }
        by_own_certificate |= !it.judged_by_metadata;
    }
    if by_own_certificate && known.trusted.is_empty() {
        verdict.leave_out(
            "whether the key is one that the receiver trusts: give the issuer's metadata (--metadata)",
        );
    }
}

fn is_weak(algorithm: &str) -> bool {
    ["sha1", "md5"].iter().any(|weak| algorithm.ends_with(weak)) || algorithm.contains("hmac")
}

/// Judges the detached signature of a query string (saml-bindings §3.4.4.1).
pub(super) fn judge_query(
    signature: &QuerySignature,
    issuer: Option<&str>,
    known: &Known,
    verdict: &mut Verdict,
) -> String {
    let algorithm = &signature.algorithm;
    if is_weak(algorithm) {
        verdict.refuse(format!(
            "{algorithm} can be forged; choose RSA-SHA256 at the issuer"
        ));
    }
    if known.trusted.is_empty() {
        verdict
            .leave_out("the signature of the query: give the metadata of the sender (--metadata)");
        return format!("{algorithm}, over the query as it was sent");
    }
    let value: String = signature.value.split_whitespace().collect();
    let Ok(value) = STANDARD.decode(value) else {
        verdict.refuse("the Signature parameter is not base64");
        return algorithm.clone();
    };
    let keys = known.trusted.iter();
    let keys: Vec<Certificate> = keys.map(|it| it.certificate.clone()).collect();
    match verify_value(&keys, algorithm, signature.signed.as_bytes(), &value) {
        (Some(true), Some(at)) => {
            let key = &known.trusted[at];
            if let Some(owner) = foreign_owner(key, issuer) {
                verdict.refuse(format!(
                    "the signature of the query is by a key of {owner}, which is not the Issuer"
                ));
            }
            format!(
                "{algorithm}; it holds, by a key that {} announces",
                key.entity_id
            )
        }
        (None, _) => {
            verdict.leave_out(format!(
                "the signature of the query: no key of the metadata fits {algorithm}"
            ));
            algorithm.clone()
        }
        _ if !known.has_metadata_of(issuer) => algorithm.clone(),
        _ => {
            verdict.refuse(
                "the signature of the query does not hold: the query was changed or percent-encoded again after signing, or the key is not in the metadata",
            );
            format!("{algorithm}; it does not hold")
        }
    }
}
