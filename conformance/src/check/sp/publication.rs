//! Creates the metadata of the played identity provider for the checks of certificates: with keys
//! of each use, with `validUntil`, and with a signature.

use jiff::{SignedDuration, Timestamp};
use saml::keys::SigningKey;
use saml::signature::Signer;

use super::Provider;

/// The `cacheDuration` of the metadata: how long a service provider may use it before it fetches
/// the metadata again.
const CACHE_DURATION: &str = "PT1S";

/// The attribute `use` of a `KeyDescriptor` (saml-metadata §2.4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUse {
    Signing,
    Encryption,
    /// There is no `use`: the key is for signing and encryption.
    Any,
}

/// The signature of the metadata, for a service provider that requires one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum DocumentSignature {
    /// Made with the key that is configured at the service provider.
    #[default]
    Own,
    /// Made with another key.
    Foreign,
    /// Made with the configured key, but the metadata was changed afterwards.
    Broken,
    None,
}

/// The `validUntil` of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Validity {
    #[default]
    Unlimited,
    /// One hour before the time of the fetch.
    Ended,
    /// Three seconds after the time of the fetch.
    Short,
}

impl Validity {
    fn end(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Unlimited => None,
            Self::Ended => Some(now - SignedDuration::from_hours(1)),
            Self::Short => Some(now + SignedDuration::from_secs(3)),
        }
    }
}

/// One version of the metadata.
#[derive(Debug, Clone, Default)]
pub(super) struct Publication {
    /// Each key with the base64 of its certificate.
    pub(super) keys: Vec<(KeyUse, String)>,
    pub(super) validity: Validity,
    pub(super) signature: DocumentSignature,
}

impl Publication {
    /// Creates metadata with the provider's own key.
    pub(super) fn of(provider: &Provider) -> Self {
        Self::default().with(KeyUse::Signing, &provider.key)
    }

    /// Returns the same metadata with one more key.
    pub(super) fn with(mut self, key_use: KeyUse, key: &SigningKey) -> Self {
        self.keys.push((key_use, key.certificate().to_base64()));
        self
    }

    /// Returns the same metadata with one more signing key, by the base64 of its certificate.
    pub(super) fn with_certificate(mut self, certificate: &str) -> Self {
        self.keys.push((KeyUse::Signing, certificate.to_owned()));
        self
    }

    /// Returns the XML document for a fetch at `now`; it is signed if `is_signed` is true.
    ///
    /// # Errors
    /// If the document cannot be signed.
    pub(super) fn to_xml(
        &self,
        provider: &Provider,
        is_signed: bool,
        now: Timestamp,
    ) -> Result<String, String> {
        let mut metadata = provider.own_metadata();
        metadata.cache_duration = Some(CACHE_DURATION.to_owned());
        metadata.valid_until = self.validity.end(now);
        let keys = self
            .keys
            .iter()
            .map(|(key_use, it)| descriptor(*key_use, it));
        let text = replace_keys(&metadata.to_xml(), &keys.collect::<String>())?;
        if !is_signed {
            return Ok(text);
        }
        // The signature refers to this xs:ID. It is unique, because no other element has an ID.
        let text = text.replacen(
            "<md:EntityDescriptor",
            "<md:EntityDescriptor ID=\"_metadata\"",
            1,
        );
        let sign = |text: &str, key: &SigningKey| {
            let signed = Signer::of_documents(key.clone()).sign_document(text);
            signed.map_err(|error| error.to_string())
        };
        match self.signature {
            DocumentSignature::Own => sign(&text, &provider.key),
            DocumentSignature::Foreign => sign(&text, &provider.foreign),
            DocumentSignature::None => Ok(text),
            DocumentSignature::Broken => {
                let own = provider.key.certificate().to_base64();
                let own = descriptor(KeyUse::Signing, &own);
                let signed = sign(&replace_keys(&text, &own)?, &provider.key)?;
                let keys = self
                    .keys
                    .iter()
                    .map(|(key_use, it)| descriptor(*key_use, it));
                replace_keys(&signed, &keys.collect::<String>())
            }
        }
    }
}

fn descriptor(key_use: KeyUse, certificate: &str) -> String {
    let key_use = match key_use {
        KeyUse::Signing => " use=\"signing\"",
        KeyUse::Encryption => " use=\"encryption\"",
        KeyUse::Any => "",
    };
    format!(
        "<md:KeyDescriptor{key_use}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

/// Replaces all `KeyDescriptor` elements, which follow one another, by `keys`.
fn replace_keys(document: &str, keys: &str) -> Result<String, String> {
    const END: &str = "</md:KeyDescriptor>";
    let start = document.find("<md:KeyDescriptor");
    let end = document.rfind(END);
    match (start, end) {
        (Some(start), Some(end)) => Ok(format!(
            "{}{keys}{}",
            &document[..start],
            &document[end + END.len()..]
        )),
        _ => Err("the metadata has no KeyDescriptor".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use ambient::Ambient;
    use saml::acceptance::TrustedKeys;
    use saml::metadata::{IdpMetadata, Selection};

    use super::*;

    #[tokio::test]
    async fn each_document_contains_what_its_name_says() {
        let ambient = Ambient::real();
        let provider = Provider::start(0, None, &ambient).await.unwrap();
        let own = TrustedKeys::new(vec![provider.key.certificate().clone()]).unwrap();
        let foreign = TrustedKeys::new(vec![provider.foreign.certificate().clone()]).unwrap();
        let read = |publication: &Publication, keys: &TrustedKeys| {
            let text = publication.to_xml(&provider, true, ambient.now()).unwrap();
            let selection = Selection {
                entity_id: None,
                signed_by: Some(keys),
            };
            IdpMetadata::select(&text, &selection)
        };
        let two = Publication::of(&provider)
            .with(KeyUse::Encryption, &provider.foreign)
            .with(KeyUse::Any, &provider.foreign);
        let metadata = read(&two, &own).unwrap();
        assert_eq!(
            metadata.signing_certificates,
            [&provider.key, &provider.foreign].map(|it| it.certificate().clone())
        );
        assert_eq!(metadata.cache_duration.as_deref(), Some(CACHE_DURATION));
        for (signature, by_own, by_foreign) in [
            (DocumentSignature::Own, true, false),
            (DocumentSignature::Foreign, false, true),
            (DocumentSignature::Broken, false, false),
            (DocumentSignature::None, false, false),
        ] {
            let one = Publication {
                signature,
                ..two.clone()
            };
            assert_eq!(read(&one, &own).is_ok(), by_own, "{signature:?}");
            assert_eq!(read(&one, &foreign).is_ok(), by_foreign, "{signature:?}");
        }
        let none = Publication::default()
            .to_xml(&provider, true, ambient.now())
            .unwrap();
        assert!(!none.contains("KeyDescriptor"), "{none}");
    }
}
