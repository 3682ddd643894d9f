//! Checks of the metadata (saml-metadata).

use jiff::{Span, Timestamp};
use url::Url;

use super::{Demand, Ruled, all, breaks, demand, holds, not_judged, without_query};
use crate::check::Level::{May, Must, Should};
use crate::check::idp::reading::Case;
use crate::inspection::certificate::Key;

pub(super) const CHECKS: &[Demand] = &[
    demand(
        "SAML-IDP-MD-01",
        Must,
        "saml-metadata §2, XML 1.0",
        "The metadata is XML without a document type declaration.",
        "well-formed XML in UTF-8, without <!DOCTYPE",
        "Serve the metadata as your product exports it; if a template or a proxy wrote into it, take that out. The parser's line and column say where it breaks.",
        well_formed,
    ),
    demand(
        "SAML-IDP-MD-02",
        Must,
        "saml-metadata §2.4.3",
        "The metadata describes a SAML 2.0 identity provider.",
        "an EntityDescriptor with an IDPSSODescriptor whose protocolSupportEnumeration holds urn:oasis:names:tc:SAML:2.0:protocol",
        "Check that you gave the identity provider's metadata and not the service provider's (SPSSODescriptor), and that SAML 2.0 is switched on for it.",
        describes_idp,
    ),
    demand(
        "SAML-IDP-MD-03",
        Must,
        "saml-schema-metadata-2.0",
        "The elements are in the order and number that the metadata schema requires.",
        "every element in its place, no required one missing",
        "Reorder the elements named above: strict service providers validate metadata against the schema and refuse the whole file. Export it from the product again rather than editing it.",
        in_order,
    ),
    demand(
        "SAML-IDP-MD-04",
        Must,
        "saml-metadata §2.3.2, saml-core §8.3.6",
        "The entity ID is an absolute URI of at most 1024 characters.",
        "entityID=\"https://…\" or urn:…, at most 1024 characters",
        "Set the entity ID (Issuer) to an absolute URI, and change it at every service provider that has the old one.",
        entity_id,
    ),
    demand(
        "SAML-IDP-MD-05",
        Must,
        "saml-metadata §2.3.2",
        "The metadata has not expired (validUntil).",
        "validUntil in the future, or none",
        "Publish the metadata again with a later validUntil, and renew it with a scheduled job before it expires: service providers stop trusting it at that moment.",
        valid_until,
    ),
    demand(
        "SAML-IDP-MD-06",
        Should,
        "saml-metadata §2.3.2",
        "cacheDuration is between one minute and 30 days.",
        "cacheDuration between one minute and 30 days, or none",
        "Set cacheDuration to between an hour (PT1H) and a week (P7D): shorter ones load the server, longer ones hide a new key.",
        cache_duration,
    ),
    demand(
        "SAML-IDP-MD-07",
        Must,
        "saml-metadata §2.4.1.1",
        "The metadata contains a signing certificate that can be read.",
        "a KeyDescriptor for signing with an X509Certificate in base64 DER",
        "Put the certificate of the signing key into <KeyDescriptor use=\"signing\">: the base64 between BEGIN and END CERTIFICATE, nothing else.",
        certificate_readable,
    ),
    demand(
        "SAML-IDP-MD-08",
        Must,
        "NIST SP 800-131A r2, saml-sec-consider §4.2",
        "Every signing key is long enough (RSA 2048 bits, EC 256 bits, or more).",
        "RSA of 2048 bits or more, or EC of 256 bits or more",
        "1. Make a new key: openssl req -x509 -newkey rsa:3072 -nodes -days 1095 -keyout idp.key -out idp.crt. 2. Put its certificate into the metadata beside the old one. 3. When every service provider has read that, sign with the new key. 4. Take the old one out.",
        key_length,
    ),
    demand(
        "SAML-IDP-MD-09",
        Should,
        "saml-metadata-iop §2.5.1, RFC 5280 §4.1.2.5",
        "Every signing certificate is within its validity period.",
        "today between notBefore and notAfter",
        "Issue a new certificate for the key (or a new key) and put it into the metadata: SAML itself ignores these dates, but many service providers check them.",
        certificate_valid,
    ),
    demand(
        "SAML-IDP-MD-10",
        May,
        "RFC 9155, NIST SP 800-131A r2",
        "No signing certificate is itself signed with SHA-1 or MD5.",
        "certificates signed with SHA-256 or stronger",
        "Issue the certificate again with SHA-256; the key may stay.",
        certificate_strong,
    ),
    demand(
        "SAML-IDP-MD-11",
        Must,
        "saml-conformance §3.1, saml-profiles §4.1.3.3",
        "The metadata has a SingleSignOnService for HTTP-Redirect.",
        "a SingleSignOnService with the binding HTTP-Redirect",
        "Announce a SingleSignOnService with Binding urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect: most service providers send their requests with this binding.",
        redirect_offered,
    ),
    demand(
        "SAML-IDP-MD-12",
        May,
        "saml-metadata §2.4.3",
        "The metadata has a SingleSignOnService for HTTP-POST.",
        "a SingleSignOnService with the binding HTTP-POST",
        "Announce a SingleSignOnService with Binding urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST: long signed requests do not fit into a URL.",
        post_offered,
    ),
    demand(
        "SAML-IDP-MD-13",
        Must,
        "saml-bindings §3",
        "Every Binding attribute is a binding URI that the standard defines.",
        "bindings of urn:oasis:names:tc:SAML:2.0:bindings:",
        "Correct the Binding attribute; service providers compare it character by character.",
        bindings_known,
    ),
    demand(
        "SAML-IDP-MD-14",
        Must,
        "saml-metadata §2.2.2",
        "Every Location is an absolute http or https URL.",
        "absolute http or https URLs without a fragment",
        "Set the server's public base URL in the product's settings: browsers cannot reach a relative or internal address.",
        locations_absolute,
    ),
    demand(
        "SAML-IDP-MD-15",
        Should,
        "saml-bindings §3.4.5, §3.5.5",
        "Every Location uses https, except on this machine.",
        "https, or a loopback address of this machine",
        "Serve the endpoints by https and announce those addresses: over http, everyone on the network path can read the password.",
        locations_protected,
    ),
    demand(
        "SAML-IDP-MD-16",
        Must,
        "saml-metadata §2.2.2",
        "Every Location in the metadata can be reached.",
        "an answer other than 404 or 410 at each announced address",
        "Open the address in a browser: correct the path or the public host in the settings, or remove endpoints that are not served from the metadata.",
        locations_reachable,
    ),
    demand(
        "SAML-IDP-MD-17",
        May,
        "saml-metadata §4.1.1",
        "The metadata is served with the media type application/samlmetadata+xml.",
        "application/samlmetadata+xml",
        "Answer with Content-Type: application/samlmetadata+xml; most service providers accept application/xml or text/xml too.",
        media_type,
    ),
    demand(
        "SAML-IDP-MD-18",
        Should,
        "saml-core §8.3",
        "Every NameIDFormat in the metadata is one that the standard defines.",
        "formats of urn:oasis:names:tc:SAML:1.1 or 2.0:nameid-format:",
        "Correct the NameIDFormat: emailAddress and unspecified have URNs of SAML 1.1, persistent and transient have URNs of SAML 2.0.",
        formats_known,
    ),
    demand(
        "SAML-IDP-MD-19",
        Must,
        "saml-metadata §3",
        "If the metadata is signed, the signature verifies.",
        "a signature over the root that verifies with the certificate that it brings or announces",
        "Sign the metadata after the last change to it. A wrong signature is worse than none: service providers refuse the file.",
        own_signature,
    ),
    demand(
        "SAML-IDP-MD-20",
        Must,
        "saml-sec-consider §4.2",
        "The metadata contains no private key.",
        "certificates and public keys only",
        "Remove the private key at once, create a new one, and treat every assertion signed with the old one as forgeable.",
        no_private_key,
    ),
    demand(
        "SAML-IDP-MD-21",
        Must,
        "saml-schema-metadata-2.0",
        "WantAuthnRequestsSigned is true or false.",
        "true, false, 1 or 0, or no attribute",
        "Write true or false in lower case: other spellings are not valid xs:boolean values, and service providers read them differently.",
        wants_signed,
    ),
    demand(
        "SAML-IDP-MD-22",
        Should,
        "saml-metadata §2.4.1.1",
        "The metadata lists each signing key once, and at most four.",
        "different signing certificates, at most four",
        "Remove old and duplicate keys from the metadata: every key in it can sign assertions for your users.",
        keys_distinct,
    ),
];

