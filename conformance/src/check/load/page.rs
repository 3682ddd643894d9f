//! The report of a run as one HTML file.

use std::time::Duration;

use maud::{Markup, html};

use super::plot::{Line, Plot, marks, number};
use super::report::{Interval, Report};
use super::words;
use crate::page::{self, Header};

const ACCENT: &str = "var(--accent)";
const BAD: &str = "var(--fail)";
const SOSO: &str = "var(--soso)";

pub(super) fn html(report: &Report) -> String {
    let figures = &report.figures;
    let class = if report.missed.is_empty() {
        "pass"
    } else {
        "fail"
    };
    let command = format!("bench load {}", report.kind);
    let explanation = report.interrupted_by.as_ref().map(|signal| {
        html! { p { "Interrupted by " (signal) ": the run is incomplete." } }
    });
    let header = Header {
        command: &command,
        verdict: words::verdict(report),
        class,
        explanation,
        target: &report.target,
        started_at: report.started_at,
        duration: Duration::try_from_secs_f64(figures.seconds).unwrap_or_default(),
        version: &report.version,
        command_line: &report.command_line,
    };
    let title = format!("Load on {}", report.target);
    let main = html! {
        p { (words::pace(&report.pace)) "." }
        (operations(report))
        @for note in &report.notes { p { "Note: " (note) } }
        @if figures.unsent > 0 {
            p { (figures.unsent) " operations were due and not sent, because --concurrency were under way." }
        }
        @if !report.left.is_empty() { p { "Left at the target: " (report.left.join(", ")) } }
        (latency_plot(report))
        (curve(report))
        (rate_plot(report))
        @if figures.failed + figures.limited > 0 { (errors_plot(report)) (errors(report)) }
    };
    page::page(&title, &header, "", &[], &main)
}

fn operations(report: &Report) -> Markup {
    let figures = &report.figures;
    let cell = |value: f64| html! { td.number { (format!("{value:.1}")) } };
    let rows = figures.operations.iter().map(|it| {
        (
            it.name.as_str(),
            [it.succeeded, it.failed, it.limited],
            it.rate_per_second,
            &it.latency_ms,
        )
    });
    let all = (
        "all",
        [figures.succeeded, figures.failed, figures.limited],
        figures.rate_per_second,
        &figures.latency_ms,
    );
    html! {
        h2 { "Operations" }
        table {
            thead { tr {
                th { "Operation" }
                @for name in ["Succeeded", "Failed", "Limited", "Per second", "p50 ms", "p90 ms", "p99 ms", "Max ms"] {
                    th.number { (name) }
                }
            } }
            tbody {
                @for (name, counts, rate, latency) in rows.chain([all]) {
                    tr {
                        td { (name) }
                        @for count in counts { td.number { (count) } }
                        (cell(rate)) (cell(latency.p50)) (cell(latency.p90)) (cell(latency.p99)) (cell(latency.max))
                    }
                }
            }
        }
    }
}

/// A line over time; only where `is_shown`.
fn over_time(
    report: &Report,
    (name, color): (&'static str, &'static str),
    value: impl Fn(&Interval) -> f64,
    is_shown: impl Fn(&Interval) -> bool,
) -> Line {
    let all = report.figures.timeline.iter();
    Line {
        name,
        color,
        points: all
            .filter(|it| is_shown(it))
            .map(|it| (it.at_seconds, value(it)))
            .collect(),
    }
}

fn seconds(report: &Report) -> Vec<(f64, String)> {
    let last = report.figures.timeline.last();
    let all = marks(last.map_or(0.0, |it| it.at_seconds), 8.0);
    all.into_iter().map(|it| (it, number(it))).collect()
}

fn latency_plot(report: &Report) -> Markup {
    let has_some = |it: &Interval| it.succeeded > 0;
    Plot {
        title: "Latency over time",
        x: "seconds",
        y: "milliseconds",
        marks: seconds(report),
        lines: vec![
            over_time(report, ("p50", ACCENT), |it| it.p50_ms, has_some),
            over_time(report, ("p99", BAD), |it| it.p99_ms, has_some),
        ],
    }
    .markup()
}

/// The x axis stretches towards 100 %: each step of equal length is a tenth of the rest.
fn curve(report: &Report) -> Markup {
    let place = |percentile: f64| -(1.0 - (percentile / 100.0).min(0.9999)).log10();
    let points = report.figures.percentiles.iter();
    let named = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];
    Plot {
        title: "Percentiles of the latency",
        x: "percentile",
        y: "milliseconds",
        marks: named
            .into_iter()
            .map(|it| (place(it), format!("{it} %")))
            .collect(),
        lines: vec![Line {
            name: "all operations",
            color: ACCENT,
            points: points.map(|it| (place(it.percentile), it.ms)).collect(),
        }],
    }
    .markup()
}

fn rate_plot(report: &Report) -> Markup {
    let rate = |it: &Interval| it.rate_per_second;
    Plot {
        title: "Rate over time",
        x: "seconds",
        y: "successes per second",
        marks: seconds(report),
        lines: vec![over_time(report, ("succeeded", ACCENT), rate, |_| true)],
    }
    .markup()
}

fn errors_plot(report: &Report) -> Markup {
    let count = |it: u64| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    Plot {
        title: "Errors over time",
        x: "seconds",
        y: "answers",
        marks: seconds(report),
        lines: vec![
            over_time(report, ("failed", BAD), |it| count(it.failed), |_| true),
            over_time(report, ("limited", SOSO), |it| count(it.limited), |_| true),
        ],
    }
    .markup()
}

fn errors(report: &Report) -> Markup {
    html! {
        @if !report.figures.errors.is_empty() {
            h2 { "Errors" }
            table {
                thead { tr { th.number { "Count" } th { "Operation" } th { "Kind" } th { "Example" } } }
                tbody {
                    @for error in &report.figures.errors {
                        tr {
                            td.number { (error.count) }
                            td { (error.operation) }
                            td { (error.kind) }
                            td { code { (error.example) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;

    #[test]
    fn the_page_contains_plots_and_escapes_texts_of_the_target() {
        let page = report(1).html();
        for title in [
            "Latency over time",
            "Percentiles of the latency",
            "Rate over time",
            "Errors over time",
        ] {
            assert!(page.contains(title), "{title}");
        }
        assert_eq!(page.matches("<polyline").count(), 6);
        assert!(page.contains("HTTP 500 &lt;oops&gt;") && !page.contains("<oops>"));
        assert!(!page.contains("NaN"));
    }
}
