//! `--person FILE|PRESET`: how the Responses of the played identity provider describe their user.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rehearsal::check::sp::PersonTemplate;

/// The option `--person`, for commands that send Responses.
#[derive(Args)]
pub(crate) struct PersonFile {
    /// How Responses describe the user: NameID, attributes and authentication context, as a TOML
    /// file, or one of the presets ad-fs, eduperson, entra, keycloak, okta
    /// [default: an e-mail address as NameID, and the attributes of the profile or common ones]
    #[arg(long, value_name = "FILE|PRESET", conflicts_with = "attribute")]
    person: Option<PathBuf>,
}

impl PersonFile {
    /// Reads the template; `None` without the option.
    ///
    /// # Errors
    /// When the file cannot be read, the preset was not found, or the template is invalid.
    pub(crate) fn template(&self) -> anyhow::Result<Option<PersonTemplate>> {
        self.person.as_deref().map(read).transpose()
    }
}

fn read(place: &Path) -> anyhow::Result<PersonTemplate> {
    let invalid = || format!("invalid --person {}", place.display());
    match ambient::text_file::read(place) {
        Ok(text) => PersonTemplate::read(&text).with_context(|| {
            let hint = ambient::text_file::quotes_hint(&text);
            format!("{}{hint}", invalid())
        }),
        // A name without a dot or a slash is that of a preset.
        Err(_) if place.extension().is_none() && place.components().count() == 1 => {
            let name = place.to_string_lossy();
            PersonTemplate::preset(&name).with_context(invalid)
        }
        Err(error) => {
            Err(error).with_context(|| format!("cannot read --person {}", place.display()))
        }
    }
}
