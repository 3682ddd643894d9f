//! Linux, macOS and other Unix systems.

use std::io;
use std::path::PathBuf;

use rehearsal::check::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

use super::folder_in;

/// The signals that end a command: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
pub(crate) struct Signals {
    hangup: unix::Signal,
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// Returns `$XDG_RUNTIME_DIR`, otherwise the user's cache folder.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    folder_in("XDG_RUNTIME_DIR")
        .or_else(|| folder_in("XDG_CACHE_HOME"))
        .or_else(|| Some(folder_in("HOME")?.join(".cache")))
}
