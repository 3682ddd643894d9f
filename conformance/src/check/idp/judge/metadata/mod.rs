//! Checks of the metadata (saml-metadata).

mod certificate;
mod document;
mod endpoint;

use self::certificate::{
    judge_certificate, judge_certificate_signature, judge_certificate_validity,
    judge_duplicate_keys, judge_key_length, judge_private_keys,
};
use self::document::{
    judge_cache_duration, judge_entity_id, judge_media_type, judge_name_id_formats, judge_role,
    judge_schema, judge_signature, judge_valid_until, judge_want_authn_requests_signed, judge_xml,
};
use self::endpoint::{
    judge_bindings, judge_form_of_locations, judge_post_endpoint, judge_reachability,
    judge_redirect_endpoint, judge_tls_of_locations,
};
use super::{Item, item};
use crate::check::Harm;
use crate::check::Level::{May, Must, Should};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Style;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-MD-01", Must, "saml-metadata §2, XML 1.0"),
        "The metadata is XML without a document type declaration.",
        "well-formed XML in UTF-8, without <!DOCTYPE",
        "Serve the metadata as your product exports it; if a template or a proxy wrote into it, take that out. The parser's line and column say where it breaks.",
        judge_xml,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-02", Must, "saml-metadata §2.4.3"),
        "The metadata describes a SAML 2.0 identity provider.",
        "an EntityDescriptor with an IDPSSODescriptor whose protocolSupportEnumeration holds urn:oasis:names:tc:SAML:2.0:protocol",
        "Check that you gave the identity provider's metadata and not the service provider's (SPSSODescriptor), and that SAML 2.0 is switched on for it.",
        judge_role,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-03", Must, "saml-schema-metadata-2.0"),
        "The elements are in the order and number that the metadata schema requires.",
        "every element in its place, no required one missing",
        "Reorder the elements named above: strict service providers validate metadata against the schema and refuse the whole file. Export it from the product again rather than editing it.",
        judge_schema,
    ),
    item(
        HARM,
        (
            "SAML-IDP-MD-04",
            Must,
            "saml-metadata §2.3.2, saml-core §8.3.6",
        ),
        "The entity ID is an absolute URI of at most 1024 characters.",
        "entityID=\"https://…\" or urn:…, at most 1024 characters",
        "Set the entity ID (Issuer) to an absolute URI, and change it at every service provider that has the old one.",
        judge_entity_id,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-05", Must, "saml-metadata §2.3.2"),
        "The metadata has not expired (validUntil).",
        "validUntil in the future, or none",
        "Publish the metadata again with a later validUntil, and renew it with a scheduled job before it expires: service providers stop trusting it at that moment.",
        judge_valid_until,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-06", Should, "saml-metadata §2.3.2"),
        "The attribute cacheDuration of the metadata is between one minute and 30 days.",
        "cacheDuration between one minute and 30 days, or none",
        "Set cacheDuration to between an hour (PT1H) and a week (P7D): shorter ones load the server, longer ones hide a new key.",
        judge_cache_duration,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-07", Must, "saml-metadata §2.4.1.1"),
        "The metadata contains a signing certificate that can be read.",
        "a KeyDescriptor for signing with an X509Certificate in base64 DER",
        "Put the certificate of the signing key into <KeyDescriptor use=\"signing\">: the base64 between BEGIN and END CERTIFICATE, nothing else.",
        judge_certificate,
    ),
    item(
        HARM,
        (
            "SAML-IDP-MD-08",
            Must,
            "NIST SP 800-131A r2, saml-sec-consider §4.2",
        ),
        "Every signing key is long enough (RSA 2048 bits, EC 256 bits, or more).",
        "RSA of 2048 bits or more, or EC of 256 bits or more",
        "1. Make a new key: openssl req -x509 -newkey rsa:3072 -nodes -days 1095 -keyout idp.key -out idp.crt. 2. Put its certificate into the metadata beside the old one. 3. When every service provider has read that, sign with the new key. 4. Take the old one out.",
        judge_key_length,
    ),
    item(
        HARM,
        (
            "SAML-IDP-MD-09",
            Should,
            "saml-metadata-iop §2.5.1, RFC 5280 §4.1.2.5",
        ),
        "Every signing certificate is within its validity period.",
        "today between notBefore and notAfter",
        "Issue a new certificate for the key (or a new key) and put it into the metadata: SAML itself ignores these dates, but many service providers check them.",
        judge_certificate_validity,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-10", May, "RFC 9155, NIST SP 800-131A r2"),
        "No signing certificate is itself signed with SHA-1 or MD5.",
        "certificates signed with SHA-256 or stronger",
        "Issue the certificate again with SHA-256; the key may stay.",
        judge_certificate_signature,
    ),
    item(
        HARM,
        (
            "SAML-IDP-MD-11",
            Must,
            "saml-conformance §3.1, saml-profiles §4.1.3.3",
        ),
        "The metadata has a SingleSignOnService for HTTP-Redirect.",
        "a SingleSignOnService with the binding HTTP-Redirect",
        "Announce a SingleSignOnService with Binding urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect: most service providers send their requests with this binding.",
        judge_redirect_endpoint,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-12", May, "saml-metadata §2.4.3"),
        "The metadata has a SingleSignOnService for HTTP-POST.",
        "a SingleSignOnService with the binding HTTP-POST",
        "Announce a SingleSignOnService with Binding urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST: long signed requests do not fit into a URL.",
        judge_post_endpoint,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-13", Must, "saml-bindings §3"),
        "Every Binding attribute is a binding URI that the standard defines.",
        "bindings of urn:oasis:names:tc:SAML:2.0:bindings:",
        "Correct the Binding attribute; service providers compare it character by character.",
        judge_bindings,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-14", Must, "saml-metadata §2.2.2"),
        "Every Location is an absolute http or https URL.",
        "absolute http or https URLs without a fragment",
        "Set the server's public base URL in the product's settings: browsers cannot reach a relative or internal address.",
        judge_form_of_locations,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-15", Should, "saml-bindings §3.4.5, §3.5.5"),
        "Every Location uses https, except on this machine.",
        "https, or a loopback address of this machine",
        "Serve the endpoints by https and announce those addresses: over http, everyone on the network path can read the password.",
        judge_tls_of_locations,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-16", Must, "saml-metadata §2.2.2"),
        "Every Location in the metadata can be reached.",
        "an answer other than 404 or 410 at each announced address",
        "Open the address in a browser: correct the path or the public host in the settings, or remove endpoints that are not served from the metadata.",
        judge_reachability,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-17", May, "saml-metadata §4.1.1"),
        "The metadata is served with the media type application/samlmetadata+xml.",
        "application/samlmetadata+xml",
        "Answer with Content-Type: application/samlmetadata+xml; most service providers accept application/xml or text/xml too.",
        judge_media_type,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-18", Should, "saml-core §8.3"),
        "Every NameIDFormat in the metadata is one that the standard defines.",
        "formats of urn:oasis:names:tc:SAML:1.1 or 2.0:nameid-format:",
        "Correct the NameIDFormat: emailAddress and unspecified have URNs of SAML 1.1, persistent and transient have URNs of SAML 2.0.",
        judge_name_id_formats,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-19", Must, "saml-metadata §3"),
        "If the metadata is signed, the signature verifies.",
        "a signature over the root that verifies with the certificate that it brings or announces",
        "Sign the metadata after the last change to it. A wrong signature is worse than none: service providers refuse the file.",
        judge_signature,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-20", Must, "saml-sec-consider §4.2"),
        "The metadata contains no private key.",
        "certificates and public keys only",
        "Remove the private key at once, create a new one, and treat every assertion signed with the old one as forgeable.",
        judge_private_keys,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-21", Must, "saml-schema-metadata-2.0"),
        "WantAuthnRequestsSigned is true or false.",
        "true, false, 1 or 0, or no attribute",
        "Write true or false in lower case: other spellings are not valid xs:boolean values, and service providers read them differently.",
        judge_want_authn_requests_signed,
    ),
    item(
        HARM,
        ("SAML-IDP-MD-22", Should, "saml-metadata §2.4.1.1"),
        "The metadata lists each signing key once, and at most four.",
        "different signing certificates, at most four",
        "Remove old and duplicate keys from the metadata: every key in it can sign assertions for your users.",
        judge_duplicate_keys,
    ),
];
