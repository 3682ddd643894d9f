//! `rehearsal run`: runs the scenarios, each in its own world.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::whole_number;
use anyhow::{Context as _, bail};
use clap::Args;
use cucumber::gherkin::tagexpr::TagOperation;
use rehearsal::check::{CheckReport, baseline};
use rehearsal::rehearsal::target::Target;
use rehearsal::report::{self, RunReport, StepReport, Verdict};
use rehearsal::scenario::catalogue::{self, Case};
use rehearsal::scenario::{Selection, Settings, Stage, run};

use super::command_line::command_line;
use super::outputs::{Outputs, require_file, require_one_printed};
use super::pipelines::{write_for_github, write_located};
use super::report_forms::{require_own_files, writable};
use super::target_file::add_control_secrets;
use super::{progress, signals};

/// Arguments of `rehearsal run`.
#[derive(Args)]
pub(crate) struct Run {
    /// Run only scenarios whose name or feature contains this text
    filter: Option<String>,
    /// Run only scenarios whose tags match, for example '@G-18 and not @demo'
    #[arg(long, value_name = "EXPR")]
    tags: Option<String>,
    /// Folder of .feature files to use instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Write the report as JUnit XML; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as an HTML file; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the report as a code quality report for GitLab
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// Read known failures from this file: a JSON array of {"id", "reason", "until"?},
    /// where id is the name of a scenario
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Number of scenarios that run at the same time; with --target always 1, because they
    /// share the clock of the target
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = whole_number::<usize>(1..=1_000))]
    jobs: usize,
    /// Number that makes ids, secrets and keys of every world repeat
    #[arg(long, value_name = "N", conflicts_with = "target", value_parser = whole_number::<u64>(0..=u64::MAX))]
    seed: Option<u64>,
    /// PostgreSQL server (postgres://USER:PASSWORD@HOST/DATABASE) on which each scenario
    /// gets a new database, which is dropped afterwards. The user needs the role attribute
    /// CREATEDB [default: SQLite in a temporary folder]
    #[arg(long, value_name = "URL", conflicts_with = "target")]
    database_url: Option<String>,
    /// Run against parties that are already running: the file that `rehearsal up
    /// --ready-file` wrote, or one with the same members. Each scenario gets its own
    /// organization there. A scenario that needs a capability that the target lacks is
    /// skipped, with the reason
    #[arg(long, value_name = "READY.json")]
    target: Option<PathBuf>,
    /// Token of the management API of the target's IdP, if the file does not contain it
    #[arg(
        long,
        value_name = "TOKEN",
        env = "MOCK_IDP_ADMIN_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    idp_admin_token: Option<String>,
    /// Seconds to wait until the parties of the target are ready
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    /// Print no progress
    #[arg(long, short)]
    quiet: bool,
}

impl Run {
    fn admin_token(&self) -> Option<String> {
        let given = self.idp_admin_token.clone();
        given
            .filter(|token| !token.is_empty())
            .or_else(super::target_file::admin_token)
    }

    pub(crate) async fn perform(self) -> anyhow::Result<u8> {
        self.verify_outputs()?;
        let tags = self
            .tags
            .as_deref()
            .map(str::parse::<TagOperation>)
            .transpose()
            .context("invalid --tags: expected an expression like '@G-18 and not @demo'")?;
        let selection = Selection {
            filter: self.filter.clone(),
            tags,
        };
        let mut cases = catalogue::cases(self.features.as_deref())?;
        let all = cases.len();
        cases.retain(|case| selection.chooses(case));
        if cases.is_empty() {
            bail!("no scenario found: none of the {all} scenarios matches the filter and --tags");
        }
        let settings = Settings {
            at_once: self.jobs,
            stage: self.prepare_stage().await?,
            stop: signals::stop().context("cannot listen to signals")?,
        };
        let progress = progress::progress(self.quiet);
        progress.begin("run", cases.len());
        let report_step = |case: &Case, step: &StepReport| {
            if is_first(case, step) {
                progress.step("", &case.scenario.name);
            }
            print_failure(case, step);
        };
        let report = RunReport {
            command_line: command_line(),
            ..run(cases, settings, &report_step).await
        };
        progress.end();
        let skipped = report.count(Verdict::Skip);
        if skipped == report.scenarios.len() && report.incomplete.is_none() {
            let first = report.scenarios[0].first_not_passed();
            let because = first.and_then(|step| step.message.as_deref());
            bail!(
                "all {skipped} scenarios were skipped; the reason of the first: {}",
                because.unwrap_or("no reason was recorded")
            );
        }
        let judged = self.compare_with_expected(&report)?;
        let checks = judged.clone().unwrap_or_else(|| report.as_checks());
        let mut outputs = Outputs::default();
        let html = || report::html("Rehearsal: the scenarios", &report);
        outputs.write(self.html.as_deref(), html);
        outputs.write(self.junit.as_deref(), || report::junit(&report));
        write_located(
            &mut outputs,
            self.sarif.as_deref(),
            &checks,
            CheckReport::sarif,
        );
        let gitlab = self.gitlab.as_deref();
        write_located(&mut outputs, gitlab, &checks, CheckReport::code_quality);
        outputs.note_error(write_for_github(&checks));
        if self.json {
            let json = report::json(&report, judged.as_ref());
            outputs.print_json(&format!("{json:#}\n"));
        } else {
            let mut text = Vec::new();
            summarize(&mut text, &report)?;
            outputs.print_text(&String::from_utf8_lossy(&text));
            if let Some(judged) = judged.as_ref().filter(|_| !outputs.has_printed()) {
                outputs.print_colored(&super::for_terminal(judged));
            }
        }
        outputs.finish()?;
        Ok(judged.map_or(report.exit_code(), |it| it.exit_code()))
    }

