#![no_main]
//! Parses any document as metadata of an identity provider and of a service provider.

libfuzzer_sys::fuzz_target!(|xml: &str| {
    let _ = saml::metadata::IdpMetadata::parse(xml);
    let _ = saml::metadata::SpMetadata::parse(xml);
});
