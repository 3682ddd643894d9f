#![no_main]
//! Any metadata document.

libfuzzer_sys::fuzz_target!(|xml: &str| {
    let _ = saml::metadata::IdpMetadata::parse(xml);
    let _ = saml::metadata::SpMetadata::parse(xml);
});