    /// Compares the report with the known failures of `--expected`.
    fn compare_with_expected(&self, report: &RunReport) -> anyhow::Result<Option<CheckReport>> {
        let Some(path) = &self.expected else {
            return Ok(None);
        };
        let text = ambient::text_file::read(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let expected = baseline::read_file(&text, path.display())
            .with_context(|| format!("invalid --expected {}", path.display()))?;
        let judged = report
            .as_checks()
            .against(&expected, Ambient::real().now())?;
        Ok(Some(judged))
    }

    /// Refuses report files that cannot be written, before the first scenario.
    fn verify_outputs(&self) -> anyhow::Result<()> {
        let files = [
            ("--junit", self.junit.as_deref()),
            ("--html", self.html.as_deref()),
            ("--sarif", self.sarif.as_deref()),
            ("--gitlab", self.gitlab.as_deref()),
        ];
        require_one_printed(&files, self.json)?;
        require_file("--sarif", self.sarif.as_deref())?;
        require_file("--gitlab", self.gitlab.as_deref())?;
        require_own_files(&files)?;
        let mut paths = files.iter().filter_map(|(_, path)| *path);
        paths.try_for_each(writable)
    }
}

impl Run {
    async fn prepare_stage(&self) -> anyhow::Result<Stage> {
        let Some(path) = &self.target else {
            return Ok(Stage::Own {
                seed: self.seed,
                database_server: self.database_url.clone(),
            });
        };
        let text = ambient::text_file::read(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        // What is no JSON is refused below.
        let text = match serde_json::from_str(&text) {
            Ok(mut document) => {
                add_control_secrets(&mut document)?;
                document.to_string()
            }
            Err(_) => text,
        };
        let target = Target::read(&text, self.admin_token())
            .with_context(|| format!("cannot use --target {}", path.display()))?;
        let target = target
            .wait_until_ready(Duration::from_secs(self.wait))
            .await?;
        Ok(Stage::Target(Box::new(target)))
    }
}

fn is_first(case: &Case, step: &StepReport) -> bool {
    case.scenario
        .steps
        .first()
        .is_some_and(|first| step.title == format!("{} {}", first.keyword.trim(), first.value))
}

fn print_failure(case: &Case, step: &StepReport) {
    if step.verdict == Verdict::Fail {
        let message = step.message.as_deref().unwrap_or_default();
        let _ = writeln!(
            ambient::terminal::err(),
            "failed: {}\n  {}\n  {message}",
            case.scenario.name,
            step.title
        );
    }
}

fn summarize(out: &mut impl std::io::Write, report: &RunReport) -> std::io::Result<()> {
    for scenario in &report.scenarios {
        let verdict = scenario.verdict();
        writeln!(
            out,
            "{}  {:>5} ms  {}",
            verdict.word(),
            scenario.millis(),
            scenario.name
        )?;
        let because = scenario
            .first_not_passed()
            .and_then(|step| step.message.as_deref());
        if let (Verdict::Skip, Some(because)) = (verdict, because) {
            writeln!(out, "                {because}")?;
        }
    }
    if let Some(interruption) = report.incomplete {
        write!(
            out,
            "interrupted by {} after {} of {} scenarios: ",
            interruption.signal.name(),
            report.scenarios.len(),
            interruption.total
        )?;
    }
    writeln!(
        out,
        "{} passed, {} failed, {} skipped in {} ms",
        report.count(Verdict::Pass),
        report.count(Verdict::Fail),
        report.count(Verdict::Skip),
        report.millis
    )
}
