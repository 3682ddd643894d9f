//! `rehearsal run`: the scenarios, each in a world of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ambient::Ambient;
use anyhow::{Context as _, bail};
use clap::Args;
use cucumber::gherkin::tagexpr::TagOperation;
use rehearsal::check::{CheckReport, baseline};
use rehearsal::rehearsal::target::Target;
use rehearsal::report::{self, RunReport, StepReport, Verdict};
use rehearsal::scenario::catalogue::{self, Case};
use rehearsal::scenario::{Selection, Settings, Stage, run};

use super::command_line::command_line;
use super::pipelines::{write_for_github, write_located};
use super::{progress, signals, write};

/// Arguments of `rehearsal run`.
#[derive(Args)]
pub(crate) struct Run {
    /// Only scenarios whose name or feature contains this.
    filter: Option<String>,
    /// Only scenarios whose tags fit, for example '@G-18 and not @demo'.
    #[arg(long, value_name = "EXPR")]
    tags: Option<String>,
    /// A folder of .feature files in place of the embedded ones.
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Writes JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes the report for people.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
    /// Writes SARIF 2.1.0.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Writes a code quality report for GitLab.
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// Failures that are known: a JSON array of {"id", "reason", "until"?},
    /// where id is the scenario's name.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// How many scenarios run at once; with --target one after another, since
    /// they share its clock.
    #[arg(long, default_value_t = 6)]
    jobs: usize,
    /// The seed of every world: ids, secrets and keys repeat with it.
    #[arg(long, conflicts_with = "target")]
    seed: Option<u64>,
    /// A PostgreSQL server (postgres://USER:PASSWORD@HOST/DATABASE): each scenario gets a
    /// new database on it, which is dropped afterwards. The user needs the role
    /// attribute CREATEDB. [default: SQLite in a temporary folder]
    #[arg(long, value_name = "URL", conflicts_with = "target")]
    database_url: Option<String>,
    /// Runs against parties that run already: what `rehearsal up --ready-file`
    /// wrote, or a file with the same names. Each scenario gets an
    /// organization of its own there; one that needs a power that the target
    /// doesn't give is skipped and says which.
    #[arg(long, value_name = "READY.json")]
    target: Option<PathBuf>,
    /// The administrator's token at the target's IdP, when the file doesn't
    /// name it.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "MOCK_IDP_ADMIN_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    idp_admin_token: Option<String>,
    /// How long to wait for the target's parties to be ready, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
    /// Prints no progress.
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
        let tags = self
            .tags
            .as_deref()
            .map(str::parse::<TagOperation>)
            .transpose()
            .context("--tags takes an expression like '@G-18 and not @demo'")?;
        let selection = Selection {
            filter: self.filter.clone(),
            tags,
        };
        let mut cases = catalogue::cases(self.features.as_deref())?;
        let all = cases.len();
        cases.retain(|case| selection.chooses(case));
        if cases.is_empty() {
            bail!("none of the {all} scenarios is chosen by this filter");
        }
        let settings = Settings {
            at_once: self.jobs,
            stage: self.stage().await?,
            stop: signals::stop().context("cannot listen to signals")?,
        };
        let progress = progress::progress(self.quiet);
        progress.begin("run", cases.len());
        let told = |case: &Case, step: &StepReport| {
            if is_first(case, step) {
                progress.step("", &case.scenario.name);
            }
            tell_failure(case, step);
        };
        let report = RunReport {
            command_line: command_line(),
            ..run(cases, settings, &told).await
        };
        progress.end();
        let skipped = report.count(Verdict::Skip);
        if skipped == report.scenarios.len() && report.incomplete.is_none() {
            let first = report.scenarios[0].ending();
            let because = first.and_then(|step| step.message.as_deref());
            bail!(
                "none of the {skipped} scenarios could be run; the first: {}",
                because.unwrap_or_default()
            );
        }
        if let Some(path) = &self.junit {
            write(path, &report::junit(&report))?;
        }
        if let Some(path) = &self.html {
            write(path, &report::html("Rehearsal: the scenarios", &report))?;
        }
        let judged = match &self.expected {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading {}", path.display()))?;
                let expected =
                    baseline::read(&text).with_context(|| format!("reading {}", path.display()))?;
                Some(
                    report
                        .as_checks()
                        .against(&expected, Ambient::real().now())?,
                )
            }
            None => None,
        };
        let checks = judged.clone().unwrap_or_else(|| report.as_checks());
        if let Some(path) = &self.sarif {
            write_located(path, &checks, CheckReport::sarif)?;
        }
        if let Some(path) = &self.gitlab {
            write_located(path, &checks, CheckReport::code_quality)?;
        }
        write_for_github(&checks)?;
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &report::json(&report, judged.as_ref()))?;
            writeln!(out)?;
        } else {
            summarize(&mut out, &report)?;
            if let Some(judged) = &judged {
                write!(out, "{}", super::for_terminal(judged))?;
            }
        }
        super::name_written(&[&self.html, &self.junit, &self.sarif, &self.gitlab])?;
        Ok(judged.map_or(report.exit_code(), |it| it.exit_code()))
    }
}

impl Run {
    async fn stage(&self) -> anyhow::Result<Stage> {
        let Some(path) = &self.target else {
            return Ok(Stage::Own {
                seed: self.seed,
                database_server: self.database_url.clone(),
            });
        };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let target = Target::read(&text, self.admin_token())
            .with_context(|| format!("reading {}", path.display()))?;
        let target = target.awaited(Duration::from_secs(self.wait)).await?;
        Ok(Stage::Target(Box::new(target)))
    }
}

fn is_first(case: &Case, step: &StepReport) -> bool {
    case.scenario
        .steps
        .first()
        .is_some_and(|first| step.title == format!("{} {}", first.keyword.trim(), first.value))
}

fn tell_failure(case: &Case, step: &StepReport) {
    if step.verdict == Verdict::Fail {
        let message = step.message.as_deref().unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
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
        let because = scenario.ending().and_then(|step| step.message.as_deref());
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
