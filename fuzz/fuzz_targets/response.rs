#![no_main]
//! Verifies any document of the HTTP-POST binding with a key that has signed nothing.

use std::sync::LazyLock;

use saml::acceptance::{Posted, SignaturePolicy, TrustedKeys};
use saml::keys::Certificate;

static TRUSTED: LazyLock<TrustedKeys> = LazyLock::new(|| {
    let pem = include_str!("../trusted.pem");
    let certificate = Certificate::parse(pem).expect("the certificate beside the targets");
    TrustedKeys::new(vec![certificate]).expect("one certificate")
});

libfuzzer_sys::fuzz_target!(|xml: &str| {
    let field = saml::binding::post::encode(xml);
    if let Ok(posted) = Posted::from_form(&field, &saml::Limits::default()) {
        let outcome = posted.verify(&TRUSTED, SignaturePolicy::Either);
        assert!(outcome.is_err(), "accepted without a signature");
    }
});
