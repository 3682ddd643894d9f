//! The run. All persons are created and log in; then something happens to each. All
//! sessions and tokens are watched until they end. Then each person tries to log in again.

use std::time::Duration;

use jiff::Timestamp;
use saml::message::LogoutRequest;
use saml::names;

use super::checks::Seen;
use super::control::JOIN_LIMIT;
use super::pace::next_wait;
use super::revocation::{Forgery, Request};
use super::subject::{Case, Entry, Fact, Subject};
use super::watch::Watch;
use super::{Judge, sp_session};
use crate::check::SetUpError;
use crate::check::evidence::Exchange;
use crate::check::scim::{Account, Created, Directory, Group};
use crate::check::sp::{Answer, CheckError, PersonBrowser, Sighting, SignedForm, logout_request};

/// One run.
pub(super) struct Play<'p> {
    pub(super) judge: &'p Judge<'p>,
    pub(super) directory: &'p Directory<'p>,
    /// The form of signed Response that the application accepted.
    pub(super) form: SignedForm,
    pub(super) group: Option<Group>,
    pub(super) seen: Seen,
}

impl<'p> Play<'p> {
    pub(super) fn new(judge: &'p Judge<'p>, directory: &'p Directory<'p>) -> Self {
        Self {
            judge,
            directory,
            form: SignedForm::ALL[0],
            group: None,
            seen: Seen {
                joined: None,
                accounts: None,
                stayed: None,
                subjects: Vec::new(),
            },
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.judge.runner().has_ended()
    }

    fn now(&self) -> Timestamp {
        self.judge.ambient().now()
    }

    pub(super) fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }

    /// Waits for this time, or until a signal stops the run.
    pub(super) async fn wait(&self, length: Duration) {
        tokio::select! {
            () = self.judge.pace.wait(length) => {}
            _ = self.judge.runner().stop.wait() => {}
        }
    }

    /// Plays the control and these cases, in order.
    ///
    /// # Errors
    /// The set-up is wrong, so that nothing can be judged.
    pub(super) async fn run(&mut self, cases: &[Case]) -> Result<(), SetUpError> {
        self.run_control().await?;
        if !matches!(self.seen.joined, Some(Ok(_))) {
            return Ok(());
        }
        for &case in cases {
            if self.has_ended() {
                return Ok(());
            }
            let progress = &self.judge.runner().progress;
            progress.step(case.name(), case.about());
            let subject = match self.judge.lacks(case) {
                Some(why) => Subject::unready(case, why),
                None => self.prepare(case).await,
            };
            self.seen.subjects.push(subject);
        }
        let mut subjects = std::mem::take(&mut self.seen.subjects);
        for subject in &mut subjects {
            if subject.unready.is_none() && !self.has_ended() {
                self.recheck_session_and_token(subject).await;
                self.act(subject).await;
            }
        }
        self.watch(&mut subjects).await;
        for subject in &mut subjects {
            if subject.has_left() && !self.has_ended() {
                self.try_return(subject).await;
            }
        }
        if let Some(mover) = subjects.iter_mut().find(|it| it.case == Case::Moved)
            && mover.unready.is_none()
            && !self.has_ended()
        {
            self.add_to_and_remove_from_group(mover).await;
        }
        self.seen.subjects = subjects;
        if !self.has_ended() {
            self.look_at_who_stays().await;
        }
        Ok(())
    }

    /// Looks a last time at the session of the person who stays.
    async fn look_at_who_stays(&mut self) {
        let Some(stays) = self.seen.subjects.first_mut() else {
            return;
        };
        // Once the session was seen to have ended, a later look must not hide that.
        if let Some((sighting, _)) = stays.look().await
            && !matches!(self.seen.stayed, Some(Ok(Sighting::Out(_))))
        {
            self.seen.stayed = Some(Ok(sighting));
        }
    }

