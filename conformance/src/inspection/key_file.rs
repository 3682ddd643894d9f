//! Reads the file of a private key in the formats in which keys are kept, and says what a file is
//! that contains none that can decrypt.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;

use super::encoding;

/// First byte of every key and certificate in DER: a SEQUENCE.
const SEQUENCE: u8 = 0x30;

/// Object identifier id-ecPublicKey (RFC 5480 §2.1.1) in DER.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Object identifiers of the password-based encryption schemes, PKCS#5 and PKCS#12, in DER.
const ENCRYPTED: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c],
];

/// Reads an RSA private key: PEM, also on one line or with `\n` as two characters, DER, or the
/// base64 of DER.
///
/// # Errors
/// What the file is and what to do, as the end of a sentence; `None` if the format is unknown.
pub(super) fn read(bytes: &[u8]) -> Result<RsaPrivateKey, Option<&'static str>> {
    if bytes.first() == Some(&SEQUENCE)
        && let Some(read) = of_der(bytes, true)
    {
        return read.map_err(Some);
    }
    let Ok(decoded) = encoding::decode(bytes) else {
        return Err(Some(
            "binary data of an unknown format; export the key in PEM",
        ));
    };
    let text = decoded
        .text
        .replace("\\r", "")
        .replace("\\n", "\n")
        .replace(['"', '\''], "");
    let mut other = None;
    let mut rest = text.as_str();
    while let Some((label, body, after)) = next_block(rest) {
        rest = after;
        match of_block(label, body) {
            Ok(key) => return Ok(key),
            Err(what) => other = other.or(what),
        }
    }
    if other.is_none()
        && let Ok(der) = STANDARD.decode(compact(&text))
        && let Some(read) = of_der(&der, false)
    {
        return read.map_err(Some);
    }
    Err(other)
}

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Returns the label and content of the first PEM block, and the text after it.
fn next_block(text: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    Some((label, body, rest))
}

fn of_block(label: &str, body: &str) -> Result<RsaPrivateKey, Option<&'static str>> {
    const PASSWORD: &str =
        "a private key with a password; remove the password: openssl pkey -in FILE -out sp-key.pem";
    match label {
        "ENCRYPTED PRIVATE KEY" => Err(Some(PASSWORD)),
        label if label.ends_with("PRIVATE KEY") && body.contains("ENCRYPTED") => {
            Err(Some(PASSWORD))
        }
        "EC PRIVATE KEY" => Err(Some(EC_KEY)),
        "OPENSSH PRIVATE KEY" => Err(Some(
            "a key of OpenSSH; give the private key of your service provider's certificate",
        )),
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Err(Some(CERTIFICATE)),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(Some(
            "a public key, which cannot decrypt; give the private key that belongs to it",
        )),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Err(Some(
            "a certificate request; give the private key that was made with it",
        )),
        label if label.ends_with("PRIVATE KEY") => match STANDARD.decode(compact(body)) {
            Ok(der) => of_der(&der, false).map_or(Err(None), |read| read.map_err(Some)),
            Err(_) => Err(Some(
                "a private key in PEM whose base64 is damaged or cut; copy it again",
            )),
        },
        _ => Err(None),
    }
}

const EC_KEY: &str = "an EC key, and assertions are encrypted for an RSA key; give the key of the certificate for encryption in your metadata (KeyDescriptor use=\"encryption\")";

const CERTIFICATE: &str =
    "a certificate, which contains no private key; give the file of the private key";

/// Reads a key in DER, or says what else it is; `None` if that is unknown. `is_file` chooses the
/// commands for files in DER.
fn of_der(der: &[u8], is_file: bool) -> Option<Result<RsaPrivateKey, &'static str>> {
    let key = RsaPrivateKey::from_pkcs8_der(der)
        .ok()
        .or_else(|| RsaPrivateKey::from_pkcs1_der(der).ok());
    if let Some(key) = key {
        return Some(Ok(key));
    }
    let has = |name: &[u8]| der.windows(name.len()).take(80).any(|it| it == name);
    if x509_parser::parse_x509_certificate(der).is_ok() {
        return Some(Err(CERTIFICATE));
    }
    // The version of a PKCS#12 file is 3 (RFC 7292 §4).
    if der.windows(3).take(7).any(|it| it == [0x02, 0x01, 0x03]) {
        return Some(Err(
            "a PKCS#12 file (.pfx, .p12); convert it: openssl pkcs12 -in FILE -nocerts -nodes -out sp-key.pem (for an old file add -legacy)",
        ));
    }
    if ENCRYPTED.iter().any(|name| has(name)) {
        return Some(Err(if is_file {
            "a private key in DER with a password; convert it: openssl pkey -inform DER -in FILE -out sp-key.pem"
        } else {
            "a private key with a password; remove the password: openssl pkey -in FILE -out sp-key.pem"
        }));
    }
    has(EC).then_some(Err(EC_KEY))
}

#[cfg(test)]
mod tests {
    use rsa::pkcs1::EncodeRsaPrivateKey as _;
    use rsa::pkcs8::EncodePrivateKey as _;

    use super::*;
    use crate::key_pair::KeyPair;

    fn pair() -> KeyPair {
        let from = "2026-01-01T00:00:00Z".parse().unwrap();
        KeyPair::generate("test", from, &ambient::Ambient::real()).unwrap()
    }

    #[test]
    fn a_key_is_read_in_every_form_in_which_it_is_kept() {
        let pair = pair();
        let pem = &pair.private_key;
        let key = read(pem.as_bytes()).unwrap();
        let pkcs8 = key.to_pkcs8_der().unwrap();
        for bytes in [
            format!("{}{pem}", pair.certificate).into_bytes(),
            pem.trim().replace('\n', " ").into_bytes(),
            format!("\"{}\"", pem.trim().replace('\n', "\\n")).into_bytes(),
            format!("\u{feff}{}", pem.replace('\n', "\r\n")).into_bytes(),
            STANDARD.encode(pkcs8.as_bytes()).into_bytes(),
            pkcs8.as_bytes().to_vec(),
            key.to_pkcs1_der().unwrap().as_bytes().to_vec(),
        ] {
            let again = read(&bytes);
            assert_eq!(again.as_ref(), Ok(&key), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_without_a_usable_key_is_named() {
        let pair = pair();
        let pfx = [
            0x30, 0x82, 0x09, 0x00, 0x02, 0x01, 0x03, 0x30, 0x82, 0x08, 0x00,
        ];
        let locked = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        let ec = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----";
        let cut = pair.private_key.replacen("M", "!", 1);
        let rows: [(&[u8], &str); 6] = [
            (pair.certificate.as_bytes(), "a certificate"),
            (&pfx, "openssl pkcs12 -in"),
            (locked.as_bytes(), "with a password"),
            (ec.as_bytes(), "an EC key"),
            (cut.as_bytes(), "damaged or cut"),
            (b"\xff\xd8\xff\xe0 binary", "binary data"),
        ];
        for (bytes, words) in rows {
            let what = read(bytes).unwrap_err().unwrap_or_default();
            assert!(what.contains(words), "{words}: {what}");
        }
        assert_eq!(read(b"no key").unwrap_err(), None);
    }
}
