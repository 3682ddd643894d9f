//! Functions for every command: wait for the signal to stop, make the exit code, write a file
//! atomically.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT (Ctrl-C) or SIGTERM (what service managers send).
///
/// # Errors
///
/// The signal handlers cannot be installed.
pub async fn shutdown_requested() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Returns the exit code of a command. Prints an error to standard error as one line that
/// begins with the name of the command; the code is then 2, the same as for invalid arguments.
pub fn exit_code(command: &str, outcome: Result<u8, impl AsRef<dyn Error + 'static>>) -> ExitCode {
    use std::io::Write as _;

    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let error = crate::error_chain(error.as_ref());
            // If standard error is closed, the exit code alone has to do.
            let _ = writeln!(io::stderr(), "{command}: {error}");
            ExitCode::from(2)
        }
    }
}

/// Writes `text` to `path` atomically: a reader sees the old file or the whole new one. Only
/// the owner can read the file (mode 600), because ready files contain tokens.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let beside = draft_of(path);
    // A draft that a killed process left would keep its old mode when opened again, so it is
    // deleted first.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

/// Returns the path of the temporary file that is then renamed to `path`. It contains the
/// process id, so that two processes never write the same temporary file.
fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.draft", std::process::id()));
    draft.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_the_owners_alone() {
        let folder = std::env::temp_dir().join(format!("rehearsal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("ready.json");
        std::fs::write(&path, "the former").unwrap();
        std::fs::write(draft_of(&path), "left behind").unwrap();
        write_atomically(&path, "the new").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (std::fs::read_to_string(&path).unwrap().as_str(), mode),
            ("the new", 0o600)
        );
        std::fs::remove_dir_all(folder).unwrap();
    }
}
