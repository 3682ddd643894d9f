//! Broken identity providers, and the requirements of the profiles that each of them fails: the name of
//! a deviation or a fault, and the failed requirements as `profile requirement`.

/// Deviations of a recording.
pub(crate) const DEVIATIONS: &[(&str, &[&str])] = &[
    (
        "AssertionConsumerServiceIndex is refused",
        &["fedinterop IIP-IDP12"],
    ),
    (
        "ForceAuthn does not ask for the password",
        &["fedinterop IIP-IDP06", "saml2int SDP-IDP07"],
    ),
    (
        "IsPassive asks for the password although there is a session",
        &["fedinterop IIP-IDP07"],
    ),
    (
        "IsPassive without a session ends on the login page",
        &["fedinterop IIP-IDP07"],
    ),
    (
        "NameIDPolicy emailAddress is ignored",
        &["fedinterop IIP-IDP10"],
    ),
    (
        "NameIDPolicy persistent is ignored",
        &["fedinterop IIP-IDP10", "fedinterop IIP-SSO05"],
    ),
    (
        "a NameIDFormat after the endpoints (wrong order)",
        &["saml2int SDP-MD04"],
    ),
    (
        "a certificate with a short key, signed with SHA-1",
        &["saml2int SDP-MD06", "saml2int SDP-MD07"],
    ),
    (
        "a request signed with another key, by HTTP-Redirect, is answered",
        &["saml2int SDP-IDP05"],
    ),
    (
        "a request without an ACS is refused",
        &["fedinterop IIP-SSO06", "saml2int SDP-IDP06"],
    ),
    (
        "a transient NameID is the same at each sign-on",
        &["fedinterop IIP-SSO05"],
    ),
    ("an endpoint without TLS", &["saml2int SDP-IDP03"]),
    ("an external entity is fetched", &["fedinterop IIP-G03"]),
    (
        "an impossible RequestedAuthnContext is answered with an assertion",
        &["fedinterop IIP-IDP08"],
    ),
    (
        "an invalid certificate in the metadata",
        &[
            "saml2int SDP-IDP33",
            "saml2int SDP-MD05",
            "saml2int SDP-MD08",
        ],
    ),
    (
        "answers a logout with an error of its own",
        &[
            "fedinterop IIP-IDP17",
            "fedinterop IIP-IDP18",
            "fedinterop IIP-IDP20",
            "saml2int SDP-IDP21",
            "saml2int SDP-IDP25",
            "saml2int SDP-IDP31",
        ],
    ),
    (
        "groups are one value, separated by commas",
        &["guide G-10.4", "saml2int SDP-IDP20"],
    ),
    (
        "no SingleSignOnService with HTTP-Redirect",
        &[
            "saml2int SDP-IDP02",
            "saml2int SDP-IDP33",
            "saml2int SDP-MD04",
        ],
    ),
    (
        "only the beginning of the ACS URL is compared",
        &["saml2int SDP-IDP06"],
    ),
    ("the LogoutResponse is not signed", &["saml2int SDP-IDP30"]),
    (
        "the Response is sent by HTTP-Redirect",
        &["fedinterop IIP-SSO03", "saml2int SDP-IDP08"],
    ),
    (
        "the attribute displayname is written with a capital letter",
        &["guide G-10.2", "guide G-10.5"],
    ),
    ("the attribute groups is missing", &["guide G-10.4"]),
    ("the attribute name is missing", &["guide G-10.1"]),
    (
        "the attribute objectidentifier is missing",
        &["guide G-10.3"],
    ),
    (
        "the entity ID is not an absolute URI",
        &["saml2int SDP-G04"],
    ),
    (
        "the first sign-on is refused",
        &[
            "fedinterop IIP-SSO01",
            "fedinterop IIP-SSO02",
            "saml2int SDP-IDP01",
            "saml2int SDP-IDP02",
        ],
    ),
    (
        // Also the requirements of single logout, which it does not announce.
        "the metadata is that of a service provider",
        &[
            "fedinterop IIP-IDP17",
            "fedinterop IIP-IDP18",
            "fedinterop IIP-IDP20",
            "saml2int SDP-IDP21",
            "saml2int SDP-IDP25",
            "saml2int SDP-IDP28",
            "saml2int SDP-IDP30",
            "saml2int SDP-IDP31",
            "saml2int SDP-IDP33",
            "saml2int SDP-MD04",
        ],
    ),
    (
        "the session exists after the logout",
        &[
            "fedinterop IIP-IDP17",
            "saml2int SDP-IDP21",
            "saml2int SDP-IDP31",
        ],
    ),
    (
        "unsigned requests by HTTP-POST are refused",
        &["saml2int SDP-IDP04"],
    ),
    (
        "unsigned requests by HTTP-Redirect are refused",
        &["saml2int SDP-IDP04"],
    ),
];

/// Faults of the catalogue, each sent once among correct Responses.
pub(crate) const FAULTS: &[(&str, &[&str])] = &[
    ("authn-statement-missing", &["saml2int SDP-IDP10"]),
    ("doctype", &["fedinterop IIP-G03", "saml2int SDP-G03"]),
    (
        "sha1-digest",
        &["fedinterop IIP-ALG01", "saml2int SDP-ALG01"],
    ),
    (
        "sha1-signature",
        &[
            "fedinterop IIP-ALG01",
            "fedinterop IIP-ALG02",
            "saml2int SDP-ALG01",
        ],
    ),
    ("unsigned", &["fedinterop IIP-SSO04"]),
];
