//! Keys of a party that a check plays. They are stored between runs, so that the judged party keeps
//! trusting them.

use std::path::Path;

use ambient::Ambient;
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

/// Returns the party's key (the one in `key_file` if the file exists) and a second key that is not
/// in its metadata.
///
/// # Errors
/// [`PlayError::Key`].
pub(super) async fn load_keys(
    key_file: Option<&Path>,
    ambient: &Ambient,
) -> Result<(SigningKey, SigningKey), PlayError> {
    let key_file = key_file.map(Path::to_owned);
    let now = ambient.now();
    let made = tokio::task::spawn_blocking(move || {
        let key = match key_file {
            Some(path) => read_or_generate(&path, now)?,
            None => KeyPair::generate(NAME, now)?.signing_key()?,
        };
        let foreign = KeyPair::generate(NAME, now)?.signing_key()?;
        Ok::<_, String>((key, foreign))
    });
    made.await
        .map_err(|error| PlayError::Key(error.to_string()))?
        .map_err(PlayError::Key)
}

/// Reads the key in the file, or generates one and stores it there: private key, then certificate.
fn read_or_generate(path: &Path, now: jiff::Timestamp) -> Result<SigningKey, String> {
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
    let cannot =
        |what: &str, error: std::io::Error| format!("cannot {what} {}: {error}", path.display());
    // An existing key that cannot be read must not be replaced.
    let kept = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(cannot("read", error)),
    };
    if let Some(text) = kept {
        let (private_key, certificate) = text.split_once(CERTIFICATE).ok_or_else(|| {
            format!(
                "invalid key file {}: expected a private key and then its certificate, both in PEM; add the certificate, or give the metadata file another name, because the key is next to it",
                path.display()
            )
        })?;
        let kept = KeyPair {
            private_key: private_key.to_owned(),
            certificate: format!("{CERTIFICATE}{certificate}"),
        };
        return kept.signing_key();
    }
    let made = KeyPair::generate(NAME, now)?;
    let text = format!("{}{}", made.private_key, made.certificate);
    ambient::output_file::write_private(path, &text).map_err(|error| cannot("write", error))?;
    made.signing_key()
}
