//! Shows what is being checked on standard error: one changing line on a terminal,
//! otherwise one line for each group of checks and every few seconds.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ambient::terminal::printable;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rehearsal::check::runner::{Listener, Progress};

/// Interval of the lines while the group of checks does not change.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Least interval of the lines of different groups: a run may have a hundred groups in half a minute,
/// and the log of a pipeline is read by people.
const GROUP_EVERY: Duration = Duration::from_secs(1);

/// Shorter waits are not reported.
const WORTH_TELLING: Duration = Duration::from_secs(1);

fn wait_line(length: Duration, why: &str) -> String {
    format!("waiting {} s: {why}", length.as_secs_f64().ceil())
}

/// Returns a progress display on standard error; none if `quiet`.
pub(crate) fn progress(quiet: bool) -> Progress {
    if quiet {
        Progress::default()
    } else if ambient::terminal::is_err_terminal() {
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

    fn show(&self, text: &str) {
        self.0.set_message(printable(text).into_owned());
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
        self.0.set_prefix(printable(what).into_owned());
    }

    fn step(&self, id: &str, what: &str) {
        self.0.inc(1);
        self.show(&format!("{id} {what}"));
    }

    fn note(&self, id: &str, what: &str) {
        self.show(&format!("{id} {what}"));
    }

    fn wait(&self, length: Duration, why: &str) {
        // Too short to be read.
        if length >= WORTH_TELLING {
            self.show(&wait_line(length, why));
        }
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
    printed_at: Option<Instant>,
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
        state.tell(id, what);
    }

    fn note(&self, id: &str, what: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.tell(id, what);
    }

    fn wait(&self, length: Duration, why: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The next line would otherwise come only after the wait.
        if length >= PLAIN_EVERY || (state.is_due(PLAIN_EVERY) && length >= WORTH_TELLING) {
            state.print("", &wait_line(length, why));
        }
    }

    fn end(&self) {}
}

impl State {
    fn is_due(&self, interval: Duration) -> bool {
        self.printed_at
            .is_none_or(|printed_at| printed_at.elapsed() >= interval)
    }

    /// Prints a line for a new group, at most every second, and otherwise every few seconds.
    fn tell(&mut self, id: &str, what: &str) {
        // The id without its number is the group: `SCIM-PATCH` of `SCIM-PATCH-07`.
        let number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        let group = match id.rsplit_once('-') {
            Some((group, last)) if number(last) => group,
            _ => "",
        };
        let interval = match group == self.group {
            true => PLAIN_EVERY,
            false => GROUP_EVERY,
        };
        if !self.is_due(interval) {
            return;
        }
        group.clone_into(&mut self.group);
        self.print(id, what);
    }

    fn print(&mut self, id: &str, what: &str) {
        self.printed_at = Some(Instant::now());
        let elapsed = self.began.map_or(0, |began| began.elapsed().as_secs());
        let count = match self.steps {
            0 => String::new(),
            steps => format!(" {}/{steps}", self.done),
        };
        let space = if id.is_empty() { "" } else { " " };
        let _ = writeln!(
            ambient::terminal::err(),
            "{}{count} ({elapsed} s): {id}{space}{what}",
            self.what
        );
    }
}
