//! Limits how long a run waits for a target that does not answer.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::check::SetUpError;

/// Number of consecutive requests without an answer after which the run ends.
const MAX_LOST: u32 = 3;

/// The time as a run measures it: that of this machine, unless a test decides how much passes.
#[derive(Clone, Default)]
struct Clock(Option<Arc<dyn Fn() -> Instant + Send + Sync>>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Some(_) => "Clock(given)",
            None => "Clock(system)",
        })
    }
}

impl Clock {
    fn now(&self) -> Instant {
        self.0.as_ref().map_or_else(Instant::now, |now| now())
    }
}

/// Counts requests without an answer and decides when the run must end. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    lost: Arc<AtomicU32>,
    /// What the last request without an answer was, and why there was none.
    last: Arc<Mutex<Option<String>>>,
    /// True while the target may be starting again: then missing answers do not end the run.
    is_reviving: Arc<AtomicBool>,
    /// When the run must end, and how long it may take.
    deadline: Option<(Instant, Duration)>,
    error: Arc<Mutex<Option<SetUpError>>>,
    /// Milliseconds of waiting that the target requested (429, Retry-After).
    waited: Arc<AtomicU64>,
    clock: Clock,
}

/// Measures how long the target takes, without the waiting that it requested.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    waited: u64,
}

impl Patience {
    /// Creates the state of a run with a time limit.
    pub fn with_deadline(whole: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(whole).map(|end| (end, whole)),
            ..Self::default()
        }
    }

    /// Creates the state of a run that measures time by this clock, so that a target can be slow
    /// without anybody waiting for it.
    pub fn with_clock(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            clock: Clock(Some(Arc::new(now))),
            ..Self::default()
        }
    }

    /// Waits as long as the target requested.
    pub async fn wait(&self, length: Duration) {
        pause(length).await;
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.waited.fetch_add(length, Ordering::Relaxed);
    }

    /// Starts a measurement.
    pub fn start_stopwatch(&self) -> Stopwatch {
        Stopwatch {
            began: self.clock.now(),
            waited: self.waited.load(Ordering::Relaxed),
        }
    }

    /// Returns how long the target has taken since `since`.
    pub fn elapsed_without_waits(&self, since: &Stopwatch) -> Duration {
        let waited = self.waited.load(Ordering::Relaxed) - since.waited;
        let whole = self.clock.now().saturating_duration_since(since.began);
        whole.saturating_sub(Duration::from_millis(waited))
    }

    /// Records that the target answered.
    pub fn record_answer(&self) {
        self.lost.store(0, Ordering::Relaxed);
    }

    /// Records that a request to `url` got no answer, and the reason.
    pub fn record_no_answer(&self, url: &str, reason: &dyn std::fmt::Display) {
        let count = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(format!("{url}: {reason}"));
        if count >= MAX_LOST && !self.is_reviving.load(Ordering::Relaxed) {
            self.give_up_on_silence();
        }
    }

    /// Says whether the target may be starting again. Until then, missing answers do not end the run.
    pub(super) fn set_reviving(&self, is_reviving: bool) {
        self.is_reviving.store(is_reviving, Ordering::Relaxed);
    }

    /// Ends the run, because the target gives no answers. Does nothing if the last request was
    /// answered.
    pub(super) fn give_up_on_silence(&self) {
        let count = self.lost.load(Ordering::Relaxed);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = last.as_ref().filter(|_| count > 0) else {
            return;
        };
        self.give_up(SetUpError::new(
            "no-answer",
            format!(
                "The target stopped answering: {count} requests in a row got no answer, the last one to {last}."
            ),
            "Look into the target's log for the last request before that. If it is only slow, give it more time with --timeout.",
        ));
    }

    /// Adds to the error the check at which the target stopped answering, so that the user can
    /// judge the others without it.
    pub fn blame(&self, check: &str) {
        let mut known = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = known.as_mut().filter(|error| error.code == "no-answer") {
            error.message.push_str(&format!(
                " It stopped at {check}, a finding: denial of service."
            ));
            error.fix = format!(
                "Restart the target. Judge the other checks with --skip {check}. If the target is only slow, give it more time with --timeout."
            );
        }
    }

    fn give_up(&self, error: SetUpError) {
        let mut known = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(error);
    }

    /// Returns why the run must end, or `None` if it may continue.
    pub fn error(&self) -> Option<SetUpError> {
        if let Some((end, whole)) = self.deadline
            && self.clock.now() >= end
        {
            self.give_up(SetUpError::new(
                "deadline",
                format!(
                    "The checks took longer than {} s and were ended.",
                    whole.as_secs()
                ),
                "Allow more time with --deadline, or choose fewer checks with --only.",
            ));
        }
        let known = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Waits for `length` before a request is repeated to a target that did not answer.
pub async fn pause(length: Duration) {
    // There is no event to wait for, because the server is not part of Rehearsal.
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(length).await;
}
