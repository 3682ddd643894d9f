//! How a service provider differs from a right one, as data.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use saml::acceptance::SignaturePolicy;
use saml::keys::{Certificate, SigningKey};

/// One difference.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Switch {
    /// Lets a message in, as its user's, that it should refuse for this reason,
    /// where the document is like this.
    Waves(&'static str, fn(&str) -> bool),
    /// Lets every message in, in the name of this other person.
    LogsInAs(&'static str),
    /// Which signatures it demands, and whether its metadata wants assertions
    /// signed.
    Demands(SignaturePolicy, bool),
    /// How it refuses.
    Refuses(Manner),
    /// What the probe shows to somebody who is not logged in.
    RedirectsProbe,
    /// Takes encrypted assertions only.
    Decrypts,
    /// Its metadata has an encryption certificate, and it has no key for it.
    LostKey,
    /// Sends no requests, and takes no answers to any.
    Unsolicited,
    /// Its requests name the assertion consumer service by this number.
    AcsIndex(u16),
    /// It is reached at another site than the identity provider, and its cookies
    /// are `SameSite=Lax`.
    LaxCookies,
    /// Its page posts a message that came without cookies again from its own
    /// site.
    PostsAgain,
    /// Answers each request whose number can be divided by this with 429.
    Limits(usize),
    /// Breaks the connection off at documents that are like this.
    BreaksOff(fn(&str) -> bool),
    /// The same, and at the request after it too.
    Dies(fn(&str) -> bool),
    /// Fetches these addresses of a document before it looks at it.
    Fetches(fn(&str) -> Vec<String>),
    /// One of the flaws beyond its assertion consumer service: see `flaws.rs`.
    Flaw(&'static str),
    /// Takes names of every domain, and makes an account for each.
    AnyDomain,
    /// Knows its one user only.
    KnownUsers,
    /// Makes this of a name.
    Names(fn(String) -> String),
    /// Reads UTF-16.
    ReadsUtf16,
    /// The probe is a page for people.
    HtmlProbe,
}

/// How a refusal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// 403 and the reason.
    Plain,
    /// 200 and a page that greets the user by name.
    Greeting,
    /// 401 and JSON.
    Json,
    /// To the login page, which asks the identity provider again.
    ToLogin,
    /// 500 and the page of a framework.
    Crash,
}

/// The addresses of our own listener that a document names, in the clear.
pub(crate) fn named_addresses(document: &str) -> Vec<String> {
    let pattern = regex::Regex::new(r"http://127\.0\.0\.1:\d+/SAML-SP-[A-Z0-9-]+/[\w.]+").unwrap();
    let all = pattern.find_iter(document);
    all.map(|it| it.as_str().to_owned()).collect()
}

/// The addresses at which the issuers of a document's certificates lie.
pub(crate) fn issuer_addresses(document: &str) -> Vec<String> {
    let pattern = regex::Regex::new(r"<ds:X509Certificate>([^<]+)<").unwrap();
    let address = regex::bytes::Regex::new(r"http://127\.0\.0\.1:\d+/issuer\.cer").unwrap();
    let mut found = Vec::new();
    for one in pattern.captures_iter(document) {
        let der = STANDARD.decode(&one[1]).unwrap_or_default();
        let all = address.find_iter(&der);
        found.extend(all.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()));
    }
    found
}

/// For every document.
pub(crate) fn always(_: &str) -> bool {
    true
}

/// The key that assertions are encrypted for.
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let params = CertificateParams::new(vec!["sp.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let certificate = Certificate::from_der(certificate.der().to_vec()).unwrap();
    SigningKey::new(&key.serialize_pem(), certificate).unwrap()
});
