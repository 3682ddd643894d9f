//! Linux, macOS and other Unix systems.

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// Keeps the signals of this process's terminal from the new process.
pub(in super::super) fn leave_group(command: &mut Command) {
    command.process_group(0);
}

/// Does nothing: every process gets signals.
pub(in super::super) fn make_stoppable(_command: &mut Command) {}

/// Sends SIGTERM.
pub(in super::super) struct Stopper;

impl Stopper {
    /// Call it before anybody waits for the process.
    pub(in super::super) fn of(_child: &mut Child) -> Self {
        Self
    }

    pub(in super::super) async fn stop(&mut self, child: &Child) {
        let pid = child.id().and_then(|it| i32::try_from(it).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}
