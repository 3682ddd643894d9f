//! Compares two results of `rehearsal bench load`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::report::{Figures, Latency, Report};

/// The differences between two results.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The compared figures.
    pub rows: Vec<Row>,
    /// Reasons why the comparison may be misleading.
    pub notes: Vec<String>,
    /// Largest accepted loss; 0.1 is 10 %.
    pub most: Option<f64>,
}

/// One figure of both results.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The operation; `all` for all of them.
    pub operation: String,
    /// The figure.
    pub figure: &'static str,
    /// The value in the first result.
    pub before: f64,
    /// The value in the second result.
    pub after: f64,
    /// Loss from the first result to the second, as a part of the first; 0.1 is 10 %, a negative
    /// number is a gain.
    pub worse: f64,
}

/// Why two results cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// The results are of different kinds.
    #[error("cannot compare a run of {0} with a run of {1}; compare two runs of the same kind")]
    Kinds(String, String),
    /// One of the results has no success.
    #[error("nothing to compare: a run has no operation that succeeded")]
    Empty,
}

fn row(operation: &str, figure: &'static str, before: f64, after: f64, is_rate: bool) -> Row {
    // A part of the first value: half the rate is 50 % worse, double the latency 100 %.
    let change = if is_rate {
        before - after
    } else {
        after - before
    };
    let worse = if before > 0.0 {
        change / before
    } else if change > 0.0 {
        f64::INFINITY
    } else {
        0.0
    };
    Row {
        operation: operation.to_owned(),
        figure,
        before,
        after,
        worse,
    }
}

fn rows_of(
    operation: &str,
    (rate_before, before): (f64, &Latency),
    (rate_after, after): (f64, &Latency),
) -> [Row; 3] {
    [
        row(operation, "per second", rate_before, rate_after, true),
        row(operation, "p50 ms", before.p50, after.p50, false),
        row(operation, "p99 ms", before.p99, after.p99, false),
    ]
}

impl Comparison {
    /// Compares two reports: rate, median and 99th percentile, for all operations together and
    /// for each operation that is in both. `most`: by how much the result of all operations may
    /// become worse (0.1 = 10 %); `None`: no limit.
    ///
    /// # Errors
    /// [`CompareError`] when there is nothing to compare.
    pub fn of(before: &Report, after: &Report, most: Option<f64>) -> Result<Self, CompareError> {
        if before.kind != after.kind {
            let (one, other) = (before.kind.clone(), after.kind.clone());
            return Err(CompareError::Kinds(one, other));
        }
        let (old, new): (&Figures, &Figures) = (&before.figures, &after.figures);
        if old.succeeded == 0 || new.succeeded == 0 {
            return Err(CompareError::Empty);
        }
        let mut rows = rows_of(
            "all",
            (old.rate_per_second, &old.latency_ms),
            (new.rate_per_second, &new.latency_ms),
        )
        .to_vec();
        for one in &old.operations {
            let same = new.operations.iter().find(|it| it.name == one.name);
            if let Some(other) = same.filter(|it| it.succeeded > 0 && one.succeeded > 0) {
                rows.extend(rows_of(
                    &one.name,
                    (one.rate_per_second, &one.latency_ms),
                    (other.rate_per_second, &other.latency_ms),
                ));
            }
        }
        let mut notes = Vec::new();
        if before.pace != after.pace {
            notes.push("the two runs had different paces".to_owned());
        }
        if before.target != after.target {
            notes.push(format!(
                "the targets differ: {} and {}",
                before.target, after.target
            ));
        }
        let left_out = |run: &Report| -> BTreeSet<String> {
            let all = run.left_out.iter();
            all.map(|it| it.operation.clone()).collect()
        };
        if left_out(before) != left_out(after) {
            notes.push("the two runs left out different operations".to_owned());
        }
        if old.failed != new.failed {
            notes.push(format!(
                "{} operations failed in the first run, {} in the second",
                old.failed, new.failed
            ));
        }
        Ok(Self { rows, notes, most })
    }

    /// Returns the figures of all operations that are worse than accepted.
    pub fn worse(&self) -> impl Iterator<Item = &Row> {
        let most = self.most.unwrap_or(f64::INFINITY);
        self.rows
            .iter()
            .filter(move |row| row.operation == "all" && row.worse > most)
    }

    /// Returns the comparison for a terminal.
    pub fn terminal(&self) -> String {
        let mut out = format!(
            "{:<14} {:<11} {:>11} {:>11}  {}\n",
            "operation", "figure", "first", "second", "change"
        );
        for row in &self.rows {
            let change = match row.worse {
                worse if worse > 0.0005 => format!("{:.1} % worse", worse * 100.0),
                worse if worse < -0.0005 => format!("{:.1} % better", -worse * 100.0),
                _ => "same".to_owned(),
            };
            let _ = writeln!(
                out,
                "{:<14} {:<11} {:>11.1} {:>11.1}  {change}",
                row.operation, row.figure, row.before, row.after
            );
        }
        for note in &self.notes {
            let _ = writeln!(out, "Note: {note}");
        }
        if let Some(most) = self.most {
            let worse: Vec<&str> = self.worse().map(|it| it.figure).collect();
            let most = most * 100.0;
            let _ = match worse.as_slice() {
                [] => writeln!(out, "✓ no more than {most} % worse"),
                worse => writeln!(out, "✗ more than {most} % worse: {}", worse.join(", ")),
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn a_slower_run_is_found_and_a_faster_one_is_not() {
        let (fast, slow) = (report(1), report(2));
        let compared = Comparison::of(&fast, &slow, Some(0.1)).unwrap();
        let worse: Vec<&str> = compared.worse().map(|it| it.figure).collect();
        assert_eq!(worse, ["p50 ms", "p99 ms"]);
        assert!(compared.terminal().contains("% worse: p50 ms, p99 ms"));
        let compared = Comparison::of(&slow, &fast, Some(0.1)).unwrap();
        assert_eq!(compared.worse().count(), 0);
        let compared = Comparison::of(&fast, &slow, None).unwrap();
        assert_eq!(compared.worse().count(), 0);
    }

    #[test]
    fn a_change_is_a_part_of_the_first_value() {
        let worse = |before, after, is_rate| row("all", "", before, after, is_rate).worse;
        assert!((worse(100.0, 50.0, true) - 0.5).abs() < 1e-9);
        assert!((worse(100.0, 150.0, true) + 0.5).abs() < 1e-9);
        assert!((worse(10.0, 20.0, false) - 1.0).abs() < 1e-9);
        assert!((worse(10.0, 5.0, false) + 0.5).abs() < 1e-9);
        assert!(worse(0.0, 5.0, false).is_infinite());
    }

    #[test]
    fn different_kinds_are_not_compared() {
        let (one, mut other) = (report(1), report(1));
        "sp".clone_into(&mut other.kind);
        assert!(matches!(
            Comparison::of(&one, &other, None),
            Err(CompareError::Kinds(..))
        ));
    }
}
