//! What a check shows while it runs: one changing line on a terminal, lines in a log.

use regex::Regex;

use crate::running::terminal::{run_on_terminal, shell};
use crate::running::{Up, rehearsal};

#[tokio::test(flavor = "multi_thread")]
async fn a_check_shows_what_is_tried_and_how_much_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let (base, token) = (
        up.text("/sp/scim_base_url"),
        up.text("/sp/scim_bearer_token"),
    );
    let arguments = ["check", "scim", "--base-url", base, "--token", token];

    let output = rehearsal(&arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let line = Regex::new(r"(?m)^check scim \d+/\d+ \(\d+ s\): SCIM-[A-Z]+-\d+ \S").unwrap();
    assert!(line.is_match(&text), "{text}");
    assert!(!text.contains('\r') && !text.contains('\u{1b}'), "{text}");

    let command = shell(&arguments.join(" "));
    if let Some(text) = run_on_terminal(folder.path(), &command, &[]) {
        let line = Regex::new(r"\d\d:\d\d:\d\d check scim \d+/\d+ SCIM-[A-Z]+-\d+ \S").unwrap();
        assert!(line.is_match(&text), "{text}");
        // The line is erased at the end.
        let (_, report) = text.rsplit_once("\u{1b}[").unwrap();
        assert!(!line.is_match(report), "{report}");
    }
    up.kill().await;
}
