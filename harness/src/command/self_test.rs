//! `rehearsal self-test`: tests whether this installation works on this machine.

use std::io::Write as _;
use std::net::TcpListener;

use anyhow::Context as _;
use clap::Args;
use rehearsal::report::Verdict;
use rehearsal::scenario::catalogue;
use rehearsal::scenario::{Settings, Stage, run};

use super::signals;

/// Arguments of `rehearsal self-test`.
#[derive(Args)]
pub(crate) struct SelfTest {}

impl SelfTest {
    pub(crate) async fn perform(&self) -> anyhow::Result<u8> {
        let mut out = ambient::terminal::out();
        writeln!(out, "rehearsal {}", rehearsal::VERSION)?;

        TcpListener::bind("127.0.0.1:0")
            .context("cannot open a port on 127.0.0.1; allow this program to listen on loopback")?;
        writeln!(out, "ok  a port can be opened on 127.0.0.1")?;

        let folder = std::env::temp_dir();
        tempfile::tempfile_in(&folder).with_context(|| {
            format!(
                "cannot write to the temporary folder {}; set TMPDIR to one that can be written",
                folder.display()
            )
        })?;
        writeln!(
            out,
            "ok  the temporary folder {} can be written",
            folder.display()
        )?;

        let settings = Settings {
            at_once: 1,
            stage: Stage::Own {
                seed: None,
                database_server: None,
            },
            stop: signals::stop().context("cannot listen to signals")?,
        };
        let report = run(catalogue::demo_cases()?, settings, &|_, _| {}).await;
        if let Some(interruption) = report.incomplete {
            writeln!(out, "interrupted by {}", interruption.signal.name())?;
            return Ok(report.exit_code());
        }
        for scenario in &report.scenarios {
            let steps = scenario.steps.len();
            if scenario.verdict() == Verdict::Pass {
                writeln!(
                    out,
                    "ok  the parties play the set-up guide: {steps} steps in {} ms",
                    scenario.millis()
                )?;
            } else if let Some(step) = scenario.first_not_passed() {
                writeln!(out, "FAIL  {}: {}", scenario.name, step.title)?;
                if let Some(message) = &step.message {
                    writeln!(out, "      {message}")?;
                }
            }
        }
        let works = report.count(Verdict::Pass) == report.scenarios.len();
        let verdict = if works {
            "This installation works."
        } else {
            "This installation does not work: report the lines above with the first one."
        };
        writeln!(out, "{verdict}")?;
        Ok(u8::from(!works))
    }
}
