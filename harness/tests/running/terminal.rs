//! Commands that run on a terminal.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command on a terminal: waits for each text `until`, then types `typed`. Returns
/// the output; None if there is no `script` command.
pub(crate) fn run_on_terminal(
    folder: &Path,
    command: &str,
    dialogue: &[(&str, &str)],
) -> Option<String> {
    let started = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("XDG_RUNTIME_DIR", folder)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: no `script` command to make a terminal");
        return None;
    };
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut from = 0;
    for (until, typed) in dialogue {
        let mut part = [0; 1024];
        // The next text may be in the same part of the output.
        let end = loop {
            let found = seen[from..]
                .windows(until.len())
                .position(|window| window == until.as_bytes());
            if let Some(at) = found {
                break from + at + until.len();
            }
            let length = screen.read(&mut part).unwrap();
            let so_far = String::from_utf8_lossy(&seen).into_owned();
            assert!(length > 0, "{until:?} never came: {so_far}");
            seen.extend(&part[..length]);
        };
        from = end;
        keyboard.write_all(typed.as_bytes()).unwrap();
    }
    screen.read_to_end(&mut seen).unwrap();
    child.wait().unwrap();
    Some(String::from_utf8_lossy(&seen).replace('\r', ""))
}

/// Returns the command line for a shell.
pub(crate) fn shell(arguments: &str) -> String {
    format!("{} {arguments}", env!("CARGO_BIN_EXE_rehearsal"))
}
