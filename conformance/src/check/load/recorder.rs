//! Latencies, errors by kind, and both over time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::report::{ErrorKind, Figures, Interval, Latency, Operation, Percentile};
use super::{Failure, Performed};

/// Longest latency that is recorded, in microseconds: an hour. Longer ones count as an hour.
const LONGEST: u64 = 3_600_000_000;

/// Largest number of intervals: above it, two become one.
const INTERVALS: usize = 600;

/// Percentiles of the curve.
const CURVE: [f64; 19] = [
    0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 97.5, 99.0, 99.5,
    99.9, 99.99, 100.0,
];

/// Collects the measured values of a run.
pub(super) struct Recorder(Mutex<State>);

struct State {
    all: Tally,
    operations: BTreeMap<&'static str, Tally>,
    errors: BTreeMap<(&'static str, String), (u64, String)>,
    /// Length of an interval.
    interval: Duration,
    intervals: Vec<Tally>,
    unsent: u64,
}

#[derive(Clone)]
struct Tally {
    latencies: Histogram<u64>,
    failed: u64,
    limited: u64,
}

impl Tally {
    fn new(digits: u8) -> Self {
        Self {
            latencies: Histogram::new_with_bounds(1, LONGEST, digits)
                .expect("these bounds are valid"),
            failed: 0,
            limited: 0,
        }
    }

    fn add(&mut self, latency: Duration, result: &Result<(), Failure>) {
        match result {
            Ok(()) => {
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latencies.saturating_record(micros.max(1));
            }
            Err(Failure::Limited(_)) => self.limited += 1,
            Err(Failure::Error { .. }) => self.failed += 1,
        }
    }

    fn merge(&mut self, other: &Self) {
        // Cannot fail: both have the same bounds.
        let _ = self.latencies.add(&other.latencies);
        self.failed += other.failed;
        self.limited += other.limited;
    }

    fn milliseconds(&self, quantile: f64) -> f64 {
        if self.latencies.is_empty() {
            return 0.0;
        }
        to_milliseconds(self.latencies.value_at_quantile(quantile))
    }

