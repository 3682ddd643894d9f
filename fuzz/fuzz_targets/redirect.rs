#![no_main]
//! Decodes any query of the HTTP-Redirect binding.

libfuzzer_sys::fuzz_target!(|query: &str| {
    let _ = saml::binding::redirect::decode(query, &saml::Limits::default());
    let _ = saml::binding::redirect::decode_unverified(query, &saml::Limits::default());
});
