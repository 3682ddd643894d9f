//! Reads a key pair from a PKCS#12 file (RFC 7292), `.p12` or `.pfx`.

mod container;
mod decryption;

use container::{Bag, Content};
use pem::Pem;
use saml::keys::{Certificate, SigningKey};

use crate::config::KeyMaterial;
use crate::refusal::Refused;

/// Returns the private key in the file and its certificate.
///
/// # Errors
/// [`Refused`] for `file`: the password does not decrypt it, or it does not contain exactly one
/// RSA or EC key and its certificate.
pub(super) fn read_key_and_certificate(
    file: &[u8],
    password: &str,
) -> Result<(KeyMaterial, Certificate), Refused> {
    let wrong = |what: String| Refused::invalid("file", what);
    let contents = read(file, password)
        .map_err(|reason| wrong(format!("cannot read the PKCS#12 file: {reason}")))?;
    let [key] = contents.keys.as_slice() else {
        return Err(wrong(format!(
            "expected one private key in the file, got {}",
            contents.keys.len()
        )));
    };
    let private_key = pem::encode(&Pem::new("PRIVATE KEY", key.clone()));
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

/// The keys (PKCS#8) and certificates of a file, in DER.
#[derive(Default)]
struct Contents {
    keys: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
}

/// Reads a file.
///
/// # Errors
/// In words.
fn read(file: &[u8], password: &str) -> Result<Contents, &'static str> {
    const FORM: &str = "expected a PKCS#12 file that is encrypted with AES or Triple DES";
    let file = container::read_file(file).map_err(|_| FORM)?;
    if let Some(mac) = &file.mac
        && !mac.verifies(&file.contents, password)
    {
        return Err("the password does not fit");
    }
    let decrypt = |content: Content| match &content.scheme {
        None => Ok(content.bytes),
        Some(scheme) => {
            let plain = scheme.decrypt(&content.bytes, password);
            plain.ok_or("it cannot be decrypted with this password")
        }
    };
    let mut found = Contents::default();
    for content in container::read_contents(&file.contents).map_err(|_| FORM)? {
        for bag in container::read_bags(&decrypt(content)?).map_err(|_| FORM)? {
            match bag {
                Bag::Key(content) => found.keys.push(decrypt(content)?),
                Bag::Certificate(der) => found.certificates.push(der),
                Bag::Other => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Writes a file with OpenSSL; `None` if it is not installed.
    fn export(certified: &rcgen::CertifiedKey<rcgen::KeyPair>, form: &[&str]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let (pem, file) = (folder.path().join("a.pem"), folder.path().join("a.p12"));
        let (key, certificate) = (&certified.signing_key, &certified.cert);
        std::fs::write(&pem, key.serialize_pem() + &certificate.pem()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-export", "-passout", "pass:Öffne dich"]);
        command
            .args(form)
            .arg("-in")
            .arg(&pem)
            .arg("-out")
            .arg(&file);
        let output = command.output().ok()?;
        assert!(output.status.success(), "{form:?}: {output:?}");
        Some(std::fs::read(file).unwrap())
    }

    #[test]
    fn each_usual_form_is_read_with_its_password_only() {
        let certified = rcgen::generate_simple_self_signed(["idp.example".to_owned()]).unwrap();
        let triple_des = [
            "-keypbe",
            "PBE-SHA1-3DES",
            "-certpbe",
            "PBE-SHA1-3DES",
            "-macalg",
            "sha1",
        ];
        let other = [
            "-keypbe",
            "AES-128-CBC",
            "-certpbe",
            "NONE",
            "-macalg",
            "sha512",
        ];
        let named = ["-name", "my key", "-iter", "3", "-keypbe", "AES-192-CBC"];
        let plain = ["-keypbe", "NONE", "-certpbe", "NONE", "-macalg", "sha384"];
        for form in [&[][..], &triple_des, &other, &named, &plain, &["-nomac"]] {
            let Some(file) = export(&certified, form) else {
                #[allow(clippy::print_stderr, reason = "a test that is skipped says why")]
                {
                    eprintln!("skipped: no openssl");
                }
                return;
            };
            let contents = read(&file, "Öffne dich").unwrap();
            assert_eq!(
                contents.keys,
                [certified.signing_key.serialize_der()],
                "{form:?}"
            );
            assert_eq!(contents.certificates, [certified.cert.der().to_vec()]);
            assert!(read(&file, "open sesame").is_err(), "{form:?}");
            for end in 0..file.len() {
                assert!(read(&file[..end], "Öffne dich").is_err(), "{end}");
            }
        }
    }
}
