//! The control: the person who stays is created and logs in. If that fails, nothing can be
//! judged, and this module finds out why.

use std::time::Duration;

use super::checks::Stop;
use super::pace::next_wait;
use super::play::Play;
use super::subject::{Case, Subject};
use crate::check::SetUpError;
use crate::check::sp::{Answer, CheckError, Sighting, SignedForm, probe_error_of, set_up_error_of};

/// Time within which a person whom SCIM just created must be able to log in.
pub(super) const JOIN_LIMIT: Duration = Duration::from_secs(10);

impl Play<'_> {
    /// Creates the person who stays and logs them in.
    ///
    /// # Errors
    /// The set-up is wrong: no person can be created, or no person can log in.
    pub(super) async fn run_control(&mut self) -> Result<(), SetUpError> {
        let mut stays = Subject::new(Case::Stays);
        let progress = &self.judge.runner().progress;
        progress.step(Case::Stays.name(), Case::Stays.about());
        self.find_group(&mut stays).await?;
        let account = self.create(&mut stays).await.map_err(|why| {
            SetUpError::new(
                "no-user",
                format!("SCIM cannot create a person: {why}."),
                "Run rehearsal check scim to find the cause. Give attributes that the server requires of users with --user-template FILE, and their e-mail domain with --domain.",
            )
        })?;
        stays.account = Some(account);
        let began = self.judge.ambient().now();
        let joined = loop {
            match self.find_accepted_form(&mut stays).await {
                Ok(()) => break Ok(self.since(began)),
                Err(got) => match next_wait(self.since(began), JOIN_LIMIT) {
                    Some(wait) if !self.has_ended() => self.wait(wait).await,
                    _ => break Err(got),
                },
            }
        };
        if self.has_ended() && joined.is_err() {
            return Ok(());
        }
        match joined {
            Ok(after) => {
                self.seen.joined = Some(Ok(after));
                let judge = self.judge.session_of(&stays.user(), true);
                if let Some(error) = probe_error_of(&judge).await {
                    return Err(super::with_options_of_leaver(error));
                }
                let found = self.directory.find(&stays.user(), &mut stays.log).await;
                self.seen.accounts = Some(found);
                self.issue_token(&mut stays).await;
                // Skipped checks would hide that the options are wrong.
                if self.judge.plan.tokens.is_some()
                    && let Err(Stop::Unjudged(why)) = stays.token.require()
                {
                    return Err(SetUpError::new(
                        "no-token",
                        format!("No API token can be tested: {why}."),
                        "Correct --token-url or --token-command, and --token-probe. Without these options, only sessions are tested.",
                    ));
                }
            }
            Err(got) => {
                let sentence = match got.last() {
                    Some(Ok(answer)) => answer.to_sentence(),
                    Some(Err(error)) => error.to_string(),
                    None => String::new(),
                };
                let judge = self.judge.session_of(&stays.user(), true);
                let error = set_up_error_of(&judge, got).await;
                if !self.can_known_user_log_in(&mut stays).await {
                    return Err(self.with_missing_options(super::with_options_of_leaver(error)));
                }
                self.seen.joined =
                    Some(Err(format!("{sentence}; the person of --user can log in")));
            }
        }
        self.seen.subjects.push(stays);
        Ok(())
    }

    /// Names the options without which an application may refuse a login that is right.
    fn with_missing_options(&self, mut error: SetUpError) -> SetUpError {
        if error.code != "not-trusted" {
            return error;
        }
        if self.judge.plan.group.is_none() {
            error.fix += " If only members of a group have access, name it with --group.";
        }
        if !self.judge.application.has_start_url() {
            error.fix +=
                " If a login has to start at the application, give its address with --start-url.";
        }
        error
    }

    async fn find_group(&mut self, stays: &mut Subject) -> Result<(), SetUpError> {
        let Some(name) = &self.judge.plan.group else {
            return Ok(());
        };
        let found = self.directory.find_group(name, &mut stays.log).await;
        let why = match found {
            Ok(Some(group)) => {
                self.group = Some(group);
                return Ok(());
            }
            Ok(None) => format!("the SCIM server has no group {name}"),
            Err(why) => why,
        };
        Err(SetUpError::new(
            "no-group",
            format!("The group of --group cannot be used: {why}."),
            "Set --group to the displayName of a group that exists already and whose members have access.",
        ))
    }

    /// Tries every form of signed Response. The first form that is accepted is used for the
    /// rest of the run.
    async fn find_accepted_form(
        &mut self,
        stays: &mut Subject,
    ) -> Result<(), Vec<Result<Answer, CheckError>>> {
        let has_certificate = !self
            .judge
            .application
            .metadata()
            .encryption_certificates
            .is_empty();
        let mut got = Vec::new();
        for form in SignedForm::ALL {
            if form.is_encrypted() && !has_certificate {
                continue;
            }
            let answer = self
                .sign_on(&stays.user(), true, form, &mut stays.log)
                .await;
            let (answer, browser) = match answer {
                Ok(both) => both,
                Err(error) => {
                    got.push(Err(error));
                    break;
                }
            };
            if answer.is_accepted()
                && let (Sighting::In(place), _) = browser.look(None, &mut stays.log).await
            {
                stays.place = place;
                stays.browser = Some(browser);
                stays.session = super::watch::Watch::proven();
                self.form = form;
                return Ok(());
            }
            got.push(Ok(answer));
        }
        Err(got)
    }

    /// True if the person of `--user` can log in, which shows that the set-up is right.
    async fn can_known_user_log_in(&self, stays: &mut Subject) -> bool {
        let Some(user) = self.judge.plan.known_user.clone() else {
            return false;
        };
        for form in SignedForm::ALL {
            let answer = self.sign_on(&user, true, form, &mut stays.log).await;
            if answer.is_ok_and(|(answer, _)| answer.is_accepted()) {
                return true;
            }
        }
        false
    }
}
