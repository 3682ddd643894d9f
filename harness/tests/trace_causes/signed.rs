//! Makes signed and encrypted Responses, and explains them.

use std::process::Command;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use saml::encryption::{ContentCipher, Encryption};
use saml::keys::{Certificate, SignatureAlgorithm, SigningKey};
use saml::signature::Signer;

pub(super) const NOW: &str = "2026-11-30T12:00:10Z";
pub(super) const ACS: &str = "https://sp.example/acs";

/// A change: what is replaced, and by what.
pub(super) type Edit<'a> = (&'a str, &'a str);

const RESPONSE: &str = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r\" Version=\"2.0\" \
    IssueInstant=\"2026-11-30T12:00:00Z\" Destination=\"https://sp.example/acs\" InResponseTo=\"_req\">\
    <saml:Issuer>https://idp.example</saml:Issuer><samlp:Status>\
    <samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>\
    <saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a\" Version=\"2.0\" \
    IssueInstant=\"2026-11-30T12:00:00Z\"><saml:Issuer>https://idp.example</saml:Issuer>\
    <saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">\
    jo@example.com</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
    <saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-30T12:05:00Z\" \
    Recipient=\"https://sp.example/acs\" InResponseTo=\"_req\"></saml:SubjectConfirmationData>\
    </saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=\"2026-11-30T11:59:00Z\" \
    NotOnOrAfter=\"2026-11-30T12:05:00Z\"><saml:AudienceRestriction><saml:Audience>https://sp.example\
    </saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement \
    AuthnInstant=\"2026-11-30T12:00:00Z\"><saml:AuthnContext><saml:AuthnContextClassRef>\
    urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>\
    </saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name=\"mail\"><saml:AttributeValue>\
    jo@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>\
    </samlp:Response>";

/// A key with its certificate.
pub(super) struct Pair {
    pub(super) key: SigningKey,
    private: String,
    /// Base64 of the certificate.
    certificate: String,
}

fn pair(name: &str) -> Pair {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
    let pair = pair.unwrap();
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let certificate = params.self_signed(&pair).unwrap().pem();
    let private = pair.serialize_pem();
    let base64 = certificate.lines().filter(|it| !it.starts_with('-'));
    let parsed = Certificate::parse(&certificate).unwrap();
    Pair {
        key: SigningKey::new(&private, parsed).unwrap(),
        private,
        certificate: base64.collect(),
    }
}

pub(super) static IDP: LazyLock<Pair> = LazyLock::new(|| pair("idp"));
static SP: LazyLock<Pair> = LazyLock::new(|| pair("sp"));

/// Replaces parts that must be there.
#[track_caller]
pub(super) fn with(text: &str, edits: &[Edit<'_>]) -> String {
    let mut text = text.to_owned();
    for (old, new) in edits {
        assert!(text.contains(old), "{old}: {text}");
        text = text.replace(old, new);
    }
    text
}

pub(super) fn unsigned(edits: &[Edit<'_>]) -> String {
    with(RESPONSE, edits)
}

fn signer(response: bool, assertion: bool) -> Signer {
    Signer {
        key: IDP.key.clone(),
        response,
        assertion,
        algorithm: SignatureAlgorithm::RsaSha256,
    }
}

/// Returns a Response whose assertions are signed.
pub(super) fn signed(edits: &[Edit<'_>]) -> String {
    signer(false, true).sign_text(&unsigned(edits)).unwrap()
}

/// Returns a Response that is signed itself, and whose assertions are not.
pub(super) fn signed_outside(edits: &[Edit<'_>]) -> String {
    signer(true, false).sign_text(&unsigned(edits)).unwrap()
}

pub(super) fn encryption() -> Encryption {
    Encryption {
        recipient: SP.key.certificate().clone(),
        cipher: ContentCipher::Aes256Gcm,
        oaep_sha256: false,
    }
}

/// Returns a Response whose assertions are signed, and then encrypted.
pub(super) fn encrypted(edits: &[Edit<'_>]) -> String {
    encryption().encrypt_assertions(&signed(edits)).unwrap()
}

/// Returns the metadata of the identity provider.
pub(super) fn metadata() -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.example/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
        key_descriptor("signing", &IDP)
    )
}

pub(super) fn key_descriptor(usage: &str, pair: &Pair) -> String {
    format!(
        "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
         <ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        pair.certificate
    )
}

pub(super) fn sp_key_descriptor(usage: &str) -> String {
    key_descriptor(usage, &SP)
}

/// The result of `rehearsal trace`.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) status: i32,
    pub(super) text: String,
}

/// Explains a text with the metadata and the private key of the service provider.
pub(super) fn trace_with(input: &str, metadata: &str, options: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("message"), input).unwrap();
    std::fs::write(path("metadata"), metadata).unwrap();
    std::fs::write(path("key"), &SP.private).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.arg("trace").arg(path("message")).args(options);
    command.arg("--metadata").arg(path("metadata"));
    command.arg("--key").arg(path("key"));
    if !options.contains(&"--at") {
        command.args(["--at", NOW]);
    }
    let done = command.output().unwrap();
    Done {
        status: done.status.code().unwrap(),
        text: String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap(),
    }
}

/// Explains a text as the service provider `https://sp.example` sees it.
pub(super) fn trace(input: &str) -> Done {
    let own = ["--audience", "https://sp.example", "--acs", ACS];
    trace_with(input, &metadata(), &own)
}

/// Explains a text without the addresses of the service provider.
pub(super) fn trace_bare(input: &str) -> Done {
    trace_with(input, &metadata(), &[])
}

impl Done {
    /// Checks the exit status, the texts that the output must contain, and those that it must not
    /// contain.
    #[track_caller]
    pub(super) fn expect(&self, status: i32, said: &[&str], unsaid: &[&str]) {
        let text = &self.text;
        assert_eq!(self.status, status, "{text}");
        for words in said {
            assert!(text.contains(words), "\"{words}\" is missing: {text}");
        }
        for words in unsaid {
            assert!(!text.contains(words), "\"{words}\" is said: {text}");
        }
    }

    /// Returns the objections of the first message.
    pub(super) fn objections(&self) -> Vec<&str> {
        let mut lines = self.text.lines();
        let _ = lines.find(|it| it.contains("would refuse"));
        lines
            .take_while(|it| it.starts_with("    "))
            .filter_map(|it| it.strip_prefix("    - "))
            .collect()
    }
}

/// Returns lines with parameters, as tools show them.
pub(super) fn lines(pairs: &[(&str, &str)]) -> String {
    let lines = pairs
        .iter()
        .map(|(name, xml)| format!("{name}: {}\n", BASE64.encode(xml)));
    lines.collect()
}
