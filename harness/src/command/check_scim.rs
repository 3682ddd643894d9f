//! `rehearsal check scim`: the command line.

use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::whole_number;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::check::profile::Kind;
use rehearsal::check::runner::{AnswerError, Runner};
use rehearsal::check::{CheckReport, SetUpError, scim};
use url::Url;

use super::check::unless_interrupted;
use super::check_options::{Options, Profiles};
use super::report_forms::Forms;
use super::say_waiting;
use super::scim_access::{RequestRate, ScimAccess, scim_url};
use super::second_tenant::SecondTenantArgs;

/// Arguments of `rehearsal check scim`.
#[derive(Args)]
pub(crate) struct Scim {
    /// SCIM base URL, below which `/Users` is
    #[arg(long, value_name = "URL", value_parser = scim_url, required_unless_present = "list")]
    base_url: Option<Url>,
    #[command(flatten)]
    access: ScimAccess,
    #[command(flatten)]
    second: SecondTenantArgs,
    #[command(flatten)]
    rate: RequestRate,
    /// Change nothing: run only the checks that create no resources
    #[arg(long)]
    read_only: bool,
    /// Send 25 look-ups per second for this time, as marketplaces require, and report how they
    /// were answered [default: no load]
    #[arg(long, value_name = "SECONDS", value_parser = whole_number::<u32>(1..=600))]
    rate_seconds: Option<u32>,
    /// Seconds to wait until the server answers, for a server that is just starting
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    #[command(flatten)]
    profiles: Profiles,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    forms: Forms,
}

/// Waits until the server answers a request, however it answers. If it never does, the run says why.
///
/// # Errors
/// When a signal ends the command.
async fn wait_for_answer(
    base: &Url,
    patience: Duration,
    runner: &Runner,
) -> Result<(), SetUpError> {
    let Ok(client) = runner.access.client().build() else {
        return Ok(());
    };
    let mut attempts = tokio::time::interval(Duration::from_millis(200));
    let mut has_said = false;
    let answered = async {
        loop {
            attempts.tick().await;
            let Err(error) = client.get(base.clone()).send().await else {
                return;
            };
            if !std::mem::replace(&mut has_said, true) {
                let error = AnswerError::of(&error, runner.access.timeout);
                say_waiting(base.as_str(), &error.to_string(), patience);
            }
        }
    };
    unless_interrupted(&runner.stop, async {
        let _ = tokio::time::timeout(patience, answered).await;
        Ok(())
    })
    .await
}

impl Scim {
    pub(crate) async fn perform(mut self) -> anyhow::Result<u8> {
        // Includes the checks that only profiles require, because --only may name them.
        let checks = Kind::Scim.checks();
        let chosen = self.profiles.chosen(Kind::Scim)?;
        self.options.limit_to(Kind::Scim, &chosen);
        let selection = self.options.selection(&checks)?;
        let unasked = scim::profile_catalogue().into_iter();
        let unasked: Vec<_> = unasked.filter(|it| !selection.asks_for(&it.id)).collect();
        let mut listed = checks.clone();
        listed.retain(|it| !unasked.contains(it));
        let total = listed
            .iter()
            .filter(|it| selection.includes(&it.id))
            .count();
        if self.options.print_list(&listed, &self.forms)? {
            return Ok(0);
        }
        self.access.require_credentials()?;
        self.forms.verify(&checks, &[])?;
        let Some(base_url) = &self.base_url else {
            bail!("--base-url is required");
        };
        let mut options = self.access.options()?;
        let ambient = Ambient::real();
        options.rate_seconds = self.rate_seconds;
        options.second = self.second.tenant()?;
        options.rate = self.rate.most;
        let mut runner = self.options.runner(&checks)?;
        if self.rate_seconds.is_some() {
            runner.selection = runner.selection.also("SCIM-PROFILE-80");
        }
        let patience = Duration::from_secs(self.wait);
        let refused = |runner: &Runner, error: SetUpError| {
            let report =
                CheckReport::of_error("check scim", base_url.as_str(), error, ambient.now());
            runner.report(report, total, Duration::ZERO)
        };
        if !patience.is_zero()
            && let Err(error) = wait_for_answer(base_url, patience, &runner).await
        {
            return self.forms.write(refused(&runner, error), &ambient);
        }
        let tries_faults = runner.selection.asks_for("SCIM-PROFILE-19");
        let client = &self.access.client;
        let fetched = client.request_token(&runner.access, &ambient, tries_faults);
        let fetched = match unless_interrupted(&runner.stop, fetched).await {
            Ok(fetched) => fetched,
            Err(error) => return self.forms.write(refused(&runner, error), &ambient),
        };
        let credentials = self.access.credentials(fetched.as_ref())?;
        let second = options.second.as_ref();
        let second = second.and_then(|it| it.credentials.secret());
        self.forms.mask([credentials.secret(), second]);
        options.oauth = fetched.map(|it| it.said);
        let wire = scim::wire::Http::to(base_url.clone(), runner.access.clone())
            .context("cannot set up the HTTP client")?;
        let started_at = ambient.now();
        let judge = scim::Judge {
            wire: &wire,
            base: base_url.to_string(),
            credentials,
            options,
            read_only: self.read_only,
            runner,
            ambient: ambient.clone(),
        };
        let report = match judge.judge().await {
            Ok(report) => report.with_profiles(&chosen).with_assessments(&chosen),
            Err(trouble) => {
                let base = base_url.as_str();
                judge.runner.progress.end();
                let error = trouble.to_set_up_error(base);
                let report = CheckReport::of_error("check scim", base, error, started_at);
                judge.runner.report(report, total, Duration::ZERO)
            }
        };
        self.forms.write(report, &ambient)
    }
}
