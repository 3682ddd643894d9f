//! The keys that the broken service provider trusts. They come from the identity provider's
//! metadata. Some flaws fetch the metadata again at each login.

use jiff::Timestamp;
use saml::acceptance::TrustedKeys;
use saml::keys::Certificate;
use saml::metadata::{IdpMetadata, MetadataError, Selection};

use super::{Broken, Switch, USER};

/// The keys in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Trusted {
    pub(super) keys: Vec<Certificate>,
    /// The base64 of the certificates whose keys are too short, if a flaw accepts them.
    weak: Vec<String>,
    /// The time after which the keys are no longer used.
    until: Option<Timestamp>,
    /// True if every message is accepted, because the metadata had no key.
    pub(super) is_open: bool,
}

impl Trusted {
    pub(super) fn of(idp: &IdpMetadata) -> Self {
        Self {
            keys: idp.signing_certificates.clone(),
            ..Self::default()
        }
    }
}

/// Returns the keys of a metadata document, each with its `use`.
fn keys(document: &str) -> Vec<(Option<String>, Certificate)> {
    let pattern = "<md:KeyDescriptor(?: use=\"(\\w+)\")?>.*?<ds:X509Certificate>([^<]+)<";
    let pattern = regex::Regex::new(pattern).unwrap();
    let all = pattern.captures_iter(document);
    all.filter_map(|it| {
        let key_use = it.get(1).map(|it| it.as_str().to_owned());
        Some((key_use, Certificate::parse(&it[2]).ok()?))
    })
    .collect()
}

/// Returns the base64 of the certificates in a metadata document whose keys are too short.
fn weak_keys(document: &str) -> Vec<String> {
    let pattern = regex::Regex::new("<ds:X509Certificate>([^<]+)<").unwrap();
    let all = pattern.captures_iter(document).map(|it| it[1].to_owned());
    all.filter(|it| Certificate::parse(it).is_err()).collect()
}

/// Returns the certificate in the KeyInfo of the document's signature.
fn signer(document: &str) -> Option<Certificate> {
    let (_, signature) = document.split_once("<ds:Signature ")?;
    let (signature, _) = signature.split_once("</ds:Signature>")?;
    let (_, text) = signature.split_once("<ds:X509Certificate>")?;
    Certificate::parse(text.split('<').next()?).ok()
}

impl Broken {
    /// Fetches the metadata again, if a flaw requires it.
    pub(super) async fn refetch(&self) {
        if self.is_flawed("refetches") || self.is_flawed("refetches-signed") {
            let url = self.idp.entity_id.clone();
            let document = reqwest::get(url).await.unwrap().text().await.unwrap();
            self.take(&document);
        }
    }

    /// True if the service provider accepts the document's signature.
    fn is_signed_rightly(&self, document: &str) -> bool {
        let own = &self.idp.signing_certificates[0];
        let is_signed_by = |certificate: &Certificate| {
            let keys = TrustedKeys::new(vec![certificate.clone()]).unwrap();
            let selection = Selection {
                entity_id: None,
                signed_by: Some(&keys),
            };
            let read = IdpMetadata::select(document, &selection);
            !matches!(read, Err(MetadataError::Signature(_)))
        };
        match signer(document) {
            None => self.is_flawed("cert-unsigned"),
            Some(it) if self.is_flawed("cert-no-digest") => it == *own,
            Some(it) if self.is_flawed("cert-any-signer") => is_signed_by(&it),
            Some(_) => is_signed_by(own),
        }
    }

    fn take(&self, document: &str) {
        let now = self.ambient.now();
        if self.is_flawed("refetches-signed") && !self.is_signed_rightly(document)
            || self.is_flawed("cert-first-keys")
        {
            return;
        }
        let mut trusted = self.trusted.lock().unwrap();
        let (_, until) = document.split_once("validUntil=\"").unzip();
        let until = until.and_then(|it| it.split('"').next());
        let until: Option<Timestamp> = until.map(|it| it.parse().unwrap());
        let is_over = until.is_some_and(|it| it <= now);
        if is_over && !self.is_flawed("cert-takes-expired") {
            return;
        }
        let is_usable = |(key_use, certificate): &(Option<String>, Certificate)| {
            let fits = match key_use.as_deref() {
                Some("signing") => true,
                Some(_) => self.is_flawed("cert-any-use"),
                None => !self.is_flawed("cert-needs-use"),
            };
            let is_old = self.is_flawed("cert-refuses-expired") && certificate.not_after() <= now;
            let is_new = self.is_flawed("cert-refuses-future") && certificate.not_before() > now;
            fits && !is_old && !is_new
        };
        // Skip the signature: the key in its KeyInfo is not announced for the identity provider.
        let body = document.split("</ds:Signature>").last().unwrap();
        if self.is_flawed("cert-weak-keys") {
            trusted.weak = weak_keys(body);
        }
        let all = keys(body).into_iter().filter(is_usable);
        let mut keys: Vec<Certificate> = all.map(|(_, it)| it).collect();
        if keys.is_empty() {
            trusted.is_open = self.is_flawed("cert-none-open");
            return;
        }
        if self.is_flawed("cert-one-key") {
            keys = keys.split_off(keys.len() - 1);
        }
        if self.is_flawed("cert-keeps-retired") {
            keys.extend(std::mem::take(&mut trusted.keys));
        }
        if !is_over {
            trusted.until = until.filter(|_| !self.is_flawed("cert-forgets-end"));
        }
        (trusted.keys, trusted.is_open) = (keys, false);
    }

    /// Returns the user of a Response whose KeyInfo has a key that is too short, if a flaw accepts
    /// it.
    pub(super) fn user_of_weak_key(&self, document: &str) -> Option<String> {
        let trusted = self.trusted.lock().unwrap();
        let is_known = trusted.weak.iter().any(|it| document.contains(it));
        is_known.then(|| USER.to_owned())
    }

    /// Returns the keys that are trusted now.
    pub(super) fn keys(&self) -> Option<TrustedKeys> {
        let trusted = self.trusted.lock().unwrap();
        let is_over = trusted.until.is_some_and(|it| it <= self.ambient.now());
        let mut keys = trusted.keys.clone();
        if self.is_flawed("first-key-only") {
            keys.truncate(1);
        }
        if self.is_flawed("no-ec-keys") {
            keys.retain(|it| it.key().starts_with("RSA"));
        }
        TrustedKeys::new(keys).ok().filter(|_| !is_over)
    }

    /// True if every message is accepted.
    pub(super) fn is_open(&self) -> bool {
        self.trusted.lock().unwrap().is_open
    }

    /// Returns whether fetched metadata must be signed; `None` if the metadata is not fetched
    /// again.
    pub(crate) fn refetches(switches: &[Switch]) -> Option<bool> {
        switches.iter().find_map(|it| match it {
            Switch::Flaw("refetches") => Some(false),
            Switch::Flaw("refetches-signed") => Some(true),
            _ => None,
        })
    }
}