fn well_formed(case: &Case<'_>) -> Ruled {
    match &case.announced.trouble {
        Some(trouble) => breaks(trouble.clone()),
        None => holds("it is"),
    }
}

fn unread(case: &Case<'_>) -> Option<Ruled> {
    (case.announced.entity_id.is_empty() && case.announced.sso.is_empty()).then(|| {
        not_judged(
            "the metadata cannot be read as an identity provider's: see SAML-IDP-MD-01 and -02",
        )
    })
}

fn describes_idp(case: &Case<'_>) -> Ruled {
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

fn in_order(case: &Case<'_>) -> Ruled {
    unread(case).unwrap_or_else(|| all(case.announced.violations.clone(), "they are"))
}

fn entity_id(case: &Case<'_>) -> Ruled {
    let id = &case.announced.entity_id;
    unread(case).unwrap_or_else(|| match Url::parse(id) {
        Ok(_) if id.chars().count() <= 1024 => holds(id.clone()),
        Ok(_) => breaks(format!("{} characters", id.chars().count())),
        Err(error) => breaks(format!("{id:?}: {error}")),
    })
}

fn valid_until(case: &Case<'_>) -> Ruled {
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

fn cache_duration(case: &Case<'_>) -> Ruled {
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

fn certificate_readable(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = unread(case) {
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

fn over_certificates(
    case: &Case<'_>,
    complaint: impl Fn(&crate::inspection::certificate::Certificate) -> Option<String>,
    otherwise: &str,
) -> Ruled {
    let certificates = case.announced.readable();
    if certificates.is_empty() {
        return not_judged("no certificate can be read: see SAML-IDP-MD-07");
    }
    all(
        certificates.iter().filter_map(complaint).collect(),
        otherwise,
    )
}

fn key_length(case: &Case<'_>) -> Ruled {
    let complaint = |it: &crate::inspection::certificate::Certificate| match &it.key {
        Key::Rsa(bits) if *bits >= 2048 => None,
        Key::Ec(bits) if *bits >= 256 => None,
        key => Some(format!("{key} ({})", it.subject)),
    };
    over_certificates(case, complaint, "they are")
}

fn certificate_valid(case: &Case<'_>) -> Ruled {
    let now = case.recording.metadata.at;
    over_certificates(
        case,
        |it| {
            let within = it.not_before <= now && now <= it.not_after;
            (!within).then(|| format!("{}: {} to {}", it.subject, it.not_before, it.not_after))
        },
        "they are",
    )
}

fn certificate_strong(case: &Case<'_>) -> Ruled {
    over_certificates(
        case,
        |it| {
            it.is_signed_weakly()
                .then(|| format!("{} is signed with {}", it.subject, it.signed_with))
        },
        "none is",
    )
}

fn offered(case: &Case<'_>, binding: &str) -> Ruled {
    if let Some(ruled) = unread(case) {
        return ruled;
    }
    let mut found = case.announced.sso.iter();
    match found.find(|(uri, _)| uri.ends_with(binding)) {
        Some((_, location)) => holds(location.clone()),
        None => breaks(format!(
            "none of {} endpoint(s) has it",
            case.announced.sso.len()
        )),
    }
}

fn redirect_offered(case: &Case<'_>) -> Ruled {
    offered(case, ":HTTP-Redirect")
}

fn post_offered(case: &Case<'_>) -> Ruled {
    offered(case, ":HTTP-POST")
}

fn over_endpoints(
    case: &Case<'_>,
    complaint: impl Fn(&str, &str) -> Option<String>,
    otherwise: &str,
) -> Ruled {
    if let Some(ruled) = unread(case) {
        return ruled;
    }
    let endpoints = case.announced.sso.iter().chain(&case.announced.slo);
    let complaints = endpoints.filter_map(|(binding, location)| complaint(binding, location));
    all(complaints.collect(), otherwise)
}

fn bindings_known(case: &Case<'_>) -> Ruled {
    let known = [
        "HTTP-Redirect",
        "HTTP-POST",
        "HTTP-Artifact",
        "SOAP",
        "PAOS",
        "URI",
        "HTTP-POST-SimpleSign",
    ];
    over_endpoints(
        case,
        |binding, _| {
            let name = binding.rsplit(':').next().unwrap_or_default();
            let old = binding.starts_with("urn:mace:shibboleth:1.0:");
            let right = binding.starts_with("urn:oasis:names:tc:SAML:2.0:bindings:");
            (!(old || right && known.contains(&name))).then(|| format!("{binding:?}"))
        },
        "they are",
    )
}

fn locations_absolute(case: &Case<'_>) -> Ruled {
    over_endpoints(
        case,
        |_, location| match Url::parse(location) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => Some(location.to_owned()),
            Ok(url) if url.fragment().is_some() => Some(format!("{location} has a fragment")),
            Ok(_) => None,
            Err(error) => Some(format!("{location:?}: {error}")),
        },
        "they are",
    )
}

fn locations_protected(case: &Case<'_>) -> Ruled {
    over_endpoints(
        case,
        |_, location| {
            let url = Url::parse(location).ok()?;
            let here = match url.host() {
                Some(url::Host::Ipv4(address)) => address.is_loopback(),
                Some(url::Host::Ipv6(address)) => address.is_loopback(),
                Some(url::Host::Domain(name)) => name == "localhost",
                None => false,
            };
            (url.scheme() == "http" && !here).then(|| location.to_owned())
        },
        "they do, or are on this machine",
    )
}

fn locations_reachable(case: &Case<'_>) -> Ruled {
    if case.recording.opened.is_empty() {
        return not_judged("no address was opened in this run");
    }
    if case.recording.opened.iter().all(|it| it.status.is_none()) {
        return not_judged("no address answered any more: the identity provider stopped");
    }
    let complaints = case.recording.opened.iter().filter_map(|it| {
        let url = without_query(&it.url);
        match (it.status, &it.trouble) {
            (Some(status @ (404 | 410)), _) => Some(format!("{url} answers {status}")),
            (None, Some(trouble)) => Some(format!("{url}: {trouble}")),
            _ => None,
        }
    });
    let mut complaints: Vec<String> = complaints.collect();
    complaints.dedup();
    let ruled = all(complaints.clone(), "they can");
    complaints.into_iter().fold(ruled, Ruled::shows)
}

fn media_type(case: &Case<'_>) -> Ruled {
    match &case.recording.metadata.media_type {
        None => not_judged("the metadata was read from a file"),
        Some(kind) if kind.starts_with("application/samlmetadata+xml") => holds(kind.clone()),
        Some(kind) => breaks(kind.clone()),
    }
}

fn formats_known(case: &Case<'_>) -> Ruled {
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
    all(unknown.map(|it| format!("{it:?}")).collect(), "they are")
}

fn own_signature(case: &Case<'_>) -> Ruled {
    let signatures = &case.announced.signatures;
    if signatures.is_empty() {
        return not_judged("the metadata is not signed; a signature is optional");
    }
    let complaints = signatures.iter().filter_map(|it| {
        let by_another = it.covers_parent && it.digest_holds == Some(true);
        // The metadata may be signed with a separate key, which is not in the metadata.
        (!it.holds() && (!by_another || it.brings.is_empty())).then(|| it.said())
    });
    all(complaints.collect(), "it does")
}

fn no_private_key(case: &Case<'_>) -> Ruled {
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

fn wants_signed(case: &Case<'_>) -> Ruled {
    match case.announced.wants_signed_text.as_deref() {
        None => holds("not present"),
        Some(text @ ("true" | "false" | "1" | "0")) => holds(text),
        Some(text) => breaks(format!("{text:?}")),
    }
}

fn keys_distinct(case: &Case<'_>) -> Ruled {
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
