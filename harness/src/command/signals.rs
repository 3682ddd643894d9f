//! Handles SIGINT, SIGTERM and SIGHUP: at the first signal a command cleans up and reports
//! what it has; the second one ends it immediately.

use std::io::Write as _;

use rehearsal::check::runner::Stop;

pub(crate) use super::platform::Signals;

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
