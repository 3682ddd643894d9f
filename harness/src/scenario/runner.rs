//! Runs scenarios side by side, each in a world of its own.
//!
//! The words are the `cucumber` crate's; the loop is ours, so that no scenario
//! is dropped silently and every exchange is known by its step.

use std::sync::Once;

use ambient::{Ambient, Rng};
use cucumber::World as _;
use cucumber::gherkin::tagexpr::TagOperation;
use cucumber::tag::Ext as _;
use futures::StreamExt as _;

use super::catalogue::Case;
use super::isolation::moved;
use super::step_runner::take;
use crate::check::Interruption;
use crate::check::runner::Stop;
use crate::rehearsal::target::Target;
use crate::report::{Kept, RunReport, ScenarioReport, StepReport, Verdict};
use crate::world::DOMAIN;
use crate::{Options, World};

/// Which scenarios are run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only those whose feature or name contains this.
    pub filter: Option<String>,
    /// Only those whose tags fit this expression.
    pub tags: Option<TagOperation>,
}

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many at once; one after another among a target's parties, whose
    /// clock they share.
    pub at_once: usize,
    /// The stage of the scenario.
    pub stage: Stage,
    /// Ends the run before its end; what was played is reported.
    pub stop: Stop,
}

/// The parties that scenarios are played by.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Parties of its own for each scenario.
    Own {
        /// Ids and secrets repeat with the seed; without one the operating
        /// system draws them.
        seed: Option<u64>,
        /// A PostgreSQL server, on which each scenario's portal gets a database
        /// of its own; without one it is SQLite.
        database_server: Option<String>,
    },
    /// Parties that run already. Each scenario has an organization of its
    /// own among them.
    Target(Box<Target>),
}

impl Selection {
    /// Whether a scenario is chosen.
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

/// Runs the cases; `told` hears of each step as it ends. A scenario that a
/// signal broke off is not in the report.
pub async fn run(
    cases: Vec<Case>,
    settings: Settings,
    told: &dyn Fn(&Case, &StepReport),
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
    // Kept in the order of the catalogue, whichever ends first.
    let scenarios = futures::stream::iter(cases)
        .map(|case| async move {
            match stop.signal() {
                None => play(words, case, stage, stop, told).await,
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
    told: &dyn Fn(&Case, &StepReport),
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
            World::among(target, moved(DOMAIN, &label)).await
        }
    };
    let mut world = match world {
        Ok(world) => world,
        Err(error) => {
            report.steps.push(StepReport {
                title: "Given the parties are running".to_owned(),
                verdict: Verdict::Fail,
                message: Some(error.to_string()),
                millis: 0,
            });
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
                    // What it made at a target that others use goes with it.
                    world.ends().await;
                    return None;
                }
            }
        };
        told(&case, &step);
        ended = ended || step.verdict != Verdict::Pass;
        report.steps.push(step);
    }
    report.exchanges = world.rehearsal.recorder.exchanges();
    report.kept = std::mem::take(&mut world.kept);
    world.ends().await;
    Some(report)
}

/// A failing step is a report, not a panic on the screen; every other panic
/// stays one.
fn quiet_steps() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let in_a_step = panic
                .location()
                .is_some_and(|at| at.file().contains("steps"));
            if !in_a_step {
                loud(panic);
            }
        }));
    });
}
