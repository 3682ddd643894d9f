//! Windows.

use std::io::{self, BufRead as _};
use std::path::PathBuf;

use rehearsal::check::Signal;
use rehearsal::simulation::STOP_BY_INPUT;
use tokio::signal::windows::{self, CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown};
use tokio::sync::mpsc;

use super::folder_in;

/// What ends a command. Each has the name and exit code of a Unix signal, so that reports and
/// pipelines are the same everywhere: Ctrl-C those of SIGINT; Ctrl-Break, which programs send to
/// their children, and the end of the session those of SIGTERM; the end of the console those of
/// SIGHUP.
pub(crate) struct Signals {
    close: CtrlClose,
    interrupt: CtrlC,
    terminate: CtrlBreak,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
    /// A line of standard input, if the simulation page has started this process.
    input: mpsc::UnboundedReceiver<()>,
    /// Held so that `input` stays open.
    _lines: mpsc::UnboundedSender<()>,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let (lines, input) = mpsc::unbounded_channel();
        if std::env::var_os(STOP_BY_INPUT).is_some() {
            let lines = lines.clone();
            // Reading from a pipe cannot be canceled, so this thread ends with the process.
            std::thread::spawn(move || {
                for _ in io::stdin().lock().lines().map_while(Result::ok) {
                    let _ = lines.send(());
                }
            });
        }
        Ok(Self {
            close: windows::ctrl_close()?,
            interrupt: windows::ctrl_c()?,
            terminate: windows::ctrl_break()?,
            logoff: windows::ctrl_logoff()?,
            shutdown: windows::ctrl_shutdown()?,
            input,
            _lines: lines,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.close.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.logoff.recv() => Signal::Terminate,
            _ = self.shutdown.recv() => Signal::Terminate,
            _ = self.input.recv() => Signal::Terminate,
        }
    }
}

/// Returns the folder for the data of programs in the user's profile, which stays on this machine.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    folder_in("LOCALAPPDATA")
}
