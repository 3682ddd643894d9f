//! `rehearsal demo`: plays the whole guide once and prints each step.

use std::io::Write as _;
use std::path::PathBuf;

use ambient::arguments::whole_number;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::report::{self, RunReport, StepReport, Verdict};
use rehearsal::scenario::catalogue::{self, Case};
use rehearsal::scenario::{Settings, Stage, run};

use super::command_line::command_line;
use super::outputs::Outputs;
use super::report_forms::writable;
use super::{colors, signals, write};

/// Arguments of `rehearsal demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// File of the report; `-` prints it instead of the summary
    #[arg(long, value_name = "FILE", default_value = "rehearsal-demo.html")]
    html: PathBuf,
    /// Folder to keep the signed Response and its certificate in, for other tools
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Number that makes ids and secrets repeat
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>(0..=u64::MAX))]
    seed: Option<u64>,
    /// PostgreSQL server (postgres://USER:PASSWORD@HOST/DATABASE) on which the demo gets a
    /// new database, which is dropped afterwards. The user needs the role attribute
    /// CREATEDB [default: SQLite in a temporary folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl Demo {
    pub(crate) async fn perform(self) -> anyhow::Result<u8> {
        if let Some(url) = &self.database_url
            && !["postgres://", "postgresql://"]
                .iter()
                .any(|it| url.starts_with(it))
        {
            bail!(
                "invalid --database-url: expected postgres://USER:PASSWORD@HOST/DATABASE, got another scheme"
            );
        }
        writable(&self.html)?;
        let cases = catalogue::demo_cases()?;
        let settings = Settings {
            at_once: 1,
            stage: Stage::Own {
                seed: self.seed,
                database_server: self.database_url.clone(),
            },
            stop: signals::stop().context("cannot listen to signals")?,
        };
        let report = RunReport {
            command: "demo",
            command_line: command_line(),
            ..run(cases, settings, &print_step).await
        };
        let mut outputs = Outputs::default();
        outputs.write(Some(&self.html), || {
            report::html("Rehearsal: the whole guide", &report)
        });
        if let Some(interruption) = report.incomplete {
            let text = format!(
                "interrupted by {}: the guide was not played to its end\n",
                interruption.signal.name()
            );
            outputs.print_text(&text);
            outputs.finish()?;
            return Ok(report.exit_code());
        }
        if let Some(folder) = &self.keep {
            let kept = report.scenarios.iter().find_map(|scenario| {
                let kept = &scenario.kept;
                kept.response.as_ref().zip(kept.certificate.as_ref())
            });
            let Some((response, certificate)) = kept else {
                bail!("no signed Response to keep: the guide failed before the first one");
            };
            for (name, text) in [
                ("response.xml", response),
                ("idp-certificate.pem", certificate),
            ] {
                outputs.note_error(write(&folder.join(name), text));
            }
        }
        let exchanges: usize = report.scenarios.iter().map(|it| it.exchanges.len()).sum();
        let well = report.count(Verdict::Pass) == report.scenarios.len();
        outputs.print_text(&format!(
            "{}, {exchanges} HTTP exchanges in {} ms\n",
            report.verdict_sentence(),
            report.millis
        ));
        outputs.finish()?;
        Ok(u8::from(!well))
    }
}

fn print_step(_: &Case, step: &StepReport) {
    let (mark, color) = match step.verdict {
        Verdict::Pass => ("✓", 32),
        Verdict::Fail => ("✗", 31),
        Verdict::Skip => ("–", 33),
    };
    let mut err = ambient::terminal::err();
    let _ = match colors() {
        true => err.write_colored(color, mark),
        false => write!(err, "{mark}"),
    };
    let _ = writeln!(err, " {}", step.title);
    if let Some(message) = &step.message {
        let _ = writeln!(err, "  {message}");
    }
}
