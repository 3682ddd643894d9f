//! Load on a service provider: plays its identity provider and logs people in, each with their own
//! browser, from the start URL to the page that shows who is logged in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ambient::Ambient;

use super::words::NO_ANSWER;
use super::{Ended, Failure, People, Performed, Setting, Target, engine, interruption_error};
use crate::check::SetUpError;
use crate::check::leaver::Application;
use crate::check::runner::{Access, AnswerError, Patience, Runner, Stop};
use crate::check::scim::wire::Pending;
use crate::check::sp::{
    Answer, CheckError, Judge, PersonBrowser, Provider, SignedForm, Variants, probe_error_of,
    set_up_error_of,
};

/// Load on a service provider.
pub struct Load {
    inner: Arc<Inner>,
}

struct Inner {
    application: Application,
    provider: Provider,
    people: People<String>,
    access: Access,
    ambient: Ambient,
}

/// Logins with Responses that are signed in this form.
struct Logins {
    inner: Arc<Inner>,
    form: SignedForm,
}

impl Inner {
    /// The judge of this person. Each has their own count of answers, so that a failure of one
    /// does not end the others.
    fn judge(&self, user: &str, stop: &Stop) -> Judge {
        Judge {
            target: self.application.target_of(user),
            provider: self.provider.clone(),
            person: self.application.person(user, None),
            variants: Variants::None,
            runner: Runner {
                stop: stop.clone(),
                access: self.access.clone(),
                patience: Patience::default(),
                ..Runner::default()
            },
            ambient: self.ambient.clone(),
        }
    }

    async fn log_in(&self, judge: Judge, form: SignedForm) -> Result<Answer, CheckError> {
        let browser = PersonBrowser::open(judge)?;
        browser.sign_on(form, &mut Vec::new()).await
    }
}

impl Load {
    /// Prepares logins of these people.
    pub fn new(
        application: Application,
        provider: Provider,
        people: People<String>,
        access: Access,
        ambient: &Ambient,
    ) -> Self {
        let inner = Inner {
            application,
            provider,
            people,
            access,
            ambient: ambient.clone(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Logs the first person in, then sends the load.
    ///
    /// # Errors
    /// When the first person cannot be logged in, because then nothing can be measured.
    pub async fn run(&self, setting: &Setting) -> Result<Ended, SetUpError> {
        setting.progress.step("", "logging in once");
        let form = self.find_accepted_form(&setting.stop).await?;
        let run = setting.start();
        let target = Logins {
            inner: Arc::clone(&self.inner),
            form,
        };
        engine::run(&run, Arc::new(target)).await;
        Ok(Ended {
            figures: run.figures(),
            left_out: Vec::new(),
            left: Vec::new(),
        })
    }

    /// Finds a form of signature that the service provider accepts in an honest Response.
    async fn find_accepted_form(&self, stop: &Stop) -> Result<SignedForm, SetUpError> {
        let inner = &self.inner;
        let first = inner.people.first();
        let judge = inner.judge(first, stop);
        if let Some(error) = probe_error_of(&judge).await {
            return Err(error);
        }
        let mut got = Vec::new();
        let has_certificate = !judge.target.metadata.encryption_certificates.is_empty();
        for form in SignedForm::ALL {
            if form.is_encrypted() && !has_certificate {
                continue;
            }
            if let Some(error) = interruption_error(stop) {
                return Err(error);
            }
            let answer = inner.log_in(inner.judge(first, stop), form).await;
            if answer.as_ref().is_ok_and(Answer::is_accepted) {
                return Ok(form);
            }
            let is_lost = answer.is_err();
            got.push(answer);
            if is_lost {
                break;
            }
        }
        Err(set_up_error_of(&judge, got).await)
    }
}

impl Target for Logins {
    fn perform(&self, number: u64) -> Pending<'_, Performed> {
        Box::pin(async move {
            Performed {
                operation: "login",
                result: self.perform_login(number).await,
            }
        })
    }
}

impl Logins {
    async fn perform_login(&self, number: u64) -> Result<(), Failure> {
        let (_, who) = self.inner.people.turn(number);
        // This login gets no signal, so it is finished: the engine ends the run between two logins.
        let judge = self.inner.judge(who, &Stop::default());
        let patience = judge.runner.patience.clone();
        let (stopwatch, began) = (patience.start_stopwatch(), Instant::now());
        let answer = self.inner.log_in(judge, self.form).await;
        // The browser itself waits if the service provider limits requests. This makes the login longer, so it
        // is no measure of the service provider.
        let waited = began
            .elapsed()
            .saturating_sub(patience.elapsed_without_waits(&stopwatch));
        if waited >= Duration::from_millis(5) {
            return Err(Failure::Limited(Duration::ZERO));
        }
        match answer {
            Ok(answer) if answer.is_accepted() => Ok(()),
            Ok(answer) => {
                let kind = if answer.status >= 400 {
                    format!("HTTP {}", answer.status)
                } else if answer.is_sent_back {
                    "sent back to the identity provider".to_owned()
                } else {
                    "the probe does not show the person".to_owned()
                };
                let example = format!("{who}: {}", answer.to_sentence());
                Err(Failure::error(kind, example))
            }
            Err(error) => Err(failure(who, &error)),
        }
    }
}

fn failure(user: &str, error: &CheckError) -> Failure {
    let example = format!("{user}: {error}");
    match error {
        CheckError::Limited { .. } => Failure::Limited(Duration::from_secs(1)),
        CheckError::NotStarted { reason, .. } | CheckError::Unreachable { reason, .. } => {
            let reason = match reason {
                AnswerError::Timeout(_) => "timeout".to_owned(),
                reason => reason.to_string(),
            };
            let cause = reason.split(':').next().unwrap_or_default();
            Failure::error(format!("{NO_ANSWER}: {cause}"), example)
        }
        CheckError::NoRequest { status, .. } if *status >= 400 => {
            Failure::error(format!("HTTP {status} instead of a request"), example)
        }
        CheckError::NoRequest { .. } => Failure::error("no AuthnRequest", example),
        _ => Failure::error("the login could not be finished", example),
    }
}
