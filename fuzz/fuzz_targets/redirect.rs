#![no_main]
//! Any query by HTTP-Redirect.

libfuzzer_sys::fuzz_target!(|query: &str| {
    let _ = saml::binding::redirect::decode(query, &saml::Limits::default());
});
