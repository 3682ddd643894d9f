#![no_main]
//! Parses any request or logout message, by both bindings, and verifies it with a key
//! that has signed nothing.

use std::sync::LazyLock;

use saml::Limits;
use saml::acceptance::TrustedKeys;
use saml::binding::{Parameter, post};
use saml::keys::Certificate;
use saml::message::{AuthnRequest, LogoutRequest, LogoutResponse};
use saml::reception::Received;

static TRUSTED: LazyLock<TrustedKeys> = LazyLock::new(|| {
    let pem = include_str!("../trusted.pem");
    let certificate = Certificate::parse(pem).expect("the certificate beside the targets");
    TrustedKeys::new(vec![certificate]).expect("one certificate")
});

fn judge(received: &Received) {
    let _ = received.claimed_issuer();
    let _ = received.is_signed();
    let _ = received.at_its_word::<AuthnRequest>();
    let _ = received.at_its_word::<LogoutRequest>();
    let vouched = [
        received.clone().verify::<AuthnRequest>(&TRUSTED).is_ok(),
        received.clone().verify::<LogoutRequest>(&TRUSTED).is_ok(),
        received.clone().verify::<LogoutResponse>(&TRUSTED).is_ok(),
    ];
    assert_eq!(vouched, [false; 3], "vouched for without a signature");
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let limits = Limits::default();
    if let Ok(received) = Received::by_redirect(text, &limits) {
        judge(&received);
    }
    for parameter in [Parameter::Request, Parameter::Response] {
        let field = post::encode(text);
        if let Ok(received) = Received::by_form(parameter, &field, None, &limits) {
            judge(&received);
        }
    }
});
