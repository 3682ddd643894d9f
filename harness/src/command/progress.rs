//! Shows what is being checked on standard error: one changing line on a terminal,
//! otherwise one line for each group of checks and every few seconds.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rehearsal::check::runner::{Listener, Progress};

/// Interval of the lines while the group of checks does not change.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Returns a progress display on standard error; none if `quiet`.
pub(crate) fn progress(quiet: bool) -> Progress {
    if quiet {
        Progress::default()
    } else if std::io::stderr().is_terminal() {
        Progress::to(Live::new())
    } else {
        Progress::to(Plain::default())
    }
}

/// One line that is overwritten, for a terminal.
struct Live(ProgressBar);

impl Live {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }
}

impl Listener for Live {
    fn begin(&self, what: &str, steps: usize) {
        let template = if steps == 0 {
            "{elapsed_precise} {prefix} {wide_msg}"
        } else {
            "{elapsed_precise} {prefix} {pos}/{len} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_length(steps as u64);
        self.0.set_prefix(what.to_owned());
    }

    fn step(&self, id: &str, what: &str) {
        self.0.inc(1);
        self.0.set_message(format!("{id} {what}"));
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// A new line each time, for a log file.
#[derive(Default)]
struct Plain(Mutex<State>);

#[derive(Default)]
struct State {
    what: String,
    steps: usize,
    done: usize,
    group: String,
    began: Option<Instant>,
    told: Option<Instant>,
}

impl Listener for Plain {
    fn begin(&self, what: &str, steps: usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            what: what.to_owned(),
            steps,
            began: Some(Instant::now()),
            ..State::default()
        };
    }

    fn step(&self, id: &str, what: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        // The id without its number is the group: `SCIM-PATCH` of `SCIM-PATCH-07`.
        let number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        let group = match id.rsplit_once('-') {
            Some((group, last)) if number(last) => group,
            _ => "",
        };
        let is_due = state.told.is_none_or(|told| told.elapsed() >= PLAIN_EVERY);
        if !is_due && group == state.group {
            return;
        }
        group.clone_into(&mut state.group);
        state.told = Some(Instant::now());
        let elapsed = state.began.map_or(0, |began| began.elapsed().as_secs());
        let count = match state.steps {
            0 => String::new(),
            steps => format!(" {}/{steps}", state.done),
        };
        let _ = writeln!(
            std::io::stderr(),
            "{}{count} ({elapsed} s): {id} {what}",
            state.what
        );
    }

    fn end(&self) {}
}
