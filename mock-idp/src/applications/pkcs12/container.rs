//! Reads the container of PKCS#12 (RFC 7292 §4): bags in encrypted or plain contents, protected by a
//! message authentication code.
//!
//! Files are in BER: some programs write lengths that are not known in advance.

use yasna::models::ObjectIdentifier;
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag};

use super::decryption::{Hash, Mac, Scheme};

/// Contents of PKCS#7: plain bytes, and encrypted ones (RFC 2315 §14).
const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];
const ENCRYPTED_DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 6];

/// Bags (RFC 7292 §4.2).
const KEY_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 1];
const SHROUDED_KEY_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 2];
const CERTIFICATE_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 3];
const X509_CERTIFICATE: &[u64] = &[1, 2, 840, 113_549, 1, 9, 22, 1];

/// Encryption by a password (RFC 7292 appendix C; RFC 8018 §6.2).
const SHA1_AND_TRIPLE_DES: &[u64] = &[1, 2, 840, 113_549, 1, 12, 1, 3];
const PBES2: &[u64] = &[1, 2, 840, 113_549, 1, 5, 13];
const PBKDF2: &[u64] = &[1, 2, 840, 113_549, 1, 5, 12];

/// The object identifiers of each hash: as a digest, and in HMAC.
const HASHES: [(Hash, &[u64], &[u64]); 4] = [
    (
        Hash::Sha1,
        &[1, 3, 14, 3, 2, 26],
        &[1, 2, 840, 113_549, 2, 7],
    ),
    (
        Hash::Sha256,
        &[2, 16, 840, 1, 101, 3, 4, 2, 1],
        &[1, 2, 840, 113_549, 2, 9],
    ),
    (
        Hash::Sha384,
        &[2, 16, 840, 1, 101, 3, 4, 2, 2],
        &[1, 2, 840, 113_549, 2, 10],
    ),
    (
        Hash::Sha512,
        &[2, 16, 840, 1, 101, 3, 4, 2, 3],
        &[1, 2, 840, 113_549, 2, 11],
    ),
];

/// AES in CBC mode, with the length of the key in bytes.
const CIPHERS: [(usize, &[u64]); 3] = [
    (16, &[2, 16, 840, 1, 101, 3, 4, 1, 2]),
    (24, &[2, 16, 840, 1, 101, 3, 4, 1, 22]),
    (32, &[2, 16, 840, 1, 101, 3, 4, 1, 42]),
];

/// A file: the bytes that its code authenticates, and the code.
pub(super) struct File {
    pub(super) contents: Vec<u8>,
    pub(super) mac: Option<Mac>,
}

/// Bytes that may be encrypted.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) scheme: Option<Scheme>,
}

/// What is in the contents.
pub(super) enum Bag {
    /// A private key, PKCS#8.
    Key(Content),
    /// A certificate in DER.
    Certificate(Vec<u8>),
    /// A revocation list, a secret or another thing that is not used.
    Other,
}

/// Reads a file.
pub(super) fn read_file(bytes: &[u8]) -> ASN1Result<File> {
    yasna::parse_ber(bytes, |reader| {
        reader.read_sequence(|reader| {
            if reader.next().read_u32()? != 3 {
                return Err(invalid());
            }
            let content = read_content(reader.next())?;
            if content.scheme.is_some() {
                return Err(invalid());
            }
            Ok(File {
                contents: content.bytes,
                mac: reader.read_optional(read_mac)?,
            })
        })
    })
}

/// Reads the list of contents of a file.
pub(super) fn read_contents(bytes: &[u8]) -> ASN1Result<Vec<Content>> {
    yasna::parse_ber(bytes, |reader| reader.collect_sequence_of(read_content))
}

/// Reads the bags of a decrypted content.
pub(super) fn read_bags(bytes: &[u8]) -> ASN1Result<Vec<Bag>> {
    yasna::parse_ber(bytes, |reader| reader.collect_sequence_of(read_bag))
}

fn invalid() -> ASN1Error {
    ASN1Error::new(ASN1ErrorKind::Invalid)
}

fn is(oid: &ObjectIdentifier, components: &[u64]) -> bool {
    oid.components().as_slice() == components
}

/// Reads a value with the explicit tag 0.
fn tagged<T>(
    reader: BERReader<'_, '_>,
    read: impl FnOnce(BERReader<'_, '_>) -> ASN1Result<T>,
) -> ASN1Result<T> {
    reader.read_tagged(Tag::context(0), read)
}

