//! Runs scenarios in parallel, each in its own world.
//!
//! The `cucumber` crate finds the steps. The loop is in this file, so that no scenario is
//! left out silently and every exchange is assigned to its step.

use std::sync::Once;

use ambient::{Ambient, Rng};
use cucumber::World as _;
use cucumber::gherkin::tagexpr::TagOperation;
use cucumber::tag::Ext as _;
use futures::StreamExt as _;

use super::catalogue::Case;
use super::isolation::insert_label;
use super::step_runner::take;
use crate::check::Interruption;
use crate::check::runner::Stop;
use crate::report::{Kept, RunReport, ScenarioReport, StepReport, Verdict};
use world::DOMAIN;
use world::rehearsal::target::Target;
use world::{Options, World};

/// Which scenarios are run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Run only scenarios whose feature or name contains this text.
    pub filter: Option<String>,
    /// Run only scenarios whose tags match this expression.
    pub tags: Option<TagOperation>,
}

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Number of scenarios that run at the same time; 1 with a target, because they share
    /// its clock.
    pub at_once: usize,
    /// The parties to run them with.
    pub stage: Stage,
    /// Ends the run early; the scenarios that have ended are reported.
    pub stop: Stop,
}

/// The parties that scenarios are run with.
#[derive(Debug, Clone)]
pub enum Stage {
    /// New parties for each scenario.
    Own {
        /// With the same seed, ids and secrets are the same in each run. Without one they
        /// come from the operating system.
        seed: Option<u64>,
        /// URL of a PostgreSQL server, on which each scenario's portal gets a new database.
        /// Without it the portal uses SQLite.
        database_server: Option<String>,
    },
    /// Parties that are already running. Each scenario gets its own organization there.
    Target(Box<Target>),
}

impl Selection {
    /// True if a scenario matches the filter and the tags.
    pub fn chooses(&self, case: &Case) -> bool {
        let named = self.filter.as_ref().is_none_or(|filter| {
            let filter = filter.to_lowercase();
            case.scenario.name.to_lowercase().contains(&filter)
                || case.feature.to_lowercase().contains(&filter)
        });
        named
            && self
                .tags
                .as_ref()
                .is_none_or(|tags| tags.eval(case.tags.iter()))
    }
}

/// Runs the scenarios and calls `on_step` after each step. A scenario that was interrupted by
/// a signal is not in the report.
pub async fn run(
    cases: Vec<Case>,
    settings: Settings,
    on_step: &dyn Fn(&Case, &StepReport),
) -> RunReport {
    quiet_steps();
    let words = World::collection();
    let words = &words;
    let (started, started_at) = (std::time::Instant::now(), Ambient::real().now());
    let (stage, stop) = (&settings.stage, &settings.stop);
    let total = cases.len();
    let at_once = match stage {
        Stage::Own { .. } => settings.at_once.max(1),
        Stage::Target(_) => 1,
    };
    // Keep the order of the list, although the scenarios end in another order.
    let scenarios = futures::stream::iter(cases)
        .map(|case| async move {
            match stop.signal() {
                None => play(words, case, stage, stop, on_step).await,
                Some(_) => None,
            }
        })
        .buffered(at_once)
        .filter_map(std::future::ready)
        .collect()
        .await;
    RunReport {
        scenarios,
        millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        command: "run",
        target: match stage {
            Stage::Own { .. } => "parties started for this run".to_owned(),
            Stage::Target(target) => target.portal_url(),
        },
        started_at,
        incomplete: stop.signal().map(|signal| Interruption { signal, total }),
        ..RunReport::default()
    }
}

async fn play(
    words: &cucumber::step::Collection<World>,
    mut case: Case,
    stage: &Stage,
    stop: &Stop,
    on_step: &dyn Fn(&Case, &StepReport),
) -> Option<ScenarioReport> {
    let mut report = ScenarioReport {
        name: case.scenario.name.clone(),
        feature: case.feature.clone(),
        tags: case.tags.clone(),
        steps: Vec::new(),
        exchanges: Vec::new(),
        kept: Kept::default(),
    };
    let world = match stage {
        Stage::Own {
            seed,
            database_server,
        } => {
            let options = Options {
                seed: *seed,
                database_server: database_server.clone(),
                ..Options::default()
            };
            World::with(options).await
        }
        Stage::Target(target) => {
            let label = Rng::from_os().hex(4);
            case.moves_to(&label);
            World::among(target, insert_label(DOMAIN, &label)).await
        }
    };
    let mut world = match world {
        Ok(world) => world,
        Err(error) => {
            let step = StepReport {
                title: "Given the parties are running".to_owned(),
                verdict: Verdict::Fail,
                message: Some(error.to_string()),
                millis: 0,
            };
            on_step(&case, &step);
            report.steps.push(step);
            return Some(report);
        }
    };
    let mut ended = false;
    for (number, step) in case.scenario.steps.iter().enumerate() {
        world.rehearsal.recorder.begin_step(number);
        let step = if ended {
            StepReport {
                title: format!("{} {}", step.keyword.trim(), step.value),
                verdict: Verdict::Skip,
                message: None,
                millis: 0,
            }
        } else {
            tokio::select! {
                step = take(words, &mut world, step) => step,
                _ = stop.wait() => {
                    // Removes what the scenario created at a target that others use.
                    world.ends().await;
                    return None;
                }
            }
        };
        on_step(&case, &step);
        ended = ended || step.verdict != Verdict::Pass;
        report.steps.push(step);
    }
    report.exchanges = world.rehearsal.recorder.exchanges();
    report.kept = std::mem::take(&mut world.kept);
    world.ends().await;
    Some(report)
}

/// Prints no panic message for a failed step, because the report shows it. Other panics are
/// printed.
fn quiet_steps() {
    static ONCE: Once = Once::new();
    // The folder of the steps, written as the compiler writes the path of this file. Files of
    // other crates whose names contain "steps" are not meant.
    let steps = file!().replace("scenario/runner.rs", "steps/");
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let in_a_step = panic
                .location()
                .is_some_and(|at| at.file().starts_with(&steps));
            if !in_a_step {
                loud(panic);
            }
        }));
    });
}
