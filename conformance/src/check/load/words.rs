//! The report of a run for a terminal.

use std::fmt::Write as _;

use super::report::{Latency, Pace, Report};

/// The first words of the kind of an error without an answer.
pub(super) const NO_ANSWER: &str = "no answer";

/// Largest number of error kinds that are shown.
const SHOWN: usize = 10;

/// Returns in words how operations were started.
pub(super) fn pace(pace: &Pace) -> String {
    let (mut words, ramp) = match pace {
        Pace::Open {
            rate,
            at_once,
            ramp_seconds,
        } => (
            format!("open loop at {rate}/s, at most {at_once} at once"),
            ramp_seconds,
        ),
        Pace::Closed {
            concurrency,
            ramp_seconds,
        } => {
            let callers = if *concurrency == 1 {
                "caller"
            } else {
                "callers"
            };
            (
                format!("closed loop with {concurrency} {callers}"),
                ramp_seconds,
            )
        }
    };
    if *ramp > 0.0 {
        let _ = write!(words, ", ramp of {ramp} s");
    }
    words
}

/// Returns the verdict in one sentence.
pub(super) fn verdict(report: &Report) -> String {
    if report.missed.is_empty() {
        let figures = &report.figures;
        let without: Vec<&str> = report
            .left_out
            .iter()
            .map(|it| it.operation.as_str())
            .collect();
        let without = match without.is_empty() {
            true => String::new(),
            false => format!("; without {}", without.join(", ")),
        };
        return format!(
            "{:.1} operations per second, p99 {:.1} ms, {} errors{without}",
            figures.rate_per_second, figures.latency_ms.p99, figures.failed
        );
    }
    let mut words = report.missed.join("; ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn row(out: &mut String, name: &str, counts: [u64; 3], rate: f64, latency: &Latency) {
    let [succeeded, failed, limited] = counts;
    let _ = writeln!(
        out,
        "{name:<14} {succeeded:>9} {failed:>7} {limited:>7} {rate:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
        latency.p50, latency.p90, latency.p99, latency.max
    );
}

pub(super) fn terminal(report: &Report) -> String {
    let figures = &report.figures;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "rehearsal bench load {}: {}",
        report.kind, report.target
    );
    let _ = writeln!(out, "{}; {:.1} s\n", pace(&report.pace), figures.seconds);
    let _ = writeln!(
        out,
        "{:<14} {:>9} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "operation",
        "succeeded",
        "failed",
        "limited",
        "per s",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms"
    );
    for one in &figures.operations {
        let counts = [one.succeeded, one.failed, one.limited];
        row(
            &mut out,
            &one.name,
            counts,
            one.rate_per_second,
            &one.latency_ms,
        );
    }
    if figures.operations.len() != 1 {
        let counts = [figures.succeeded, figures.failed, figures.limited];
        let latency = &figures.latency_ms;
        row(&mut out, "all", counts, figures.rate_per_second, latency);
    }
    if figures.limited > 0 {
        let _ = writeln!(
            out,
            "\n{} answers asked to wait (429, or 503 with Retry-After)",
            figures.limited
        );
    }
    if figures.unsent > 0 {
        let _ = writeln!(
            out,
            "\n{} operations were due and not sent, because --concurrency were under way",
            figures.unsent
        );
    }
    if !figures.errors.is_empty() {
        out.push_str("\nErrors\n");
        for error in figures.errors.iter().take(SHOWN) {
            let _ = writeln!(
                out,
                "  {} × {}: {}",
                error.count, error.operation, error.kind
            );
            let _ = writeln!(out, "    {}", error.example);
        }
        if figures.errors.len() > SHOWN {
            let _ = writeln!(
                out,
                "  and {} other kinds, in the JSON",
                figures.errors.len() - SHOWN
            );
        }
    }
    for note in &report.notes {
        let _ = writeln!(out, "\nNote: {note}");
    }
    if !report.left.is_empty() {
        let _ = writeln!(out, "\nLeft at the target: {}", report.left.join(", "));
    }
    if let Some(signal) = &report.interrupted_by {
        let _ = writeln!(out, "\nInterrupted by {signal}: the run is incomplete");
    }
    let mark = if report.missed.is_empty() {
        "✓"
    } else {
        "✗"
    };
    let _ = writeln!(out, "\n{mark} {}", verdict(report));
    out
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;

    #[test]
    fn the_summary_has_a_row_for_each_operation_and_each_kind_of_error() {
        let text = report(1).terminal();
        assert!(
            text.contains("open loop at 50/s, at most 100 at once; 2.0 s"),
            "{text}"
        );
        assert!(text.contains("1 × filter: HTTP 500"), "{text}");
        assert!(
            text.lines()
                .any(|it| it.starts_with("read") && it.contains(" 100 ")),
            "{text}"
        );
        assert!(text.contains("✗ 1 of 101 operations failed"), "{text}");
    }
}
