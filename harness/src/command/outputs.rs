//! Writes reports to files and to standard output. A report that cannot be written prevents none of
//! the others.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::write;

/// The name that stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// True if this path stands for standard output.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    path == Path::new(STANDARD_OUTPUT)
}

/// Refuses several results on standard output. `options` are the options with a file, and
/// `prints_json` is true if `--json` prints there, too.
pub(crate) fn require_one_printed(
    options: &[(&str, Option<&Path>)],
    prints_json: bool,
) -> anyhow::Result<()> {
    let printed = options
        .iter()
        .filter(|(_, path)| path.is_some_and(is_standard_output));
    let mut names: Vec<&str> = printed.map(|(name, _)| *name).collect();
    if prints_json {
        names.push("--json");
    }
    if let [first, second, ..] = names.as_slice() {
        bail!(
            "invalid {first} -: {second} is printed to standard output, too; name a file for one of them"
        );
    }
    Ok(())
}

/// Refuses standard output for what has to be a file, such as a report with a second file next to
/// it.
pub(crate) fn require_file(option: &str, path: Option<&Path>) -> anyhow::Result<()> {
    if path.is_some_and(is_standard_output) {
        bail!("invalid {option} -: this option cannot print to standard output; name a file");
    }
    Ok(())
}

/// The results that a command writes at its end.
#[derive(Default)]
pub(crate) struct Outputs {
    written: Vec<PathBuf>,
    errors: Vec<anyhow::Error>,
    has_printed: bool,
    /// The error that the reader of standard output has ended.
    closed: Option<std::io::Error>,
}

impl Outputs {
    /// Writes a result, if the user wants it.
    pub(crate) fn write(&mut self, path: Option<&Path>, text: impl FnOnce() -> String) {
        let Some(path) = path else { return };
        if is_standard_output(path) {
            self.has_printed = true;
            let mut text = text();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            match text.starts_with(['{', '[']) {
                true => self.print_json(&text),
                false => self.print(&text),
            }
            return;
        }
        let done = write(path, &text());
        self.note(path, done);
    }

    /// Adds the outcome of a result that was written otherwise.
    pub(crate) fn note(&mut self, path: &Path, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => self.written.push(path.to_owned()),
            Err(error) => self.errors.push(error),
        }
    }

    /// Adds an error that does not concern one of the files.
    pub(crate) fn note_error(&mut self, outcome: anyhow::Result<()>) {
        self.errors.extend(outcome.err());
    }

    /// True if a result was printed instead of the text for people.
    pub(crate) fn has_printed(&self) -> bool {
        self.has_printed
    }

    /// Prints the text for people, unless a result was printed in its place.
    pub(crate) fn print_text(&mut self, text: &str) {
        if !self.has_printed {
            self.print(text);
        }
    }

    /// Prints text to standard output.
    fn print(&mut self, text: &str) {
        self.print_to(ambient::terminal::out(), text);
    }

    /// Prints JSON to standard output.
    pub(crate) fn print_json(&mut self, json: &str) {
        self.print_to(ambient::terminal::out_json(), json);
    }

    /// Prints a report to standard output, which has no control characters except its colors.
    pub(crate) fn print_colored(&mut self, text: &str) {
        self.print_to(ambient::terminal::out_colored(), text);
    }

    fn print_to(&mut self, mut out: impl std::io::Write, text: &str) {
        let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = printed {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                self.closed = Some(error);
                return;
            }
            let error = anyhow::Error::new(error).context("cannot write to standard output");
            self.errors.push(error);
        }
    }

    /// Prints the names of the written files to standard error.
    ///
    /// # Errors
    /// One error that names everything that could not be written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if !self.written.is_empty() {
            let names = self.written.iter().map(|it| it.display().to_string());
            let names: Vec<String> = names.collect();
            let _ = writeln!(ambient::terminal::err(), "wrote {}", names.join(", "));
        }
        if self.errors.is_empty() {
            return self.closed.map_or(Ok(()), |error| Err(error.into()));
        }
        let all = self.errors.iter();
        let all: Vec<String> = all
            .map(|it| ambient::error_chain(it.as_ref()).to_string())
            .collect();
        bail!("{}", all.join("; "))
    }
}
