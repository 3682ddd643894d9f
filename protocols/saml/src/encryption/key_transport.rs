//! The key of the content, encrypted by RSA-OAEP (xmlenc-core1 §5.5.2), by AWS-LC.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PublicEncryptingKey,
};

use crate::keys::{Certificate, SigningKey};

/// Hash of RSA-OAEP, which is also that of its mask generation function: AWS-LC has no other
/// combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1, as in XML Encryption 1.0. In OAEP, collisions do no harm.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepHash {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }

    /// Encrypts a key for the recipient. `None` if the recipient's key is not RSA.
    pub fn encrypt(self, recipient: &Certificate, key: &[u8]) -> Option<Vec<u8>> {
        let public = PublicEncryptingKey::from_der(recipient.public_key_der()).ok()?;
        let public = OaepPublicEncryptingKey::new(public).ok()?;
        let mut out = vec![0; public.ciphertext_size()];
        let length = public.encrypt(self.algorithm(), key, &mut out, None);
        let length = length.ok()?.len();
        out.truncate(length);
        Some(out)
    }

    /// Decrypts a key. `None` if it is encrypted for somebody else.
    pub fn decrypt(self, recipient: &SigningKey, encrypted: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_with_label(recipient, encrypted, None)
    }

    /// The same, with the label that `OAEPparams` contains.
    pub(super) fn decrypt_with_label(
        self,
        recipient: &SigningKey,
        encrypted: &[u8],
        label: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let private: &OaepPrivateDecryptingKey = recipient.decryption_key()?;
        let mut out = vec![0; private.min_output_size()];
        let length = private.decrypt(self.algorithm(), encrypted, &mut out, label);
        let length = length.ok()?.len();
        out.truncate(length);
        Some(out)
    }
}
