//! Finds weak algorithms of XML Encryption.

use roxmltree::Node;

use super::Verdict;
use crate::inspection::{is, ns};

/// The end of an algorithm's URI, and what is wrong with it.
const WEAK: &[(&str, &str)] = &[
    (
        "aes128-cbc",
        "AES-CBC does not protect the content against changes (XML Encryption 1.1 §6.1.1): choose AES-GCM, if the identity provider offers it",
    ),
    (
        "aes192-cbc",
        "AES-CBC does not protect the content against changes (XML Encryption 1.1 §6.1.1): choose AES-GCM, if the identity provider offers it",
    ),
    (
        "aes256-cbc",
        "AES-CBC does not protect the content against changes (XML Encryption 1.1 §6.1.1): choose AES-GCM, if the identity provider offers it",
    ),
    (
        "tripledes-cbc",
        "Triple DES is obsolete and does not protect the content against changes; many products no longer support it: choose AES-GCM",
    ),
    (
        "rsa-1_5",
        "RSA 1.5 key transport can be attacked (XML Encryption 1.1 §6.1.2); many products no longer support it: choose RSA-OAEP",
    ),
];

/// Adds remarks on weak algorithms of the encrypted parts.
pub(super) fn judge(element: Node<'_, '_>, verdict: &mut Verdict) {
    let methods = element
        .descendants()
        .filter(|it| is(*it, ns::XENC, "EncryptionMethod"))
        .filter_map(|it| it.attribute("Algorithm"));
    for uri in methods {
        let name = uri.rsplit('#').next().unwrap_or(uri);
        let weak = WEAK.iter().find(|(weak, _)| *weak == name);
        if let Some((_, problem)) = weak {
            let remark = format!("encryption by {uri}: {problem}");
            if !verdict.remarks.contains(&remark) {
                verdict.add_remark(remark);
            }
        }
    }
}
