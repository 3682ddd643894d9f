//! Algorithms of signatures and digests. Algorithms that are not in these lists are neither used
//! nor accepted.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, VerificationAlgorithm};

use crate::names;

/// Signature algorithms (XML Signature §6.4, RFC 9231 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the usual algorithm of SAML products.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// RSASSA-PSS with SHA-256, MGF1 with the same hash, and a salt of its length.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512.
    RsaPssSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
}

impl SignatureAlgorithm {
    /// The accepted algorithms.
    pub const ACCEPTED: [Self; 9] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
    ];

    /// Returns the URI of the algorithm.
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => names::RSA_SHA256,
            Self::RsaSha384 => names::RSA_SHA384,
            Self::RsaSha512 => names::RSA_SHA512,
            Self::RsaPssSha256 => names::RSA_PSS_SHA256,
            Self::RsaPssSha384 => names::RSA_PSS_SHA384,
            Self::RsaPssSha512 => names::RSA_PSS_SHA512,
            Self::EcdsaSha256 => names::ECDSA_SHA256,
            Self::EcdsaSha384 => names::ECDSA_SHA384,
            Self::EcdsaSha512 => names::ECDSA_SHA512,
        }
    }

    /// Returns the digest algorithm of the same strength.
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaSha256 | Self::RsaPssSha256 | Self::EcdsaSha256 => DigestAlgorithm::Sha256,
            Self::RsaSha384 | Self::RsaPssSha384 | Self::EcdsaSha384 => DigestAlgorithm::Sha384,
            Self::RsaSha512 | Self::RsaPssSha512 | Self::EcdsaSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// Returns the accepted algorithm with this URI.
    pub fn from_accepted_uri(uri: &str) -> Option<Self> {
        Self::ACCEPTED
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// True for RSA algorithms.
    pub fn is_rsa(self) -> bool {
        !matches!(
            self,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512
        )
    }
}

impl SignatureAlgorithm {
    /// Returns the algorithms for a kind of key, such as `RSA 2048` or `EC P-256`.
    pub(super) fn of_key(name: &str) -> &'static [Self] {
        match name {
            "EC P-256" => &[Self::EcdsaSha256],
            "EC P-384" => &[Self::EcdsaSha384],
            "EC P-521" => &[Self::EcdsaSha512],
            _ => &[
                Self::RsaSha256,
                Self::RsaSha384,
                Self::RsaSha512,
                Self::RsaPssSha256,
                Self::RsaPssSha384,
                Self::RsaPssSha512,
            ],
        }
    }

    /// Returns the cryptographic library's algorithm for verification, on the curve that belongs to
    /// its hash (RFC 6931 §2.3.6).
    pub(super) fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::EcdsaSha256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EcdsaSha384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::EcdsaSha512 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// Digest algorithms of a Reference (XML Encryption §5.7, RFC 9231 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// Returns the URI of the algorithm.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => names::SHA256,
            Self::Sha384 => names::SHA384,
            Self::Sha512 => names::SHA512,
        }
    }

    /// Returns the accepted algorithm with this URI.
    pub fn from_accepted_uri(uri: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// Returns the digest of these bytes.
    pub fn of(self, octets: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, octets).as_ref().to_vec()
    }
}
