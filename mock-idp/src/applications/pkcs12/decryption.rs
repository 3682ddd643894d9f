//! Derives keys from a password, decrypts by them and verifies the message authentication code
//! (RFC 7292 appendix B, RFC 8018 §6.2).

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac, pbkdf2};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};

/// Most rounds of a key derivation: some ten times as many as programs write, and a few seconds.
const MOST_ROUNDS: u32 = 10_000_000;

/// What a key is derived for (RFC 7292 appendix B.3).
const FOR_ENCRYPTION: u8 = 1;
const FOR_VECTOR: u8 = 2;
const FOR_MAC: u8 = 3;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The message authentication code of a file.
pub(super) struct Mac {
    pub(super) hash: Hash,
    pub(super) code: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) rounds: u32,
}

/// How a content is encrypted.
pub(super) enum Scheme {
    /// Triple DES with a key by SHA-1, which old programs write.
    TripleDes { salt: Vec<u8>, rounds: u32 },
    /// AES in CBC mode with a key by PBKDF2.
    Pbes2 {
        salt: Vec<u8>,
        rounds: u32,
        hash: Hash,
        key_length: usize,
        vector: Vec<u8>,
    },
}

impl Mac {
    /// True if the password belongs to these contents.
    pub(super) fn verifies(&self, contents: &[u8], password: &str) -> bool {
        let length = self.hash.digest().output_len();
        let key = self
            .hash
            .derive(FOR_MAC, password, &self.salt, self.rounds, length);
        let algorithm = match self.hash {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        key.is_some_and(|key| {
            let key = hmac::Key::new(algorithm, &key);
            hmac::verify(&key, contents, &self.code).is_ok()
        })
    }
}

impl Scheme {
    /// Decrypts; `None` if the password is another one, or there are too many rounds.
    pub(super) fn decrypt(&self, encrypted: &[u8], password: &str) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes { salt, rounds } => {
                let derive =
                    |what, length| Hash::Sha1.derive(what, password, salt, *rounds, length);
                let (key, vector) = (derive(FOR_ENCRYPTION, 24)?, derive(FOR_VECTOR, 8)?);
                let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &vector);
                cipher.ok()?.decrypt_padded_vec::<Pkcs7>(encrypted).ok()
            }
            Self::Pbes2 {
                salt,
                rounds,
                hash,
                key_length,
                vector,
            } => {
                let function = match hash {
                    Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                    Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                    Hash::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
                    Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                };
                let mut key = vec![0; *key_length];
                let rounds = NonZeroU32::new(*rounds).filter(|it| it.get() <= MOST_ROUNDS)?;
                pbkdf2::derive(function, rounds, salt, password.as_bytes(), &mut key);
                let algorithm = match key_length {
                    16 => &AES_128,
                    24 => &AES_192,
                    _ => &AES_256,
                };
                let vector: [u8; 16] = vector.as_slice().try_into().ok()?;
                let context = DecryptionContext::Iv128(FixedLength::from(vector));
                let key = UnboundCipherKey::new(algorithm, &key).ok()?;
                let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
                let mut buffer = encrypted.to_vec();
                let plain = key.decrypt(&mut buffer, context).ok()?;
                Some(plain.to_vec())
            }
        }
    }
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Derives a key as RFC 7292 appendix B.2 says. `None` if there are no or too many rounds.
    fn derive(
        self,
        what_for: u8,
        password: &str,
        salt: &[u8],
        rounds: u32,
        length: usize,
    ) -> Option<Vec<u8>> {
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return None;
        }
        let block = self.digest().block_len();
        // UTF-16 in network byte order, with a zero at the end.
        let units = password.encode_utf16().chain([0]);
        let password: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
        let repeat = |bytes: &[u8]| -> Vec<u8> {
            let whole = bytes.len().next_multiple_of(block);
            bytes.iter().copied().cycle().take(whole).collect()
        };
        let mut input = repeat(salt);
        input.extend(repeat(&password));
        let mut out = Vec::new();
        loop {
            let mut context = digest::Context::new(self.digest());
            context.update(&vec![what_for; block]);
            context.update(&input);
            let mut digest = context.finish();
            for _ in 1..rounds {
                digest = digest::digest(self.digest(), digest.as_ref());
            }
            out.extend_from_slice(digest.as_ref());
            if out.len() >= length {
                out.truncate(length);
                return Some(out);
            }
            // The next digest is of each block of the input plus this digest plus 1.
            let addend: Vec<u8> = digest
                .as_ref()
                .iter()
                .copied()
                .cycle()
                .take(block)
                .collect();
            for part in input.chunks_mut(block) {
                let mut carry = 1;
                for (byte, added) in part.iter_mut().zip(&addend).rev() {
                    let sum = u16::from(*byte) + u16::from(*added) + carry;
                    *byte = sum.to_le_bytes()[0];
                    carry = sum >> 8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_rounds_is_limited() {
        for (rounds, is_accepted) in [(0, false), (1, true), (MOST_ROUNDS + 1, false)] {
            let key = Hash::Sha1.derive(FOR_MAC, "secret", b"salt", rounds, 20);
            assert_eq!(key.is_some(), is_accepted, "{rounds}");
            let scheme = Scheme::Pbes2 {
                salt: b"salt".to_vec(),
                rounds,
                hash: Hash::Sha256,
                key_length: 32,
                vector: vec![0; 16],
            };
            assert_eq!(scheme.decrypt(&[0; 32], "secret"), None);
        }
    }
}
