//! Runs scenarios in parallel, each in its own world.
//!
//! The `cucumber` crate finds the steps. The loop is in this file, so that no scenario is
//! left out silently and every exchange is assigned to its step.

use std::sync::{Arc, Mutex, Once, PoisonError};

use ambient::{Ambient, Rng};
use cucumber::World as _;
use cucumber::gherkin::tagexpr::TagOperation;
use cucumber::step::Collection;
use cucumber::tag::Ext as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

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

/// What a thread reports.
enum Event {
    Step(Arc<Case>, StepReport),
    /// The scenario with this number has ended.
    End(usize, ScenarioReport),
}

/// What the threads share.
struct Run {
    words: Collection<World>,
    /// The scenarios that no thread has taken yet, with their numbers.
    cases: Mutex<std::iter::Enumerate<std::vec::IntoIter<Case>>>,
    stage: Stage,
    stop: Stop,
}

/// Runs the scenarios and calls `on_step` after each step. A scenario that was interrupted by
/// a signal is not in the report.
///
/// # Panics
/// If a thread panics outside of a step.
pub async fn run(
    cases: Vec<Case>,
    settings: Settings,
    on_step: &dyn Fn(&Case, &StepReport),
) -> RunReport {
    quiet_steps();
    let (started, started_at) = (std::time::Instant::now(), Ambient::real().now());
    let Settings {
        at_once,
        stage,
        stop,
    } = settings;
    let total = cases.len();
    let at_once = match &stage {
        Stage::Own { .. } => at_once.clamp(1, total.max(1)),
        Stage::Target(_) => 1,
    };
    let run = Arc::new(Run {
        words: World::collection(),
        cases: Mutex::new(cases.into_iter().enumerate()),
        stage,
        stop,
    });
    let (events, mut received) = unbounded_channel();
    // Steps cannot move to another thread, so each thread runs scenarios of its own.
    let threads: Vec<_> = (0..at_once)
        .map(|_| {
            let (run, events, runtime) = (Arc::clone(&run), events.clone(), Handle::current());
            tokio::task::spawn_blocking(move || runtime.block_on(run.play_all(&events)))
        })
        .collect();
    drop(events);
    let mut scenarios = Vec::new();
    while let Some(event) = received.recv().await {
        match event {
            Event::Step(case, step) => on_step(&case, &step),
            Event::End(number, report) => scenarios.push((number, report)),
        }
    }
    for thread in threads {
        if let Err(error) = thread.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
    // The order of the list, although the scenarios end in another order.
    scenarios.sort_by_key(|(number, _)| *number);
    RunReport {
        scenarios: scenarios.into_iter().map(|(_, report)| report).collect(),
        millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        command: "run",
        target: match &run.stage {
            Stage::Own { .. } => "parties started for this run".to_owned(),
            Stage::Target(target) => target.portal_url(),
        },
        started_at,
        incomplete: run
            .stop
            .signal()
            .map(|signal| Interruption { signal, total }),
        ..RunReport::default()
    }
}

impl Run {
    /// Runs one scenario after the other, until all are taken or a signal arrives.
    async fn play_all(&self, events: &UnboundedSender<Event>) {
        while self.stop.signal().is_none() {
            let next = {
                let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
                cases.next()
            };
            let Some((number, case)) = next else {
                return;
            };
            if let Some(report) = self.play(case, events).await {
                let _ = events.send(Event::End(number, report));
            }
        }
    }

    async fn play(
        &self,
        mut case: Case,
        events: &UnboundedSender<Event>,
    ) -> Option<ScenarioReport> {
        let mut report = ScenarioReport {
            name: case.scenario.name.clone(),
            feature: case.feature.clone(),
            tags: case.tags.clone(),
            steps: Vec::new(),
            exchanges: Vec::new(),
            kept: Kept::default(),
        };
        let world = match &self.stage {
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
                case.replace_domains(&label);
                World::among(target, insert_label(DOMAIN, &label)).await
            }
        };
        let case = Arc::new(case);
        let report_step = |step: &StepReport| {
            let _ = events.send(Event::Step(Arc::clone(&case), step.clone()));
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
                report_step(&step);
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
                    step = take(&self.words, &mut world, step) => step,
                    _ = self.stop.wait() => {
                        // Removes what the scenario created at a target that others use.
                        world.ends().await;
                        return None;
                    }
                }
            };
            report_step(&step);
            ended = ended || step.verdict != Verdict::Pass;
            report.steps.push(step);
        }
        report.exchanges = world.rehearsal.recorder.exchanges();
        report.kept = std::mem::take(&mut world.kept);
        world.ends().await;
        Some(report)
    }
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
