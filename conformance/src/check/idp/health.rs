//! Tests whether ordinary sign-ons still work after a trial. If they fail or take ten times as
//! long, the trial has found a denial of service.

use std::time::{Duration, Instant};

use super::reading::Announced;
use super::recording::{Ending, Trial};
use super::request::Maker;
use super::run::{CheckError, Gathering, Person};
use crate::check::runner::{find_harm, slow_after};

/// What an ordinary sign-on needs, and how long one took before the trials.
pub(super) struct Health<'h> {
    gathering: &'h Gathering<'h>,
    pub(super) maker: &'h Maker<'h>,
    pub(super) announced: &'h Announced,
    pub(super) calm: Option<Duration>,
}

impl<'h> Health<'h> {
    pub(super) fn new(
        gathering: &'h Gathering<'h>,
        maker: &'h Maker<'h>,
        announced: &'h Announced,
    ) -> Self {
        Self {
            gathering,
            maker,
            announced,
            calm: None,
        }
    }

    /// Runs an ordinary sign-on after a trial that got no answer or took long, and records in the
    /// trial what it did to the identity provider.
    pub(super) async fn note_harm(&self, trial: &mut Trial, took: Duration) {
        let (Some(calm), runner) = (self.calm, self.gathering.runner) else {
            return;
        };
        let is_lost = matches!(trial.ending, Ending::NoAnswer { .. });
        if runner.has_ended() || !is_lost && took <= slow_after(calm) {
            return;
        }
        tokio::select! {
            harm = find_harm(runner, "an honest sign-on", (calm, is_lost), || self.sign_on()) => {
                trial.harm = harm.map(|it| it.what);
            }
            // A test that a signal interrupts proves no harm.
            _ = runner.stop.wait() => {}
        }
    }

    /// Returns how long an ordinary sign-on takes, or why it fails.
    async fn sign_on(&self) -> Result<Duration, String> {
        let Person::Driven(person) = &self.gathering.person else {
            // With `--interactive` the user would have to sign on again and again.
            return Ok(Duration::ZERO);
        };
        let began = Instant::now();
        let plain = self
            .gathering
            .send_plain_request(self.maker, self.announced, person);
        match plain
            .await
            .map_err(|error: CheckError| error.to_string())?
            .ending
        {
            Ending::Answer(_) => Ok(began.elapsed()),
            Ending::Page { status, .. } => Err(format!("it ended on a page (HTTP {status})")),
            Ending::NoAnswer { why } | Ending::Failed { why } | Ending::NotTried { why } => {
                Err(why)
            }
        }
    }
}
