//! The looks: requests the probe for each session and token in turn, until all have ended
//! or the limit is reached. Each time something ended, it also looks at the person who stays.

use std::time::Duration;

use super::pace::next_wait;
use super::play::Play;
use super::subject::{Case, Subject};
use crate::check::sp::Sighting;

impl Play<'_> {
    /// Looks at all sessions and tokens until they have ended or the limit is reached.
    pub(super) async fn watch(&mut self, subjects: &mut [Subject]) {
        let limit = self.judge.plan.limit;
        let began = self.judge.ambient().now();
        let progress = self.judge.runner().progress.clone();
        loop {
            if self.has_ended() {
                return;
            }
            let ended = self.look_at_all(subjects).await;
            if !ended.is_empty() {
                self.compare_with_who_stays(subjects, &ended).await;
            }
            let pending =
                |it: &Subject| it.has_left() && (it.session.is_pending() || it.token.is_pending());
            let names: Vec<&str> = subjects
                .iter()
                .filter(|it| pending(it))
                .map(|it| it.case.name())
                .collect();
            let elapsed = self.since(began);
            let wait = next_wait(elapsed, limit).filter(|_| !names.is_empty());
            let Some(wait) = wait else {
                break;
            };
            let what = format!(
                "{} s; still working: {}",
                elapsed.as_secs(),
                names.join(", ")
            );
            progress.step("looks", &what);
            self.wait(wait).await;
        }
        if self.has_ended() {
            return;
        }
        for subject in subjects.iter_mut() {
            self.confirm(subject).await;
            subject.session.close();
            subject.token.close();
        }
    }

    /// Looks once more at a session and a token that had ended.
    async fn confirm(&self, subject: &mut Subject) {
        let Some(acted_at) = subject.acted_at.filter(|_| subject.unready.is_none()) else {
            return;
        };
        if subject.session.has_ended()
            && let Some((sighting, _)) = subject.look().await
        {
            subject.session.confirm(&sighting, self.since(acted_at));
        }
        if subject.token.has_ended()
            && let Some(sighting) = self.look_at_token(subject).await
        {
            subject.token.confirm(&sighting, self.since(acted_at));
        }
    }

    /// Looks once at each session and token that has not ended. Returns the indexes of the
    /// persons whose session or token ended now.
    async fn look_at_all(&self, subjects: &mut [Subject]) -> Vec<usize> {
        let mut ended = Vec::new();
        for (at, subject) in subjects.iter_mut().enumerate() {
            let Some(acted_at) = subject.acted_at.filter(|_| subject.unready.is_none()) else {
                continue;
            };
            let mut is_over = false;
            if subject.session.is_pending()
                && let Some((sighting, _)) = subject.look().await
            {
                is_over |= matches!(sighting, Sighting::Out(_));
                subject.session.see(sighting, self.since(acted_at));
            }
            if subject.token.is_pending()
                && let Some(sighting) = self.look_at_token(subject).await
            {
                is_over |= matches!(sighting, Sighting::Out(_));
                subject.token.see(sighting, self.since(acted_at));
            }
            if is_over {
                ended.push(at);
            }
        }
        ended
    }

    /// Requests the token probe with the person's token. `None` if there is no token.
    pub(super) async fn look_at_token(&self, subject: &mut Subject) -> Option<Sighting> {
        let tokens = self.judge.plan.tokens.as_ref()?;
        let token = subject.token_value.clone()?;
        let user = subject.user();
        let access = &self.judge.runner().access;
        Some(tokens.look(&token, &user, access, &mut subject.log).await)
    }

    /// Looks at the person who stays. If their session or token has ended too, the ends in
    /// `ended` prove nothing and are marked so.
    async fn compare_with_who_stays(&mut self, subjects: &mut [Subject], ended: &[usize]) {
        let Some(stays) = subjects.first_mut().filter(|it| it.case == Case::Stays) else {
            return;
        };
        let mut is_gone = false;
        if let Some((sighting, _)) = stays.look().await {
            is_gone = matches!(sighting, Sighting::Out(_));
            if is_gone && self.seen.stayed.is_none() {
                self.seen.stayed = Some(Ok(sighting));
            }
        }
        let is_token_gone = stays.token_value.is_some()
            && matches!(self.look_at_token(stays).await, Some(Sighting::Out(_)));
        for at in ended {
            if is_gone && subjects[*at].session.has_ended() {
                subjects[*at].session.mark_end_as_common();
            }
            if is_token_gone && subjects[*at].token.has_ended() {
                subjects[*at].token.mark_end_as_common();
            }
        }
    }

    /// Adds the person to the group of `--mover-group`, waits for its rights, removes the
    /// person, and waits until the rights are gone.
    pub(super) async fn add_to_and_remove_from_group(&self, subject: &mut Subject) {
        let Some(mover) = &self.judge.plan.mover else {
            return;
        };
        let Some(account) = subject.account.clone() else {
            return;
        };
        let found = self
            .directory
            .find_group(&mover.group, &mut subject.log)
            .await;
        let group = match found {
            Ok(Some(group)) => group,
            Ok(None) => {
                subject.unready = Some(format!(
                    "the group {} of --mover-group was not found",
                    mover.group
                ));
                return;
            }
            Err(why) => {
                subject.unready = Some(why);
                return;
            }
        };
        if self.has_rights(subject).await == Some(true) {
            subject.unready = Some(format!(
                "the probe matches --mover-expect '{}' before the person is in the group {}",
                mover.expect, mover.group
            ));
            return;
        }
        let log = &mut subject.log;
        let added = self.directory.set_member(&group, &account, true, log).await;
        if let Err(why) = added {
            subject.unready = Some(why);
            return;
        }
        let gained = self.wait_for_rights(subject, true).await;
        if self.has_ended() {
            return;
        }
        let is_gained = matches!(gained, Ok(Some(_)));
        subject.facts.rights = Some(gained);
        let log = &mut subject.log;
        let removed = self
            .directory
            .set_member(&group, &account, false, log)
            .await;
        if !is_gained {
            return;
        }
        let lost = match removed {
            Ok(()) => self.wait_for_rights(subject, false).await,
            Err(why) => Err(why),
        };
        if !self.has_ended() {
            subject.facts.rights_gone = Some(lost);
        }
    }

    /// Waits until the rights are as `wanted`, and returns how long that took; `None` if the
    /// limit was reached first. New rights may need a new login, but lost rights must
    /// disappear from the running session.
    async fn wait_for_rights(
        &self,
        subject: &mut Subject,
        wanted: bool,
    ) -> Result<Option<Duration>, String> {
        let began = self.judge.ambient().now();
        loop {
            let mut rights = self.has_rights(subject).await;
            if wanted && rights == Some(false) {
                let old = subject.browser.take();
                let got = self.log_in(subject, self.form).await;
                rights = match got {
                    Ok(_) => self.has_rights(subject).await,
                    Err(_) => rights,
                };
                if rights != Some(true) {
                    subject.browser = old;
                }
            }
            let elapsed = self.since(began);
            if rights == Some(wanted) {
                return Ok(Some(elapsed));
            }
            match next_wait(elapsed, self.judge.plan.limit) {
                Some(wait) if !self.has_ended() => self.wait(wait).await,
                _ if rights.is_none() => {
                    return Err("the probe no longer shows the person".to_owned());
                }
                _ => return Ok(None),
            }
        }
    }

    /// True if the session has the rights of the group; `None` if the session does not work.
    async fn has_rights(&self, subject: &mut Subject) -> Option<bool> {
        let mover = self.judge.plan.mover.as_ref()?;
        let (sighting, body) = subject.look().await?;
        matches!(sighting, Sighting::In(_)).then(|| mover.expect.is_match(&body))
    }
}
