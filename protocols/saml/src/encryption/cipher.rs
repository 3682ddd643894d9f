//! The ciphers for the content (xmlenc-core1 §5.2), by AWS-LC.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, RandomizedNonceKey, UnboundKey,
};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::{FixedLength, IV_LEN_128_BIT};

/// Block size of AES, in bytes.
const BLOCK: usize = 16;

/// Cipher for the content of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentCipher {
    /// AES-128 in GCM: encrypts and authenticates.
    Aes128Gcm,
    /// AES-256 in GCM.
    Aes256Gcm,
    /// AES-128 in CBC: encrypts only, so the signature must authenticate.
    Aes128Cbc,
    /// AES-256 in CBC.
    Aes256Cbc,
}

impl ContentCipher {
    /// Every cipher that is accepted.
    pub const ALL: [Self; 4] = [
        Self::Aes128Gcm,
        Self::Aes256Gcm,
        Self::Aes128Cbc,
        Self::Aes256Cbc,
    ];

    /// Returns the URI of the algorithm.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }

    /// Returns the length of the key, in bytes.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }

    /// Encrypts `plain` with a random initialization vector, which precedes the result. `None` if the
    /// key has another length.
    pub fn encrypt(self, key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Aes128Gcm => seal(RandomizedNonceKey::new(&AES_128_GCM, key).ok()?, plain),
            Self::Aes256Gcm => seal(RandomizedNonceKey::new(&AES_256_GCM, key).ok()?, plain),
            Self::Aes128Cbc => chain(UnboundCipherKey::new(&AES_128, key).ok()?, plain),
            Self::Aes256Cbc => chain(UnboundCipherKey::new(&AES_256, key).ok()?, plain),
        }
    }

    /// Decrypts what [`Self::encrypt`] returns. `None` if the key is another one, or the content was
    /// changed; in CBC only its length and the last byte of the padding are checked.
    pub fn decrypt(self, key: &[u8], encrypted: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Aes128Gcm => open(UnboundKey::new(&AES_128_GCM, key).ok()?, encrypted),
            Self::Aes256Gcm => open(UnboundKey::new(&AES_256_GCM, key).ok()?, encrypted),
            Self::Aes128Cbc => unchain(UnboundCipherKey::new(&AES_128, key).ok()?, encrypted),
            Self::Aes256Cbc => unchain(UnboundCipherKey::new(&AES_256, key).ok()?, encrypted),
        }
    }
}

fn seal(key: RandomizedNonceKey, plain: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = plain.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::empty(), &mut sealed);
    let mut out = nonce.ok()?.as_ref().to_vec();
    out.append(&mut sealed);
    Some(out)
}

fn open(key: UnboundKey, encrypted: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = encrypted.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buffer = sealed.to_vec();
    let plain = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut buffer);
    let length = plain.ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn chain(key: UnboundCipherKey, plain: &[u8]) -> Option<Vec<u8>> {
    let padding = BLOCK - plain.len() % BLOCK;
    let mut blocks = plain.to_vec();
    blocks.resize(plain.len() + padding, u8::try_from(padding).ok()?);
    let context = EncryptingKey::cbc(key).ok()?.encrypt(&mut blocks).ok()?;
    let DecryptionContext::Iv128(vector) = context else {
        return None;
    };
    let mut out = vector.as_ref().to_vec();
    out.append(&mut blocks);
    Some(out)
}

fn unchain(key: UnboundCipherKey, encrypted: &[u8]) -> Option<Vec<u8>> {
    let (vector, blocks) = encrypted.split_at_checked(IV_LEN_128_BIT)?;
    if blocks.is_empty() || !blocks.len().is_multiple_of(BLOCK) {
        return None;
    }
    let vector: [u8; IV_LEN_128_BIT] = vector.try_into().ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from(vector));
    let mut plain = blocks.to_vec();
    // Without the padding of PKCS #7: in XML Encryption, only the last byte of the padding is defined.
    DecryptingKey::cbc(key)
        .ok()?
        .decrypt(&mut plain, context)
        .ok()?;
    let padding = usize::from(*plain.last()?);
    if !(1..=BLOCK).contains(&padding) {
        return None;
    }
    plain.truncate(plain.len() - padding);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        let pairs = digits.chunks(2).map(String::from_iter);
        pairs
            .map(|it| u8::from_str_radix(&it, 16).unwrap())
            .collect()
    }

    #[test]
    fn the_ciphers_are_those_of_the_standards() {
        // SP 800-38A, F.2.1 and F.2.5: the first two blocks, with their plain text.
        let plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let vector = "000102030405060708090a0b0c0d0e0f";
        for (cipher, key, blocks) in [
            (
                ContentCipher::Aes128Cbc,
                "2b7e151628aed2a6abf7158809cf4f3c",
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
            ),
            (
                ContentCipher::Aes256Cbc,
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
            ),
        ] {
            // The last byte of the plain text, 0x51, is no padding.
            let encrypted = bytes(&format!("{vector}{blocks}"));
            assert_eq!(cipher.decrypt(&bytes(key), &encrypted), None);
            // The last byte of the first block is no padding either. A changed initialization vector
            // turns it into 5, which is valid padding.
            let mut changed = encrypted[..32].to_vec();
            changed[15] ^= 0x2a ^ 5;
            let decrypted = cipher.decrypt(&bytes(key), &changed);
            assert_eq!(decrypted.unwrap(), plain[..11]);
        }
        // The GCM specification, test cases 4 and 16 without additional data (3 and 15), shortened to
        // one block: AES-128 and AES-256 with key and vector of zeros (cases 2 and 14).
        for (cipher, length, sealed) in [
            (
                ContentCipher::Aes128Gcm,
                16,
                "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
            ),
            (
                ContentCipher::Aes256Gcm,
                32,
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
            ),
        ] {
            let mut encrypted = vec![0; 12];
            encrypted.extend(bytes(sealed));
            let plain = cipher.decrypt(&vec![0; length], &encrypted);
            assert_eq!(plain.unwrap(), [0; 16]);
            encrypted[20] ^= 1;
            assert_eq!(cipher.decrypt(&vec![0; length], &encrypted), None);
        }
    }

    #[test]
    fn each_length_is_encrypted_and_only_the_key_decrypts() {
        for cipher in ContentCipher::ALL {
            let key = vec![7; cipher.key_length()];
            for length in [0, 1, 15, 16, 17, 4000] {
                let plain = vec![b'a'; length];
                let encrypted = cipher.encrypt(&key, &plain).unwrap();
                assert_ne!(cipher.encrypt(&key, &plain).unwrap(), encrypted);
                assert_eq!(cipher.decrypt(&key, &encrypted).unwrap(), plain);
                let other = vec![8; cipher.key_length()];
                assert_ne!(cipher.decrypt(&other, &encrypted), Some(plain));
                for end in [0, 11, 12, 16, encrypted.len() - 1] {
                    assert_eq!(cipher.decrypt(&key, &encrypted[..end]), None, "{cipher:?}");
                }
            }
            assert_eq!(cipher.encrypt(&key[1..], b"text"), None);
            assert_eq!(cipher.decrypt(&key[1..], &[0; 48]), None);
        }
    }
}