    /// Creates a person by SCIM and adds them to the group that gives access.
    pub(super) async fn create(&self, subject: &mut Subject) -> Result<Account, String> {
        let body = self.directory.new_user(sp_session::external_id);
        let created = self.directory.create(&body, &mut subject.log).await?;
        let account = match created {
            Created::Made(account) => account,
            Created::Refused(_, what) => return Err(format!("the person was not created: {what}")),
        };
        if let Some(group) = &self.group {
            self.directory
                .set_member(group, &account, true, &mut subject.log)
                .await?;
        }
        Ok(account)
    }

    /// Creates a person, logs them in, and gets an API token if the application issues them.
    async fn prepare(&self, case: Case) -> Subject {
        let mut subject = Subject::new(case);
        match self.create(&mut subject).await {
            Ok(account) => subject.account = Some(account),
            Err(why) => {
                return Subject {
                    unready: Some(why),
                    ..subject
                };
            }
        }
        let began = self.now();
        loop {
            match self.log_in(&mut subject, self.form).await {
                Ok(_) => break,
                Err(why) => match next_wait(self.since(began), JOIN_LIMIT) {
                    Some(wait) if !self.has_ended() => self.wait(wait).await,
                    _ => {
                        let why =
                            format!("this person could not log in before anything happened: {why}");
                        return Subject {
                            unready: Some(why),
                            ..subject
                        };
                    }
                },
            }
        }
        // Single logout ends sessions, not tokens.
        if case != Case::LoggedOut {
            self.issue_token(&mut subject).await;
        }
        subject
    }

    /// Logs the person in with a new browser, and keeps the browser.
    pub(super) async fn log_in(
        &self,
        subject: &mut Subject,
        form: SignedForm,
    ) -> Result<Answer, String> {
        let (answer, browser) = self
            .sign_on(&subject.user(), true, form, &mut subject.log)
            .await
            .map_err(|error| error.to_string())?;
        if !answer.is_accepted() {
            return Err(answer.to_sentence());
        }
        match browser.look(None, &mut subject.log).await.0 {
            Sighting::In(place) => {
                subject.place = place;
                subject.browser = Some(browser);
                subject.session = Watch::proven();
                Ok(answer)
            }
            Sighting::Out(what) | Sighting::Unclear(what) => Err(format!(
                "the Response was accepted, but the probe does not show the person: {what}"
            )),
        }
    }

    /// Performs one login in a new browser.
    pub(super) async fn sign_on(
        &self,
        user: &str,
        is_member: bool,
        form: SignedForm,
        log: &mut Vec<Exchange>,
    ) -> Result<(Answer, PersonBrowser), CheckError> {
        let browser = PersonBrowser::open(self.judge.session_of(user, is_member))?;
        let answer = browser.sign_on(form, log).await?;
        Ok((answer, browser))
    }

    pub(super) async fn issue_token(&self, subject: &mut Subject) {
        let Some(tokens) = &self.judge.plan.tokens else {
            subject.token =
                Watch::unproven("no --token-probe: the application's API tokens are not known");
            return;
        };
        let Some(browser) = &subject.browser else {
            return;
        };
        let user = subject.user();
        let probe = self.judge.application.probe_of(&user);
        let issued = tokens.issue(browser, &user, &probe).await;
        let access = &self.judge.runner().access;
        subject.token = match issued {
            Err(why) => Watch::unproven(format!("no token was issued: {why}")),
            Ok(token) => {
                let sighting = tokens.look(&token, &user, access, &mut subject.log).await;
                subject.token_value = Some(token);
                match sighting {
                    Sighting::In(_) => Watch::proven(),
                    Sighting::Out(what) | Sighting::Unclear(what) => Watch::unproven(format!(
                        "the token did not work even before anything happened: {what}"
                    )),
                }
            }
        };
    }

    /// Looks at the session and the token again before the event: what happened to the other
    /// persons may have ended them, and then they prove nothing.
    async fn recheck_session_and_token(&self, subject: &mut Subject) {
        let before = "before anything happened to this person";
        if subject.session.is_pending()
            && let Some((Sighting::Out(what) | Sighting::Unclear(what), _)) = subject.look().await
        {
            let why = format!("the session no longer worked {before}: {what}");
            subject.session = Watch::unproven(why);
        }
        if subject.token.is_pending()
            && let Some(Sighting::Out(what) | Sighting::Unclear(what)) =
                self.look_at_token(subject).await
        {
            let why = format!("the token no longer worked {before}: {what}");
            subject.token = Watch::unproven(why);
        }
    }