fn read_content(reader: BERReader<'_, '_>) -> ASN1Result<Content> {
    reader.read_sequence(|reader| {
        let kind = reader.next().read_oid()?;
        if is(&kind, DATA) {
            let bytes = tagged(reader.next(), |it| it.read_bytes())?;
            return Ok(Content {
                bytes,
                scheme: None,
            });
        }
        if !is(&kind, ENCRYPTED_DATA) {
            return Err(invalid());
        }
        tagged(reader.next(), |it| {
            it.read_sequence(|reader| {
                let _version = reader.next().read_u32()?;
                reader.next().read_sequence(|reader| {
                    let _kind = reader.next().read_oid()?;
                    let scheme = Some(read_scheme(reader.next())?);
                    let content = reader.next();
                    let bytes =
                        content.read_tagged_implicit(Tag::context(0), |it| it.read_bytes())?;
                    Ok(Content { bytes, scheme })
                })
            })
        })
    })
}

fn read_bag(reader: BERReader<'_, '_>) -> ASN1Result<Bag> {
    reader.read_sequence(|reader| {
        let kind = reader.next().read_oid()?;
        let value = reader.next();
        let bag = if is(&kind, KEY_BAG) {
            let bytes = tagged(value, |it| it.read_der())?;
            Bag::Key(Content {
                bytes,
                scheme: None,
            })
        } else if is(&kind, SHROUDED_KEY_BAG) {
            tagged(value, |it| {
                it.read_sequence(|reader| {
                    let scheme = Some(read_scheme(reader.next())?);
                    let bytes = reader.next().read_bytes()?;
                    Ok(Bag::Key(Content { bytes, scheme }))
                })
            })?
        } else if is(&kind, CERTIFICATE_BAG) {
            tagged(value, |it| {
                it.read_sequence(|reader| {
                    let kind = reader.next().read_oid()?;
                    let content = reader.next();
                    Ok(match is(&kind, X509_CERTIFICATE) {
                        true => Bag::Certificate(tagged(content, |it| it.read_bytes())?),
                        false => {
                            content.read_der()?;
                            Bag::Other
                        }
                    })
                })
            })?
        } else {
            value.read_der()?;
            Bag::Other
        };
        // The attributes, such as a name for people.
        reader.read_optional(|it| it.read_der())?;
        Ok(bag)
    })
}

fn read_mac(reader: BERReader<'_, '_>) -> ASN1Result<Mac> {
    reader.read_sequence(|reader| {
        let (hash, code) = reader.next().read_sequence(|reader| {
            let digest = read_algorithm(reader.next())?;
            let hash = HASHES.iter().find(|(_, oid, _)| is(&digest, oid));
            let hash = hash.ok_or_else(invalid)?.0;
            Ok((hash, reader.next().read_bytes()?))
        })?;
        let salt = reader.next().read_bytes()?;
        let rounds = reader.read_optional(|it| it.read_u32())?.unwrap_or(1);
        Ok(Mac {
            hash,
            code,
            salt,
            rounds,
        })
    })
}

/// Reads an algorithm without parameters.
fn read_algorithm(reader: BERReader<'_, '_>) -> ASN1Result<ObjectIdentifier> {
    reader.read_sequence(|reader| {
        let oid = reader.next().read_oid()?;
        reader.read_optional(|it| it.read_null())?;
        Ok(oid)
    })
}

fn read_scheme(reader: BERReader<'_, '_>) -> ASN1Result<Scheme> {
    reader.read_sequence(|reader| {
        let kind = reader.next().read_oid()?;
        reader.next().read_sequence(|reader| {
            if is(&kind, SHA1_AND_TRIPLE_DES) {
                Ok(Scheme::TripleDes {
                    salt: reader.next().read_bytes()?,
                    rounds: reader.next().read_u32()?,
                })
            } else if is(&kind, PBES2) {
                read_pbes2(reader)
            } else {
                Err(invalid())
            }
        })
    })
}

fn read_pbes2(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<Scheme> {
    let (salt, rounds, hash) = reader.next().read_sequence(|reader| {
        if !is(&reader.next().read_oid()?, PBKDF2) {
            return Err(invalid());
        }
        reader.next().read_sequence(|reader| {
            let salt = reader.next().read_bytes()?;
            let rounds = reader.next().read_u32()?;
            // The length of the key follows from the cipher.
            reader.read_optional(|it| it.read_u32())?;
            let function = reader.read_optional(read_algorithm)?;
            let hash = match &function {
                None => Hash::Sha1,
                Some(oid) => {
                    let known = HASHES.iter().find(|(_, _, hmac)| is(oid, hmac));
                    known.ok_or_else(invalid)?.0
                }
            };
            Ok((salt, rounds, hash))
        })
    })?;
    reader.next().read_sequence(|reader| {
        let cipher = reader.next().read_oid()?;
        let cipher = CIPHERS.iter().find(|(_, oid)| is(&cipher, oid));
        Ok(Scheme::Pbes2 {
            salt,
            rounds,
            hash,
            key_length: cipher.ok_or_else(invalid)?.0,
            vector: reader.next().read_bytes()?,
        })
    })
}
