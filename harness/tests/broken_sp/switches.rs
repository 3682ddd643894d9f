//! The differences between a service provider and a correct one, as data.

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use rehearsal::check::runner::Listener;
use saml::acceptance::SignaturePolicy;
use saml::keys::{Certificate, SigningKey};

/// One difference from the correct service provider.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Switch {
    /// Logs in the user with a document that matches the function and has to be refused for this
    /// reason.
    Waves(&'static str, fn(&str) -> bool),
    /// Refuses a document that matches the function.
    Declines(fn(&str) -> bool),
    /// Refuses everything while the judge tries this check, the second value.
    DeclinesCheck(&'static CurrentCheck, &'static str),
    /// Accepts every message, and logs in this other user.
    LogsInAs(&'static str),
    /// The required signatures, and the metadata's `WantAssertionsSigned`.
    Demands(SignaturePolicy, bool),
    /// The form of a refusal.
    Refuses(Manner),
    /// The probe redirects a user who is not logged in.
    RedirectsProbe,
    /// Accepts only encrypted assertions.
    Decrypts,
    /// The metadata has an encryption certificate whose key is lost.
    LostKey,
    /// Sends no requests, and accepts only unsolicited Responses.
    Unsolicited,
    /// Its requests contain this `AssertionConsumerServiceIndex`.
    AcsIndex(u16),
    /// The service provider is on another site than the identity provider, and its cookies are
    /// `SameSite=Lax`.
    LaxCookies,
    /// The cookie of the request has `SameSite=None` and is not `Secure`, so no browser stores it.
    UnsafeCookies,
    /// Refuses a message with an ID that it has received before, signed or not.
    RemembersIds,
    /// Answers a message without cookies with a page that posts it again from the service
    /// provider's own site.
    PostsAgain,
    /// Answers 429 to each request whose number is a multiple of this number.
    Limits(usize),
    /// Closes the connection at documents that match the function.
    BreaksOff(fn(&str) -> bool),
    /// Closes the connection at documents that match the function, and at the next request.
    Dies(fn(&str) -> bool),
    /// Takes this many seconds for documents that match the function.
    Takes(fn(&str) -> bool, u64),
    /// From a document that matches the function on, takes this many seconds (the last value) for as
    /// many documents as the second value says.
    SlowsDown(fn(&str) -> bool, usize, u64),
    /// Takes this many seconds for each refusal.
    RefusesAfter(u64),
    /// Fetches the URLs that the function finds in a document, before it reads the document.
    Fetches(fn(&str) -> Vec<String>),
    /// A flaw outside of the assertion consumer service: see `flaw_table.rs`.
    Flaw(&'static str),
    /// Accepts names of every domain, and creates an account for each name.
    AnyDomain,
    /// Has only one user, and refuses all others.
    KnownUsers,
    /// Changes the user name as the function does.
    Names(fn(String) -> String),
    /// Accepts documents in UTF-16.
    ReadsUtf16,
    /// The probe answers with an HTML page.
    HtmlProbe,
}

impl Switch {
    /// True if the service provider refuses this document because of the switch.
    pub(super) fn declines(&self, document: &str) -> bool {
        match self {
            Self::Declines(is_it) => is_it(document),
            Self::DeclinesCheck(current, id) => current.is(id),
            _ => false,
        }
    }
}

/// The id of the check that the judge tries at the moment, as its progress messages tell.
#[derive(Debug, Default)]
pub(crate) struct CurrentCheck(Mutex<String>);

impl CurrentCheck {
    /// True if the judge tries this check.
    pub(super) fn is(&self, id: &str) -> bool {
        *self.0.lock().unwrap() == id
    }
}

impl Listener for &'static CurrentCheck {
    fn begin(&self, _: &str, _: usize) {}
    fn step(&self, id: &str, _: &str) {
        self.note(id, "");
    }
    fn note(&self, id: &str, _: &str) {
        id.clone_into(&mut self.0.lock().unwrap());
    }
    fn wait(&self, _: Duration, _: &str) {}
    fn end(&self) {}
}

/// The form of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// 403 and the reason.
    Plain,
    /// 200 and a page that greets the user by name.
    Greeting,
    /// 401 and JSON.
    Json,
    /// Redirects to the login page, which sends a new request to the identity provider.
    ToLogin,
    /// 500 and the error page of a framework.
    Crash,
}

/// Returns the URLs of Rehearsal's own listener that a document contains in plain text.
pub(crate) fn named_addresses(document: &str) -> Vec<String> {
    let pattern = regex::Regex::new(r"http://127\.0\.0\.1:\d+/SAML-SP-[A-Z0-9-]+/[\w.]+").unwrap();
    let all = pattern.find_iter(document);
    all.map(|it| it.as_str().to_owned()).collect()
}

/// Returns the URLs of the issuers' certificates, as the certificates in a document name them.
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

/// Matches every document.
pub(crate) fn always(_: &str) -> bool {
    true
}

/// The key that decrypts assertions and signs requests.
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let (pem, certificate) = &*MATERIAL;
    SigningKey::new(pem, certificate.clone()).unwrap()
});

/// The private key of [`KEY`] as PEM, and its certificate.
pub(super) static MATERIAL: LazyLock<(String, Certificate)> = LazyLock::new(|| {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let params = CertificateParams::new(vec!["sp.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let certificate = Certificate::from_der(certificate.der().to_vec()).unwrap();
    (key.serialize_pem(), certificate)
});