    fn latency(&self) -> Latency {
        let of = &self.latencies;
        if of.is_empty() {
            return Latency::default();
        }
        Latency {
            min: to_milliseconds(of.min()),
            mean: round(of.mean() / 1000.0),
            p50: self.milliseconds(0.5),
            p75: self.milliseconds(0.75),
            p90: self.milliseconds(0.9),
            p95: self.milliseconds(0.95),
            p99: self.milliseconds(0.99),
            p999: self.milliseconds(0.999),
            max: to_milliseconds(of.max()),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // at most an hour in microseconds
fn to_milliseconds(micros: u64) -> f64 {
    round(micros as f64 / 1000.0)
}

/// Rounds milliseconds to three decimal places, that is, to microseconds.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[allow(clippy::cast_precision_loss)] // a rate needs no more than 2^53 operations
fn rate(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        return 0.0;
    }
    round(count as f64 / time.as_secs_f64())
}

impl Default for Recorder {
    fn default() -> Self {
        Self(Mutex::new(State {
            all: Tally::new(3),
            operations: BTreeMap::new(),
            errors: BTreeMap::new(),
            interval: Duration::from_secs(1),
            intervals: Vec::new(),
            unsent: 0,
        }))
    }
}

impl Recorder {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an operation that ended at `now`, counted from the start of the run.
    pub(super) fn record(&self, now: Duration, latency: Duration, performed: Performed) {
        let Performed { operation, result } = performed;
        let mut state = self.state();
        state.all.add(latency, &result);
        state
            .operations
            .entry(operation)
            .or_insert_with(|| Tally::new(3))
            .add(latency, &result);
        state.interval_at(now).add(latency, &result);
        if let Err(Failure::Error { kind, example }) = result {
            let entry = state.errors.entry((operation, kind));
            entry.or_insert((0, example)).0 += 1;
        }
    }

    /// Records operations that were due and were not sent.
    pub(super) fn unsent(&self, count: u64) {
        self.state().unsent += count;
    }

    /// Returns the live line.
    pub(super) fn line(&self, now: Duration) -> String {
        let state = self.state();
        // The current interval is not complete, so use the one before it.
        let last = state.intervals.iter().rev().nth(1);
        let last = last.or(state.intervals.last());
        let per_second = last.map_or(0.0, |it| rate(it.latencies.len(), state.interval));
        let mut line = format!(
            "{} s: {per_second:.0}/s, p50 {:.1} ms, p99 {:.1} ms; {} succeeded, {} failed",
            now.as_secs(),
            last.map_or(0.0, |it| it.milliseconds(0.5)),
            last.map_or(0.0, |it| it.milliseconds(0.99)),
            state.all.latencies.len(),
            state.all.failed,
        );
        if state.all.limited > 0 {
            line.push_str(&format!(", {} limited", state.all.limited));
        }
        line
    }

    /// Returns the figures of a run that took this long.
    pub(super) fn figures(&self, elapsed: Duration) -> Figures {
        let state = self.state();
        let operations = state.operations.iter().map(|(name, tally)| Operation {
            name: (*name).to_owned(),
            succeeded: tally.latencies.len(),
            failed: tally.failed,
            limited: tally.limited,
            rate_per_second: rate(tally.latencies.len(), elapsed),
            latency_ms: tally.latency(),
        });
        let mut errors: Vec<ErrorKind> = state
            .errors
            .iter()
            .map(|((operation, kind), (count, example))| ErrorKind {
                operation: (*operation).to_owned(),
                kind: kind.clone(),
                count: *count,
                example: example.clone(),
            })
            .collect();
        errors.sort_by_key(|it| std::cmp::Reverse(it.count));
        let length = state.interval.as_secs_f64();
        let timeline = state.intervals.iter().zip(0_u32..).map(|(it, index)| {
            let begin = state.interval * index;
            // The last interval may be shorter.
            let length = elapsed.saturating_sub(begin).min(state.interval);
            Interval {
                at_seconds: round(begin.as_secs_f64()),
                succeeded: it.latencies.len(),
                failed: it.failed,
                limited: it.limited,
                rate_per_second: rate(it.latencies.len(), length),
                p50_ms: it.milliseconds(0.5),
                p99_ms: it.milliseconds(0.99),
            }
        });
        let curve = CURVE.iter().map(|percentile| Percentile {
            percentile: *percentile,
            ms: state.all.milliseconds(percentile / 100.0),
        });
        Figures {
            seconds: round(elapsed.as_secs_f64()),
            succeeded: state.all.latencies.len(),
            failed: state.all.failed,
            limited: state.all.limited,
            unsent: state.unsent,
            rate_per_second: rate(state.all.latencies.len(), elapsed),
            latency_ms: state.all.latency(),
            operations: operations.collect(),
            errors,
            interval_seconds: length,
            timeline: timeline.collect(),
            percentiles: curve.collect(),
        }
    }
}

impl State {
    fn interval_at(&mut self, now: Duration) -> &mut Tally {
        let index = |interval: Duration| {
            usize::try_from(now.as_micros() / interval.as_micros().max(1)).unwrap_or(usize::MAX)
        };
        while index(self.interval) >= INTERVALS {
            let pairs = std::mem::take(&mut self.intervals);
            self.intervals = pairs
                .chunks(2)
                .map(|pair| {
                    let mut one = pair[0].clone();
                    pair[1..].iter().for_each(|other| one.merge(other));
                    one
                })
                .collect();
            self.interval *= 2;
        }
        let at = index(self.interval);
        while self.intervals.len() <= at {
            self.intervals.push(Tally::new(2));
        }
        &mut self.intervals[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn performed_read(result: Result<(), Failure>) -> Performed {
        Performed {
            operation: "read",
            result,
        }
    }

    #[test]
    fn errors_are_counted_by_kind_and_never_in_the_latency() {
        let recorder = Recorder::default();
        let now = Duration::from_millis(500);
        recorder.record(now, Duration::from_millis(10), performed_read(Ok(())));
        for example in ["first", "second"] {
            let error = Failure::error("HTTP 500", example);
            recorder.record(now, Duration::from_secs(9), performed_read(Err(error)));
        }
        let limited = Failure::Limited(Duration::from_secs(1));
        recorder.record(now, Duration::from_secs(9), performed_read(Err(limited)));
        let figures = recorder.figures(Duration::from_secs(1));
        assert_eq!(
            (figures.succeeded, figures.failed, figures.limited),
            (1, 2, 1)
        );
        assert!(figures.latency_ms.max < 11.0, "{:?}", figures.latency_ms);
        assert_eq!(figures.errors.len(), 1);
        assert_eq!(figures.errors[0].count, 2);
        assert_eq!(figures.errors[0].example, "first");
    }

    #[test]
    fn a_long_run_has_longer_intervals_and_loses_nothing() {
        let recorder = Recorder::default();
        for second in 0..2000 {
            let now = Duration::from_secs(second);
            recorder.record(now, Duration::from_millis(second), performed_read(Ok(())));
        }
        let figures = recorder.figures(Duration::from_secs(2000));
        assert!(figures.timeline.len() <= INTERVALS);
        let counted: u64 = figures.timeline.iter().map(|it| it.succeeded).sum();
        assert_eq!(counted, 2000);
        assert!((figures.interval_seconds - 4.0).abs() < f64::EPSILON);
        assert!(figures.timeline[10].p50_ms > 39.0 && figures.timeline[10].p50_ms < 45.0);
    }
}
