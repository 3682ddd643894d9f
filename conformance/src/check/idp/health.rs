//! Tests whether ordinary sign-ons still work after a trial. If they fail or take ten times as
//! long, the trial has found a denial of service. If they work again a moment later, something else
//! may have stopped the identity provider: then the trial is repeated.

use std::time::{Duration, Instant};

use super::reading::Announced;
use super::recording::{Ending, Trial};
use super::request::Maker;
use super::run::{CheckError, Gathering, Person};
use crate::check::runner::{TargetHarm, find_harm, slow_after};

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

    /// Runs a trial, and once more if the identity provider stopped answering and works again. What
    /// happened to the identity provider is recorded in the trial.
    pub(super) async fn run<F>(
        &self,
        about: &str,
        attempt: impl Fn() -> F,
    ) -> Result<Trial, CheckError>
    where
        F: Future<Output = Result<Trial, CheckError>>,
    {
        let began = Instant::now();
        let mut trial = self.gathering.run_trial(about, attempt()).await?;
        let first = match self.find_harm(&trial, began.elapsed()).await {
            Some(first) if first.is_over => first,
            harm => {
                trial.harm = harm.map(|it| it.what);
                return Ok(trial);
            }
        };
        let note =
            "the identity provider stopped answering and works again: the request is sent again";
        self.gathering.runner.progress.note("", note);
        let began = Instant::now();
        let mut trial = self.gathering.unless_ended(attempt()).await?;
        let second = self.find_harm(&trial, began.elapsed()).await;
        trial.harm = second.map(|it| TargetHarm::at_second_attempt(&first, &it).what);
        Ok(trial)
    }

    /// Runs an ordinary sign-on after a trial that got no answer or took long. Returns what the trial
    /// did to the identity provider.
    async fn find_harm(&self, trial: &Trial, took: Duration) -> Option<TargetHarm> {
        let (calm, runner) = (self.calm?, self.gathering.runner);
        let is_lost = matches!(trial.ending, Ending::NoAnswer { .. });
        if runner.has_ended() || !is_lost && took <= slow_after(calm) {
            return None;
        }
        tokio::select! {
            harm = find_harm(runner, "an honest sign-on", (calm, is_lost), || self.sign_on()) => harm,
            // A test that a signal interrupts proves no harm.
            _ = runner.stop.wait() => None,
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