    /// Triggers the event of the case, for example the deactivation.
    async fn act(&self, subject: &mut Subject) {
        let Some(account) = subject.account.clone() else {
            return;
        };
        let log = &mut subject.log;
        let done = match subject.case {
            Case::Stays | Case::Moved => return,
            Case::Deactivated => {
                // Servers may change what was sent, so the values after reactivation are compared
                // with these and not with the request.
                let before = self.directory.read(&account, log).await;
                subject.facts.account_before = Some(before);
                self.deactivate(&account, log).await
            }
            Case::Deleted => self.delete(&account, log).await,
            Case::LeftGroup => match &self.group {
                Some(group) => self.directory.set_member(group, &account, false, log).await,
                None => return,
            },
            Case::LoggedOut => self.log_out(subject).await,
            Case::Revoked => self.revoke(subject).await,
        };
        match done {
            Ok(()) => subject.acted_at = Some(self.now()),
            Err(why) => subject.unready = Some(why),
        }
    }

    async fn deactivate(&self, account: &Account, log: &mut Vec<Exchange>) -> Result<(), String> {
        self.directory.set_active(account, false, log).await?;
        let read = self.directory.read(account, log).await?;
        match read.map(|it| it["active"].clone()) {
            Some(active) if active == false => Ok(()),
            Some(active) => Err(format!(
                "the SCIM server accepted active=false, but a GET shows active={active}; run rehearsal check scim"
            )),
            // Some servers answer 404 for an inactive account.
            None => Ok(()),
        }
    }

    async fn delete(&self, account: &Account, log: &mut Vec<Exchange>) -> Result<(), String> {
        self.directory.delete(account, log).await?;
        match self.directory.read(account, log).await? {
            None => Ok(()),
            Some(_) => Err(
                "the SCIM server accepted DELETE, but a GET still finds the account; run rehearsal check scim"
                    .to_owned(),
            ),
        }
    }

    async fn log_out(&self, subject: &mut Subject) -> Result<(), String> {
        let user = subject.user();
        let (Some(browser), Some(endpoint)) = (&subject.browser, self.judge.logout_endpoint())
        else {
            return Err(
                "the person has no browser or the application has no logout endpoint".to_owned(),
            );
        };
        // The session must end on the server, so the check looks with a copy of the cookies
        // from before the logout.
        let judge = self.judge.session_of(&user, true);
        let indexes = sp_session::session_indexes(&subject.log);
        let request = LogoutRequest {
            reason: Some(names::LOGOUT_USER.to_owned()),
            ..logout_request(&judge, &user, indexes, &endpoint.location)
        };
        let copy = browser.copy(judge).map_err(|error| error.to_string())?;
        browser
            .log_out(endpoint, &request.to_xml(), &mut subject.log)
            .await
            .map_err(|error| format!("no answer to the LogoutRequest: {error}"))?;
        subject.browser = Some(copy);
        Ok(())
    }

    async fn revoke(&self, subject: &mut Subject) -> Result<(), String> {
        let Some(revocation) = &self.judge.plan.revocation else {
            return Ok(());
        };
        let user = subject.user();
        let (provider, access) = (&self.judge.provider, &self.judge.runner().access);
        let ambient = self.judge.ambient();
        let person = self.judge.session_of(&user, true).person;
        let name_id = person.name_id_of(&user).value;
        let request = |forgery| Request {
            provider,
            forgery,
            user: &user,
            name_id: &name_id,
            id: ambient.rng().uuid().to_string(),
            now: ambient.now(),
        };
        for forgery in Forgery::ALL {
            let forged = request(Some(forgery));
            let forged = revocation.send(&forged, access, &mut subject.log).await;
            let session = match (&forged, subject.session.is_pending()) {
                (Ok(_), true) => subject.look().await,
                _ => None,
            };
            let seen = match (forged, session) {
                (Err(why), _) => Err(format!("no answer to the forged revocation request: {why}")),
                (Ok(status), Some((sighting, _))) => Ok((status, sighting)),
                (Ok(_), None) => Err("the session no longer worked before the request".to_owned()),
            };
            let has_ended = matches!(seen, Ok((_, Sighting::Out(_))));
            subject.facts.forged.push((forgery, seen));
            // An ended session shows nothing about the requests after it.
            if has_ended {
                break;
            }
        }
        let honest = request(None);
        let status = revocation
            .send(&honest, access, &mut subject.log)
            .await
            .map_err(|why| format!("no answer to the revocation request: {why}"))?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        Err(format!(
            "the revocation endpoint refused the request: HTTP {status}. Configure the application to trust the issuer {issuer}, whose keys are at {issuer}/oauth2/v1/keys",
            issuer = provider.issuer
        ))
    }

