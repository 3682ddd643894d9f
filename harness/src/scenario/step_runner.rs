//! Finds the function of a step, runs it, and reports the result.

use std::panic::AssertUnwindSafe;

use cucumber::gherkin::Step;
use cucumber::step::Collection;
use futures::FutureExt as _;

use world::World;
use world::judge::NOT_RUN;

use crate::report::{StepReport, Verdict};

/// Runs a step in its world.
pub(super) async fn take(words: &Collection<World>, world: &mut World, step: &Step) -> StepReport {
    let title = format!("{} {}", step.keyword.trim(), step.value);
    let started = std::time::Instant::now();
    let outcome = match words.find(step) {
        Ok(Some((act, _, _, context))) => AssertUnwindSafe(act(world, context))
            .catch_unwind()
            .await
            .map_err(|panic| panic_message(panic.as_ref())),
        Ok(None) => Err("no step found for this text".to_owned()),
        Err(ambiguous) => Err(format!("several steps match this text: {ambiguous}")),
    };
    let (verdict, message) = match outcome {
        Ok(()) => (Verdict::Pass, None),
        // A step that needs a capability that the target lacks is reported as skipped, not
        // as failed.
        Err(message) if message.starts_with(NOT_RUN) => (Verdict::Skip, Some(message)),
        Err(message) => (Verdict::Fail, Some(message)),
    };
    StepReport {
        title,
        verdict,
        message,
        millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Returns the message of a panic: the macros of `cucumber` turn the error of a step into a
/// panic.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "the step panicked without a message".to_owned())
}
