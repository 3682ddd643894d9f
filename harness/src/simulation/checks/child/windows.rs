//! Windows. A process can send Ctrl-Break only to processes of its own console, which a service does not
//! have. So a check is stopped by a line of its standard input.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

/// Environment variable of a command that ends at a line of its standard input, as it does at
/// Ctrl-Break.
pub const STOP_BY_INPUT: &str = "REHEARSAL_STOP_BY_INPUT";

/// Creates a group of processes, which Ctrl-C does not reach.
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// Keeps Ctrl-C in this process's console from the new process.
pub(in super::super) fn leave_group(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Starts the process such that a [`Stopper`] reaches it.
pub(in super::super) fn make_stoppable(command: &mut Command) {
    command.stdin(Stdio::piped()).env(STOP_BY_INPUT, "1");
}

/// Writes a line to the process.
pub(in super::super) struct Stopper(Option<ChildStdin>);

impl Stopper {
    /// Call it before anybody waits for the process, which closes its standard input.
    pub(in super::super) fn of(child: &mut Child) -> Self {
        Self(child.stdin.take())
    }

    pub(in super::super) async fn stop(&mut self, _child: &Child) {
        if let Some(input) = &mut self.0 {
            let _ = input.write_all(b"stop\n").await;
        }
    }
}
