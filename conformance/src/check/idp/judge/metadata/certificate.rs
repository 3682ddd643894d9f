//! The keys and certificates of the metadata.

use super::super::{Ruled, breaks, holds, judge_complaints, not_judged};
use super::document::require_readable;
use crate::check::idp::reading::Case;
use crate::inspection::certificate::{Certificate, Key};

pub(super) fn judge_certificate(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = require_readable(case) {
        return ruled;
    }
    let all_read = &case.announced.certificates;
    let wrong: Vec<String> = all_read.iter().filter_map(|it| it.clone().err()).collect();
    if !wrong.is_empty() {
        breaks(wrong.join("; "))
    } else if all_read.is_empty() {
        breaks("no certificate for signing")
    } else {
        holds(format!("{} certificate(s)", all_read.len()))
    }
}

fn judge_certificates(
    case: &Case<'_>,
    complaint: impl Fn(&Certificate) -> Option<String>,
    otherwise: &str,
) -> Ruled {
    let certificates = case.announced.readable();
    if certificates.is_empty() {
        return not_judged("no certificate can be read: see SAML-IDP-MD-07");
    }
    judge_complaints(
        certificates.iter().filter_map(complaint).collect(),
        otherwise,
    )
}

pub(super) fn judge_key_length(case: &Case<'_>) -> Ruled {
    let complaint = |it: &Certificate| match &it.key {
        Key::Rsa(bits) if *bits >= 2048 => None,
        Key::Ec(bits) if *bits >= 256 => None,
        key => Some(format!("{key} ({})", it.subject)),
    };
    judge_certificates(case, complaint, "they are")
}

pub(super) fn judge_certificate_validity(case: &Case<'_>) -> Ruled {
    let now = case.recording.metadata.at;
    judge_certificates(
        case,
        |it| {
            let within = it.not_before <= now && now <= it.not_after;
            (!within).then(|| format!("{}: {} to {}", it.subject, it.not_before, it.not_after))
        },
        "they are",
    )
}

pub(super) fn judge_certificate_signature(case: &Case<'_>) -> Ruled {
    judge_certificates(
        case,
        |it| {
            it.is_signed_weakly()
                .then(|| format!("{} is signed with {}", it.subject, it.signed_with))
        },
        "none is",
    )
}

pub(super) fn judge_private_keys(case: &Case<'_>) -> Ruled {
    let body = &case.recording.metadata.body;
    let marks = ["PRIVATE KEY", "<P>", "<D>", "dsig11:ECKeyValue private"];
    let private = body.contains(marks[0])
        || body.contains("RSAKeyValue") && (body.contains(marks[1]) || body.contains(marks[2]));
    if private {
        breaks("the metadata contains a private key")
    } else {
        holds("there is none")
    }
}

pub(super) fn judge_duplicate_keys(case: &Case<'_>) -> Ruled {
    let certificates = case.announced.readable();
    let mut seen: Vec<&str> = certificates.iter().map(|it| it.base64.as_str()).collect();
    let total = seen.len();
    seen.sort_unstable();
    seen.dedup();
    if total == 0 {
        not_judged("no certificate can be read: see SAML-IDP-MD-07")
    } else if seen.len() < total {
        breaks(format!(
            "{total} certificates, {} of them different",
            seen.len()
        ))
    } else if total > 4 {
        breaks(format!("{total} signing certificates"))
    } else {
        holds(format!(
            "{total} of {} key descriptor(s)",
            case.announced.signing_keys
        ))
    }
}
