//! Trials that need an older session or end one: ForceAuthn some time after the sign-on, and single
//! logout.

use std::time::Duration;

use super::browser::Browser;
use super::reading::{self, Announced};
use super::recording::{Ending, Recording, Trial, first_sign_on};
use super::request::{Maker, logout};
use super::run::{CheckError, ENDED, Gathering, Person};
use super::trials::{Binding, VARIANTS, Variant};
use crate::check::runner::pause;

/// Grace period for ForceAuthn: within this time after a sign-on, some identity providers do not
/// ask for the password again.
const GRACE: Duration = Duration::from_secs(30);

impl Gathering<'_> {
    /// Repeats a ForceAuthn request that showed no login page, after the time in which an identity
    /// provider may treat the sign-on as new.
    pub(super) async fn force_later(
        &self,
        recording: &mut Recording,
        maker: &Maker<'_>,
        announced: &Announced,
        first: &Browser,
    ) -> Result<(), CheckError> {
        let trials = &recording.trials;
        let asked_nobody = trials
            .get("force-authn")
            .is_some_and(|it| matches!(it.ending, Ending::Answer(_)) && !it.asked);
        let variant = VARIANTS.iter().find(|it| it.name == "force-authn");
        let (true, Person::Driven(_), Some(signed_on), Some(variant)) =
            (asked_nobody, &self.person, first_sign_on(trials), variant)
        else {
            return Ok(());
        };
        let since = self.ambient.now().duration_since(signed_on.at);
        let since = Duration::try_from(since).unwrap_or_default();
        let attempt = async {
            let left = GRACE.saturating_sub(since);
            let why = "ForceAuthn again when the sign-on is half a minute old";
            self.runner.progress.wait(left, why);
            pause(left).await;
            self.attempt(variant, maker, announced, first).await
        };
        let about = "ForceAuthn half a minute after the sign-on";
        let trial = self.run_trial(about, attempt).await?;
        recording
            .trials
            .insert("force-authn-later".to_owned(), trial);
        Ok(())
    }

    /// Tries single logout if the metadata announces it: first unsigned, which must change nothing,
    /// then signed; then tests whether the session has ended.
    pub(super) async fn log_out(
        &self,
        recording: &mut Recording,
        maker: &Maker<'_>,
        announced: &Announced,
    ) -> Result<(), CheckError> {
        let names = ["logout-unsigned", "logout-still", "logout", "logout-after"];
        let now = self.ambient.now();
        let mut skip = |why: &str| {
            for name in names {
                recording
                    .trials
                    .insert(name.to_owned(), Trial::not_tried(now, why));
            }
        };
        let Some(endpoint) = announced.slo_redirect.clone() else {
            skip("the metadata announces no SingleLogoutService with HTTP-Redirect");
            return Ok(());
        };
        let Person::Driven(credentials) = &self.person else {
            skip("a person signed on with their own browser, whose session this run cannot end");
            return Ok(());
        };
        if self.runner.has_ended() {
            skip(ENDED);
            return Ok(());
        }
        let variant = Variant {
            binding: None,
            ..VARIANTS[0]
        };
        let passive = Variant {
            person: false,
            amends: &[super::trials::Amend::Set("IsPassive", "true")],
            ..variant
        };
        let binding = maker.binding_of(&variant);
        let Some(sso) = announced.sso_url(binding) else {
            skip("the metadata announces no SingleSignOnService with HTTP-Redirect or HTTP-POST");
            return Ok(());
        };
        let mut record = |name: &str, trial: Trial| {
            recording.trials.insert(name.to_owned(), trial);
        };
        for (request, probe, signed) in [
            ("logout-unsigned", "logout-still", false),
            ("logout", "logout-after", true),
        ] {
            if self.runner.has_ended() {
                record(request, Trial::not_tried(now, ENDED));
                record(probe, Trial::not_tried(now, ENDED));
                continue;
            }
            self.runner.progress.step("", "single logout");
            // Each logout needs its own session, because the first logout may have ended the
            // earlier one.
            let browser = Browser::new(self.ambient, self.runner)?;
            let mut answered = None;
            if let Ok(outgoing) = maker.make(&variant, sso) {
                let walked = browser
                    .walk(&outgoing.url, &outgoing.fields, Some(credentials))
                    .await;
                if let Ending::Answer(delivered) = &walked.ending {
                    answered = reading::message(&delivered.field);
                }
            }
            let Some((name, format, session)) = answered.as_deref().and_then(reading::session)
            else {
                let why = "there was no sign-on whose session could be ended";
                record(request, Trial::not_tried(now, why));
                record(probe, Trial::not_tried(now, why));
                continue;
            };
            let subject = (name.as_str(), format.as_deref());
            match logout(maker, &endpoint, subject, session.as_deref(), signed) {
                Ok(outgoing) => {
                    let walked = match signed {
                        // The identity provider may ask the person whether to log out.
                        true => browser.walk_agreeing(&outgoing.url).await,
                        false => browser.walk(&outgoing.url, &[], None).await,
                    };
                    record(request, self.trial(outgoing, Binding::Redirect, walked));
                }
                Err(why) => record(request, Trial::not_tried(now, why)),
            }
            match maker.make(&passive, sso) {
                Ok(outgoing) => {
                    let walked = browser.walk(&outgoing.url, &outgoing.fields, None).await;
                    record(probe, self.trial(outgoing, binding, walked));
                }
                Err(why) => record(probe, Trial::not_tried(now, why)),
            }
        }
        Ok(())
    }
}
