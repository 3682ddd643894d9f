//! Handles SIGINT, SIGTERM and SIGHUP: at the first signal a command cleans up and reports
//! what it has; the second one ends it immediately.

use std::io::Write as _;

use rehearsal::check::Signal;
use rehearsal::check::runner::Stop;

/// Returns a stop that is triggered by the signals of the process.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub(crate) fn stop() -> std::io::Result<Stop> {
    let stop = Stop::default();
    let mut signals = Signals::listen()?;
    let mine = stop.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        mine.send(signal);
        let _ = writeln!(
            ambient::terminal::err(),
            "interrupted by {}: cleaning up and reporting what was judged; a second signal ends this at once",
            signal.name()
        );
        let second = signals.next().await;
        let left = mine.leftovers();
        let mut err = ambient::terminal::err();
        if left.is_empty() {
            let _ = writeln!(err, "ended by {}", second.name());
        } else {
            let _ = writeln!(
                err,
                "ended by {}; these resources remain at the target: {}",
                second.name(),
                left.join(", ")
            );
        }
        std::process::exit(second.exit_code().into());
    });
    Ok(stop)
}

/// The signals that end a command: SIGINT (Ctrl-C), and on Unix also SIGTERM and SIGHUP.
#[cfg(unix)]
pub(crate) struct Signals {
    hangup: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
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

/// The signal that ends a command: Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}
