//! Runs the trials and records their results.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::browser::{Browser, Credentials, Walked};
use super::health::Health;
use super::judge::Trials;
use super::outgoing::Outgoing;
use super::reading::{Announced, Case};
use super::recording::{Ending, FORMAT, Fetched, Opened, Recording, Trial};
use super::request::Maker;
use super::run::{CheckError, ENDED, Gathering, Person, fetch};
use super::set_up;
use super::trials::{Binding, POST, REDIRECT, VARIANTS, Variant, Whose};
use crate::check::SetUpError;
use crate::check::runner::pause;
use crate::inspection::message::decode_message;

/// Name of the requests without a message to each address of the metadata.
pub(super) const ADDRESSES: &str = "addresses";

/// The ordinary requests; the first one that can be sent must lead to a sign-on.
const CONTROLS: [&str; 2] = [REDIRECT, POST];

/// The trials of a short run, which only tests that users can sign on.
pub const SHORT: [&str; 4] = [REDIRECT, POST, "session", "second-browser"];

impl Gathering<'_> {
    /// Runs every trial that the selected checks read.
    ///
    /// # Errors
    /// [`CheckError`] when no request can be sent.
    pub async fn gather(&self) -> Result<Recording, CheckError> {
        let trials = Trials::for_checks(|id| self.runner.selection.includes(id));
        self.gather_of(|name| trials.include(name)).await
    }

    /// Runs the trials that `wanted` selects.
    ///
    /// # Errors
    /// As [`Gathering::gather`].
    pub async fn gather_of(&self, wanted: impl Fn(&str) -> bool) -> Result<Recording, CheckError> {
        let announced = Announced::read(&self.metadata);
        if announced.sso.is_empty() {
            return Err(CheckError::no_endpoint(&self.metadata));
        }
        let is_by_post = announced.sso_url(Binding::Redirect).is_none();
        let maker = Maker::new(self.party, self.ambient, &announced);
        let first = Browser::new(self.ambient, self.runner)?;
        let mut trials = BTreeMap::new();
        let chosen: Vec<&Variant> = VARIANTS
            .iter()
            .filter(|it| wanted(it.name) && (it.name != POST || is_by_post))
            .collect();
        let others = match wanted("security") {
            true => self.number_of_others(&announced),
            false => 0,
        };
        self.runner
            .progress
            .begin("check idp, request", chosen.len() + others);
        if matches!(self.person, Person::Present(_)) {
            let asked = chosen.iter().filter(|variant| {
                let made = self.make_request(variant, &maker, &announced);
                made.is_ok()
            });
            let abouts = asked.map(|variant| variant.about.to_owned());
            self.party.interactive.announce(abouts.collect());
        }
        let mut health = Health::new(self, &maker, &announced);
        let mut is_first = true;
        for variant in chosen {
            if variant.name == "force-authn" {
                self.wait_for_next_second(trials.get("session")).await;
            }
            let attempt = || self.attempt(variant, &maker, &announced, &first);
            let began = Instant::now();
            let mut trial = health.run(variant.about, attempt).await?;
            // The request was made but not answered: no person opened the page in time.
            let is_made =
                !matches!(trial.ending, Ending::NotTried { .. }) || !trial.request.is_empty();
            let is_control = CONTROLS.contains(&variant.name) && is_made;
            if is_control && is_first {
                is_first = false;
                let ignored = first.ignored_cookies();
                if let Some(mut error) = set_up::error(&trial, self, &ignored) {
                    let way = (&maker, &announced, &first);
                    let other = self.sign_on_otherwise(&trial, way, &mut error);
                    match other.await? {
                        Some((name, other)) if name == variant.name => trial = other,
                        Some((name, other)) => {
                            trials.insert(name.to_owned(), other);
                        }
                        None => {
                            self.party.interactive.is_over();
                            return Err(error.into());
                        }
                    }
                }
                health.calm = Some(began.elapsed());
            }
            trials.insert(variant.name.to_owned(), trial);
        }
        let user = match &self.person {
            Person::Driven(credentials) => credentials.name.clone(),
            Person::Present(_) => String::new(),
        };
        let mut recording = Recording {
            format: FORMAT,
            party: self.party.to_recording(),
            user,
            metadata: self.metadata.clone(),
            metadata_after: None,
            opened: Vec::new(),
            trials,
            password_attributes: None,
            is_password_part_of_user: false,
        };
        if wanted("security") {
            self.run_security_trials(&mut recording, &health).await?;
            self.force_later(&mut recording, &maker, &announced, &first)
                .await?;
            self.log_out(&mut recording, &maker, &announced).await?;
        }
        if wanted(ADDRESSES) {
            self.look_around(&mut recording, &announced, &first).await;
        }
        self.party.interactive.is_over();
        self.runner.progress.end();
        if let Person::Driven(credentials) = &self.person {
            let names = Case::read(&recording).attributes_with(&credentials.password);
            recording.password_attributes = Some(names);
            let (user, password) = (&recording.user, &credentials.password);
            recording.is_password_part_of_user =
                user.to_lowercase().contains(&password.to_lowercase());
        }
        Ok(recording)
    }

    /// Sends the ordinary request signed, by HTTP-POST, or both, after the one that `failed` was
    /// refused. Returns the first one that leads to a sign-on, with its name; all ordinary requests
    /// are sent in the same way from then on. If none does, `error` says what was tried.
    async fn sign_on_otherwise(
        &self,
        failed: &Trial,
        (maker, announced, first): (&Maker<'_>, &Announced, &Browser),
        error: &mut SetUpError,
    ) -> Result<Option<(&'static str, Trial)>, CheckError> {
        let is_driven = matches!(self.person, Person::Driven(_));
        let was_signed = maker.signs();
        let last = failed.pages.last();
        let asks_again = last.is_some_and(|page| page.asks);
        let is_limited = last.is_some_and(|page| page.retry_after.is_some());
        let is_refusal = match &failed.ending {
            Ending::Answer(_) => true,
            // A wrong password is not sent twice.
            Ending::Page { status, .. } => !asks_again && !is_limited && *status != 401,
            Ending::NotTried { .. } | Ending::Failed { .. } | Ending::NoAnswer { .. } => false,
        };
        let can_sign = !was_signed && is_refusal;
        let is_error = matches!(&failed.ending, Ending::Page { status, .. } if *status >= 400 && *status != 401)
            && last.is_some_and(|page| !page.asks)
            && !is_limited;
        let can_post = is_error
            && failed.binding == Binding::Redirect.name()
            && announced.sso_url(Binding::Post).is_some();
        let same = match failed.binding == Binding::Redirect.name() {
            true => REDIRECT,
            false => POST,
        };
        let ways = [
            (same, true, can_sign),
            (POST, was_signed, can_post),
            (POST, true, can_post && can_sign),
        ];
        for (name, signed, _) in ways.iter().filter(|way| is_driven && way.2) {
            let Some(variant) = VARIANTS.iter().find(|it| it.name == *name) else {
                continue;
            };
            maker.set_signed(*signed);
            let trial = self.attempt(variant, maker, announced, first).await?;
            let is_answer = matches!(trial.ending, Ending::Answer(_));
            if is_answer && set_up::error(&trial, self, &[]).is_none() {
                if maker.binding_of(variant) == Binding::Post {
                    maker.prefer_post();
                }
                return Ok(Some((name, trial)));
            }
        }
        maker.set_signed(was_signed);
        if is_driven && can_sign {
            error
                .message
                .push_str(" A signed request was refused, too.");
        }
        Ok(None)
    }

    /// Waits until a new sign-on has another AuthnInstant than that of `before`, if the identity
    /// provider writes whole seconds.
    async fn wait_for_next_second(&self, before: Option<&Trial>) {
        let Some(Trial {
            at,
            ending: Ending::Answer(delivered),
            ..
        }) = before
        else {
            return;
        };
        let xml = decode_message(&delivered.field).map(|message| message.xml);
        let instant = xml.as_deref().and_then(|xml| {
            let (_, rest) = xml.split_once("AuthnInstant=\"")?;
            rest.split('"').next()
        });
        let passed = self.ambient.now().duration_since(*at);
        if instant.is_some_and(|it| !it.contains('.'))
            && let Ok(left) = Duration::try_from(SignedDuration::from_secs(2) - passed)
        {
            pause(left).await;
        }
    }

    /// Returns the largest number of trials in addition to the variants of a request.
    fn number_of_others(&self, announced: &Announced) -> usize {
        if matches!(self.person, Person::Present(_)) {
            return 0;
        }
        let disabled = if self.disabled.is_some() { 2 } else { 0 };
        let logouts = if announced.slo_redirect.is_some() {
            2
        } else {
            0
        };
        // A wrong password, an unknown user, and ForceAuthn later.
        3 + disabled + logouts + usize::from(self.initiated.is_some())
    }

    /// Makes the request of a variant, or returns why it cannot be tried.
    fn make_request(
        &self,
        variant: &Variant,
        maker: &Maker<'_>,
        announced: &Announced,
    ) -> Result<Outgoing, String> {
        let binding = maker.binding_of(variant);
        let Some(endpoint) = announced.sso_url(binding) else {
            let binding = binding.name();
            return Err(format!(
                "SingleSignOnService with the binding {binding} not found in the metadata"
            ));
        };
        let is_present = matches!(self.person, Person::Present(_));
        if is_present && variant.whose == Whose::New && !CONTROLS.contains(&variant.name) {
            return Err("it needs a browser without cookies, and the person has one".to_owned());
        }
        maker.make(variant, endpoint)
    }

    /// Runs a trial, unless the run has ended. Progress shows what it is about and not its name, which
    /// is for recordings.
    pub(super) async fn run_trial(
        &self,
        about: &str,
        trial: impl Future<Output = Result<Trial, CheckError>>,
    ) -> Result<Trial, CheckError> {
        if !self.runner.has_ended() {
            self.runner.progress.step("", about);
        }
        self.unless_ended(trial).await
    }

    /// Runs a trial, unless the run has ended or ends meanwhile.
    pub(super) async fn unless_ended(
        &self,
        trial: impl Future<Output = Result<Trial, CheckError>>,
    ) -> Result<Trial, CheckError> {
        let ended = || Ok(Trial::not_tried(self.ambient.now(), ENDED));
        if self.runner.has_ended() {
            return ended();
        }
        tokio::select! {
            trial = trial => trial,
            _ = self.runner.stop.wait() => ended(),
        }
    }

    pub(super) async fn attempt(
        &self,
        variant: &Variant,
        maker: &Maker<'_>,
        announced: &Announced,
        first: &Browser,
    ) -> Result<Trial, CheckError> {
        let outgoing = match self.make_request(variant, maker, announced) {
            Ok(outgoing) => outgoing,
            Err(why) => return Ok(Trial::not_tried(self.ambient.now(), why)),
        };
        let before = self.party.external_entity_fetches();
        let walked = match &self.person {
            Person::Present(patience) => {
                let at = self.party.start_page_url();
                let interactive = &self.party.interactive;
                let ending = interactive
                    .ask(variant.about, &outgoing, &at, *patience, self.ambient)
                    .await;
                Walked {
                    pages: Vec::new(),
                    has_delivered: false,
                    asked: false,
                    ending,
                }
            }
            Person::Driven(credentials) => {
                let person = variant.person.then_some(credentials);
                let new;
                let browser = match variant.whose {
                    Whose::First => first,
                    Whose::New if CONTROLS.contains(&variant.name) => first,
                    Whose::New => {
                        new = Browser::new(self.ambient, self.runner)?;
                        &new
                    }
                };
                browser.walk(&outgoing.url, &outgoing.fields, person).await
            }
        };
        let mut trial = self.trial(outgoing, maker.binding_of(variant), walked);
        if self.party.external_entity_fetches() > before {
            trial.ending = Ending::Failed {
                why: "the address in the DTD was fetched".to_owned(),
            };
        }
        Ok(trial)
    }

    /// Tries wrong passwords, unknown users, disabled users, and a sign-on that the identity
    /// provider starts.
    async fn run_security_trials(
        &self,
        recording: &mut Recording,
        health: &Health<'_>,
    ) -> Result<(), CheckError> {
        let now = self.ambient.now();
        let Person::Driven(credentials) = &self.person else {
            for name in [
                "wrong-password",
                "unknown-user",
                "disabled-user",
                "disabled-wrong",
                "initiated",
            ] {
                let why = "a person signs on in their own browser, so no wrong passwords are tried";
                recording
                    .trials
                    .insert(name.to_owned(), Trial::not_tried(now, why));
            }
            return Ok(());
        };
        let wrong = "rehearsal-wrong-password";
        let stranger = match credentials.name.split_once('@') {
            Some((_, domain)) => format!("nobody-{}@{domain}", self.ambient.rng().hex(3)),
            None => format!("nobody-{}", self.ambient.rng().hex(3)),
        };
        let as_of = |name: &str, password: &str| Credentials {
            name: name.to_owned(),
            password: password.to_owned(),
        };
        let mut tries = vec![
            ("wrong-password", as_of(&credentials.name, wrong)),
            ("unknown-user", as_of(&stranger, wrong)),
        ];
        match &self.disabled {
            Some(disabled) => {
                tries.push(("disabled-user", disabled.clone()));
                tries.push(("disabled-wrong", as_of(&disabled.name, wrong)));
            }
            None => {
                for name in ["disabled-user", "disabled-wrong"] {
                    let why = "no user who is switched off was named: give --disabled-user and --disabled-password";
                    recording
                        .trials
                        .insert(name.to_owned(), Trial::not_tried(now, why));
                }
            }
        }
        for (name, person) in tries {
            let attempt = || self.send_plain_request(health.maker, health.announced, &person);
            let trial = health.run("a sign-on that has to fail", attempt).await?;
            recording.trials.insert(name.to_owned(), trial);
        }
        let initiated = match &self.initiated {
            Some(url) => {
                let attempt = async {
                    let browser = Browser::new(self.ambient, self.runner)?;
                    let walked = browser.walk(url, &[], Some(credentials)).await;
                    Ok(Trial {
                        pages: walked.pages,
                        asked: walked.asked,
                        ending: walked.ending,
                        ..Trial::not_tried(self.ambient.now(), "")
                    })
                };
                let about = "a sign-on that the identity provider starts";
                self.run_trial(about, attempt).await?
            }
            None => Trial::not_tried(
                now,
                "no address that starts a sign-on was named: give --initiated-url",
            ),
        };
        recording.trials.insert("initiated".to_owned(), initiated);
        Ok(())
    }

    /// Opens the announced URLs without a message, and fetches the metadata again.
    async fn look_around(
        &self,
        recording: &mut Recording,
        announced: &Announced,
        browser: &Browser,
    ) {
        let client = browser.client();
        for (what, method, url) in &announced.addresses {
            if self.runner.has_ended() {
                return;
            }
            let request = match *method {
                "POST" => client.post(url).form::<[(&str, &str); 0]>(&[]),
                _ => client.get(url),
            };
            let answer = request.send().await;
            match &answer {
                Ok(_) => self.runner.patience.record_answer(),
                Err(error) => self.runner.patience.record_no_answer(url, error),
            }
            recording.opened.push(Opened {
                what: (*what).to_owned(),
                method: (*method).to_owned(),
                url: url.clone(),
                status: answer.as_ref().ok().map(|it| it.status().as_u16()),
                trouble: answer.err().map(|error| error.to_string()),
            });
        }
        if self.metadata.place.starts_with("http") {
            let fetched = fetch(
                client,
                &self.metadata.place,
                self.ambient,
                &self.runner.access,
            );
            recording.metadata_after = fetched.await.ok().map(|fetched| Fetched {
                entity_id: self.metadata.entity_id.clone(),
                ..fetched
            });
        }
    }
}
