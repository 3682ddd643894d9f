//! JUnit XML: a suite, a case for each check.

use std::fmt::Write as _;

use super::{CheckReport, Verdict};

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            // XML 1.0 has no other control characters.
            sign if sign.is_control() && sign != '\t' => out.push('\u{fffd}'),
            sign => out.push(sign),
        }
    }
    out
}

pub(super) fn junit(report: &CheckReport) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites>\n<testsuite name=\"rehearsal {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">",
        escaped(report.command),
        report.outcomes.len(),
        report.count(Verdict::Fail),
        report.count(Verdict::Skip),
    );
    for outcome in &report.outcomes {
        let _ = write!(
            out,
            "<testcase classname=\"{}\" name=\"{} {}\" time=\"0\"",
            escaped(report.command),
            escaped(&outcome.check.id),
            escaped(&outcome.check.title)
        );
        let said = escaped(&format!(
            "expected {}\nactual {}\nfix {}\nspec {} ({})",
            outcome.expected,
            outcome.actual,
            outcome.check.fix,
            outcome.check.spec,
            outcome.check.level.name()
        ));
        let _ = match outcome.verdict {
            Verdict::Pass => writeln!(out, "/>"),
            Verdict::Fail => writeln!(
                out,
                "><failure message=\"{}\" type=\"{}\">{said}</failure></testcase>",
                escaped(&outcome.actual),
                outcome.check.level.name()
            ),
            Verdict::Skip => writeln!(
                out,
                "><skipped message=\"{}\"/></testcase>",
                escaped(&outcome.actual)
            ),
            Verdict::Warn => writeln!(out, "><system-out>{said}</system-out></testcase>"),
        };
    }
    out.push_str("</testsuite>\n</testsuites>\n");
    out
}
