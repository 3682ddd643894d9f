//! The subcommands, one file each. Each answers whether all was well.

pub(crate) mod coverage;
pub(crate) mod demo;
pub(crate) mod run;
pub(crate) mod up;

use std::path::Path;

use anyhow::Context as _;

/// Writes a result to a file.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Whether standard error is a terminal that wants colours.
pub(crate) fn colours() -> bool {
    use std::io::IsTerminal as _;
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
}
