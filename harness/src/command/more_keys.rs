//! The option of `check sp` for further signing keys of the played identity provider.

use std::path::{Path, PathBuf};

use ambient::Ambient;
use clap::Args;
use rehearsal::check::sp::Provider;

/// Further signing keys in the metadata.
#[derive(Args)]
pub(crate) struct MoreKeys {
    /// Announce three more signing keys in the metadata: a second RSA key, and EC keys on P-256 and
    /// P-384. They are kept next to it (.more.key), and the next runs sign with them, too. Delete
    /// that file and prepare again if the service provider cannot read such metadata
    #[arg(long, requires = "prepare")]
    more_keys: bool,
}

impl MoreKeys {
    /// Returns the provider with further keys, if the option asks for them or if a run before kept
    /// them next to the metadata `out`.
    ///
    /// # Errors
    /// If the keys cannot be read or written.
    pub(crate) async fn of(
        &self,
        provider: Provider,
        out: Option<&Path>,
        ambient: &Ambient,
    ) -> anyhow::Result<Provider> {
        let file = out.map(file_next_to);
        let file = file.filter(|it| self.more_keys || it.exists());
        match file {
            Some(file) => Ok(provider.with_more_keys(Some(&file), ambient).await?),
            None => Ok(provider),
        }
    }

    /// Returns the name of the file with further keys next to the metadata, if there is one.
    pub(crate) fn kept_next_to(metadata: &Path) -> Option<String> {
        let file = file_next_to(metadata);
        file.exists().then(|| file.display().to_string())
    }
}

fn file_next_to(metadata: &Path) -> PathBuf {
    metadata.with_extension("more.key")
}
