//! The metadata as a document: its syntax, its validity, what it says about the identity provider.

use jiff::{Span, Timestamp};
use url::Url;

use super::super::{Ruled, breaks, holds, judge_complaints, not_judged};
use crate::check::idp::reading::Case;

pub(super) fn judge_xml(case: &Case<'_>) -> Ruled {
    match &case.announced.trouble {
        Some(trouble) => breaks(trouble.clone()),
        None => holds("it is"),
    }
}

pub(super) fn require_readable(case: &Case<'_>) -> Option<Ruled> {
    (case.announced.entity_id.is_empty() && case.announced.sso.is_empty()).then(|| {
        not_judged(
            "the metadata cannot be read as an identity provider's: see SAML-IDP-MD-01 and -02",
        )
    })
}

pub(super) fn judge_role(case: &Case<'_>) -> Ruled {
    if case.announced.trouble.is_some() {
        return not_judged("the metadata cannot be read: see SAML-IDP-MD-01");
    }
    if case.announced.is_idp {
        holds("it does")
    } else if case.announced.sso.is_empty() {
        breaks("no IDPSSODescriptor")
    } else {
        breaks("an IDPSSODescriptor that does not support urn:oasis:names:tc:SAML:2.0:protocol")
    }
}

pub(super) fn judge_schema(case: &Case<'_>) -> Ruled {
    require_readable(case)
        .unwrap_or_else(|| judge_complaints(case.announced.violations.clone(), "they are"))
}

pub(super) fn judge_entity_id(case: &Case<'_>) -> Ruled {
    let id = &case.announced.entity_id;
    require_readable(case).unwrap_or_else(|| match Url::parse(id) {
        Ok(_) if id.chars().count() <= 1024 => holds(id.clone()),
        Ok(_) => breaks(format!("{} characters", id.chars().count())),
        Err(error) => breaks(format!("{id:?}: {error}")),
    })
}

pub(super) fn judge_valid_until(case: &Case<'_>) -> Ruled {
    let Some(until) = &case.announced.valid_until else {
        return holds("there is none");
    };
    match until.parse::<Timestamp>() {
        Ok(instant) if instant > case.recording.metadata.at => holds(until.clone()),
        Ok(_) => breaks(format!("it ran out at {until}")),
        Err(_) => breaks(format!(
            "validUntil=\"{until}\", which is not a time in UTC"
        )),
    }
}

pub(super) fn judge_cache_duration(case: &Case<'_>) -> Ruled {
    let Some(text) = &case.announced.cache_duration else {
        return holds("there is none");
    };
    let Ok(span) = text.parse::<Span>() else {
        return breaks(format!(
            "cacheDuration=\"{text}\", which is not an xs:duration"
        ));
    };
    let zoned = case
        .recording
        .metadata
        .at
        .to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let seconds = span.total((jiff::Unit::Second, &zoned)).unwrap_or_default();
    if (60.0..=30.0 * 86_400.0).contains(&seconds) {
        holds(text.clone())
    } else {
        breaks(format!("cacheDuration=\"{text}\""))
    }
}

pub(super) fn judge_media_type(case: &Case<'_>) -> Ruled {
    match &case.recording.metadata.media_type {
        None => not_judged("the metadata was read from a file"),
        Some(kind) if kind.starts_with("application/samlmetadata+xml") => holds(kind.clone()),
        Some(kind) => breaks(kind.clone()),
    }
}

pub(super) fn judge_name_id_formats(case: &Case<'_>) -> Ruled {
    let known = [
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:entity",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted",
    ];
    let formats = case.announced.formats.iter();
    let unknown = formats.filter(|it| !known.contains(&it.as_str()));
    judge_complaints(unknown.map(|it| format!("{it:?}")).collect(), "they are")
}

pub(super) fn judge_signature(case: &Case<'_>) -> Ruled {
    let signatures = &case.announced.signatures;
    if signatures.is_empty() {
        return not_judged("the metadata is not signed; a signature is optional");
    }
    let complaints = signatures.iter().filter_map(|it| {
        let by_another = it.covers_parent && it.digest_holds == Some(true);
        // The metadata may be signed with a separate key, which is not in the metadata.
        (!it.holds() && (!by_another || it.brings.is_empty())).then(|| it.to_sentence())
    });
    judge_complaints(complaints.collect(), "it does")
}

pub(super) fn judge_want_authn_requests_signed(case: &Case<'_>) -> Ruled {
    match case.announced.wants_signed_text.as_deref() {
        None => holds("not present"),
        Some(text @ ("true" | "false" | "1" | "0")) => holds(text),
        Some(text) => breaks(format!("{text:?}")),
    }
}
