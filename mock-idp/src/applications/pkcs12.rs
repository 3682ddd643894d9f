//! A key pair out of a PKCS#12 file (RFC 7292), as `.p12` and `.pfx` are.

use pem::Pem;
use saml::keys::{Certificate, SigningKey};

use crate::config::KeyMaterial;
use crate::refusal::{Refused, Result};

/// The private key of the file, with the certificate that is its own.
///
/// # Errors
/// [`Refused`] at `file`: it can't be read with that password, or holds other
/// than one RSA or EC key with its certificate.
pub(super) fn opened(file: &[u8], password: &str) -> Result<(KeyMaterial, Certificate)> {
    let wrong = |what: String| Refused::invalid("file", what);
    let contents = bergshamra_pkcs12::parse_pkcs12(file, password).map_err(|error| {
        wrong(format!(
            "expected a PKCS#12 file that the password opens: {error}"
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
        "expected an RSA or EC key and its certificate, got {count} certificates, none of which is the key's"
    )))
}
