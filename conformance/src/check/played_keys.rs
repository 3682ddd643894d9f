//! The keys of a party that a check plays, kept from run to run so that the
//! party it judges goes on knowing them.

use std::path::Path;

use ambient::Ambient;
use saml::keys::SigningKey;

use crate::key_pair::KeyPair;

/// The common name of the certificates.
const NAME: &str = "Rehearsal check";

/// Why a party can't be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The port is taken, or may not be used.
    #[error("expected to listen on port {port}: {reason}")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        reason: std::io::Error,
    },
    /// The key could not be made or read.
    #[error("expected a signing key: {0}")]
    Key(String),
}

/// Its key, that of `key_file` when there is one, and a key that nobody is
/// told of.
///
/// # Errors
/// [`PlayError::Key`].
pub(super) async fn keys(
    key_file: Option<&Path>,
    ambient: &Ambient,
) -> Result<(SigningKey, SigningKey), PlayError> {
    let key_file = key_file.map(Path::to_owned);
    let now = ambient.now();
    let made = tokio::task::spawn_blocking(move || {
        let key = match key_file {
            Some(path) => kept(&path, now)?,
            None => KeyPair::generate(NAME, now)?.signing_key()?,
        };
        let foreign = KeyPair::generate(NAME, now)?.signing_key()?;
        Ok::<_, String>((key, foreign))
    });
    made.await
        .map_err(|error| PlayError::Key(error.to_string()))?
        .map_err(PlayError::Key)
}

/// The key of the file, or a new one kept there: private key, then certificate.
fn kept(path: &Path, now: jiff::Timestamp) -> Result<SigningKey, String> {
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
    if let Ok(text) = std::fs::read_to_string(path) {
        let (private_key, certificate) = text.split_once(CERTIFICATE).ok_or_else(|| {
            format!(
                "expected a private key and a certificate in {}",
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
    write_private(path, &text).map_err(|error| format!("writing {}: {error}", path.display()))?;
    made.signing_key()
}

/// Readable by its owner only.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
