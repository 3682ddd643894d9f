//! Keys of a party that a check plays. They are stored between runs, so that the judged party keeps
//! trusting them.

use std::path::Path;

use ambient::Ambient;
use faults::MoreKeys;
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use saml::keys::SigningKey;

use crate::key_pair::KeyPair;

/// Common name of the certificates.
const NAME: &str = "Rehearsal check";

/// Error that prevents playing a party.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The port is in use or not allowed.
    #[error("cannot listen on port {port}; stop what uses it, or choose another port: {reason}")]
    Listen {
        /// The port number.
        port: u16,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// The key could not be generated or read.
    #[error("cannot read or create the signing key: {0}")]
    Key(String),
}

/// Returns the party's key (the one in `key_file` if the file exists), and an RSA key and an EC key
/// that are not in its metadata.
///
/// # Errors
/// [`PlayError::Key`].
pub(super) async fn load_keys(
    key_file: Option<&Path>,
    ambient: &Ambient,
) -> Result<(SigningKey, SigningKey, SigningKey), PlayError> {
    let key_file = key_file.map(Path::to_owned);
    let ambient = ambient.clone();
    let made = tokio::task::spawn_blocking(move || {
        let now = ambient.now();
        let key = match key_file {
            Some(path) => read_or_generate(&path, &ambient)?,
            None => KeyPair::generate(NAME, now, &ambient)?.signing_key()?,
        };
        let foreign = KeyPair::generate(NAME, now, &ambient)?.signing_key()?;
        let foreign_ec = KeyPair::generate_ec(NAME, now, &PKCS_ECDSA_P256_SHA256)?;
        Ok::<_, String>((key, foreign, foreign_ec.signing_key()?))
    });
    made.await
        .map_err(|error| PlayError::Key(error.to_string()))?
        .map_err(PlayError::Key)
}

/// Returns the keys that the party's metadata announces after its first one: those in the file if it
/// exists. Otherwise creates them, and stores them there if `file` is given.
///
/// # Errors
/// [`PlayError::Key`].
pub(super) async fn load_more_keys(
    file: Option<&Path>,
    ambient: &Ambient,
) -> Result<MoreKeys, PlayError> {
    let file = file.map(Path::to_owned);
    let ambient = ambient.clone();
    let made = tokio::task::spawn_blocking(move || {
        let kept = file.as_deref().map(read).transpose()?.flatten();
        if let (Some(text), Some(path)) = (kept, &file) {
            return more_keys_of(&text).ok_or_else(|| {
                format!(
                    "invalid key file {}: expected an RSA key, an EC key on P-256 and one on P-384, each with its certificate, in PEM; delete the file and prepare again",
                    path.display()
                )
            });
        }
        let now = ambient.now();
        let pairs = [
            KeyPair::generate(NAME, now, &ambient)?,
            KeyPair::generate_ec(NAME, now, &PKCS_ECDSA_P256_SHA256)?,
            KeyPair::generate_ec(NAME, now, &PKCS_ECDSA_P384_SHA384)?,
        ];
        let text = pairs.map(|it| it.to_pem()).concat();
        if let Some(path) = &file {
            write(path, &text)?;
        }
        more_keys_of(&text).ok_or_else(|| "the new keys cannot be read".to_owned())
    });
    made.await
        .map_err(|error| PlayError::Key(error.to_string()))?
        .map_err(PlayError::Key)
}

/// Parses three pairs of a private key and its certificate. `None` if they are not the keys of
/// [`MoreKeys`].
fn more_keys_of(text: &str) -> Option<MoreKeys> {
    let pairs = text.split_inclusive("-----END CERTIFICATE-----");
    let keys: Vec<SigningKey> = pairs
        .filter_map(|it| KeyPair::from_pem(it)?.signing_key().ok())
        .collect();
    let [rsa, p256, p384] = <[SigningKey; 3]>::try_from(keys).ok()?;
    let kinds = [&rsa, &p256, &p384].map(|it| it.certificate().key().to_owned());
    let is_right = kinds[0].starts_with("RSA") && kinds[1..] == ["EC P-256", "EC P-384"];
    is_right.then_some(MoreKeys { rsa, p256, p384 })
}

/// Reads a key file; `None` if it does not exist. An existing file that cannot be read must not be
/// replaced.
fn read(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    ambient::output_file::write_private(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Reads the key in the file, or generates one and stores it there: private key, then certificate.
fn read_or_generate(path: &Path, ambient: &Ambient) -> Result<SigningKey, String> {
    if let Some(text) = read(path)? {
        let kept = KeyPair::from_pem(&text).ok_or_else(|| {
            format!(
                "invalid key file {}: expected a private key and then its certificate, both in PEM; add the certificate, or give the metadata file another name, because the key is next to it",
                path.display()
            )
        })?;
        return kept.signing_key();
    }
    let made = KeyPair::generate(NAME, ambient.now(), ambient)?;
    write(path, &made.to_pem())?;
    made.signing_key()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_keys_of_a_file_are_used_again_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("idp.more.key");
        let ambient = Ambient::real();
        let first = load_more_keys(Some(&file), &ambient).await.unwrap();
        let again = load_more_keys(Some(&file), &ambient).await.unwrap();
        assert_eq!(first.p384.certificate(), again.p384.certificate());
        assert_eq!(first.p256.certificate().key(), "EC P-256");
        let text = std::fs::read_to_string(&file).unwrap();
        let end = "-----END CERTIFICATE-----";
        let (rsa, rest) = text.split_once(end).unwrap();
        for wrong in [
            String::new(),
            format!("{rsa}{end}"),
            format!("{rest}{rsa}{end}"),
        ] {
            std::fs::write(&file, wrong).unwrap();
            let error = load_more_keys(Some(&file), &ambient).await.unwrap_err();
            assert!(error.to_string().contains("prepare again"), "{error}");
        }
    }
}
