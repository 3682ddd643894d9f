//! Broken service providers, and the requirements of the profiles that each of them fails.

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use saml::acceptance::SignaturePolicy;

use super::Group::{Certificates, Messages, Validity};
use super::Row;
use crate::broken_sp::Switch::{Declines, Demands, Flaw, Waves};
use crate::broken_sp::always;

/// True if the Response was issued later than now: the clock of the identity provider is ahead.
fn is_ahead(document: &str) -> bool {
    let (_, rest) = document.split_once(" IssueInstant=\"").unwrap_or_default();
    let at = rest
        .split('"')
        .next()
        .unwrap_or_default()
        .parse::<Timestamp>();
    at.is_ok_and(|at| at > Ambient::real().now() + SignedDuration::from_secs(10))
}

fn has_no_key_info(document: &str) -> bool {
    document.contains("SignatureValue") && !document.contains("KeyInfo")
}

/// Each broken service provider; the first of a group is correct.
pub(crate) static BROKEN: &[Row] = &[
    (Messages, &[], &[]),
    (
        Messages,
        &[Waves("not-signed", always)],
        &[
            "entra-gallery-sso signature",
            "fedinterop IIP-SP13",
            "okta-oin-sso signature",
        ],
    ),
    (
        Messages,
        &[Waves("signature-invalid", has_no_key_info)],
        &["entra-gallery-sso certificate-key"],
    ),
    (
        Messages,
        &[Waves("wrong-issuer", always)],
        &["entra-gallery-sso issuer", "okta-oin-sso negative-tests"],
    ),
    (
        Messages,
        &[Waves("wrong-audience", always)],
        &["entra-gallery-sso audience", "okta-oin-sso audience"],
    ),
    (
        Messages,
        &[Waves("no-bearer-confirmation", always)],
        &["entra-gallery-sso claims"],
    ),
    (
        Messages,
        &[Flaw("metadata-http")],
        &["okta-oin-sso acs-https", "saml2int SDP-SP09"],
    ),
    (Messages, &[Flaw("metadata-order")], &["saml2int SDP-MD04"]),
    (
        Messages,
        &[Declines(is_ahead)],
        &["fedinterop IIP-G01", "saml2int SDP-G01"],
    ),
    (Messages, &[Flaw("request-sha1")], &["saml2int SDP-ALG01"]),
    (Messages, &[Flaw("request-acs")], &["saml2int SDP-SP06"]),
    (Messages, &[Flaw("request-by-post")], &["saml2int SDP-SP02"]),
    (Messages, &[Flaw("request-format")], &["saml2int SDP-SP04"]),
    (Messages, &[Flaw("request-index")], &["saml2int SDP-SP05"]),
    (
        Messages,
        &[Flaw("request-redirect")],
        &["saml2int SDP-SP08"],
    ),
    (
        Messages,
        &[Declines(|it| it.contains("EncryptedAssertion"))],
        &[
            "fedinterop IIP-ALG04",
            "fedinterop IIP-ALG05",
            "fedinterop IIP-ALG06",
            "fedinterop IIP-SP08",
            "saml2int SDP-ALG01",
            "saml2int SDP-SP10",
        ],
    ),
    (
        Messages,
        &[Waves("status-not-success", always)],
        &["okta-oin-sso negative-tests", "saml2int SDP-SP11"],
    ),
    (
        Messages,
        &[Waves("wrong-domain", always)],
        &["saml2int SDP-SP17"],
    ),
    (
        Messages,
        &[Declines(|it| it.contains("shoe-size"))],
        &[
            "fedinterop IIP-SP01",
            "fedinterop IIP-SP10",
            "fedinterop IIP-SSO07",
            "saml2int SDP-SP19",
        ],
    ),
    (
        Messages,
        &[Waves("response-not-xml", |it| it.contains("<!DOCTYPE"))],
        &["fedinterop IIP-G03"],
    ),
    (
        Messages,
        &[Declines(has_no_key_info)],
        &["fedinterop IIP-MD06"],
    ),
    (
        Messages,
        &[Declines(|it| it.contains("Extensions"))],
        &["fedinterop IIP-EXT01", "fedinterop IIP-SSO07"],
    ),
    (
        Messages,
        &[Demands(SignaturePolicy::Assertion, false)],
        &["fedinterop IIP-SSO04"],
    ),
    (
        Messages,
        &[Waves("signature-algorithm", |it| it.contains("md5"))],
        &["fedinterop IIP-ALG08"],
    ),
    (Certificates, &[Flaw("refetches-signed")], &[]),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-first-keys")],
        &[
            "entra-gallery-sso metadata-url",
            "fedinterop IIP-MD02",
            "fedinterop IIP-MD07",
        ],
    ),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-one-key")],
        &["fedinterop IIP-MD07", "saml2int SDP-SP37"],
    ),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-no-digest")],
        &["fedinterop IIP-MD03"],
    ),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-takes-expired")],
        &["fedinterop IIP-MD04"],
    ),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-needs-use")],
        &["fedinterop IIP-MD11"],
    ),
    (
        Certificates,
        &[Flaw("refetches-signed"), Flaw("cert-refuses-expired")],
        &["fedinterop IIP-MD12"],
    ),
    (
        Validity,
        &[Flaw("refetches"), Flaw("cert-refuses-expired")],
        &[],
    ),
    (
        Validity,
        &[Flaw("refetches")],
        &[
            "entra-gallery-sso certificate-validity",
            "entra-gallery-sso expired-certificate",
        ],
    ),
];

/// Why a requirement that only asks for a login cannot fail.
const NO_LOGIN: &str =
    "if no honest Response is accepted, nothing is judged, and the exit status is 2";

/// Required requirements that no service provider can fail, with the reason.
pub(crate) const UNBROKEN: &[(&str, &str)] = &[
    ("entra-gallery-sso login", NO_LOGIN),
    ("entra-gallery-sso working-certificate", NO_LOGIN),
    ("fedinterop IIP-ALG01", NO_LOGIN),
    ("fedinterop IIP-ALG02", NO_LOGIN),
    ("fedinterop IIP-SP02", NO_LOGIN),
    ("fedinterop IIP-SSO01", NO_LOGIN),
    ("fedinterop IIP-SSO03", NO_LOGIN),
    ("okta-oin-sso sp-flow", NO_LOGIN),
    ("saml2int SDP-SP01", NO_LOGIN),
];
