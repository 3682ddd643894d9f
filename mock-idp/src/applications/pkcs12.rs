//! Reads a key pair from a PKCS#12 file (RFC 7292), `.p12` or `.pfx`.

use pem::Pem;
use saml::keys::{Certificate, SigningKey};

use crate::config::KeyMaterial;
use crate::refusal::{Refused, Result};

/// Returns the private key in the file and its certificate.
///
/// # Errors
/// [`Refused`] for `file`: the password does not decrypt it, or it does not contain exactly one
/// RSA or EC key and its certificate.
pub(super) fn read_key_and_certificate(
    file: &[u8],
    password: &str,
) -> Result<(KeyMaterial, Certificate)> {
    let wrong = |what: String| Refused::invalid("file", what);
    let contents = bergshamra_pkcs12::parse_pkcs12(file, password).map_err(|error| {
        wrong(format!(
            "cannot read the PKCS#12 file with this password: {error}"
        ))
    })?;
    let [key] = contents.private_keys.as_slice() else {
        return Err(wrong(format!(
            "expected one private key in the file, got {}",
            contents.private_keys.len()
        )));
    };
    let private_key = pem::encode(&Pem::new("PRIVATE KEY", key.to_vec()));
    let count = contents.certificates.len();
    for der in contents.certificates {
        let text = pem::encode(&Pem::new("CERTIFICATE", der));
        let Ok(certificate) = Certificate::parse(&text) else {
            continue;
        };
        if SigningKey::new(&private_key, certificate.clone()).is_ok() {
            let material = KeyMaterial {
                private_key,
                certificate: text,
            };
            return Ok((material, certificate));
        }
    }
    Err(wrong(format!(
        "expected an RSA or EC key and its certificate, got {count} certificates, none of them for the key"
    )))
}