    /// Tries a login of a person who left. Returns whether it succeeded.
    pub(super) async fn try_login(&self, subject: &mut Subject, is_member: bool) -> Fact<Entry> {
        let user = subject.user();
        let got = self
            .sign_on(&user, is_member, self.form, &mut subject.log)
            .await;
        Some(match got {
            Ok((answer, browser)) => {
                match browser.look(Some(&subject.place), &mut subject.log).await.0 {
                    Sighting::Unclear(why) => Err(format!("the probe gave no clear answer: {why}")),
                    sighting => Ok(Entry {
                        is_in: matches!(sighting, Sighting::In(_)),
                        sentence: answer.to_sentence(),
                    }),
                }
            }
            // The start URL redirected this person to the identity provider before, so an answer
            // without an AuthnRequest is a refusal.
            Err(CheckError::NoRequest { got, status, .. }) if status < 500 && status != 429 => {
                Ok(Entry {
                    is_in: false,
                    sentence: format!(
                        "not logged in: the start URL no longer starts a login of this person, but leads to {got} (HTTP {status})"
                    ),
                })
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// Tries what must not work after the person left: a new login, and the old session after
    /// the account was reactivated or created again.
    async fn try_return(&self, subject: &mut Subject) {
        let Some(account) = subject.account.clone() else {
            return;
        };
        let directory = self.directory;
        match subject.case {
            Case::Deactivated => {
                subject.facts.entry = self.try_login(subject, true).await;
                let found = directory.find(&account.user_name, &mut subject.log).await;
                subject.facts.accounts = Some(found);
                let done = directory.set_active(&account, true, &mut subject.log).await;
                subject.facts.reactivated = Some(done.clone());
                if done.is_err() || self.has_ended() {
                    return;
                }
                subject.facts.old_session = Some(self.look_at_old_session(subject).await);
                subject.facts.old_token = self.look_at_token(subject).await;
                subject.facts.second_entry = self.try_login(subject, true).await;
                let read = directory.read(&account, &mut subject.log).await;
                subject.facts.account_after = Some(read);
                let found = directory.find(&account.user_name, &mut subject.log).await;
                subject.facts.accounts_after = Some(found);
            }
            Case::Deleted => {
                let again = directory.create(&account.sent, &mut subject.log).await;
                if let Ok(Created::Made(second)) = &again {
                    subject.facts.old_session = Some(self.look_at_old_session(subject).await);
                    subject.facts.old_token = self.look_at_token(subject).await;
                    // The login is tried when no account with the userName exists.
                    let _ = directory.delete(second, &mut subject.log).await;
                }
                subject.facts.created_again = Some(again);
                subject.facts.entry = self.try_login(subject, false).await;
                let found = directory.find(&account.user_name, &mut subject.log).await;
                subject.facts.accounts = Some(found);
            }
            Case::LeftGroup => subject.facts.entry = self.try_login(subject, false).await,
            Case::Stays | Case::LoggedOut | Case::Revoked | Case::Moved => {}
        }
    }

    async fn look_at_old_session(&self, subject: &mut Subject) -> Sighting {
        match subject.look().await {
            Some((sighting, _)) => sighting,
            None => Sighting::Unclear("the person has no session".to_owned()),
        }
    }
}
